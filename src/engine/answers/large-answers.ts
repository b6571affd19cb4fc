// Answers from a stored response whose body is large, read from the body store as the client takes it.

import { decodeHead } from '../../entry/codec.ts';
import type { LargeBody, StoredResponse } from '../../entry/stored-response.ts';
import type { Answer, BodyStore } from '../../ports.ts';
import type { Fields } from '../../semantics/fields.ts';
import { spanAnswer } from '../../semantics/ranges.ts';
import type { GateRequest } from '../contract.ts';
import { rangesAsked } from '../http/partial.ts';
import { type AnswerMaking, answerFromStored, notModifiedHead, reuseOf } from './answers.ts';

/** Like `answerFromStored`, wherever the body stands. Several ranges of a large body are answered with the whole. */
export function answerFromAny(
  request: GateRequest,
  entry: StoredResponse,
  how: AnswerMaking & { readonly bodies: BodyStore | undefined },
): Answer {
  const { large } = entry;
  if (large === undefined || how.bodies === undefined) return answerFromStored(request, entry, how);
  return answerFromLarge(request, { entry, large }, { ...how, bodies: how.bodies });
}

function answerFromLarge(
  request: GateRequest,
  { entry, large }: { readonly entry: StoredResponse; readonly large: LargeBody },
  how: AnswerMaking & { readonly bodies: BodyStore },
): Answer {
  const { outcome, added } = reuseOf(request, entry, how);
  const head = { status: entry.status, fields: decodeHead(entry.bytes, entry.headBytes) };
  const whole = (status: number, fields: Fields): Answer => ({
    kind: 'whole',
    head: { status, fields: [...fields, ...added] },
    body: undefined,
    outcome,
  });
  const notModified = notModifiedHead(request, head, entry.bornMs);
  if (notModified !== undefined) return whole(304, notModified.fields);
  if (request.method === 'HEAD') return whole(head.status, head.fields);
  const ranges = head.status === 200 ? rangesAsked(request, head.fields, entry) : undefined;
  const part = ranges === undefined ? undefined : spanAnswer(head.fields, large.bytes, ranges);
  if (part?.status === 416) return whole(416, part.fields);
  const { first, last } = part?.span ?? { first: 0, last: large.bytes - 1 };
  const { status, fields } = part ?? head;
  const body = how.bodies.read(large, { start: first, end: last + 1 });
  return { kind: 'streamed', head: { status, fields: [...fields, ...added] }, body, outcome };
}
