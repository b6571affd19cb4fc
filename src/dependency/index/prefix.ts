// The beginning of texts that are LIKE a pattern, as a key: texts of one prefix stand together, and a text leads to as
// many keys as there are lengths of prefixes.
//
// A text is LIKE more than JavaScript sees. SQLite folds the case of ASCII, and a zero character ends a text for it, or
// does not; so the prefix of a text may be unknown, and a pattern may have the empty prefix, which all texts have.

import type { Cell, Scalar } from '../change.ts';

export interface PrefixForm {
  readonly column: number;
  readonly hole: number;
  /** Empty: nothing escapes. */
  readonly escapeBy: string;
  readonly foldsCase: boolean;
}

/** Longer prefixes are cut. */
export const MAX_PREFIX = 255;
/** Lengths of prefixes in use at a time, besides the empty one: as many keys a text leads to. */
const MAX_LENGTHS = 32;

/** The lengths of the prefixes in use. */
export class PrefixLengths {
  /** How many prefixes are of each. */
  readonly #counts: number[] = new Array(MAX_PREFIX + 1).fill(0);
  #inUse = 0;

  /** Returns the length to which a prefix is cut: its own where there is room for it, else the next lower one in use. */
  take(length: number): number {
    let taken = length;
    if (this.#inUse >= MAX_LENGTHS) while (taken > 0 && this.#counts[taken] === 0) taken--;
    if (this.#counts[taken] === 0 && taken > 0) this.#inUse++;
    this.#counts[taken] = (this.#counts[taken] as number) + 1;
    return taken;
  }

  /** `length`: what `take` returned. */
  give(length: number): void {
    this.#counts[length] = (this.#counts[length] as number) - 1;
    if (this.#counts[length] === 0 && length > 0) this.#inUse--;
  }

  has(length: number): boolean {
    return (this.#counts[length] as number) > 0;
  }
}

/** Null: no text is LIKE this. */
export function prefixOfPattern({ escapeBy, foldsCase }: PrefixForm, pattern: Scalar): string | null {
  if (pattern === null) return null;
  if (typeof pattern !== 'string') return '';
  const prefix = prefixOf(pattern, escapeBy).slice(0, MAX_PREFIX);
  return foldsCase ? folded(prefix) : prefix;
}

/** The text whose beginnings are a cell's prefixes; null when it is LIKE nothing, undefined when it may be LIKE anything. */
export function prefixedText({ foldsCase }: PrefixForm, cell: Cell): string | null | undefined {
  if (cell === null) return null;
  if (typeof cell !== 'string' || cell.includes('\0')) return undefined;
  const start = cell.slice(0, MAX_PREFIX);
  return foldsCase ? folded(start) : start;
}

/** The beginning of every text that is LIKE the pattern; empty where LIKE may be MAYBE for other texts. */
export function prefixOf(pattern: string, escapeBy: string): string {
  if (pattern.includes('\0') || (escapeBy !== '' && pattern.endsWith(escapeBy))) return '';
  let at = 0;
  while (at < pattern.length && !isSpecial(pattern.charCodeAt(at)) && pattern[at] !== escapeBy) at++;
  return pattern.slice(0, at);
}

/** `%`, `_`, and halves of characters beyond the first plane. */
function isSpecial(unit: number): boolean {
  return unit === 0x25 || unit === 0x5f || (unit >= 0xd800 && unit <= 0xdfff);
}

function folded(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}
