// A relay of TCP connections that stands for a network: it can be cut, hold what is under way and deliver it later, in both
// directions or in one, or be slow.

import { createServer, connect as dial, type Server, type Socket } from 'node:net';

/** `up-held`: what the near side sends does not arrive; `down-held`: what the far side sends. */
export type RelayState = 'open' | 'cut' | 'held' | 'up-held' | 'down-held' | 'slow';

const SLOW_MS = 80;

export class Relay {
  readonly #target: () => number | undefined;
  readonly #delayMs: number;
  readonly #pairs = new Set<readonly [near: Socket, far: Socket]>();
  readonly #server: Server;
  #state: RelayState = 'open';
  port = 0;

  /** `target`: the port that connections go to now; undefined: there is none. `delayMs`: in each direction. */
  constructor(target: () => number | undefined, delayMs = 0) {
    this.#target = target;
    this.#delayMs = delayMs;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    this.port = typeof address === 'object' && address !== null ? address.port : 0;
  }

  become(state: RelayState): void {
    this.#state = state;
    for (const pair of this.#pairs) {
      for (const [at, socket] of pair.entries()) {
        if (state === 'cut') socket.destroy();
        else if (this.#holds(at)) socket.pause();
        else socket.resume();
      }
    }
  }

  /** `side`: 0 for what the near one sends. */
  #holds(side: number): boolean {
    return this.#state === 'held' || this.#state === (side === 0 ? 'up-held' : 'down-held');
  }

  close(): void {
    this.become('cut');
    this.#server.close();
  }

  #accept(near: Socket): void {
    const port = this.#target();
    if (this.#state === 'cut' || port === undefined) {
      near.destroy();
      return;
    }
    const far = dial(port, '127.0.0.1');
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const [side, from] of pair.entries()) {
      const to = pair[1 - side] as Socket;
      from.setNoDelay(true);
      this.#pipe(from, to);
      from.on('error', end).on('close', end);
      if (this.#holds(side)) from.pause();
    }
  }

  /** In the order in which it came, also where it was slow in between. */
  #pipe(from: Socket, to: Socket): void {
    const late: Buffer[] = [];
    from.on('data', (chunk: Buffer) => {
      const delayMs = this.#delayMs + (this.#state === 'slow' ? SLOW_MS : 0);
      if (delayMs === 0 && late.length === 0) return void to.write(chunk);
      late.push(chunk);
      setTimeout(() => to.write(late.shift() as Buffer), delayMs);
    });
  }
}
