// What the process that owns the disk tier and those that read it beside it tell each other. Plain data; a link keeps the
// order.

import type { Entry, LargeBody } from '../../../entry/stored-response.ts';
import type { IndexRows } from '../contract.ts';

export type DiskToWorker =
  /** Where records stand now, one after the other; segment 0: the entry is not stored any more. */
  | { readonly kind: 'rows'; readonly rows: IndexRows }
  | { readonly kind: 'cleared' }
  /** Every entry has been told of: what is not known is not stored. */
  | { readonly kind: 'complete' }
  /** The puts of these ids are done; where the records stand has been told before. */
  | { readonly kind: 'stored'; readonly ids: readonly number[] }
  | { readonly kind: 'done'; readonly id: number; readonly result: Result }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string };

/** Of what was asked for: an entry, a count, bytes, a body; undefined: there is none. */
export type Result = Entry | number | Uint8Array | LargeBody | undefined;

export type WorkerToDisk =
  | { readonly kind: 'put'; readonly id: number; readonly entry: Entry }
  | Asking
  /** Hashes of keys that were got. */
  | { readonly kind: 'used'; readonly high: Uint32Array; readonly low: Uint32Array }
  /** A large body was not what had been written, somewhere from `start` on. */
  | { readonly kind: 'spoiled'; readonly body: LargeBody; readonly start: number }
  | { readonly kind: 'discard'; readonly writer: number };

/** What is answered with `done` or `refused`. */
export type Asking = { readonly id: number } & AskedOfDisk;

export type AskedOfDisk =
  | { readonly kind: 'get'; readonly key: string }
  | { readonly kind: 'delete'; readonly keys: readonly string[] }
  /** A large body that is written bit by bit; the number of its writer is the worker's. */
  | { readonly kind: 'append'; readonly writer: number; readonly chunk: Uint8Array }
  | { readonly kind: 'read'; readonly writer: number; readonly start: number; readonly end: number }
  | { readonly kind: 'finish'; readonly writer: number };
