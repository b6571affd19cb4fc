// The engine's answer as a Response.
//
// Bytes that are stored, or are going to be, are shared by all who are answered with them, while
// whoever gets a Response may change what he reads or give its memory away. So he gets a copy; `new Response(bytes)`
// makes one, a stream does not.

import { bodyOf, decodeHead } from '../entry/stored-response.ts';
import { TidegateError } from '../errors.ts';
import type { Answer, BodySource } from '../ports.ts';
import { type Fields, filterFields } from '../semantics/fields.ts';
import type { Wait } from './platform.ts';

/** Statuses that come without a body (Fetch, null body status). */
const NULL_BODY: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/** `method`: of the client's request. */
export function responseOf(answer: Answer, method: string, wait: Wait): Response {
  if (answer.kind === 'stored') {
    const { entry, added } = answer;
    const fields = [...decodeHead(entry.bytes, entry.headBytes), ...added];
    return wholeResponse({ status: entry.status, fields, body: bodyOf(entry) }, method);
  }
  const { status, fields } = answer.head;
  if (answer.kind === 'whole') return wholeResponse({ status, fields, body: answer.body }, method);
  // Nothing comes of an answer without a body: there is nothing to read or to cancel.
  const isEmpty = method === 'HEAD' || NULL_BODY.has(status);
  return response(isEmpty ? null : streamOf(answer.body, wait), status, fields);
}

interface Whole {
  readonly status: number;
  readonly fields: Fields;
  readonly body: Uint8Array | undefined;
}

function wholeResponse({ status, fields, body }: Whole, method: string): Response {
  if (method === 'HEAD' || NULL_BODY.has(status)) return response(null, status, fields);
  const rest = filterFields(fields, (name) => name !== 'content-length');
  return response(body ?? null, status, [...rest, 'content-length', String(body?.length ?? 0)]);
}

function response(body: Uint8Array | ReadableStream | null, status: number, fields: Fields): Response {
  const headers = new Headers();
  for (let at = 0; at < fields.length; at += 2) headers.append(fields[at] as string, fields[at + 1] as string);
  return new Response(body as ReadableStream | null, { status, headers });
}

/** Bytes as the client takes them: nothing is read ahead of it here. */
function streamOf(source: BodySource, wait: Wait): ReadableStream {
  return new ReadableStream(
    {
      async pull(controller) {
        let read = source.read();
        while (read === 'pending') {
          await wait((ready) => source.whenReadable(ready));
          read = source.read();
        }
        if (read === 'end') controller.close();
        else if (read === 'failed') controller.error(brokenOff());
        else controller.enqueue(read.slice());
      },
      cancel: () => source.cancel(),
    },
    { highWaterMark: 0 },
  );
}

function brokenOff(): TidegateError {
  return new TidegateError('E_HANDLER', 'expected of the handler the whole body, got a part of it');
}
