// What bench/cluster.ts and its nodes say to each other.

export type Asked =
  | { readonly kind: 'send'; readonly how: 'log' | 'bare'; readonly perSecond: number; readonly seconds: number }
  /** All that was heard since the last such question. */
  | { readonly kind: 'heard' };

export type Given =
  | { readonly kind: 'ready' }
  /** By the clock of the machine, by number. `doneMs`: acknowledged, or published. */
  | { readonly kind: 'sent'; readonly sentMs: readonly number[]; readonly doneMs: readonly number[] }
  | { readonly kind: 'heard'; readonly heardMs: readonly (readonly [number: number, ms: number])[] };
