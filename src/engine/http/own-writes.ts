// A client sees what it wrote: the answer to a write that was not everywhere in force yet gives it a position of the source
// to come back with, and until this gate has reached it the client is served from the origin.
//
// Any client can send a position, and one that is made up would make any URL a request of the origin. So only a position that a
// gate has signed bypasses the cache.

import type { FeedPosition } from '../../dependency/change.ts';
import { ownedName } from '../../entry/key.ts';
import { type HashKey, SIGNATURE_LENGTH, signed, signingKey, verified, withoutSignature } from '../../ledger/hashes.ts';
import { type Fields, fieldLines, fieldValue, NO_FIELDS } from '../../semantics/fields.ts';
import { isSafeMethod } from '../../semantics/invalidation.ts';
import type { GateRequest } from '../contract.ts';
import type { SourceLeases } from '../source-leases.ts';

const FIELD = 'tidegate-position';
const SOURCE = '[a-z0-9_-]{1,64}';
/** A report of a tracker takes a position of this length at most (admin/sources-api.ts). */
const MAX_POSITION = 200;
/** A position with its signature. */
const POSITION = `[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]{1,${MAX_POSITION + SIGNATURE_LENGTH}}`;
const IN_FIELD = new RegExp(`(?:^|,)\\s*(${SOURCE});(${POSITION})\\s*(?=,|$)`, 'g');
const IN_COOKIE = new RegExp(`(?:^|;\\s*)${FIELD}-(${SOURCE})=(${POSITION})`, 'g');
/** By then the source is heard of again, or nothing of it is served. */
const MAX_AGE_S = 300;
/** Positions of one request; further ones are not looked at. */
const MAX_POSITIONS = 16;

export interface OwnPositionParts {
  readonly sources: Pick<SourceLeases, 'hasAny' | 'hasReached'>;
  /** Gates with the same one know each other's positions. Made when it is first asked for. */
  readonly secret: () => string;
  /** Told of the first position that this gate does not know. */
  readonly onUnknown?: (() => void) | undefined;
}

/** The positions that one gate gives to clients, and those that clients bring back. */
export class OwnPositions {
  readonly #parts: OwnPositionParts;
  /** Requests are judged more than once. */
  readonly #counted = new WeakSet<Fields>();
  #key: HashKey | undefined;
  /** Requests with a position that would matter, and whose signature is not that of this gate. */
  unknown = 0;

  constructor(parts: OwnPositionParts) {
    this.#parts = parts;
  }

  /** True: the client made a write that this gate has not heard of yet. `owner`: the tenant that the sources belong to. */
  isAhead(fields: Fields, owner?: string): boolean {
    const { sources } = this.#parts;
    if (!sources.hasAny) return false;
    let isUnknown = false;
    for (const [name, position] of positionsIn(fields)) {
      const source = ownedName(name, owner);
      if (sources.hasReached(source, withoutSignature(position)) !== false) continue;
      if (verified(`${source};${position}`, this.#signingKey()) !== undefined) return true;
      isUnknown = true;
    }
    if (isUnknown) this.#countUnknown(fields);
    return false;
  }

  /** Cookies for who wrote, by the fields of the origin's answer: of the position, where what was written is not in force everywhere. */
  cookies({ method, uri, route }: WrittenTo, fields: Fields): Fields {
    if (isSafeMethod(method) || fieldValue(fields, 'tidegate-settled') !== 'no') return NO_FIELDS;
    const positions = fieldLines(fields, FIELD).flatMap((value) => [...matches(IN_FIELD, value)]);
    return positions.flatMap(([source, position]) => {
      if (position.length > MAX_POSITION) return NO_FIELDS;
      const owned = ownedName(source, route?.owner);
      const text = signed(`${owned};${position}`, this.#signingKey());
      return ['set-cookie', positionCookie(uri, [source, text.slice(owned.length + 1)])];
    });
  }

  #signingKey(): HashKey {
    this.#key ??= signingKey(this.#parts.secret());
    return this.#key;
  }

  #countUnknown(fields: Fields): void {
    if (this.#counted.has(fields)) return;
    this.#counted.add(fields);
    if (++this.unknown === 1) this.#parts.onUnknown?.();
  }
}

type WrittenTo = Pick<GateRequest, 'method' | 'uri'> & { readonly route?: Pick<GateRequest['route'], 'owner'> };

type SourcePosition = readonly [source: string, position: FeedPosition];

/** The positions in the field `Tidegate-Position` and in cookies, in the order of the request. */
export function* positionsIn(fields: Fields): Generator<SourcePosition> {
  let left = MAX_POSITIONS;
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at];
    const form = name === FIELD ? IN_FIELD : name === 'cookie' ? IN_COOKIE : undefined;
    if (form === undefined) continue;
    for (const found of matches(form, fields[at + 1] as string)) {
      if (left-- === 0) return;
      yield found;
    }
  }
}

function* matches(form: RegExp, value: string): Generator<SourcePosition> {
  if (form === IN_COOKIE && !value.includes(FIELD)) return;
  for (const [, source, position] of value.matchAll(form)) yield [source as string, position as string];
}

/** The cookie of a position as the field that says the same; undefined: it is another cookie. */
export function positionField(cookie: string): Fields | undefined {
  const [position] = matches(IN_COOKIE, cookie);
  return position && [FIELD, position.join(';')];
}

/** The cookie, of https alone where the URI is, that brings the position back. */
export function positionCookie(uri: string, [source, position]: SourcePosition): string {
  const secure = uri.startsWith('https:') ? '; Secure' : '';
  return `${FIELD}-${source}=${position}; Path=/; Max-Age=${MAX_AGE_S}; HttpOnly; SameSite=Lax${secure}`;
}
