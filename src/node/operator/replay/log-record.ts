// An exchange as a log of another server tells it, and how numbers and times of logs are read.
//
// Logs leave out what a cache needs to know. What is not known stays undefined, and is never taken for harmless.

import { type Fields, hopByHopNames } from '../../../semantics/fields.ts';

export const LOG_FORMATS = ['auto', 'combined', 'json', 'csv', 'har'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

export interface LogRecord {
  readonly timeMs: number;
  readonly method: string;
  /** Undefined: the log has one site, or does not say. */
  readonly host: string | undefined;
  /** Path and query. */
  readonly target: string;
  readonly status: number;
  /** Of the content. */
  readonly bytes: number;
  /** How long the origin took. */
  readonly originMs: number | undefined;
  /** Whether the request had a cookie or Authorization, where `fields` are unknown. */
  readonly hasCredentials: boolean | undefined;
  /** Of the request. Undefined: the log has none. */
  readonly fields: Fields | undefined;
  /** Of the response. */
  readonly responseFields: Fields | undefined;
  /** Tells URLs apart in a log that shows them in part. */
  readonly identity?: string | undefined;
}

/** What a line is, or what was expected of it. */
export type ReadLine = (line: string) => LogRecord | string;

const SECONDS_END = 1e11;

/** Seconds or ms since 1970, an ISO time, or such a number as text. */
export function timeOf(value: unknown): number | undefined {
  if (typeof value === 'number' && value >= 0) return value < SECONDS_END ? value * 1000 : value;
  if (typeof value !== 'string' || value === '') return undefined;
  if (/^\d+(?:\.\d+)?$/.test(value)) return timeOf(Number(value));
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? undefined : ms;
}

/** A number of at least 0, also one that stands there as text. */
export function amountOf(value: unknown): number | undefined {
  const amount = typeof value === 'string' && /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : value;
  return typeof amount === 'number' && amount >= 0 && Number.isFinite(amount) ? amount : undefined;
}

/** Host and target of what a request asked for: a path, or a whole URL. */
export function placeOf(url: string): Pick<LogRecord, 'host' | 'target'> | undefined {
  if (url.startsWith('/')) return { host: undefined, target: withoutFragment(url) };
  const [, host, rest = ''] = /^https?:\/\/([^/?#]+)(.*)$/i.exec(url) ?? [];
  if (host === undefined) return undefined;
  return { host, target: withoutFragment(rest.startsWith('/') ? rest : `/${rest}`) };
}

function withoutFragment(target: string): string {
  const mark = target.indexOf('#');
  return mark < 0 ? target : target.slice(0, mark);
}

/** Of a message's framing and its way, which a log's reader cannot repeat. */
const FRAMING: ReadonlySet<string> = new Set(['host', 'content-length', 'expect', 'via', 'max-forwards']);

/** Fields as names and values, without those of framing. */
export function fieldsOf(pairs: Iterable<readonly [string, unknown]>): Fields {
  const fields: string[] = [];
  for (const [name, value] of pairs) {
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) continue;
    for (const one of [value].flat()) if (typeof one === 'string') fields.push(name.toLowerCase(), lineOf(one));
  }
  const hops = hopByHopNames(fields);
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string;
    if (!hops.has(name) && !FRAMING.has(name)) kept.push(name, fields[at + 1] as string);
  }
  return kept;
}

function lineOf(value: string): string {
  return value.replace(/[^\t -~\u0080-\u00ff]+/g, ' ').trim();
}
