// Translates between undici's form and Tidegate's: fields, content, and how a response is delimited.
//
// Undici delivers names and values as bytes, those of HTTP/2 as an object; they become strings of one character per
// byte, so that a value in any encoding passes unharmed.

import type { Dispatcher } from 'undici';
import type { OriginRequest, RequestBody } from '../../ports.ts';
import { type Fields, fieldValue, filterFields, NO_FIELDS, trimOws } from '../../semantics/fields.ts';

/** Name, value, name, value … from undici's parser; for HTTP/2, in the form of node:http2. */
export type RawFields = readonly Buffer[] | H2Fields | null | undefined;

type H2Fields = Readonly<Record<string, string | readonly string[] | undefined>>;

export function toFields(raw: RawFields): Fields {
  if (raw === null || raw === undefined) return NO_FIELDS;
  if (isH2(raw)) return h2Fields(raw);
  if (raw.length === 0) return NO_FIELDS;
  const fields = new Array<string>(raw.length);
  for (let at = 0; at < raw.length; at += 2) {
    fields[at] = (raw[at] as Buffer).toString('latin1').toLowerCase();
    fields[at + 1] = trimOws((raw[at + 1] as Buffer).toString('latin1'));
  }
  return fields;
}

/** Whether they are fields of HTTP/2. */
export function isH2(raw: RawFields): raw is H2Fields {
  return raw !== null && raw !== undefined && !Array.isArray(raw);
}

function h2Fields(raw: H2Fields): Fields {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(raw)) {
    if (name.startsWith(':') || value === undefined) continue;
    for (const line of typeof value === 'string' ? [value] : value) fields.push(name, trimOws(line));
  }
  return fields;
}

/** Whether the message itself marks the end of the content, rather than the end of the connection (RFC 9112 §6.3). */
export function isDelimited(method: string, status: number, fields: Fields): boolean {
  if (method === 'HEAD' || status === 204 || status === 304) return true;
  const coding = fieldValue(fields, 'transfer-encoding');
  if (coding !== undefined) return /(?:^|,)[ \t]*chunked[ \t]*$/i.test(coding);
  return fieldValue(fields, 'content-length') !== undefined;
}

/** Fields that only undici sends; it refuses them from callers. `expect`: the content follows at once. */
const CONNECTION_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'expect',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
]);

/** The request for undici. `serverName`: for TLS, the name to ask for and to verify. */
export function sendable(
  request: OriginRequest,
  content: RequestBody | undefined,
  serverName: string | undefined,
): Dispatcher.DispatchOptions {
  const options: Dispatcher.DispatchOptions & { servername?: string } = {
    method: request.method,
    path: request.target,
    headers: filterFields(request.fields, (name) => !CONNECTION_FIELDS.has(name)),
    // undici takes an async iterable, though its types do not say so, and starts it when the request is written.
    body: content === undefined ? null : (content as unknown as Uint8Array),
  };
  if (serverName !== undefined) options.servername = serverName;
  return options;
}
