// LIKE and ILIKE as SQLite and PostgreSQL have them, in time linear in the length of text and pattern.
//
// Letters may be folded by more rules than ASCII's (a locale of PostgreSQL), or by none at all (SQLite's `PRAGMA
// case_sensitive_like`). Where that decides, or where matching takes long, the answer is MAYBE.

import type { Dialect } from '../template.ts';
import type { Truth } from './predicate.ts';
import { foldUnit } from './texts.ts';

const PERCENT = 0x25;
const UNDERSCORE = 0x5f;
const BACKSLASH = 0x5c;
const NO_ESCAPE = -1;
/** Steps for each unit of text and pattern, before it is given up. */
const PATIENCE = 16;
const ASCII = /^[\0-\x7f]*$/;

export interface LikeOptions {
  readonly dialect: Dialect;
  readonly escape: string | undefined;
  readonly foldsCase: boolean;
}

export function isLike(text: string, pattern: string, { dialect, escape: stated, foldsCase }: LikeOptions): Truth {
  // SQLite reads both as far as the first zero character, and not always.
  if (dialect === 'sqlite' && (text.includes('\0') || pattern.includes('\0'))) return 'maybe';
  const escapeUnit = escapeOf(stated, dialect);
  if (escapeUnit === undefined || endsInEscape(pattern, escapeUnit)) return 'maybe';
  if (!foldsCase) return matches(text, pattern, { escapeUnit, folds: false });
  const folded = matches(text, pattern, { escapeUnit, folds: true });
  if (folded === 'false') return dialect === 'sqlite' || (ASCII.test(text) && ASCII.test(pattern)) ? 'false' : 'maybe';
  if (folded === 'maybe') return 'maybe';
  return matches(text, pattern, { escapeUnit, folds: false }) === 'true' ? 'true' : 'maybe';
}

/** Returns undefined when the meaning of the escape is unknown here. */
function escapeOf(stated: string | undefined, dialect: Dialect): number | undefined {
  if (stated === undefined) return dialect === 'postgres' ? BACKSLASH : NO_ESCAPE;
  if (stated === '' && dialect === 'postgres') return NO_ESCAPE;
  const unit = stated.charCodeAt(0);
  return stated.length !== 1 || unit === PERCENT || unit === UNDERSCORE || unit === 0 ? undefined : unit;
}

/** An escape with nothing behind it: an error in one database, no match in the other. */
function endsInEscape(pattern: string, escapeUnit: number): boolean {
  if (escapeUnit === NO_ESCAPE || pattern.charCodeAt(pattern.length - 1) !== escapeUnit) return false;
  let count = 0;
  for (let at = pattern.length - 1; at >= 0 && pattern.charCodeAt(at) === escapeUnit; at--) count++;
  return count % 2 === 1;
}

/** Tries the rest after the last `%` at each place from there on; an earlier `%` need never be tried again. */
function matches(
  text: string,
  pattern: string,
  rules: { readonly escapeUnit: number; readonly folds: boolean },
): Truth {
  const { escapeUnit, folds } = rules;
  let at = 0;
  let place = 0;
  let restartAt = -1;
  let restartPlace = -1;
  let patience = PATIENCE * (text.length + pattern.length + 1);
  while (at < text.length || place < pattern.length) {
    if (patience-- === 0) return 'maybe';
    const unit = pattern.charCodeAt(place);
    if (unit === PERCENT && escapeUnit !== PERCENT) {
      restartPlace = ++place;
      restartAt = at;
      if (place === pattern.length) return 'true';
      continue;
    }
    const step = at < text.length && place < pattern.length;
    if (step && unit === UNDERSCORE) {
      at += widthAt(text, at);
      place++;
      continue;
    }
    const wanted = unit === escapeUnit ? pattern.charCodeAt(place + 1) : unit;
    const given = text.charCodeAt(at);
    if (step && (given === wanted || (folds && foldUnit(given) === foldUnit(wanted)))) {
      at++;
      place += unit === escapeUnit ? 2 : 1;
      continue;
    }
    if (restartPlace === -1 || restartAt >= text.length) return 'false';
    restartAt += widthAt(text, restartAt);
    at = restartAt;
    place = restartPlace;
  }
  return 'true';
}

/** Units of the character there: `_` stands for a whole one. */
function widthAt(text: string, at: number): 1 | 2 {
  const unit = text.charCodeAt(at);
  return unit >= 0xd800 && unit < 0xdc00 ? 2 : 1;
}
