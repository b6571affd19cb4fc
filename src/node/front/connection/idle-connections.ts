// Client connections count in the memory budget, by an estimate for each kind. As memory gets short, idle connections end, the longest
// idle first; a part of the room is always theirs.
//
// A request costs nothing for it: who is idle is looked up from time to time, and only while connections have more than that part.

import type { MemoryBudget } from '../../../memory/budget.ts';
import type { Cancel, Tasks } from '../../../ports.ts';
import type { CutCounts } from '../min-rate.ts';

/** Measured with 10,000 idle connections on Node 26: those of TLS have the buffers of OpenSSL and Node. */
const COST_BYTES = { plain: 10_000, tls: 52_000 };

const LOOK_MS = 1_000;

/** The needed part of a client's connection. */
interface Idler {
  readonly isIdle: boolean;
  readonly connection: { readonly bytesRead: number; on(event: 'close', listener: () => void): unknown };
  closeIdle(): void;
}

interface IdleDeps {
  readonly budget: Pick<MemoryBudget, 'reserve' | 'take' | 'release' | 'whenShort'>;
  /** Connections may always have so many bytes. */
  readonly keptBytes: number;
  readonly counts: CutCounts;
  readonly tasks: Pick<Tasks, 'later'>;
}

export class IdleConnections {
  readonly #deps: IdleDeps;
  readonly #costBytes: number;
  /** By when they were first found with no more bytes than before, the longest idle first. */
  readonly #open = new Map<Idler, number>();
  /** None of them is idle, until the next look. */
  #noneIdle = false;
  #nextLook: Cancel | undefined;

  constructor(isSecured: boolean, deps: IdleDeps) {
    this.#deps = deps;
    this.#costBytes = isSecured ? COST_BYTES.tls : COST_BYTES.plain;
    deps.budget.whenShort(() => this.#endOne());
  }

  opened(client: Idler): void {
    const { budget } = this.#deps;
    // A new connection is taken in any case: maxConnections bounds those that are busy.
    if (!budget.reserve('connections', this.#costBytes)) budget.take('connections', this.#costBytes);
    this.#open.set(client, -1);
    client.connection.on('close', () => this.#forget(client));
    if (this.#isAbove) this.#lookSoon();
  }

  close(): void {
    this.#nextLook?.();
  }

  get #isAbove(): boolean {
    return this.#open.size * this.#costBytes > this.#deps.keptBytes;
  }

  #lookSoon(): void {
    this.#nextLook ??= this.#deps.tasks.later(LOOK_MS, () => {
      this.#nextLook = undefined;
      this.#noneIdle = false;
      if (!this.#isAbove) return;
      for (const [client, bytesRead] of [...this.#open]) {
        if (client.isIdle && client.connection.bytesRead === bytesRead) continue;
        this.#open.delete(client);
        this.#open.set(client, client.connection.bytesRead);
      }
      // Others may have taken more than there is meanwhile, and so may connections.
      this.#deps.budget.reserve('connections', 0);
      this.#lookSoon();
    });
  }

  #endOne(): boolean {
    if (!this.#isAbove || this.#noneIdle) return false;
    for (const [client, bytesRead] of this.#open) {
      if (!client.isIdle || client.connection.bytesRead !== bytesRead) continue;
      this.#forget(client);
      this.#deps.counts.idle++;
      client.closeIdle();
      return true;
    }
    this.#noneIdle = true;
    return false;
  }

  #forget(client: Idler): void {
    if (this.#open.delete(client)) this.#deps.budget.release('connections', this.#costBytes);
  }
}
