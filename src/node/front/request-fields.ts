// Request fields as they arrive, and as they are forwarded.
//
// Every field that may change an origin's answer must be in the cache key or must not reach the origin. So fields that
// claim another host, scheme, path or method are removed from clients' requests, and their replacements are made from
// the URI in the key. One pass over the raw fields sorts them by role.

import { claimOf, filterFields, listMembers } from '../../semantics/fields.ts';

type Role =
  /** Read by the checks of the front, each under its own name; replaced in the forwarded request. */
  | 'host'
  | 'contentLength'
  | 'transferEncoding'
  | 'connection'
  | 'expect'
  | 'upgrade'
  | 'via'
  | 'maxForwards'
  | 'forwardedFor'
  | 'forwarded'
  | 'forwardedProto'
  | 'forwardedHost'
  /** A field of one connection only (RFC 9110 §7.6.1), or a harmful one; never forwarded. */
  | 'drop'
  /** Claims another target, host or method; forwarded from proxies believed in it only, and then not cached. */
  | 'override'
  /** Claims a client address; forwarded from the same proxies only. */
  | 'source';

function roles(role: Role, names: string): [string, Role][] {
  return names.split(' ').map((name) => [name, role]);
}

const ROLES: ReadonlyMap<string, Role> = new Map([
  ['host', 'host'],
  ['content-length', 'contentLength'],
  ['transfer-encoding', 'transferEncoding'],
  ['connection', 'connection'],
  ['expect', 'expect'],
  ['upgrade', 'upgrade'],
  ['via', 'via'],
  ['max-forwards', 'maxForwards'],
  ['x-forwarded-for', 'forwardedFor'],
  ['forwarded', 'forwarded'],
  ['x-forwarded-proto', 'forwardedProto'],
  ['x-forwarded-host', 'forwardedHost'],
  ...roles('drop', 'keep-alive proxy-connection te trailer http2-settings proxy-authorization proxy-authenticate'),
  ...roles('source', 'x-real-ip x-client-ip client-ip true-client-ip x-cluster-client-ip'),
] as [string, Role][]);

/**
 * Fields that Connection cannot remove. Without Authorization or Cookie, the origin would answer an unknown client,
 * under a key that says otherwise.
 */
const END_TO_END: ReadonlySet<string> = new Set(
  `accept accept-charset accept-encoding accept-language authorization cache-control content-disposition
   content-encoding content-language content-location content-range content-type cookie date from if-match
   if-modified-since if-none-match if-range if-unmodified-since origin pragma range referer user-agent`.split(/\s+/),
);

/** The fields of one request, sorted by role. A field that came in several lines is combined with `, `. */
export interface FieldScan extends Record<Exclude<Role, 'drop' | 'override' | 'source'>, string | undefined> {
  /** Names in lower case; all fields without a role. */
  readonly rest: string[];
  /** Bytes of all fields on the wire. */
  bytes: number;
  hostLines: number;
  contentLengthLines: number;
  /** Override and source fields. */
  overrides: string[] | undefined;
  sources: string[] | undefined;
}

/** One pass over what Node's parser gives: name, value, name, value … */
export function scanFields(rawHeaders: readonly string[]): FieldScan {
  const rest: string[] = [];
  const scan: FieldScan = {
    rest,
    bytes: 0,
    hostLines: 0,
    contentLengthLines: 0,
    host: undefined,
    contentLength: undefined,
    transferEncoding: undefined,
    connection: undefined,
    expect: undefined,
    upgrade: undefined,
    via: undefined,
    maxForwards: undefined,
    forwardedFor: undefined,
    forwarded: undefined,
    forwardedProto: undefined,
    forwardedHost: undefined,
    overrides: undefined,
    sources: undefined,
  };
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const value = rawHeaders[at + 1] as string;
    const spelling = rawHeaders[at] as string;
    const { name, role } = SPELLINGS.get(spelling) ?? spelled(spelling);
    scan.bytes += name.length + value.length + 4;
    if (role === undefined) rest.push(name, value);
    else note(scan, role, [name, value]);
  }
  return scan;
}

interface Name {
  /** In lower case. */
  readonly name: string;
  readonly role: Role | undefined;
}

/** Spellings met so far; the first ones stay, so that invented spellings do not push out those of browsers. */
const SPELLINGS = new Map<string, Name>();
const MAX_SPELLINGS = 500;
const MAX_SPELLING_CHARS = 40;

function spelled(spelling: string): Name {
  const name = spelling.toLowerCase();
  const found: Name = { name, role: roleOf(name) };
  if (SPELLINGS.size < MAX_SPELLINGS && spelling.length <= MAX_SPELLING_CHARS) SPELLINGS.set(spelling, found);
  return found;
}

/** CGI and WSGI read `_` as `-`, so what looks like a field of a role is not forwarded either. */
function roleOf(name: string): Role | undefined {
  const role = ROLES.get(name);
  if (role !== undefined) return role;
  const claim = claimOf(name);
  if (claim !== undefined) return claim === 'override' ? 'override' : 'drop';
  return name.includes('_') && ROLES.has(name.replaceAll('_', '-')) ? 'drop' : undefined;
}

function note(scan: FieldScan, role: Role, [name, value]: [string, string]): void {
  if (role === 'override') scan.overrides = [...(scan.overrides ?? []), name, value];
  else if (role === 'source') scan.sources = [...(scan.sources ?? []), name, value];
  else if (role !== 'drop') {
    if (role === 'host') scan.hostLines++;
    if (role === 'contentLength') scan.contentLengthLines++;
    const before = scan[role];
    scan[role] = before === undefined ? value : `${before}, ${value}`;
  }
}

/** Facts about the gate and the client for a forwarded request. */
interface Passage {
  /** Host of the URI in the key. */
  readonly host: string;
  readonly scheme: 'http' | 'https';
  /** Host sent to the origin. */
  readonly originHost: string;
  /** For X-Forwarded-For. */
  readonly hops: string;
  /** Whether its override and source fields are forwarded. */
  readonly overrides: boolean;
  /** Version and pseudonym, e.g. `1.1 tidegate` (RFC 9110 §7.6.3). */
  readonly via: string;
  /** As forwarded; undefined when there is none. */
  readonly contentLength: string | undefined;
  readonly maxForwards: string | undefined;
}

/** The end-to-end fields of the forwarded request. Uses up `scan.rest`. */
export function forwardedFields(scan: FieldScan, passage: Passage): string[] {
  const fields = scan.connection === undefined ? scan.rest : withoutNamed(scan.rest, scan.connection);
  const { contentLength, maxForwards, overrides } = passage;
  fields.push('host', passage.originHost);
  if (contentLength !== undefined) fields.push('content-length', contentLength);
  if (maxForwards !== undefined) fields.push('max-forwards', maxForwards);
  fields.push('via', scan.via === undefined ? passage.via : `${scan.via}, ${passage.via}`);
  fields.push('x-forwarded-for', passage.hops, 'x-forwarded-host', passage.host, 'x-forwarded-proto', passage.scheme);
  if (overrides && scan.overrides !== undefined) fields.push(...scan.overrides);
  if (overrides && scan.sources !== undefined) fields.push(...scan.sources);
  return fields;
}

/** RFC 9110 §7.6.1: fields that Connection names end here. */
function withoutNamed(fields: string[], connection: string): string[] {
  if (PLAIN_CONNECTION.test(connection)) return fields;
  const named = new Set(listMembers(connection.toLowerCase()).filter((name) => !END_TO_END.has(name)));
  return filterFields(fields, (name) => !named.has(name));
}

const PLAIN_CONNECTION = /^(?:keep-alive|close|upgrade)$/i;
