// One client that listens: a long answer of lines, on which it hears where the feed stands, and what is outdated in the
// data caches that it has.
//
// A client that cannot be told goes on serving from its caches until its lease has run out. It
// counts that from the moment at which it said that it had delivered the message before, so it is over at the latest
// `leaseMs` after the last line. One that does not answer for as long is not listened to any more: others wait for it.

import type { ServerResponse } from 'node:http';
import { TidegateError } from '../../errors.ts';
import type { Cancel, Clock, Tasks } from '../../ports.ts';
import type { SourceMessage, SourceReply, TrackingTarget } from '../contract.ts';
import type { Line } from './process-wire.ts';

export interface StreamParts {
  readonly id: string;
  /** For status and messages. */
  readonly name: string;
  readonly response: ServerResponse;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly leaseMs: number;
}

interface Delivery {
  readonly resolve: (reply: SourceReply) => void;
  readonly reject: (error: Error) => void;
  readonly cancel: Cancel;
  readonly isFirst: boolean;
}

const MIN_TIMEOUT_MS = 1_000;
/** The most bytes that wait for a client that does not read. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** The client's data caches as a target. */
export class ProcessStream implements TrackingTarget {
  readonly name: string;
  readonly #parts: StreamParts;
  readonly #deliveries = new Map<number, Delivery>();
  #heard = 0;
  #nextId = 1;
  #wroteAt: number;
  /** Time of the first attempt since it last took something in. */
  #triedAt: number | undefined;

  constructor(parts: StreamParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.#wroteAt = parts.clock.monotonic();
  }

  get id(): string {
    return this.#parts.id;
  }

  /** The time from which the client serves nothing of which it was not told. */
  get endsAt(): number {
    return this.#wroteAt + this.#parts.leaseMs;
  }

  /** Whether the client does not read what it was sent. */
  get isBehind(): boolean {
    return this.#parts.response.writableNeedDrain;
  }

  tell(line: Line): void {
    const { response } = this.#parts;
    if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
    if (response.destroyed || response.writableEnded) return;
    response.write(`${JSON.stringify(line)}\n`);
  }

  deliver(message: SourceMessage): Promise<SourceReply> {
    const { tasks, clock, leaseMs, response } = this.#parts;
    return new Promise((resolve, reject) => {
      if (response.destroyed) return reject(gone(this.name));
      const id = this.#nextId++;
      const cancel = tasks.later(Math.max(leaseMs, MIN_TIMEOUT_MS), () => {
        response.destroy();
        this.delivered(id, false);
      });
      this.#deliveries.set(id, { resolve, reject, cancel, isFirst: message.sequence === 1 });
      this.#wroteAt = clock.monotonic();
      this.#triedAt ??= this.#wroteAt;
      this.tell({ kind: 'deliver', id, heard: this.#heard, message });
    });
  }

  /** The client's word on a delivery. */
  delivered(id: number, isDone: boolean): void {
    const delivery = this.#deliveries.get(id);
    if (delivery === undefined) return;
    this.#deliveries.delete(id);
    delivery.cancel();
    if (!isDone) {
      this.#failed();
      return delivery.reject(new TidegateError('E_FEED', `expected ${this.name} to deliver, got a failure`));
    }
    this.#heard = id;
    this.#triedAt = undefined;
    // Only later deliveries give a lease.
    delivery.resolve({ gap: delivery.isFirst });
  }

  close(): void {
    for (const id of [...this.#deliveries.keys()]) this.delivered(id, false);
    this.#parts.response.end();
  }

  #failed(): void {
    const { clock, leaseMs, response } = this.#parts;
    const triedMs = clock.monotonic() - (this.#triedAt ?? Number.POSITIVE_INFINITY);
    if (triedMs >= Math.max(leaseMs, MIN_TIMEOUT_MS)) response.destroy();
  }
}

function gone(name: string): TidegateError {
  return new TidegateError('E_FEED', `expected ${name} to listen, got a closed connection`);
}
