// Representations in a content coding, beside their source: which responses are coded, with which fields, under which
// entity tags (RFC 9110 §8.4, §8.8.3.3).
//
// Each coding is a representation of its own, so each has its own entity tag: the origin's, followed by a tilde and
// the coding's name. Weak tags get the suffix as well, though they need not: a cache between the gate and its client
// may hold several codings, and a 304 must tell it which one is meant.

import { type AcceptedCodings, CODINGS, type Coding } from './content-coding.ts';
import { type Fields, fieldValue, filterFields, hasField, listMembers, type ResponseHead } from './fields.ts';

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
  if (status < 200 || NEVER_CODED.has(status)) return 'status';
  return representationRefusal(fields, rules, bodyBytes);
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
  if (representationRefusal(fields, rules, wholeLength(fields)) !== undefined) return fields;
  const vary = fieldValue(fields, 'vary');
  const members = listMembers(vary?.toLowerCase());
  if (members.includes('*') || members.includes('accept-encoding')) return fields;
  return [
    ...filterFields(fields, (name) => name !== 'vary'),
    'vary',
    [vary, 'Accept-Encoding'].filter(Boolean).join(', '),
  ];
}

/** Length of the whole representation, as far as the fields of a response, or of a part, state it. */
function wholeLength(fields: Fields): number | undefined {
  const range = fieldValue(fields, 'content-range');
  const digits = range === undefined ? fieldValue(fields, 'content-length') : /\/(\d+)$/.exec(range)?.[1];
  return digits !== undefined && /^\d{1,15}$/.test(digits) ? Number(digits) : undefined;
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
  coded.push('content-encoding', coding, 'content-length', String(bodyBytes));
  return coded;
}

/** The entity tag of a representation in a coding, made from the tag of its source. */
export function codedEtag(etag: string, coding: Coding): string {
  return etag.endsWith('"') ? `${etag.slice(0, -1)}~${coding}"` : `${etag}~${coding}`;
}

const CODED_TAG = new RegExp(`~(?:${CODINGS.join('|')})(?="|[ \\t]*(?:,|$))`, 'g');

/**
 * A list of entity tags in the origin's terms: turns tags of `codedEtag` for one of the codings back into their
 * sources.
 */
export function originEtags(value: string, codings: AcceptedCodings = CODINGS): string {
  return value.replace(CODED_TAG, (suffix) => ((codings as readonly string[]).includes(suffix.slice(1)) ? '' : suffix));
}

const COMPRESSIBLE: ReadonlySet<string> = new Set(
  `application/atom+xml application/ecmascript application/graphql application/javascript application/json
   application/jsonl application/ld+json application/manifest+json application/rss+xml application/rtf
   application/sql application/toml application/vnd.ms-fontobject application/wasm application/x-javascript
   application/x-ndjson application/x-sh application/x-yaml application/xml application/yaml font/otf font/ttf
   image/bmp image/svg+xml image/vnd.microsoft.icon image/x-icon`.split(/\s+/),
);

/** Whether content of the media type is text, or is known to become much smaller. */
export function isCompressibleType(mediaType: string): boolean {
  // Clients read a stream of events as it comes; it is hardly ever stored.
  if (mediaType.startsWith('text/')) return mediaType !== 'text/event-stream';
  return COMPRESSIBLE.has(mediaType) || /\+(?:json|xml|yaml|text)$/.test(mediaType);
}
