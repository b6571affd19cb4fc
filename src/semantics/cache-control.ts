// Cache-Control of requests and responses (RFC 9111 §5.2), and the targeted fields that take its place (RFC 9213).
//
// An unreadable value must never lengthen a response's life. An argument that is malformed, or given twice with
// different values, is marked `invalid` instead of being dropped, so that the response counts as stale (RFC 9111
// §4.2.1); a qualified directive whose list cannot be read counts as unqualified.

import { type Fields, fieldValue, listMembers, TOKEN, trimOws } from './fields.ts';
import { type Bare, parseDictionary } from './structured-fields.ts';

/** An argument in delta-seconds (RFC 9111 §1.2.2) as ms; `invalid`: unreadable or contradictory; undefined: absent. */
export type DeltaMs = number | 'invalid' | undefined;

/** The directives that mean something to a shared cache; all others are ignored (RFC 9111 §5.2.3). */
export interface CacheControl {
  readonly noStore: boolean;
  /** The unqualified form (RFC 9111 §5.2.2.4). */
  readonly noCache: boolean;
  /** Fields named by `no-cache="…"`, in lower case. */
  readonly noCacheFields: readonly string[];
  /** The unqualified form (RFC 9111 §5.2.2.7). */
  readonly isPrivate: boolean;
  /** Fields named by `private="…"`, in lower case. */
  readonly privateFields: readonly string[];
  readonly isPublic: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  readonly mustUnderstand: boolean;
  readonly onlyIfCached: boolean;
  readonly maxAgeMs: DeltaMs;
  readonly sMaxageMs: DeltaMs;
  readonly staleWhileRevalidateMs: DeltaMs;
  readonly staleIfErrorMs: DeltaMs;
  /** Infinity allows any staleness (RFC 9111 §5.2.1.2). */
  readonly maxStaleMs: DeltaMs;
  readonly minFreshMs: DeltaMs;
}

type MutableCacheControl = { -readonly [name in keyof CacheControl]: CacheControl[name] };

const NO_DIRECTIVES: CacheControl = Object.freeze({
  noStore: false,
  noCache: false,
  noCacheFields: [],
  isPrivate: false,
  privateFields: [],
  isPublic: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  onlyIfCached: false,
  maxAgeMs: undefined,
  sMaxageMs: undefined,
  staleWhileRevalidateMs: undefined,
  staleIfErrorMs: undefined,
  maxStaleMs: undefined,
  minFreshMs: undefined,
});

/** One directive, its argument without quotes. */
interface Directive {
  readonly name: string;
  readonly argument: string | undefined;
}

/** The directives of a Cache-Control value, its lines combined; undefined stands for an absent field. */
export function parseCacheControl(value: string | undefined): CacheControl {
  if (value === undefined) return NO_DIRECTIVES;
  // An unterminated quoted string would hide every directive after it; then quotes count as plain characters, so that a
  // no-store is still seen.
  const texts = hasOpenQuote(value) ? value.split(',').map(trimOws) : listMembers(value);
  return collect(texts.map(directiveOf));
}

/** The directives that apply to a response, and the field they stand in (lower case). */
export interface ResponseDirectives {
  readonly directives: CacheControl;
  readonly field: string;
}

/**
 * The first targeted field that is present and valid replaces Cache-Control, Expires and every other targeted field; one
 * that is empty or no Structured Field counts as absent (RFC 9213 §2.1, §2.2). `targetedFields` are in lower case.
 */
export function responseDirectives(fields: Fields, targetedFields: readonly string[]): ResponseDirectives {
  for (const field of targetedFields) {
    const directives = targetedDirectives(fieldValue(fields, field));
    if (directives !== undefined) return { directives, field };
  }
  return { directives: parseCacheControl(fieldValue(fields, 'cache-control')), field: 'cache-control' };
}

/** A client's demands on a cache (RFC 9111 §5.2.1). Times in ms. */
export interface RequestDemands {
  readonly noStore: boolean;
  readonly noCache: boolean;
  readonly onlyIfCached: boolean;
  /** Oldest age the client takes; undefined when any age will do. */
  readonly maxAgeMs: number | undefined;
  /** Staleness the client takes: 0 none, Infinity any. */
  readonly maxStaleMs: number;
  readonly minFreshMs: number;
}

/** The demands of a request that has none; one shared value, so that a hit allocates nothing. */
export const NO_DEMANDS: RequestDemands = Object.freeze({
  noStore: false,
  noCache: false,
  onlyIfCached: false,
  maxAgeMs: undefined,
  maxStaleMs: 0,
  minFreshMs: 0,
});

const NO_CACHE_DEMANDS: RequestDemands = Object.freeze({ ...NO_DEMANDS, noCache: true });

export function requestDemands(fields: Fields): RequestDemands {
  let cacheControl = false;
  let pragma = false;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] === 'cache-control') cacheControl = true;
    else if (fields[at] === 'pragma') pragma = true;
  }
  if (cacheControl) return demandsOf(parseCacheControl(fieldValue(fields, 'cache-control')));
  // Pragma counts only where Cache-Control is absent (RFC 9111 §5.4).
  const members = pragma ? listMembers(fieldValue(fields, 'pragma')) : [];
  return members.some((member) => member.toLowerCase() === 'no-cache') ? NO_CACHE_DEMANDS : NO_DEMANDS;
}

function demandsOf(directives: CacheControl): RequestDemands {
  return {
    noStore: directives.noStore,
    noCache: directives.noCache,
    onlyIfCached: directives.onlyIfCached,
    // An unreadable max-age asks for something newer: validation is never wrong.
    maxAgeMs: directives.maxAgeMs === 'invalid' ? 0 : directives.maxAgeMs,
    maxStaleMs: readableMs(directives.maxStaleMs),
    minFreshMs: readableMs(directives.minFreshMs),
  };
}

/** The delta, or 0 when it is absent or cannot be read: for directives that widen what may be served. */
export function readableMs(delta: DeltaMs): number {
  return typeof delta === 'number' ? delta : 0;
}

function collect(directives: Iterable<Directive>): CacheControl {
  const draft: MutableCacheControl = { ...NO_DIRECTIVES };
  for (const directive of directives) take(draft, directive);
  return draft;
}

/** Directives that are there or not. */
const FLAGS = new Map([
  ['no-store', 'noStore'],
  ['public', 'isPublic'],
  ['must-revalidate', 'mustRevalidate'],
  ['proxy-revalidate', 'proxyRevalidate'],
  ['must-understand', 'mustUnderstand'],
  ['only-if-cached', 'onlyIfCached'],
] as const);

/** Directives that may name fields: the flag of the unqualified form, and the list of the other. */
const QUALIFIABLE = new Map([
  ['no-cache', { flag: 'noCache', list: 'noCacheFields' }],
  ['private', { flag: 'isPrivate', list: 'privateFields' }],
] as const);

function take(draft: MutableCacheControl, { name, argument }: Directive): void {
  const qualifiable = lookedUp(QUALIFIABLE, name);
  const names = qualifiable === undefined ? [] : listMembers(argument);
  const isFieldList = names.length > 0 && names.every((one) => TOKEN.test(one));
  const flag = lookedUp(FLAGS, name) ?? (isFieldList ? undefined : qualifiable?.flag);
  if (flag !== undefined) draft[flag] = true;
  else if (qualifiable === undefined) takeDelta(draft, name, argument);
  else draft[qualifiable.list] = [...draft[qualifiable.list], ...names.map((one) => one.toLowerCase())];
}

const DELTAS = new Map([
  ['max-age', 'maxAgeMs'],
  ['s-maxage', 'sMaxageMs'],
  ['stale-while-revalidate', 'staleWhileRevalidateMs'],
  ['stale-if-error', 'staleIfErrorMs'],
  ['max-stale', 'maxStaleMs'],
  ['min-fresh', 'minFreshMs'],
] as const);

function takeDelta(draft: MutableCacheControl, name: string, argument: string | undefined): void {
  const delta = lookedUp(DELTAS, name);
  if (delta === undefined) return;
  const value = delta === 'maxStaleMs' && argument === undefined ? Infinity : parseDelta(argument);
  const before = draft[delta];
  // Twice with different values: the response is considered stale (RFC 9111 §4.2.1).
  draft[delta] = before === undefined || before === value ? value : 'invalid';
}

/** `name` may be any text. */
function lookedUp<Value>(table: ReadonlyMap<string, Value>, name: string): Value | undefined {
  return table.get(name);
}

/** Larger deltas are taken for this one (RFC 9111 §1.2.2). */
const MAX_DELTA_SECONDS = 2 ** 31;

function parseDelta(argument: string | undefined): number | 'invalid' {
  if (argument === undefined || !/^\d+$/.test(argument)) return 'invalid';
  return Math.min(Number(argument), MAX_DELTA_SECONDS) * 1000;
}

/** Whether a quoted string in the value never ends, so that the value is no list. */
export function hasOpenQuote(text: string): boolean {
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '"') quoted = !quoted;
    else if (quoted && text[at] === '\\') at++;
  }
  return quoted;
}

/** White space around `=` is not allowed (RFC 9111 §5.2): kept in the argument, it makes a delta invalid. */
function directiveOf(text: string): Directive {
  const equals = text.indexOf('=');
  if (equals < 0) return { name: text.toLowerCase(), argument: undefined };
  const before = text.slice(0, equals);
  const name = trimOws(before);
  const argument = text.slice(equals + 1);
  return { name: name.toLowerCase(), argument: name === before ? unquoted(argument) : ` ${argument}` };
}

/** Both forms of an argument are read, whichever the directive prescribes (RFC 9111 §5.2). */
function unquoted(argument: string): string {
  if (argument.length < 2 || !argument.startsWith('"') || !argument.endsWith('"')) return argument;
  return argument.slice(1, -1).replaceAll(/\\(.)/g, '$1');
}

function targetedDirectives(value: string | undefined): CacheControl | undefined {
  if (value === undefined) return undefined;
  // The field is ignored as a whole when it does not parse (RFC 9213 §2.2).
  const members = parseDictionary(value);
  if (members === undefined || members.size === 0) return undefined;
  return collect([...members].map(([name, item]) => ({ name, argument: itemArgument(name, item) })));
}

/** A value of a type the directive does not have must not be consumed (RFC 9213 §2.2): '' is a valid argument of none. */
function itemArgument(name: string, item: Bare): string | undefined {
  if (item === true) return undefined;
  if (typeof item === 'number') return String(item);
  const text = typeof item === 'object' ? item.token : item;
  return text !== undefined && (name === 'no-cache' || name === 'private') ? text : '';
}
