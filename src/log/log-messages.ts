// Messages between the keeper of a shared log and its members. Plain data; a link keeps their order and loses nothing until
// it ends.

import type { InvalidationsImage } from '../ledger/invalidations.ts';
import type { LogChange, OpenIntent, Position } from '../ledger/log.ts';

/** The state from which a member begins: everything in force when it joined. Its link brings every later change. */
export interface Membership {
  readonly image: InvalidationsImage;
  /** Number of the last change in the image. Change numbers have no gaps, positions do. */
  readonly number: number;
  readonly intents: readonly OpenIntent[];
}

export type LogToMember =
  | { readonly kind: 'change'; readonly number: number; readonly position: Position; readonly change: LogChange }
  /** The member's own append is durable, and applied by all. */
  | { readonly kind: 'appended'; readonly id: number; readonly position: Position }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string };

export type MemberToLog =
  | { readonly kind: 'append'; readonly id: number; readonly change: LogChange }
  /** All changes up to this number are in force at the member. */
  | { readonly kind: 'applied'; readonly number: number };
