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

/** A prefix or pattern that is remembered. */
export interface PatternEntry {
  readonly position: Position;
  readonly selector: Extract<Selector, { kind: 'prefix' | 'pattern' }>;
}

/** All that a node knows of what was invalidated, to be written down and begun from again. See invalidations.ts. */
export interface InvalidationsImage {
  readonly epoch: string;
  readonly applied: Position;
  readonly floor: Position;
  readonly patternFloor: Position;
  readonly patterns: readonly PatternEntry[];
  /** Position of the last invalidation in each hashed bucket; the array the node works with, so copy it to keep it. */
  readonly buckets: Float64Array;
}

/** What a log tells its followers: its changes in order, and where it begins anew. */
export type LogEvent =
  | LogChange
  /**
   * The log goes on from here: it has another epoch, or more was missed than it remembers. All intents are closed; those that
   * are open are told next. The follower takes the buckets over.
   */
  | { readonly kind: 'begin'; readonly image: InvalidationsImage };

/** A write in progress on a URI. */
export type OpenIntent = Omit<Extract<LogChange, { kind: 'open' }>, 'kind'>;
