// Answers as bytes, for a connection that is written to without node:http.

import { STATUS_CODES } from 'node:http';
import type { Answer } from '../ports.ts';
import type { Fields } from '../semantics/fields.ts';
import { hasNoContent, wholeFields } from './answer-fields.ts';

type WholeAnswer = Exclude<Answer, { kind: 'streamed' }>;

/** The head, and the body unless it is in `head` already or none is sent. */
export interface PlainBytes {
  readonly head: Buffer;
  readonly body: Buffer | undefined;
  /** Bytes of content. */
  readonly bodyBytes: number;
}

/** A body up to this size is copied behind its head, so that both go out in one write. */
const MAX_COPIED_BYTES = 32 * 1024;

/** `ending`: further lines of the head, each with its CRLF. */
export function plainBytes(answer: WholeAnswer, method: string, ending: string): PlainBytes {
  if (answer.kind === 'whole') return madeBytes(answer, method, ending);
  const { entry, added } = answer;
  const stored = asBuffer(entry.bytes);
  const lines = `${linesOf(added)}${ending}\r\n`;
  const line = statusLine(entry.status);
  const bodyBytes = method === 'HEAD' || hasNoContent(entry.status) ? 0 : stored.length - entry.headBytes;
  const copied = bodyBytes <= MAX_COPIED_BYTES ? bodyBytes : 0;
  const head = Buffer.allocUnsafe(line.length + entry.headBytes + lines.length + copied);
  let at = line.copy(head, 0);
  at += stored.copy(head, at, 0, entry.headBytes);
  at += head.write(lines, at, 'latin1');
  if (copied > 0) stored.copy(head, at, entry.headBytes);
  return { head, body: bodyBytes > copied ? stored.subarray(entry.headBytes) : undefined, bodyBytes };
}

function madeBytes(answer: Extract<WholeAnswer, { kind: 'whole' }>, method: string, ending: string): PlainBytes {
  const { status } = answer.head;
  const fields = wholeFields(answer, method);
  const head = Buffer.from(`${statusLine(status).toString('latin1')}${linesOf(fields)}${ending}\r\n`, 'latin1');
  const silent = method === 'HEAD' || hasNoContent(status) || answer.body === undefined;
  const body = silent ? undefined : asBuffer(answer.body as Uint8Array);
  return { head, body, bodyBytes: body?.length ?? 0 };
}

function linesOf(fields: Fields): string {
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) lines += `${fields[at]}: ${fields[at + 1]}\r\n`;
  return lines;
}

const statusLines = new Map<number, Buffer>();

function statusLine(status: number): Buffer {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`, 'latin1');
    statusLines.set(status, line);
  }
  return line;
}

function asBuffer(bytes: Uint8Array): Buffer {
  return bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
