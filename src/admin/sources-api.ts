// The part of the admin API that trackers call: changes at a source of data, and until when they are known.
//
// A misunderstood report must not look accepted. So every member must be known and every part obeyed, and a tracker
// that gets an answer knows that all of its report is in force.

import type { QuestionSubject } from '../dependency/describe/describe.ts';
import type { SourceReply, SourceReport, SourceState } from '../engine/source-leases.ts';
import type { Asked } from '../engine/source-questions.ts';
import { tagForms } from '../entry/selectors.ts';
import { expected } from '../errors.ts';
import { type AdminRoute, json, parseJson } from './answers.ts';
import { parseAnswers } from './source-answers.ts';

export interface SourceApi {
  reportSource(report: SourceReport): Promise<SourceReply>;
  sources(): readonly SourceState[];
  askSource(source: string, about: QuestionSubject): Promise<Asked>;
}

const MAX_TAGS = 1000;
const MAX_LEASE_MS = 60_000;
/** Members that not every gate takes: a tracker sends only those that the gate's last answer listed. */
const TAKES = ['position', 'lagMs', 'answers'] as const;
const MEMBERS: ReadonlySet<string> = new Set<keyof SourceReport>([
  ...(['source', 'session', 'sequence', 'token', 'leaseMs', 'tags'] as const),
  ...TAKES,
]);

export function sourceRoutes(api: SourceApi): AdminRoute[] {
  return [
    { method: 'GET', path: '/sources', keys: [], answer: async () => json(200, { sources: api.sources() }) },
    {
      method: 'POST',
      path: '/sources',
      keys: [],
      answer: async (_query, bodyText) => {
        const reply = await api.reportSource(parseReport(bodyText));
        return json(200, { ...reply, takes: TAKES });
      },
    },
  ];
}

function parseReport(bodyText: string): SourceReport {
  const value = parseJson(bodyText, 'a report of a source');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return expected('E_SELECTOR', 'a report as an object', value);
  const body = value as Readonly<Record<string, unknown>>;
  const unknown = Object.keys(body).find((name) => !MEMBERS.has(name));
  if (unknown !== undefined) return expected('E_SELECTOR', `only ${[...MEMBERS].join(', ')}`, unknown);
  const { source, session, sequence, token, leaseMs, tags, position, lagMs, answers } = body;
  return {
    source: isName(source) ? source : expected('E_SELECTOR', 'a "source" of letters, digits, ".", "_" and "-"', source),
    session: isName(session)
      ? session
      : expected('E_SELECTOR', 'a "session" of letters, digits, ".", "_" and "-"', session),
    sequence: isWhole(sequence, Number.MAX_SAFE_INTEGER)
      ? sequence
      : expected('E_SELECTOR', 'a whole "sequence" from 1', sequence),
    ...(token !== undefined && {
      token: isName(token) ? token : expected('E_SELECTOR', 'a "token" as it was given', token),
    }),
    leaseMs: isWhole(leaseMs, MAX_LEASE_MS)
      ? leaseMs
      : expected('E_SELECTOR', `a whole "leaseMs" from 1 to ${MAX_LEASE_MS}`, leaseMs),
    tags: parseTags(tags),
    ...(position !== undefined && { position: parsePosition(position) }),
    ...(lagMs !== undefined && {
      lagMs: isLag(lagMs) ? lagMs : expected('E_SELECTOR', 'a whole "lagMs" from 0', lagMs),
    }),
    ...(answers !== undefined && { answers: parseAnswers(answers) }),
  };
}

/** As a field's value may hold it. */
function parsePosition(position: unknown): string {
  if (typeof position === 'string' && /^[!-~]{1,200}$/.test(position)) return position;
  return expected('E_SELECTOR', 'a "position" of up to 200 visible ASCII characters', position);
}

function isLag(value: unknown): value is number {
  return value === 0 || isWhole(value, Number.MAX_SAFE_INTEGER);
}

function parseTags(tags: unknown): readonly string[] {
  if (!Array.isArray(tags) || tags.length > MAX_TAGS)
    return expected('E_SELECTOR', `a list of up to ${MAX_TAGS} "tags"`, tags);
  return tags.flatMap((tag: unknown) =>
    tagForms(typeof tag === 'string' ? tag : expected('E_SELECTOR', 'a tag as text', tag)),
  );
}

/** In lower case, since it becomes part of a tag. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9._-]{1,128}$/.test(value);
}

function isWhole(value: unknown, most: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1 && value <= most;
}
