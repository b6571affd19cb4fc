// What the policy bench replays a trace through: bounded in bytes, each object with a fixed size.

export interface ReplayPolicy {
  /** Requests an object; true when it was there. Otherwise it is taken in, if it fits. */
  access(id: number): boolean;
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
