// Ranges: reading Range and Content-Range, and answering from what is stored
// (RFC 9110 §14, §15.3.7, §15.5.17; RFC 9111 §3.3).
//
// A stored response may itself be a part. `Part` covers both: a run of bytes of a representation and its place
// therein; a whole response is a part that begins at 0 and is as long as the representation.

import { type Fields, fieldLines, fieldValue, filterFields, type ResponseHead, trimOws, withField } from './fields.ts';
import type { Profile } from './policy.ts';

/** One range as asked for (RFC 9110 §14.1.1, §14.1.2): `last` is Infinity when open; `suffix` counts from the end. */
export type ByteRange = { readonly first: number; readonly last: number } | { readonly suffix: number };

/** The ranges of one Range field; at least one. */
export type ByteRanges = readonly ByteRange[];

/** A range that lies within a representation; `last` belongs to it. */
export interface Span {
  readonly first: number;
  readonly last: number;
}

/** Ranges answered in one request; a field with more is ignored, as RFC 9110 §14.2 allows against abuse. */
const MAX_RANGES = 50;

/**
 * Reads a Range field (RFC 9110 §14.2). Undefined, so that the field is ignored, when its unit is not bytes, it is
 * invalid, or it has too many ranges. Only for GET; it means nothing on other methods.
 */
export function parseRange(value: string): ByteRanges | undefined {
  const match = /^bytes=(.*)$/is.exec(trimOws(value));
  if (match === null) return undefined;
  const specs = (match[1] as string)
    .split(',')
    .map(trimOws)
    .filter((spec) => spec !== '');
  if (specs.length === 0 || specs.length > MAX_RANGES) return undefined;
  const ranges = specs.map(byteRange);
  return ranges.every((range) => range !== undefined) ? ranges : undefined;
}

function byteRange(spec: string): ByteRange | undefined {
  const match = /^(\d*)-(\d*)$/.exec(spec);
  if (match === null) return undefined;
  const [, from, to] = match as unknown as [string, string, string];
  if (from === '') return to === '' ? undefined : { suffix: position(to) };
  const range = { first: position(from), last: to === '' ? Number.POSITIVE_INFINITY : position(to) };
  return range.last < range.first ? undefined : range;
}

/** Lengths beyond what a number holds exactly are beyond any representation. */
function position(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

/**
 * The spans of the ranges in a representation of this length (RFC 9110 §14.1.2), in the requested order. Unsatisfiable
 * ranges are dropped; overlapping or touching ones are joined (§15.3.7.2), so no byte is ever sent twice.
 */
export function resolveRanges(ranges: ByteRanges, completeLength: number): Span[] {
  let spans: Span[] = [];
  for (const range of ranges) {
    const { first, last } =
      'suffix' in range ? { first: Math.max(0, completeLength - range.suffix), last: completeLength } : range;
    if (first >= completeLength) continue;
    let span = { first, last: Math.min(last, completeLength - 1) };
    const apart: Span[] = [];
    let place = spans.length;
    for (const [at, other] of spans.entries()) {
      if (other.first > span.last + 1 || other.last + 1 < span.first) apart.push(other);
      else {
        place = Math.min(place, at);
        span = { first: Math.min(span.first, other.first), last: Math.max(span.last, other.last) };
      }
    }
    apart.splice(place, 0, span);
    spans = apart;
  }
  return spans;
}

/** The content of a Content-Range field (RFC 9110 §14.4). `complete`: undefined when the sender did not know it (`*`). */
export type ContentRange =
  | { readonly first: number; readonly last: number; readonly complete: number | undefined }
  | { readonly unsatisfied: number };

/** Reads a Content-Range field; undefined when its unit is not bytes or it is invalid (RFC 9110 §14.4). */
export function parseContentRange(value: string): ContentRange | undefined {
  const match = /^bytes[ \t]+(?:(\d{1,15})-(\d{1,15})|\*)\/(\d{1,15}|\*)$/i.exec(trimOws(value));
  if (match === null) return undefined;
  const complete = match[3] === '*' ? undefined : Number(match[3]);
  if (match[1] === undefined) return complete === undefined ? undefined : { unsatisfied: complete };
  const first = Number(match[1]);
  const last = Number(match[2]);
  return last < first || (complete !== undefined && complete <= last) ? undefined : { first, last, complete };
}

/** A run of bytes of one representation, with the fields of its response. */
export interface Part {
  readonly fields: Fields;
  /** Where the body begins in the representation. */
  readonly first: number;
  /** Length of the whole representation; undefined when the origin did not say. */
  readonly complete: number | undefined;
  readonly body: Uint8Array;
}

/**
 * The part that a 200 or 206 response carries (RFC 9111 §3.3); undefined when ranges make no sense for it: another
 * status, a multipart 206, or a Content-Range that is invalid or contradicts the length of the body. A 206 that holds
 * the whole comes out as a whole part, without Content-Range.
 *
 * In the conformance profile such a contradiction is settled for a part at the end of its representation by trusting
 * where it begins and the bytes that came, as the public suite requires: it serves `bytes 4-9/10` with five bytes
 * (`partial-store-partial-reuse-partial`). A guess, so the safe profile does not.
 */
export function partOf(head: ResponseHead, body: Uint8Array, profile: Profile): Part | undefined {
  if (head.status === 200) return { fields: head.fields, first: 0, complete: body.length, body };
  const lines = fieldLines(head.fields, 'content-range');
  const range = head.status === 206 && lines.length === 1 ? parseContentRange(lines[0] as string) : undefined;
  if (range === undefined || 'unsatisfied' in range) return undefined;
  const { first, last, complete } = range;
  const part = { fields: head.fields, first, complete, body };
  if (last - first + 1 === body.length) return isComplete(part) ? withExtent(part) : part;
  if (profile === 'safe' || last + 1 !== complete || first === 0 || body.length === 0) return undefined;
  return withExtent({ fields: head.fields, first, complete: first + body.length, body });
}

/** Whether the part is the whole representation. */
export function isComplete(part: Part): boolean {
  return part.first === 0 && part.complete === part.body.length;
}

/** The part with fields that describe it: Content-Length, and Content-Range unless it is whole (RFC 9111 §3.4). */
export function withExtent(part: Part): Part {
  const span = { first: part.first, last: part.first + part.body.length - 1 };
  const fields = filterFields(part.fields, (name) => name !== 'content-range' && name !== 'content-length');
  fields.push('content-length', String(part.body.length));
  if (!isComplete(part)) fields.push('content-range', contentRange(span, part.complete));
  return { ...part, fields };
}

function contentRange(span: Span, complete: number | undefined): string {
  return `bytes ${span.first}-${span.last}/${complete ?? '*'}`;
}

/**
 * Whether the part holds every byte that the ranges name (RFC 9111 §3.3). When the complete length is unknown, this
 * can be decided only for ranges with both ends. Always true for a whole representation: it also shows when nothing
 * satisfies the ranges.
 */
export function partCovers(part: Part, ranges: ByteRanges): boolean {
  if (isComplete(part)) return true;
  const end = part.first + part.body.length;
  if (part.complete === undefined) {
    return ranges.every((range) => !('suffix' in range) && range.first >= part.first && range.last < end);
  }
  const spans = resolveRanges(ranges, part.complete);
  return spans.length > 0 && spans.every((span) => span.first >= part.first && span.last < end);
}

/** A whole answer to a request with Range. 200: the ranges name nothing that a 206 could express. */
export interface RangeAnswer extends ResponseHead {
  readonly status: 200 | 206 | 416;
  readonly body: Uint8Array;
}

/**
 * Answers ranges from a part: 206 with one part or as multipart/byteranges, or 416 (RFC 9110 §15.3.7, §15.5.17);
 * undefined when the part does not cover them. `boundary` stands between the parts of a multipart and must not occur in
 * the body; a single part's body is a view, not a copy.
 */
export function rangeAnswer(part: Part, ranges: ByteRanges, boundary: string): RangeAnswer | undefined {
  if (!partCovers(part, ranges)) return undefined;
  const complete = part.complete ?? part.first + part.body.length;
  const spans = resolveRanges(ranges, complete);
  if (spans.length === 0) {
    // The end of an empty representation is satisfiable (RFC 9110 §14.1.2) yet no Content-Range can name it.
    const emptySuffix = complete === 0 && ranges.some((range) => 'suffix' in range && range.suffix > 0);
    return emptySuffix ? { status: 200, fields: part.fields, body: part.body } : unsatisfiable(part.fields, complete);
  }
  if (spans.length > 1) return multipart(part, spans, boundary);
  const span = spans[0] as Span;
  const body = part.body.subarray(span.first - part.first, span.last + 1 - part.first);
  return { status: 206, fields: spanFields(part.fields, span, part.complete), body };
}

function spanFields(fields: Fields, span: Span, complete: number | undefined): string[] {
  const length = String(span.last - span.first + 1);
  return [...partialFields(fields), 'content-length', length, 'content-range', contentRange(span, complete)];
}

/**
 * Answers ranges in a whole representation whose bytes are not at hand: 206 with one span, or 416, which has no content;
 * undefined when they name several spans, or nothing that a 206 could express, so that the whole is the answer (RFC 9110 §14.2
 * allows that).
 */
export function spanAnswer(
  fields: Fields,
  complete: number,
  ranges: ByteRanges,
): { readonly status: 206 | 416; readonly fields: Fields; readonly span: Span | undefined } | undefined {
  const spans = resolveRanges(ranges, complete);
  if (spans.length > 1 || complete === 0) return undefined;
  const [span] = spans;
  if (span !== undefined) return { status: 206, fields: spanFields(fields, span, complete), span };
  return { status: 416, fields: unsatisfiable(fields, complete).fields, span: undefined };
}

/** Fields that describe the content of a message rather than the representation (RFC 9530 §2; RFC 2616 §14.15). */
const OF_THE_CONTENT: ReadonlySet<string> = new Set([
  'content-digest',
  'content-length',
  'content-md5',
  'content-range',
]);

function partialFields(fields: Fields): string[] {
  return filterFields(fields, (name) => !OF_THE_CONTENT.has(name));
}

/**
 * 416 says what length would do (RFC 9110 §15.5.17). It must not carry the representation's freshness or validators: a
 * cache on the way could take the error for the representation. Fields by which browsers let a script read it stay.
 */
function unsatisfiable(fields: Fields, complete: number): RangeAnswer {
  const kept = filterFields(fields, (name) => name === 'date' || name === 'vary' || name.startsWith('access-control-'));
  kept.push('content-length', '0', 'content-range', `bytes */${complete}`);
  return { status: 416, fields: kept, body: new Uint8Array(0) };
}

/** multipart/byteranges (RFC 9110 §14.6): Content-Type and Content-Range move into the parts. */
function multipart(part: Part, spans: readonly Span[], boundary: string): RangeAnswer {
  const type = fieldValue(part.fields, 'content-type');
  const typeLine = type === undefined ? '' : `Content-Type: ${type}\r\n`;
  const chunks = spans.flatMap((span) => [
    latin1(`\r\n--${boundary}\r\n${typeLine}Content-Range: ${contentRange(span, part.complete)}\r\n\r\n`),
    part.body.subarray(span.first - part.first, span.last + 1 - part.first),
  ]);
  chunks.push(latin1(`\r\n--${boundary}--\r\n`));
  const body = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
  let to = 0;
  for (const chunk of chunks) {
    body.set(chunk, to);
    to += chunk.length;
  }
  const fields = withField(partialFields(part.fields), 'content-type', `multipart/byteranges; boundary=${boundary}`);
  return { status: 206, fields: [...fields, 'content-length', String(body.length)], body };
}

function latin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
