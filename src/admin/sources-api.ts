// The part of the admin API that trackers call: what changed at a source of data, and until when that is known.
//
// The one complication: a report that is not understood must not look like one. So nothing of it may be left out or be
// more than is known here, and a tracker that gets an answer knows that all of it is in force.

import type { SourceReply, SourceReport, SourceState } from '../engine/source-leases.ts';
import { type AdminRoute, json } from './answers.ts';
import { parseJson, parseTag, refuse } from './selectors.ts';

export interface SourceApi {
  reportSource(report: SourceReport): Promise<SourceReply>;
  sources(): readonly SourceState[];
}

const MAX_TAGS = 1000;
const MAX_LEASE_MS = 60_000;
const MEMBERS: ReadonlySet<string> = new Set<keyof SourceReport>([
  ...(['source', 'session', 'sequence', 'token', 'leaseMs', 'tags'] as const),
]);

export function sourceRoutes(api: SourceApi): AdminRoute[] {
  return [
    { method: 'GET', path: '/sources', keys: [], answer: async () => json(200, { sources: api.sources() }) },
    {
      method: 'POST',
      path: '/sources',
      keys: [],
      answer: async (_query, bodyText) => json(200, await api.reportSource(parseReport(bodyText))),
    },
  ];
}

function parseReport(bodyText: string): SourceReport {
  const value = parseJson(bodyText, 'a report of a source');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return refuse('a report as an object', value);
  const body = value as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(body).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return refuse(`only ${[...MEMBERS].join(', ')}`, unknown);
  const { source, session, sequence, token, leaseMs, tags } = body;
  return {
    source: isName(source) ? source : refuse('a "source" of letters, digits, ".", "_" and "-"', source),
    session: isName(session) ? session : refuse('a "session" of letters, digits, ".", "_" and "-"', session),
    sequence: isWhole(sequence, Number.MAX_SAFE_INTEGER) ? sequence : refuse('a whole "sequence" from 1', sequence),
    ...(token !== undefined && { token: isName(token) ? token : refuse('a "token" as it was given', token) }),
    leaseMs: isWhole(leaseMs, MAX_LEASE_MS) ? leaseMs : refuse(`a whole "leaseMs" from 1 to ${MAX_LEASE_MS}`, leaseMs),
    tags: parseTags(tags),
  };
}

function parseTags(tags: unknown): readonly string[] {
  if (!Array.isArray(tags) || tags.length > MAX_TAGS) return refuse(`a list of up to ${MAX_TAGS} "tags"`, tags);
  return tags.map((tag: unknown) => parseTag(typeof tag === 'string' ? tag : refuse('a tag as text', tag)));
}

/** In lower case, since it becomes part of a tag. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9._-]{1,128}$/.test(value);
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most;
}
