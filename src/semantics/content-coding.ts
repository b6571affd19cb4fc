// Content codings: the choice among them for a request (Accept-Encoding, RFC 9110 §12.5.3), which responses are coded, with
// which fields, under which entity tags (RFC 9110 §8.4, §8.8.3.3).
//
// Identity is a choice like the others, but never refused. Nothing obliges a server to answer 406 (RFC 9110 §12.5.3),
// and an uncoded answer serves a client better than an error.
//
// Each coding is a representation of its own, so each has its own entity tag: the origin's, followed by a tilde and
// the coding's name. Weak tags get the suffix as well, though they need not: a cache between the gate and its client
// may hold several codings, and a 304 must tell it which one is meant.

import { type Fields, fieldValue, filterFields, hasField, listMembers, type ResponseHead } from './fields.ts';
import { acceptedCodings } from './preferences.ts';
import { completeLength } from './validation.ts';

/** The codings that a stored response may be put in: a closed list. */
export const CODINGS = ['zstd', 'br', 'gzip'] as const;

export type Coding = (typeof CODINGS)[number];

/** The codings that a request takes, the best first; at least one. */
export type AcceptedCodings = readonly (Coding | 'identity')[];

/** Values remembered; each kind of client sends its own. The first ones stay. */
const MAX_REMEMBERED = 256;
const MAX_REMEMBERED_CHARS = 100;

/** Chooses codings for many requests: remembers the choices for usual values. */
export function codingChooser(offered: readonly Coding[]): (value: string | undefined) => AcceptedCodings {
  const remembered = new Map<string, AcceptedCodings>();
  return (value) => {
    if (value === undefined) return acceptedCodings(value, offered);
    const known = remembered.get(value);
    if (known !== undefined) return known;
    const accepted = acceptedCodings(value, offered);
    if (remembered.size < MAX_REMEMBERED && value.length <= MAX_REMEMBERED_CHARS) remembered.set(value, accepted);
    return accepted;
  };
}

/** A route's settings for coding. Made once from the configuration. */
export interface CodingRules {
  /** The codings that a request takes, by its Accept-Encoding. */
  readonly accepted: (acceptEncoding: string | undefined) => AcceptedCodings;
  /** Smaller bodies are left as they are. */
  readonly minBytes: number;
  /** Whether coding the media type is worthwhile; in lower case, without parameters. */
  readonly takesType: (mediaType: string) => boolean;
}

/** Why a response is not coded. */
export type CodingRefusal = 'status' | 'encoded' | 'no-transform' | 'type' | 'small' | 'large';

/** Statuses without content, and 206: a part of one representation is no part of another. */
const NEVER_CODED: ReadonlySet<number> = new Set([204, 205, 206, 304]);

/** Why the response is not coded; undefined when it may be. `bodyBytes`: of the whole; undefined while unknown. */
export function codingRefusal(
  { status, fields }: ResponseHead,
  rules: CodingRules,
  bodyBytes: number | undefined,
): CodingRefusal | undefined {
  return status < 200 || NEVER_CODED.has(status) ? 'status' : representationRefusal(fields, rules, bodyBytes);
}

function representationRefusal(
  fields: Fields,
  rules: CodingRules,
  bodyBytes: number | undefined,
): CodingRefusal | undefined {
  if (hasField(fields, 'content-encoding')) return 'encoded';
  if (forbidsTransforming(fields)) return 'no-transform';
  const type = fieldValue(fields, 'content-type')?.split(';', 1)[0]?.trim().toLowerCase();
  if (type === undefined || !rules.takesType(type)) return 'type';
  return bodyBytes !== undefined && bodyBytes < rules.minBytes ? 'small' : undefined;
}

/** RFC 9111 §5.2.1.6, §5.2.2.6: requests and responses share this directive. */
export function forbidsTransforming(fields: Fields): boolean {
  const value = fieldValue(fields, 'cache-control');
  return value !== undefined && listMembers(value.toLowerCase()).includes('no-transform');
}

/**
 * The fields of a response whose representation may be coded, with Vary saying so (RFC 9110 §12.5.5): the uncoded
 * response gets Vary too, as does a part of it.
 */
export function withVaryByCoding({ status, fields }: ResponseHead, rules: CodingRules): Fields {
  if (status < 200 || status === 204 || status === 304) return fields;
  const digits = completeLength(fields);
  const bodyBytes = digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
  if (representationRefusal(fields, rules, bodyBytes) !== undefined) return fields;
  const vary = fieldValue(fields, 'vary');
  const members = listMembers(vary?.toLowerCase());
  if (members.includes('*') || members.includes('accept-encoding')) return fields;
  return [
    ...filterFields(fields, (name) => name !== 'vary'),
    'vary',
    [vary, 'Accept-Encoding'].filter(Boolean).join(', '),
  ];
}

/**
 * Fields about the bytes: digests (RFC 9530, RFC 3230, RFC 1864) would describe other bytes; ranges are answered from
 * the uncoded representation, so none is offered.
 */
const OF_THE_BYTES: ReadonlySet<string> = new Set([
  'accept-ranges',
  'content-digest',
  'content-length',
  'content-md5',
  'digest',
  'repr-digest',
]);

/** The fields of the response in the coding, whose body has `bodyBytes` bytes. */
export function codedFields(fields: Fields, coding: Coding, bodyBytes: number): Fields {
  const coded: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string;
    const value = fields[at + 1] as string;
    if (!OF_THE_BYTES.has(name)) coded.push(name, name === 'etag' ? codedEtag(value, coding) : value);
  }
  return [...coded, 'content-encoding', coding, 'content-length', String(bodyBytes)];
}

/** The entity tag of a representation in a coding, made from the tag of its source. */
export function codedEtag(etag: string, coding: Coding): string {
  return etag.endsWith('"') ? `${etag.slice(0, -1)}~${coding}"` : `${etag}~${coding}`;
}

const CODED_TAG = /* @__PURE__ */ new RegExp(`~(?:${CODINGS.join('|')})(?="|[ \\t]*(?:,|$))`, 'g');

/**
 * A list of entity tags in the origin's terms: turns tags of `codedEtag` for one of the codings back into their
 * sources.
 */
export function originEtags(value: string, codings: AcceptedCodings = CODINGS): string {
  return value.replace(CODED_TAG, (suffix) => ((codings as readonly string[]).includes(suffix.slice(1)) ? '' : suffix));
}

const COMPRESSIBLE =
  /^(?:application\/(?:ecmascript|graphql|javascript|jsonl?|rtf|sql|toml|vnd\.ms-fontobject|wasm|x-javascript|x-ndjson|x-sh|x-yaml|xml|yaml)|font\/(?:otf|ttf)|image\/(?:bmp|vnd\.microsoft\.icon|x-icon))$|\+(?:json|xml|yaml|text)$/;

/** Whether content of the media type is text, or is known to become much smaller. */
export function isCompressibleType(mediaType: string): boolean {
  // Clients read a stream of events as it comes; it is hardly ever stored.
  if (mediaType.startsWith('text/')) return mediaType !== 'text/event-stream';
  return COMPRESSIBLE.test(mediaType);
}
