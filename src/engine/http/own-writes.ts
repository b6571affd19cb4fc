// A client sees what it wrote: the answer to a write that was not everywhere in force yet gives it a position of the source
// to come back with, and until this gate has reached it the client is served from the origin.
//
// Any client can send a position. So it is never more than a reason to bypass the cache.

import type { FeedPosition } from '../../dependency/change.ts';
import { type Fields, fieldLines, fieldValue, NO_FIELDS } from '../../semantics/fields.ts';
import type { SourceView } from '../tracked-sources.ts';

const FIELD = 'tidegate-position';
const POSITION = /^([a-z0-9_-]{1,64});([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,200})$/;
const COOKIE = /(?:^|;\s*)tidegate-position-([a-z0-9_-]{1,64})=([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,200})/g;
/** By then the source is heard of again, or nothing of it is served. */
const MAX_AGE_S = 300;

/** True: it has written what this gate has not heard of yet. */
export function isAheadOf(sources: Pick<SourceView, 'hasReached'>, fields: Fields): boolean {
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at];
    if (name !== FIELD && name !== 'cookie') continue;
    const value = fields[at + 1] as string;
    const positions = name === FIELD ? ofField(value) : ofCookies(value);
    if (positions.some(([source, position]) => sources.hasReached(source, position) === false)) return true;
  }
  return false;
}

type SourcePosition = readonly [source: string, position: FeedPosition];

function ofField(value: string): SourcePosition[] {
  return value.split(',').flatMap((part) => {
    const match = POSITION.exec(part.trim());
    return match === null ? [] : [[match[1] as string, match[2] as string] as const];
  });
}

/** The cookie of a position as the field that says the same; undefined: it is another cookie. */
export function positionField(cookie: string): Fields | undefined {
  const [positions] = ofCookies(cookie);
  return positions && [FIELD, positions.join(';')];
}

function ofCookies(value: string): SourcePosition[] {
  if (!value.includes(FIELD)) return [];
  return Array.from(value.matchAll(COOKIE), ([, source, position]) => [source as string, position as string] as const);
}

/** Cookies for who wrote, by the fields of the origin's answer: of the position, where what was written is not in force everywhere. */
export function ownPosition(uri: string, fields: Fields): Fields {
  if (fieldValue(fields, 'tidegate-settled') !== 'no') return NO_FIELDS;
  const positions = fieldLines(fields, FIELD).flatMap(ofField);
  return positions.flatMap((position) => ['set-cookie', positionCookie(uri, position)]);
}

/** The cookie, of https alone where the URI is, that brings the position back. */
export function positionCookie(uri: string, [source, position]: SourcePosition): string {
  const secure = uri.startsWith('https:') ? '; Secure' : '';
  return `${FIELD}-${source}=${position}; Path=/; Max-Age=${MAX_AGE_S}; HttpOnly; SameSite=Lax${secure}`;
}
