// A client sees what it wrote: the answer to a write that was not everywhere in force yet gives it a position of the source
// to come back with, and until this gate has reached it the client is served from the origin.
//
// Any client can send a position, so one bypasses the cache only if it bears the seal of a gate: a position that is made up
// would make any URL a request of the origin.

import type { FeedPosition } from '../../dependency/change.ts';
import { type HashKey, keyOf, sealed, unsealed, withoutSeal } from '../../ledger/hashes.ts';
import { type Fields, fieldLines, fieldValue, NO_FIELDS } from '../../semantics/fields.ts';
import { isSafeMethod } from '../../semantics/invalidation.ts';
import type { GateRequest } from '../contract.ts';
import type { SourceLeases } from '../source-leases.ts';

const FIELD = 'tidegate-position';
const SOURCE = '[a-z0-9_-]{1,64}';
/** A position of at most 200 characters, and a seal of 17. */
const POSITION = `[\\x21\\x23-\\x2b\\x2d-\\x3a\\x3c-\\x5b\\x5d-\\x7e]{1,217}`;
const IN_FIELD = new RegExp(`^(${SOURCE});(${POSITION})$`);
const IN_COOKIE = new RegExp(`(?:^|;\\s*)${FIELD}-(${SOURCE})=(${POSITION})`, 'g');
/** By then the source is heard of again, or nothing of it is served. */
const MAX_AGE_S = 300;
/** Positions of one request of which the seal is looked at. */
const MAX_LOOKED_AT = 16;

export interface OwnPositionParts {
  readonly sources: Pick<SourceLeases, 'hasAny' | 'hasReached'>;
  /** Whoever has it seals and knows the same positions. Made when it is first asked for. */
  readonly secret: () => string;
  /** Told of the first position that this gate does not know. */
  readonly onUnsealed?: (() => void) | undefined;
}

/** The positions that one gate gives to clients, and those that they come back with. */
export class OwnPositions {
  readonly #parts: OwnPositionParts;
  /** Requests are judged more than once. */
  readonly #madeUp = new WeakSet<Fields>();
  #key: HashKey | undefined;
  /** Requests with a position that would matter, and that no gate has sealed. */
  unsealed = 0;

  constructor(parts: OwnPositionParts) {
    this.#parts = parts;
  }

  /** True: the client has written what this gate has not heard of yet. */
  isAhead(fields: Fields): boolean {
    const { sources } = this.#parts;
    if (!sources.hasAny) return false;
    let left = MAX_LOOKED_AT;
    for (const [source, position] of positionsIn(fields)) {
      if (sources.hasReached(source, withoutSeal(position)) !== false) continue;
      if (unsealed(`${source};${position}`, this.#sealKey()) !== undefined) return true;
      this.#countUnsealed(fields);
      if (--left === 0) return false;
    }
    return false;
  }

  /** Cookies for who wrote, by the fields of the origin's answer: of the position, where what was written is not in force everywhere. */
  cookies({ method, uri }: Pick<GateRequest, 'method' | 'uri'>, fields: Fields): Fields {
    if (isSafeMethod(method) || fieldValue(fields, 'tidegate-settled') !== 'no') return NO_FIELDS;
    const positions = fieldLines(fields, FIELD).flatMap(ofField);
    return positions.flatMap(([source, position]) => {
      const text = sealed(`${source};${position}`, this.#sealKey());
      return ['set-cookie', positionCookie(uri, [source, text.slice(source.length + 1)])];
    });
  }

  #sealKey(): HashKey {
    this.#key ??= keyOf(`seal ${this.#parts.secret()}`);
    return this.#key;
  }

  #countUnsealed(fields: Fields): void {
    if (this.#madeUp.has(fields)) return;
    this.#madeUp.add(fields);
    if (++this.unsealed === 1) this.#parts.onUnsealed?.();
  }
}

type SourcePosition = readonly [source: string, position: FeedPosition];

function* positionsIn(fields: Fields): Generator<SourcePosition> {
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at];
    const value = fields[at + 1] as string;
    if (name === FIELD) yield* ofField(value);
    else if (name === 'cookie') yield* ofCookies(value);
  }
}

function ofField(value: string): SourcePosition[] {
  return value.split(',').flatMap((part) => {
    const match = IN_FIELD.exec(part.trim());
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
  return Array.from(
    value.matchAll(IN_COOKIE),
    ([, source, position]) => [source as string, position as string] as const,
  );
}

/** The cookie, of https alone where the URI is, that brings the position back. */
export function positionCookie(uri: string, [source, position]: SourcePosition): string {
  const secure = uri.startsWith('https:') ? '; Secure' : '';
  return `${FIELD}-${source}=${position}; Path=/; Max-Age=${MAX_AGE_S}; HttpOnly; SameSite=Lax${secure}`;
}
