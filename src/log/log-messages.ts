// What the one who keeps a shared log and its members tell each other. Plain data; a link between them keeps the order and
// loses nothing until it ends.

import type { InvalidationsImage } from '../ledger/invalidations.ts';
import type { LogChange, Position } from '../ledger/log.ts';

/** With what a member begins: all that was in force when it joined. Every later change follows on its link. */
export interface Membership {
  readonly image: InvalidationsImage;
  /** Number of the last change that the image has. Changes are numbered without a gap, positions are not. */
  readonly number: number;
  readonly intents: readonly OpenIntent[];
}

/** A write that is under way somewhere. */
export interface OpenIntent {
  readonly intent: string;
  readonly uri: string;
}

export type LogToMember =
  | { readonly kind: 'change'; readonly number: number; readonly position: Position; readonly change: LogChange }
  /** The member's own append is done: durable, and applied by all. */
  | { readonly kind: 'appended'; readonly id: number; readonly position: Position }
  | { readonly kind: 'refused'; readonly id: number; readonly reason: string };

export type MemberToLog =
  | { readonly kind: 'append'; readonly id: number; readonly change: LogChange }
  /** All changes up to this number are in force at the member. */
  | { readonly kind: 'applied'; readonly number: number };
