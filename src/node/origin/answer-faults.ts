// Answers that undici reads and nobody may take for what they seem: their framing is one that two readers understand differently, or
// they answer something that was not asked.

import type { OriginRequest } from '../../ports.ts';
import { fieldValue, type ResponseHead } from '../../semantics/fields.ts';
import { isUnasked } from '../../semantics/validation.ts';

/** More field lines in one head are refused, however short they are. */
const MAX_FIELD_LINES = 2000;

/** Why the answer is refused, as a message says it; undefined: it is none of these. `isOld`: it came as HTTP/1.0. */
export function answerFault(request: OriginRequest, head: ResponseHead, isOld: boolean): string | undefined {
  const { status, fields } = head;
  const lines = fields.length / 2;
  if (lines > MAX_FIELD_LINES) return `expected at most ${MAX_FIELD_LINES} field lines, got ${lines}`;
  const coding = fieldValue(fields, 'transfer-encoding');
  if (coding !== undefined) {
    // RFC 9112 §6.1: HTTP/1.0 has no transfer codings, so its framing is to be taken as faulty.
    if (isOld) return `expected no Transfer-Encoding in an answer of HTTP/1.0, got ${namedCoding(coding)}`;
    // RFC 9112 §7.4: no other was asked for, and nothing here undoes one.
    if (coding.toLowerCase() !== 'chunked')
      return `expected chunked as the only transfer coding, got ${namedCoding(coding)}`;
  }
  if (!isUnasked(request.fields, status)) return undefined;
  return `expected a status that fits the request, got ${status} without a ${status === 304 ? 'condition' : 'Range'} in it`;
}

/** For the log: what is no name of a coding may be anything. */
function namedCoding(coding: string): string {
  const isNamed = /^(?:(?:chunked|identity|(?:x-)?gzip|(?:x-)?compress|deflate)[, \t]*)+$/i.test(coding);
  return isNamed && coding.length <= MAX_CODING ? `"${coding}"` : `${coding.length} characters`;
}

const MAX_CODING = 80;

/** Whether the message itself marks the end of the content, rather than the end of the connection (RFC 9112 §6.3). */
export function isDelimited(method: string, { status, fields }: ResponseHead): boolean {
  if (method === 'HEAD' || status === 204 || status === 304) return true;
  return fieldValue(fields, 'transfer-encoding') !== undefined || fieldValue(fields, 'content-length') !== undefined;
}
