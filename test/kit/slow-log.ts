// Logs that take time. A durable one applies a change at once and is done once it is written down; a shared one applies
// it when it comes back from the other members.

import type { LogChange, Position } from '../../src/ledger/log.ts';
import type { InvalidationLog } from '../../src/ports.ts';

interface Pending {
  readonly change: LogChange;
  readonly resolve: (position: Position) => void;
  readonly reject: (error: unknown) => void;
}

export class SlowLog implements InvalidationLog {
  readonly #kind: 'durable' | 'shared';
  #head: Position = 0;
  #apply: (position: Position, change: LogChange) => void = () => {};
  #pending: (Pending & { readonly position: Position })[] = [];

  constructor(kind: 'durable' | 'shared') {
    this.#kind = kind;
  }

  follow(apply: (position: Position, change: LogChange) => void): void {
    this.#apply = apply;
  }

  append(change: LogChange): Promise<Position> {
    if (change.kind === 'invalidate') this.#head++;
    const position = this.#head;
    if (this.#kind === 'durable') this.#apply(position, change);
    return new Promise((resolve, reject) => this.#pending.push({ change, position, resolve, reject }));
  }

  /** A change of another member: it comes before those that are under way here. */
  appendElsewhere(change: LogChange): void {
    this.#pending = this.#pending.map((one) => ({ ...one, position: one.position + 1 }));
    this.#apply(++this.#head - this.#pending.length, change);
  }

  /** A change that is done at once; it comes before those that are under way here. */
  async appendNow(change: LogChange): Promise<Position> {
    if (this.#kind === 'shared') {
      this.appendElsewhere(change);
      return this.#head - this.#pending.length;
    }
    this.#apply(++this.#head, change);
    return this.#head;
  }

  /** Everything under way is over; resolves when those who waited have gone on. */
  async settle(): Promise<void> {
    for (const { change, position, resolve } of this.#take()) {
      if (this.#kind === 'shared') this.#apply(position, change);
      resolve(position);
    }
    await turns();
  }

  async fail(): Promise<void> {
    for (const { reject } of this.#take()) reject(new Error('the disk is gone'));
    await turns();
  }

  #take(): (Pending & { readonly position: Position })[] {
    const taken = this.#pending;
    this.#pending = [];
    return taken;
  }
}

/** Lets promises that have settled be heard. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
