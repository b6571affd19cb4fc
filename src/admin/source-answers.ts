// Checks a tracker's answers to questions of this gate before anybody sees them.
//
// The text comes from elsewhere and goes to terminals and scripts. Only the known form is taken; an answer of another
// form, or one that is too large, is refused together with its report.

import type { DependencyLevel, Described, DescribedRead, SourceAnswer } from '../dependency/describe/describe.ts';
import { expected } from '../errors.ts';

const MAX_ANSWERS = 16;
/** Characters of JSON. */
const MAX_ANSWER = 200_000;
const MAX_TEXT = 1_000;
const LEVELS: readonly unknown[] = ['row', 'template', 'table', 'source'] satisfies readonly DependencyLevel[];

type Members = Readonly<Record<string, unknown>>;

/** Throws E_SELECTOR. */
export function parseAnswers(value: unknown): readonly SourceAnswer[] {
  if (!Array.isArray(value) || value.length > MAX_ANSWERS) {
    return expected('E_SELECTOR', `a list of up to ${MAX_ANSWERS} "answers"`, value);
  }
  return value.map(parseAnswer);
}

function parseAnswer(value: unknown): SourceAnswer {
  const size = JSON.stringify(value).length;
  if (size > MAX_ANSWER) return expected('E_SELECTOR', `an answer of up to ${MAX_ANSWER} characters`, size);
  const { id, described, isWhole, problem } = membersOf(value, 'an answer');
  return {
    id: text(id, 'id'),
    described: list(described, 'described').map(parseDescribed),
    isWhole: typeof isWhole === 'boolean' ? isWhole : expected('E_SELECTOR', '"isWhole" as true or false', isWhole),
    ...(problem !== undefined && { problem: text(problem, 'problem') }),
  };
}

function parseDescribed(value: unknown): Described {
  const { tag, level, reason, statement, reads } = membersOf(value, 'what a tag stands for');
  return {
    tag: text(tag, 'tag'),
    level: parseLevel(level),
    ...(reason !== undefined && { reason: text(reason, 'reason') }),
    ...(statement !== undefined && { statement: text(statement, 'statement') }),
    reads: list(reads, 'reads').map(parseRead),
  };
}

function parseRead(value: unknown): DescribedRead {
  const read = membersOf(value, 'a read');
  const { records, recordCount, window } = read;
  return {
    table: text(read.table, 'table'),
    level: parseLevel(read.level),
    ...(records !== undefined && { records: list(records, 'records').map((one) => text(one, 'record')) }),
    ...(recordCount !== undefined && { recordCount: count(recordCount) }),
    ...(read.isListed === true && { isListed: true }),
    predicate: text(read.predicate, 'predicate'),
    ...(window !== undefined && { window: text(window, 'window') }),
    columns: list(read.columns, 'columns').map((one) => text(one, 'column')),
  };
}

function parseLevel(value: unknown): DependencyLevel {
  return LEVELS.includes(value)
    ? (value as DependencyLevel)
    : expected('E_SELECTOR', `a "level" of ${LEVELS.join(', ')}`, value);
}

function membersOf(value: unknown, what: string): Members {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? (value as Members) : expected('E_SELECTOR', `${what} as an object`, value);
}

function list(value: unknown, name: string): readonly unknown[] {
  return Array.isArray(value) ? value : expected('E_SELECTOR', `a list as "${name}"`, value);
}

function text(value: unknown, name: string): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : expected('E_SELECTOR', `text as "${name}"`, value);
}

function count(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) >= 0
    ? (value as number)
    : expected('E_SELECTOR', 'a count', value);
}
