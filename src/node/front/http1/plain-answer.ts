// Answers as bytes, for a connection that is written without node:http.

import { STATUS_CODES } from 'node:http';
import { bodyOf } from '../../../entry/stored-response.ts';
import type { Answer } from '../../../ports.ts';
import type { Fields } from '../../../semantics/fields.ts';
import { asBuffer, hasNoContent, wholeFields } from './answer-fields.ts';

type WholeAnswer = Exclude<Answer, { kind: 'streamed' }>;

/** The head, and the body unless it is in `head` already or none is sent. */
export interface PlainBytes {
  readonly head: Buffer;
  readonly body: Buffer | undefined;
  /** Bytes of content. */
  readonly bodyBytes: number;
}

/** A body up to this size is copied after its head, so that both leave in one write. */
const MAX_COPIED_BYTES = 32 * 1024;

/** `connection`: the lines about the connection, each with its CRLF. */
export function plainBytes(answer: WholeAnswer, method: string, connection: string): PlainBytes {
  if (answer.kind === 'whole') return madeBytes(answer, method, connection);
  const { entry, added } = answer;
  const first = `${statusLine(entry.status)}${connection}`;
  // After the stored fields: our member of Cache-Status follows those of caches nearer the origin (RFC 9211 §2).
  const last = `${linesOf(added)}\r\n`;
  const fieldBytes = entry.headBytes - EMPTY_LINE_BYTES;
  const bodyBytes = method === 'HEAD' || hasNoContent(entry.status) ? 0 : entry.bytes.length - entry.headBytes;
  const copied = bodyBytes <= MAX_COPIED_BYTES ? bodyBytes : 0;
  const head = Buffer.allocUnsafe(first.length + fieldBytes + last.length + copied);
  head.write(first, 'latin1');
  head.set(entry.bytes.subarray(0, fieldBytes), first.length);
  head.write(last, first.length + fieldBytes, 'latin1');
  if (copied > 0) head.set(bodyOf(entry), head.length - copied);
  return { head, body: bodyBytes > copied ? asBuffer(bodyOf(entry)) : undefined, bodyBytes };
}

/** `encodeHead` ends with one. */
const EMPTY_LINE_BYTES = 2;

function madeBytes(answer: Extract<WholeAnswer, { kind: 'whole' }>, method: string, connection: string): PlainBytes {
  const { status } = answer.head;
  const fields = wholeFields(answer, method);
  const head = Buffer.from(`${statusLine(status)}${linesOf(fields)}${connection}\r\n`, 'latin1');
  const silent = method === 'HEAD' || hasNoContent(status) || answer.body === undefined;
  const body = silent ? undefined : asBuffer(answer.body as Uint8Array);
  return { head, body, bodyBytes: body?.length ?? 0 };
}

function linesOf(fields: Fields): string {
  let lines = '';
  for (let at = 0; at < fields.length; at += 2) lines += `${fields[at]}: ${fields[at + 1]}\r\n`;
  return lines;
}

const statusLines = new Map<number, string>();

function statusLine(status: number): string {
  let line = statusLines.get(status);
  if (line === undefined) {
    line = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
    statusLines.set(status, line);
  }
  return line;
}
