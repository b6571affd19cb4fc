// What the gate and its cached entrypoint tell each other through the platform's Workers Cache: the name under which the
// platform keeps an answer, and the answer itself.
//
// The platform is told no more of an answer than how long to keep it, what selects it and by which tags it can be purged. All
// other fields travel in one field of their own, so that the platform neither reads nor changes them. Whoever reads an answer
// checks that it is the one that was asked for, and whole: the body ends with a mark that says its length.

import { countingNames, fieldsForCaches } from '../engine/answers/edits.ts';
import type { GateRequest } from '../engine/contract.ts';
import { variantKey } from '../entry/key.ts';
import { escapedChar } from '../errors.ts';
import { fnv1a } from '../ledger/hashes.ts';
import type { Position } from '../ledger/log.ts';
import { type Fields, fieldValue, filterFields, type ResponseHead, selectingFields } from '../semantics/fields.ts';
import { type Tags, tagsOf } from '../semantics/invalidation.ts';
import { normaliserFor } from '../semantics/vary.ts';

/** In a request: the name that is asked for. From a client it means nothing. */
export const NAME_FIELD = 'tidegate-stored-name';
/** In a request: the position that the reader had heard of when it asked. It is no part of the name. */
export const HEARD_FIELD = 'tidegate-heard';
/** In an answer: what the reader needs to know of it. */
export const NOTE_FIELD = 'tidegate-stored-note';

const OWN_FIELDS: ReadonlySet<string> = new Set([NAME_FIELD, HEARD_FIELD, NOTE_FIELD]);

/** Neither a client nor an origin says these. */
export function withoutOwnFields(fields: Fields): Fields {
  return filterFields(fields, (name) => !OWN_FIELDS.has(name));
}

/** A longer one is not asked for; what the platform takes is not documented. */
const MAX_NAME_LENGTH = 4_096;
/** Fields and tags of an answer, together with all else that the reader is told. A longer note is not written. */
const MAX_NOTE_LENGTH = 15_000;

/** An entry of one generation: it is never changed, and another generation has another name. */
export interface StoredName {
  /** Whose log the epoch and the position are of. */
  readonly shard: string;
  readonly epoch: string;
  /** The answer must have been read at this position or later. */
  readonly position: Position;
  /** Plain cache key. */
  readonly key: string;
}

/** Of names and notes. Where entries are kept across versions of the Worker, a version reads none of another format. */
const FORMAT = 2;

/** The name as the platform's cache key; undefined: it is too long. */
export function nameText({ shard, epoch, position, key }: StoredName): string | undefined {
  const text = `/tidegate/${[FORMAT, shard, epoch, position, key].map(encodeURIComponent).join('/')}`;
  return text.length <= MAX_NAME_LENGTH ? text : undefined;
}

/** Undefined: it is no name. */
export function parseName(text: string | null): StoredName | undefined {
  const match = /^\/tidegate\/(\d+)\/([^/]+)\/([^/]+)\/(\d{1,15})\/([^/]+)$/.exec(text ?? '');
  if (match === null || Number(match[1]) !== FORMAT) return undefined;
  try {
    const [shard = '', epoch = '', position = '', key = ''] = match.slice(2).map(decodeURIComponent);
    return { shard, epoch, position: Number(position), key };
  } catch {
    return undefined; // no encoding, so none of ours
  }
}

/** What the reader of an answer is told. */
export interface AnswerNote {
  readonly name: string;
  /** Position of the read, in the epoch of the name. */
  readonly readAt: Position;
  readonly status: number;
  /** End-to-end fields as the origin gave them. */
  readonly fields: Fields;
  /** The instant at which its age was 0; undefined: it is not stored, and was made for this request. */
  readonly bornMs: number | undefined;
  /** The variant that it is; see `variantOf`. */
  readonly variant: string;
}

/** The text of a field; undefined: it is too long. */
export function noteText(note: AnswerNote): string | undefined {
  const text = JSON.stringify(note).replace(/[^\x20-\x7e]/g, escapedChar);
  return text.length <= MAX_NOTE_LENGTH ? text : undefined;
}

/** Undefined: it is none, or one that says other things than the answer itself. */
export function noteOf({ headers, status }: Response): AnswerNote | undefined {
  try {
    const note = JSON.parse(headers.get(NOTE_FIELD) ?? 'null') as AnswerNote | null;
    const isOurs = note?.status === status && Array.isArray(note.fields) && Number.isSafeInteger(note.readAt);
    return isOurs ? note : undefined;
  } catch {
    return undefined; // not ours, so none
  }
}

/** The variant of the answer that a request selects, by the fields as they are forwarded; undefined: no request does. */
export function variantOf(
  head: ResponseHead,
  request: Pick<GateRequest, 'fields' | 'route'>,
): { readonly names: readonly string[]; readonly text: string } | undefined {
  const selecting = selectingFields(fieldValue(head.fields, 'vary'));
  if (selecting === 'any') return undefined;
  const names = countingNames(selecting, request.route);
  const normalise = normaliserFor(request.route.policy);
  return { names, text: variantKey('', names, { request: request.fields, normalise }) };
}

/** The tags by which an invalidation finds the answer: those that the engine gives its entry. */
export function answerTags(fields: Fields, { route, uri }: Pick<GateRequest, 'route' | 'uri'>): Tags {
  return tagsOf(fieldsForCaches({ status: 200, fields }, route), uri);
}

/**
 * A name as a tag of the platform: it knows neither upper case nor all characters, and drops a long tag. 64 bits of it; two
 * names with the same tag are purged together.
 */
export function platformTag(kind: 'tag' | 'url', name: string): string {
  const text = `${kind} ${name}`;
  return [fnv1a(text), fnv1a(text, 0x1234567)].map((hash) => (hash >>> 0).toString(36).padStart(7, '0')).join('');
}

/** Statuses that come without a body (Fetch, null body status). */
const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304]);

export function hasBody(status: number): boolean {
  return !NULL_BODY.has(status);
}

/** Two bytes that are always the same, and the length of all before them in six. */
const MARK_BYTES = 8;
const MARK_WORD = 0x7467;

function endMark(length: number): Uint8Array {
  const mark = new DataView(new ArrayBuffer(MARK_BYTES));
  mark.setUint16(0, MARK_WORD);
  mark.setUint16(2, Math.floor(length / 2 ** 32));
  mark.setUint32(4, length % 2 ** 32);
  return new Uint8Array(mark.buffer);
}

/** The body, and then its end mark: a body that was cut anywhere has none. */
export function withEndMark(body: ReadableStream<Uint8Array> | null): ReadableStream<Uint8Array> {
  const reader = body?.getReader();
  let length = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
        if (done || value === undefined) {
          controller.enqueue(endMark(length));
          return controller.close();
        }
        length += value.length;
        controller.enqueue(value);
      },
      cancel: (reason) => reader?.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}

/** Takes the end mark from a body that arrives bit by bit. */
export class EndMarkReader {
  #held = new Uint8Array(0);
  #length = 0;

  /** What of the body is known to stand before the mark. */
  take(chunk: Uint8Array): readonly Uint8Array[] {
    const known = Math.max(0, this.#held.length + chunk.length - MARK_BYTES);
    const ofHeld = Math.min(known, this.#held.length);
    const ofChunk = known - ofHeld;
    const pieces = [this.#held.subarray(0, ofHeld), chunk.subarray(0, ofChunk)].filter(({ length }) => length > 0);
    const rest = new Uint8Array(this.#held.length - ofHeld + chunk.length - ofChunk);
    rest.set(this.#held.subarray(ofHeld));
    rest.set(chunk.subarray(ofChunk), this.#held.length - ofHeld);
    this.#held = rest;
    this.#length += known;
    return pieces;
  }

  /** At the end: all of the body has come. */
  get isWhole(): boolean {
    const mark = endMark(this.#length);
    return this.#held.length === MARK_BYTES && this.#held.every((byte, at) => byte === mark[at]);
  }
}
