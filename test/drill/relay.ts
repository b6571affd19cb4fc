// A relay of TCP connections that stands for a network: it can be cut, or hold what is under way and deliver it later.

import { createServer, connect as dial, type Server, type Socket } from 'node:net';

export type RelayState = 'open' | 'cut' | 'held';

export class Relay {
  readonly #target: () => number | undefined;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #server: Server;
  #state: RelayState = 'open';
  port = 0;

  /** `target`: the port that connections go to now; undefined: there is none. */
  constructor(target: () => number | undefined) {
    this.#target = target;
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
      for (const socket of pair) {
        if (state === 'cut') socket.destroy();
        else if (state === 'held') socket.pause();
        else socket.resume();
      }
    }
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
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true);
      from.on('data', (chunk) => to.write(chunk));
      from.on('error', end).on('close', end);
      if (this.#state === 'held') from.pause();
    }
  }
}
