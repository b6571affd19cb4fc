// The answers a client gets: a stored response, whole, as a 304, as a range; a response that is still arriving; an error
// the gate makes.

import { bodyOf, decodeHead, type StoredResponse } from '../../entry/stored-response.ts';
import type { ErrorCode, TidegateError } from '../../errors.ts';
import type { Answer, Random } from '../../ports.ts';
import { type Fields, hasField, type ResponseHead } from '../../semantics/fields.ts';
import type { ReuseBasis } from '../../semantics/freshness.ts';
import { formatCacheStatus, type Outcome, type OutcomeDetail } from '../../semantics/outcome.ts';
import { outwardFields, statedAge } from '../../semantics/outward.ts';
import { rangeAnswer } from '../../semantics/ranges.ts';
import { ageSeconds, evaluatePreconditions, notModifiedFields, ttlSeconds } from '../../semantics/reuse.ts';
import type { GateRequest, WholeAnswer } from '../contract.ts';
import type { FillBody } from '../http/fill-body.ts';
import { rangesAsked, storedPart } from '../http/partial.ts';
import { asKnownToClient, clientFields } from './edits.ts';

/** Parts of an answer from a stored response. */
export interface AnswerMaking {
  readonly now: number;
  readonly outcome: Outcome;
  readonly random: Random;
  /** The entry in the content coding that the request prefers. */
  readonly coded?: StoredResponse | undefined;
}

/** A stored response for this request: RFC 9111 §4, with the client's conditions (§4.3.2) and ranges (RFC 9110 §14). */
export function answerFromStored(request: GateRequest, entry: StoredResponse, how: AnswerMaking): WholeAnswer {
  const { outcome, added } = reuseOf(request, entry, how);
  const whole = { kind: 'stored', entry: how.coded ?? entry, added, outcome } as const;
  const isLess = entry.status === 206 || asksForLess(request.fields);
  const less = isLess ? lessOf(request, entry, how.random) : undefined;
  if (less === undefined && request.route.outward === undefined) return whole;
  const { status, fields, body } = less ?? { ...headOf(whole.entry), body: bodyOf(whole.entry) };
  const reuse = { entry, now: how.now, outcome, added };
  return { kind: 'whole', head: { status, fields: reusedFields(request, fields, reuse) }, body, outcome };
}

interface Reuse {
  readonly outcome: Outcome;
  /** The fields that it adds. */
  readonly added: Fields;
}

/** The fields of a stored response for the client. */
export function reusedFields(
  { route }: GateRequest,
  fields: Fields,
  { entry, now, outcome, added }: Reuse & { readonly entry: StoredResponse; readonly now: number },
): Fields {
  if (route.outward === undefined) return [...fields, ...added];
  const left = entry.terms.noCache ? 0 : (outcome.ttlSeconds ?? 0);
  return [...outwardFields(fields, route.outward, { age: ageSeconds(entry.bornMs, now), left }), ...added];
}

export function reuseOf(
  request: GateRequest,
  entry: StoredResponse,
  how: Pick<AnswerMaking, 'now' | 'outcome'>,
): Reuse {
  const outcome: Outcome = { ...how.outcome, ttlSeconds: ttlSeconds(entry, how.now) };
  const age = String(ageSeconds(entry.bornMs, how.now));
  return { outcome, added: ['age', age, 'cache-status', formatCacheStatus(request.route.policy.cacheName, outcome)] };
}

/** The 304, 206 or 416 that answers the request from the stored response; undefined: the whole of it does. */
function lessOf(
  request: GateRequest,
  entry: StoredResponse,
  random: Random,
): (ResponseHead & { readonly body: Uint8Array | undefined }) | undefined {
  const head = headOf(entry);
  const notModified = notModifiedHead(request, head, entry.bornMs);
  if (notModified !== undefined) return { ...notModified, body: undefined };
  if (entry.status !== 200 && entry.status !== 206) return undefined;
  const ranges = rangesAsked(request, head.fields, entry);
  const part = ranges && storedPart(entry, request.route.policy.profile);
  return ranges && part && rangeAnswer(part, ranges, boundary(random));
}

export function headOf(entry: StoredResponse): ResponseHead {
  return { status: entry.status, fields: decodeHead(entry.bytes, entry.headBytes) };
}

/** The head as the client knows it, where its conditions make a 304 of this response (RFC 9110 §13.2.2). */
function unmodified(request: GateRequest, head: ResponseHead, bornMs: number): ResponseHead | undefined {
  const known = asKnownToClient(request, head);
  return evaluatePreconditions(request, { ...known, bornMs }) === 'not-modified' ? known : undefined;
}

/** The head of the 304 that answers the request; undefined: none does. */
export function notModifiedHead(request: GateRequest, head: ResponseHead, bornMs: number): ResponseHead | undefined {
  const known = unmodified(request, head, bornMs);
  return known && { status: 304, fields: notModifiedFields(known.fields) };
}

const LESS_FIELDS = ['range', 'if-none-match', 'if-modified-since'] as const;

function asksForLess(fields: Fields): boolean {
  for (const name of LESS_FIELDS) if (hasField(fields, name)) return true;
  return false;
}

/** A multipart boundary that does not occur in any body but by a chance of 2^-100. */
function boundary(random: Random): string {
  let text = '';
  while (text.length < 32)
    text += Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  return text;
}

/** The head of a response as it arrives. */
interface Arriving {
  readonly head: ResponseHead;
  readonly now: number;
  /** Undefined: it is not stored. */
  readonly basis: ReuseBasis | undefined;
}

/** The fields of an arriving response for the client. */
function arrivedFields({ route }: GateRequest, { head, now, basis }: Arriving, outcome: Outcome): Fields {
  const fields = clientFields(head.fields, route, outcome);
  if (route.outward === undefined) return fields;
  const left = basis === undefined || basis.terms.noCache ? 0 : ttlSeconds(basis, now);
  return outwardFields(fields, route.outward, { age: statedAge(fields), left });
}

/** A response as it arrives. `added`: fields for this client alone. */
export function answerFromOrigin(
  request: GateRequest,
  arriving: Arriving & { readonly body: FillBody; readonly added: Fields },
  outcome: Outcome,
): Answer {
  const { body, added } = arriving;
  const head = arriving.head.status === 304 ? asKnownToClient(request, arriving.head) : arriving.head;
  const shown = arrivedFields(request, { ...arriving, head }, outcome);
  return {
    kind: 'streamed',
    head: { status: head.status, fields: [...shown, ...added] },
    body: body.reader(),
    outcome,
  };
}

/** A 304 made from a response that has just arrived; undefined: the client turns out not to have it. */
export function notModifiedFromOrigin(request: GateRequest, arriving: Arriving, outcome: Outcome): Answer | undefined {
  const known = request.method === 'GET' ? unmodified(request, arriving.head, arriving.now) : undefined;
  if (known === undefined) return undefined;
  const fields = notModifiedFields(arrivedFields(request, { ...arriving, head: known }, outcome));
  return { kind: 'whole', head: { status: 304, fields }, body: undefined, outcome };
}

/** RFC 9111 §5.2.1.7: only-if-cached and nothing to reuse. */
export function answerOnlyIfCached(request: GateRequest): Answer {
  return made(request, {
    status: 504,
    text: 'The request says only-if-cached, and no stored response may be reused for it (RFC 9111 section 5.2.1.7).\n',
    outcome: { hit: false, detail: 'only-if-cached' },
  });
}

/** The origin could not be reached or did not answer as it should. */
export function answerFailure(request: GateRequest, error: TidegateError, outcome: Outcome): Answer {
  const { code, retryAfterMs } = error;
  return made(request, {
    status: FAILURE_STATUS[code] ?? 502,
    text: `No answer from the origin: ${code}, ${FAILURES[code] ?? OTHER_FAILURE}.\n`,
    outcome: { ...outcome, detail: FAILURE_DETAIL[code] ?? 'origin-error' },
    ...(retryAfterMs !== undefined && { retryAfter: String(Math.ceil(retryAfterMs / 1_000)) }),
  });
}

const FAILURE_DETAIL: { readonly [code in ErrorCode]?: OutcomeDetail } = {
  E_WRITES: 'refused',
  E_OVERLOAD: 'overload',
};

const FAILURE_STATUS: { readonly [code in ErrorCode]?: number } = {
  E_ORIGIN_TIMEOUT: 504,
  E_ORIGIN_OPEN: 503,
  E_OVERLOAD: 503,
  E_ORIGIN_BUSY: 503,
  E_WRITES: 429,
  E_LOG: 503,
  E_FAULT: 500,
};

/** The text for the client; the log gets the details. */
const FAILURES: { readonly [code in ErrorCode]?: string } = {
  E_ORIGIN_CONNECT: 'expected a connection to the origin, got none',
  E_ORIGIN_TIMEOUT: 'expected a response in time, got none',
  E_ORIGIN_BUSY: 'expected a free connection to it, got too many requests at a time',
  E_ORIGIN_OPEN: 'it failed repeatedly and is not asked for a while',
  E_OVERLOAD: 'expected room for one more request, got none',
  E_WRITES:
    'expected fewer writes of this client at a time, and uploads that it does not break off, got too many; it was not sent',
  E_ORIGIN_PROTOCOL: 'expected an HTTP response, got something else',
  E_LOG:
    'expected the log of invalidations to take what the write changes, got a failure; the write may be done or not',
  E_FAULT: 'expected no exception in the cache, got one',
};

const OTHER_FAILURE = 'expected a complete response, got an error on the connection';

function made(
  request: GateRequest,
  what: { status: number; text: string; outcome: Outcome; retryAfter?: string },
): Answer {
  const { status, text, outcome, retryAfter } = what;
  // The texts are ASCII.
  const body = Uint8Array.from(text, (char) => char.charCodeAt(0));
  const fields = [
    ...['content-type', 'text/plain; charset=utf-8', 'content-length', String(body.length)],
    ...['cache-control', 'no-store'],
    ...['cache-status', formatCacheStatus(request.route.policy.cacheName, outcome)],
    ...(retryAfter === undefined ? [] : ['retry-after', retryAfter]),
  ];
  return { kind: 'whole', head: { status, fields }, body, outcome };
}
