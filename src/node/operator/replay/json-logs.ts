// Logs of JSON: a line for each exchange (Caddy, pino-http, this gate's own, nginx with the usual names), and HAR.

import { isRecord } from '../../../options/kit.ts';
import type { Fields } from '../../../semantics/fields.ts';
import { amountOf, fieldsOf, type LogRecord, placeOf, type ReadLine, timeOf } from './log-record.ts';

/** Where a member stands, by the log. The first that is there counts. */
const MEMBERS = {
  time: ['time', 'ts', 'timestamp', '@timestamp', 'time_iso8601', 'time_local', 'msec'],
  method: ['method', 'request.method', 'req.method', 'request_method'],
  url: ['path', 'request.uri', 'req.url', 'request_uri', 'request.url', 'url', 'uri'],
  host: ['host', 'request.host', 'req.headers.host', 'http_host'],
  status: ['status', 'res.statusCode', 'response.status', 'statusCode'],
  bytes: ['bytes', 'size', 'res.headers.content-length', 'body_bytes_sent', 'bytes_sent'],
  ms: ['forwardMs', 'responseTime', 'durationMs', 'duration_ms'],
  seconds: ['duration', 'upstream_response_time', 'request_time'],
  fields: ['request.headers', 'req.headers'],
  responseFields: ['resp_headers', 'res.headers'],
} as const;

export const jsonLine: ReadLine = (line) => {
  const value = parsed(line);
  if (value === undefined) return 'a line of JSON';
  const member = (name: keyof typeof MEMBERS) => firstOf(value, MEMBERS[name]);
  const timeMs = timeOf(member('time'));
  const [method, url, host] = [member('method'), member('url'), member('host')];
  const status = amountOf(member('status'));
  const place = typeof url === 'string' ? placeOf(url) : undefined;
  if (timeMs === undefined || typeof method !== 'string' || place === undefined || status === undefined) {
    return 'an exchange with time, method, URL and status';
  }
  const seconds = amountOf(member('seconds'));
  const fields = headersOf(member('fields'));
  return {
    timeMs,
    method,
    host: place.host ?? (typeof host === 'string' ? host : undefined),
    target: place.target,
    status,
    bytes: amountOf(member('bytes')) ?? 0,
    originMs: amountOf(member('ms')) ?? (seconds === undefined ? undefined : seconds * 1000),
    hasCredentials: undefined,
    fields,
    responseFields: headersOf(member('responseFields')),
    ...ownFacts(value),
  };
};

/** Our own access log shows targets in part, and says what became of requests with credentials. */
function ownFacts({ key, outcome, detail, forwardMs, path }: Record<string, unknown>): Partial<LogRecord> {
  if (typeof key !== 'string' || typeof outcome !== 'string') return {};
  // A hit took no time of the origin.
  const originMs = amountOf(forwardMs);
  const isWhole = typeof path === 'string' && !/[…*]/.test(path);
  return { originMs, hasCredentials: detail === 'credentials', ...(isWhole ? {} : { identity: key }) };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function firstOf(value: Record<string, unknown>, paths: readonly string[]): unknown {
  for (const path of paths) {
    let at: unknown = value;
    for (const name of path.split('.')) at = isRecord(at) ? at[name] : undefined;
    if (at !== undefined && at !== null) return at;
  }
  return undefined;
}

function headersOf(value: unknown): Fields | undefined {
  return isRecord(value) ? fieldsOf(Object.entries(value)) : undefined;
}

/** The exchanges of a HAR, and what was expected in place of others; undefined: it is none. */
export function harRecords(text: string): readonly (LogRecord | string)[] | undefined {
  const log = parsed(text)?.log;
  const entries = isRecord(log) ? log.entries : undefined;
  return Array.isArray(entries) ? entries.map(harRecord) : undefined;
}

function harRecord(entry: unknown): LogRecord | string {
  const { startedDateTime, time, request, response } = isRecord(entry) ? entry : {};
  if (!isRecord(request) || !isRecord(response)) return 'an entry with request and response';
  const timeMs = timeOf(startedDateTime);
  const place = typeof request.url === 'string' ? placeOf(request.url) : undefined;
  const status = amountOf(response.status);
  // Status 0: the browser's own cache, or no answer came.
  if (timeMs === undefined || place === undefined || !status || typeof request.method !== 'string') {
    return 'an entry with a time, an http URL, a method and a status';
  }
  const content = isRecord(response.content) ? response.content : {};
  return {
    timeMs,
    method: request.method,
    host: place.host,
    target: place.target,
    status,
    bytes: amountOf(response.bodySize) ?? amountOf(content.size) ?? 0,
    originMs: amountOf(time),
    hasCredentials: undefined,
    fields: harFields(request.headers),
    responseFields: harFields(response.headers),
  };
}

function harFields(list: unknown): Fields | undefined {
  if (!Array.isArray(list)) return undefined;
  return fieldsOf(list.map((one) => (isRecord(one) ? ([String(one.name), one.value] as const) : ['', ''])));
}
