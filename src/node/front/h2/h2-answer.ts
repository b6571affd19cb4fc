// Answers as node:http2 sends them: response fields as one object, and whole answers written in one go.
//
// A repeated name becomes a list of values in node:http2; and node:http2 itself ends an answer that can have no
// content, after which nothing may be written.

import type { OutgoingHttpHeaders } from 'node:http';
import type { ServerHttp2Stream } from 'node:http2';
import type { WholeAnswer } from '../../../engine/contract.ts';
import { bodyOf, type StoredResponse } from '../../../entry/stored-response.ts';
import type { Fields } from '../../../semantics/fields.ts';
import { statusOf } from '../exchange.ts';
import { asBuffer, fieldsOf, hasNoContent, isSendable, wholeFields } from '../http1/answer-bytes.ts';

/** Throws for a status or value that cannot be sent, before it sends anything. Returns the bytes of content. */
export function sendWhole(stream: ServerHttp2Stream, answer: WholeAnswer, method: string): number {
  const status = statusOf(answer);
  const content = answer.kind === 'stored' ? bodyOf(answer.entry) : answer.body;
  const silent = method === 'HEAD' || hasNoContent(status) || content === undefined || content.length === 0;
  const headers =
    answer.kind === 'stored'
      ? storedHeaders(answer.entry, answer.added, (content as Uint8Array).length)
      : toHeaders(status, wholeFields(answer, method));
  stream.respond(headers, silent ? END : undefined);
  if (silent || stream.writableEnded) return 0;
  if (content.length <= SLICE_BYTES) stream.end(asBuffer(content));
  else pour(stream, asBuffer(content));
  return content.length;
}

/** Waiting bytes of a stream count against its connection, which refuses further streams above a limit. */
const SLICE_BYTES = 65_536;

function pour(stream: ServerHttp2Stream, bytes: Buffer): void {
  let at = 0;
  const more = () => {
    for (let room = true; room && at < bytes.length; at += SLICE_BYTES) {
      room = stream.write(bytes.subarray(at, at + SLICE_BYTES));
    }
    if (at >= bytes.length) stream.end();
  };
  stream.on('drain', more);
  more();
}

/** Whether node:http2 sends it as the status of a final answer. */
export function isStatus(status: number): boolean {
  return status >= 200 && status <= 599;
}

const END = Object.freeze({ endStream: true });

/** Does for HTTP/2 what storedFields() does for HTTP/1.1. */
function storedHeaders(entry: StoredResponse, added: Fields, bodyBytes: number): OutgoingHttpHeaders {
  const headers = { ...headOf(entry) };
  for (let at = 0; at < added.length; at += 2) put(headers, added[at] as string, added[at + 1] as string);
  if (entry.status !== 204) headers['content-length'] = bodyBytes;
  return headers;
}

/** Heads of entries in repeated use; forgotten with their entries, and all at once when there are many. */
let heads = new WeakMap<StoredResponse, OutgoingHttpHeaders>();
let headsKept = 0;
const MAX_HEADS = 4_096;

function headOf(entry: StoredResponse): OutgoingHttpHeaders {
  const kept = heads.get(entry);
  if (kept !== undefined) return kept;
  const head: OutgoingHttpHeaders = { ':status': entry.status };
  const fields = fieldsOf(entry);
  for (let at = 0; at < fields.length; at += 2) put(head, fields[at] as string, fields[at + 1] as string);
  if (headsKept === MAX_HEADS) {
    heads = new WeakMap();
    headsKept = 0;
  }
  headsKept++;
  heads.set(entry, head);
  return head;
}

/** Throws for a field that would break the message. */
export function toHeaders(status: number, fields: Fields): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ':status': status };
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string;
    const value = fields[at + 1] as string;
    if (!isSendable(name, value)) throw new UnsendableField(name);
    put(headers, name, value);
  }
  return headers;
}

/** A field that no message can have. */
export class UnsendableField extends Error {
  constructor(name: string) {
    super(`expected a field name and value of RFC 9110 §5, got another in ${JSON.stringify(name)}`);
    this.name = 'UnsendableField';
  }
}

/** Adds a field. */
export function put(headers: OutgoingHttpHeaders, name: string, value: string): void {
  if (NEVER.has(name)) return;
  // An object with a prototype is built faster, but also has inherited names.
  const earlier = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (earlier === undefined) headers[name] = value;
  // A new list: another answer may share the present one.
  else headers[name] = [...(Array.isArray(earlier) ? earlier : [String(earlier)]), value];
}

/** Fields at which node:http2 throws (RFC 9113 §8.2.2), and the one name that an object cannot hold. */
const NEVER: ReadonlySet<string> = new Set([
  '__proto__',
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'te',
]);
