// The part of the admin API that trackers call: changes at a source of data, until when they are known, and answers to
// questions of this gate.
//
// A misunderstood report must not look accepted. So every member must be known and every part obeyed, and a tracker
// that gets an answer knows that all of its report is in force. The text of an answer comes from elsewhere and goes to
// terminals and scripts, so only the known form is taken, and no answer that is too large.

import {
  type DependencyLevel,
  type Described,
  type DescribedRead,
  LADDER,
  type SourceAnswer,
} from '../dependency/describe/describe.ts';
import type { SourceReport } from '../engine/source-leases.ts';
import { tagForms } from '../entry/selectors.ts';
import { expected } from '../errors.ts';
import { fitting, objectOf, parseJson, type SourceApi } from './contract.ts';

const MAX_TAGS = 1000;
const MAX_LEASE_MS = 60_000;
const MAX_ANSWERS = 16;
/** Characters of JSON. */
const MAX_ANSWER = 200_000;
const MAX_TEXT = 1_000;
/** Members that not every gate takes: a tracker sends only those that the gate's last answer listed. */
const TAKES = ['position', 'lagMs', 'answers'] as const;
const MEMBERS: readonly (keyof SourceReport)[] = [
  ...(['source', 'session', 'sequence', 'token', 'leaseMs', 'tags'] as const),
  ...TAKES,
];

export async function reportSource(api: SourceApi, bodyText: string): Promise<object> {
  const reply = await api.reportSource(parseReport(bodyText));
  return { ...reply, takes: TAKES };
}

function parseReport(bodyText: string): SourceReport {
  const body = objectOf(parseJson(bodyText, 'a report of a source'), 'a report as an object', MEMBERS);
  const { source, session, sequence, token, leaseMs, tags, position, lagMs, answers } = body;
  return {
    source: fitting(source, isName, 'a "source" of letters, digits, ".", "_" and "-"'),
    session: fitting(session, isName, 'a "session" of letters, digits, ".", "_" and "-"'),
    sequence: fitting(sequence, isWhole, 'a whole "sequence" from 1'),
    ...(token !== undefined && { token: fitting(token, isName, 'a "token" as it was given') }),
    leaseMs: fitting(leaseMs, isLease, `a whole "leaseMs" from 1 to ${MAX_LEASE_MS}`),
    tags: parseTags(tags),
    ...(position !== undefined && {
      position: fitting(position, isPosition, 'a "position" of up to 200 visible ASCII characters'),
    }),
    ...(lagMs !== undefined && { lagMs: fitting(lagMs, isCount, 'a whole "lagMs" from 0') }),
    ...(answers !== undefined && { answers: parseAnswers(answers) }),
  };
}

/** In lower case, since it becomes part of a tag. */
function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9._-]{1,128}$/.test(value);
}

/** As a field's value may hold it. */
function isPosition(value: unknown): value is string {
  return typeof value === 'string' && /^[!-~]{1,200}$/.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isWhole(value: unknown): value is number {
  return isCount(value) && value >= 1;
}

function isLease(value: unknown): value is number {
  return isWhole(value) && value <= MAX_LEASE_MS;
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function parseTags(tags: unknown): readonly string[] {
  if (!Array.isArray(tags) || tags.length > MAX_TAGS)
    return expected('E_SELECTOR', `a list of up to ${MAX_TAGS} "tags"`, tags);
  return tags.flatMap((tag: unknown) => tagForms(fitting(tag, isText, 'a tag as text')));
}

function parseAnswers(value: unknown): readonly SourceAnswer[] {
  if (!Array.isArray(value) || value.length > MAX_ANSWERS) {
    return expected('E_SELECTOR', `a list of up to ${MAX_ANSWERS} "answers"`, value);
  }
  return value.map(parseAnswer);
}

function parseAnswer(value: unknown): SourceAnswer {
  const size = JSON.stringify(value).length;
  if (size > MAX_ANSWER) return expected('E_SELECTOR', `an answer of up to ${MAX_ANSWER} characters`, size);
  const { id, described, isWhole, problem } = objectOf(value, 'an answer as an object');
  return {
    id: text(id, 'id'),
    described: list(described, 'described').map(parseDescribed),
    isWhole: typeof isWhole === 'boolean' ? isWhole : expected('E_SELECTOR', '"isWhole" as true or false', isWhole),
    ...(problem !== undefined && { problem: text(problem, 'problem') }),
  };
}

function parseDescribed(value: unknown): Described {
  const { tag, level, reason, statement, reads } = objectOf(value, 'what a tag stands for as an object');
  return {
    tag: text(tag, 'tag'),
    level: parseLevel(level),
    ...(reason !== undefined && { reason: text(reason, 'reason') }),
    ...(statement !== undefined && { statement: text(statement, 'statement') }),
    reads: list(reads, 'reads').map(parseRead),
  };
}

function parseRead(value: unknown): DescribedRead {
  const read = objectOf(value, 'a read as an object');
  const { records, recordCount, window } = read;
  return {
    table: text(read.table, 'table'),
    level: parseLevel(read.level),
    ...(records !== undefined && { records: list(records, 'records').map((one) => text(one, 'record')) }),
    ...(recordCount !== undefined && { recordCount: fitting(recordCount, isCount, 'a count') }),
    ...(read.isListed === true && { isListed: true }),
    predicate: text(read.predicate, 'predicate'),
    ...(window !== undefined && { window: text(window, 'window') }),
    columns: list(read.columns, 'columns').map((one) => text(one, 'column')),
  };
}

function parseLevel(value: unknown): DependencyLevel {
  return LADDER.find((level) => level === value) ?? expected('E_SELECTOR', `a "level" of ${LADDER.join(', ')}`, value);
}

function list(value: unknown, name: string): readonly unknown[] {
  return Array.isArray(value) ? value : expected('E_SELECTOR', `a list as "${name}"`, value);
}

function text(value: unknown, name: string): string {
  return fitting(value, isText, `text as "${name}"`).slice(0, MAX_TEXT);
}
