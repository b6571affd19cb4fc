// What the policy bench replays a trace through: bounded in bytes, each object with a fixed size.

export interface ReplayPolicy {
  /** Requests an object; true when it was there. Otherwise it is taken in, if it fits. */
  access(id: number): boolean;
}

/** A policy of a disk, whose writes count too. */
export interface DiskReplay extends ReplayPolicy {
  /** Bytes so far: in all, of objects taken in, and of objects that were there and were written again. */
  readonly written: { readonly all: number; readonly admitted: number };
  /** Objects in the queue for what has proved its worth. */
  proved(): Iterable<number>;
}

export interface ReplaySetup {
  /** Bytes of each object. */
  readonly sizes: Float64Array;
  readonly maxBytes: number;
  /** False: each object counts for 1. */
  readonly sized: boolean;
  /** Object of each request, for policies that know the future. */
  readonly ids: Int32Array;
}

export const NONE = -1;

/** As well spread as the hash of a key. */
export function hashOf(id: number): number {
  let hash = Math.imul(id ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
