// Reads under way: each has the stamp taken before it was asked, and may be stored with that stamp alone.
//
// Drizzle gives the key of a read that ends, not which one it is. Of reads that cannot be told apart the oldest stamp counts for
// all until the last has ended, and none is stored when they were asked by different roles, or is not known here.

import type { ReadStamp } from '../../../cache/contract.ts';

export interface ReadId {
  readonly key: string;
  /** The list of tables that Drizzle hands in, the same at both ends of a read and another for each query object. */
  readonly list: object | undefined;
}

interface Begun {
  /** Where its result is to be stored. */
  readonly target: string;
  /** Undefined: what it gives may not be stored. */
  readonly stamp: ReadStamp | undefined;
}

/** Where one of them may not be stored, none may. */
interface Reads extends Begun {
  stamp: ReadStamp | undefined;
  readonly sinceMs: number;
  underWay: number;
}

interface ReadLimits {
  /** A read that has taken so long has failed. */
  readonly maxReadMs: number;
  /** Reads with no list of tables of their own; beyond it they are not stored. */
  readonly maxReads: number;
}

export class ReadsUnderWay {
  readonly #limits: ReadLimits;
  /** A list goes with its query object, and what has failed goes with it. */
  readonly #byList = new WeakMap<object, Map<string, Reads>>();
  readonly #byKey = new Map<string, Reads>();
  /** A read that is not known here may still be under way: nothing that began before its end may be stored. */
  #refuseUntilMs = Number.NEGATIVE_INFINITY;

  constructor(limits: ReadLimits) {
    this.#limits = limits;
  }

  begin(id: ReadId, { target, stamp }: Begun, nowMs: number): void {
    const reads = this.#of(id);
    this.#forget(reads, nowMs);
    const known = reads.get(id.key);
    const storable = nowMs < this.#refuseUntilMs ? undefined : stamp;
    if (known !== undefined) {
      known.underWay++;
      if (storable === undefined || known.target !== target) known.stamp = undefined;
    } else if (reads.size < this.#limits.maxReads) {
      reads.set(id.key, { target, stamp: storable, sinceMs: nowMs, underWay: 1 });
    } else {
      // None is dropped for another: it might yet end, and be taken for one that began later.
      this.#refuseUntilMs = nowMs + this.#limits.maxReadMs;
    }
  }

  /** Where to store what it gave, and with which stamp; undefined: it may not be stored. */
  end(id: ReadId): { readonly target: string; readonly stamp: ReadStamp } | undefined {
    const reads = this.#of(id);
    const known = reads.get(id.key);
    if (known === undefined) return undefined;
    known.underWay--;
    if (known.underWay === 0) reads.delete(id.key);
    const { target, stamp } = known;
    return stamp === undefined ? undefined : { target, stamp };
  }

  #of({ list }: ReadId): Map<string, Reads> {
    if (list === undefined) return this.#byKey;
    const reads = this.#byList.get(list) ?? new Map<string, Reads>();
    this.#byList.set(list, reads);
    return reads;
  }

  /** Oldest first: those that failed never end. */
  #forget(reads: Map<string, Reads>, nowMs: number): void {
    for (const [key, { sinceMs }] of reads) {
      if (nowMs - sinceMs < this.#limits.maxReadMs) return;
      reads.delete(key);
    }
  }
}
