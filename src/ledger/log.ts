// What stands in the log of invalidations. Plain data: it is what a journal writes down and what members tell each other.

import type { Selector } from './selector.ts';

/** One entry of the log. */
export type LogChange =
  /** `soft`: what is affected is expired, not outdated, to those who still know; after a restart all is outdated. */
  | { readonly kind: 'invalidate'; readonly selector: Selector; readonly soft?: true }
  /**
   * A write on the URI is under way: until the intent of this id closes, nothing filled for the URI is stored. `isPrefix`: nor for
   * any that begins like it. An intent of this id that is open already stays one.
   */
  | { readonly kind: 'open'; readonly intent: string; readonly uri: string; readonly isPrefix?: true }
  | { readonly kind: 'close'; readonly intent: string };

/** A place in the log of invalidations. */
export type Position = number;

/** A write in progress on a URI. */
export type OpenIntent = Omit<Extract<LogChange, { kind: 'open' }>, 'kind'>;
