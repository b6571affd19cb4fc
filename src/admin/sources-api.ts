// The part of the admin API that trackers call: changes at a source of data, until when they are known, and answers to
// questions of this gate.
//
// A misunderstood report must not look accepted. So every member must be known and every part obeyed, and a tracker
// that gets an answer knows that all of its report is in force. The text of an answer comes from elsewhere and goes to
// terminals and scripts, so only the known form is taken, and no answer that is too large.

import { type Described, type DescribedRead, LADDER, type SourceAnswer } from '../dependency/describe/describe.ts';
import type { SourceReport } from '../engine/source-leases.ts';
import { tagForms } from '../entry/selectors.ts';
import { expected } from '../errors.ts';
import { objectOf, parseJson, type SourceApi } from './contract.ts';

const MAX_TAGS = 1000;
const MAX_LEASE_MS = 60_000;
const MAX_ANSWERS = 16;
/** Characters of JSON. */
const MAX_ANSWER = 200_000;
const MAX_TEXT = 1_000;
/** Members that not every gate takes: a tracker sends only those that the gate's last answer listed. */
const TAKES = ['position', 'lagMs', 'answers'] as const;

export async function reportSource(api: SourceApi, bodyText: string): Promise<object> {
  const report = parseJson(bodyText, 'a report of a source');
  objectOf(report, 'a report as an object', Object.keys(REPORT));
  return { ...(await api.reportSource(membersOf(report, 'a report as an object', REPORT))), takes: TAKES };
}

/** Throws E_SELECTOR where the value does not fit. Undefined: the member is left out. */
type MemberReader<Value> = (value: unknown, name: string) => Value | undefined;
type MemberReaders<Of> = { readonly [Name in keyof Of]-?: MemberReader<Of[Name]> };

/** Leaves out the members that nobody reads here. `what` names the value in the error for one that is no object. */
function membersOf<Of>(value: unknown, what: string, reads: MemberReaders<Of>): Of {
  const object = objectOf(value, what);
  const members = Object.entries<MemberReader<unknown>>(reads).map(
    ([name, read]) => [name, read(object[name], name)] as const,
  );
  return Object.fromEntries(members.filter(([, member]) => member !== undefined)) as Of;
}

function optional<Value>(read: MemberReader<Value>): MemberReader<Value> {
  return (value, name) => (value === undefined ? undefined : read(value, name));
}

function matching(form: RegExp, what: string): MemberReader<string> {
  return (value) => (typeof value === 'string' && form.test(value) ? value : expected('E_SELECTOR', what, value));
}

function whole(least: number, what: string, most = Number.MAX_SAFE_INTEGER): MemberReader<number> {
  return (value) => {
    const fits = Number.isSafeInteger(value) && least <= Number(value) && Number(value) <= most;
    return fits ? Number(value) : expected('E_SELECTOR', what, value);
  };
}

function level(value: unknown) {
  return LADDER.find((one) => one === value) ?? expected('E_SELECTOR', `a "level" of ${LADDER.join(', ')}`, value);
}

function text(value: unknown, name: string): string {
  return typeof value === 'string' ? value.slice(0, MAX_TEXT) : expected('E_SELECTOR', `text as "${name}"`, value);
}

/** `each`: of which the members of the list are. */
function list<Value>(each: (value: unknown) => Value): (value: unknown, name: string) => Value[] {
  return (value, name) =>
    Array.isArray(value) ? value.map((one) => each(one)) : expected('E_SELECTOR', `a list as "${name}"`, value);
}

function upTo(most: number, value: unknown, name: string): readonly unknown[] {
  if (Array.isArray(value) && value.length <= most) return value;
  return expected('E_SELECTOR', `a list of up to ${most} "${name}"`, value);
}

/** In lower case, since it becomes part of a tag. */
const NAME = /^[a-z0-9._-]{1,128}$/;

const REPORT: MemberReaders<SourceReport> = {
  source: matching(NAME, 'a "source" of letters, digits, ".", "_" and "-"'),
  session: matching(NAME, 'a "session" of letters, digits, ".", "_" and "-"'),
  sequence: whole(1, 'a whole "sequence" from 1'),
  token: optional(matching(NAME, 'a "token" as it was given')),
  leaseMs: whole(1, `a whole "leaseMs" from 1 to ${MAX_LEASE_MS}`, MAX_LEASE_MS),
  tags: (tags) =>
    upTo(MAX_TAGS, tags, 'tags').flatMap((tag) =>
      tagForms(typeof tag === 'string' ? tag : expected('E_SELECTOR', 'a tag as text', tag)),
    ),
  // As a field's value may hold it.
  position: optional(matching(/^[!-~]{1,200}$/, 'a "position" of up to 200 visible ASCII characters')),
  lagMs: optional(whole(0, 'a whole "lagMs" from 0')),
  answers: optional((answers) => upTo(MAX_ANSWERS, answers, 'answers').map(parseAnswer)),
};

function parseAnswer(value: unknown): SourceAnswer {
  const size = JSON.stringify(value).length;
  if (size > MAX_ANSWER) return expected('E_SELECTOR', `an answer of up to ${MAX_ANSWER} characters`, size);
  return membersOf<SourceAnswer>(value, 'an answer as an object', {
    id: text,
    described: list((one) => membersOf(one, 'what a tag stands for as an object', DESCRIBED)),
    isWhole: (is) => (typeof is === 'boolean' ? is : expected('E_SELECTOR', '"isWhole" as true or false', is)),
    problem: optional(text),
  });
}

const DESCRIBED: MemberReaders<Described> = {
  tag: text,
  level,
  reason: optional(text),
  statement: optional(text),
  reads: list((read) => membersOf(read, 'a read as an object', READ)),
};

const READ: MemberReaders<DescribedRead> = {
  table: text,
  level,
  records: optional(list((one) => text(one, 'record'))),
  recordCount: optional(whole(0, 'a count')),
  isListed: (value) => value === true || undefined,
  predicate: text,
  window: optional(text),
  columns: list((one) => text(one, 'column')),
};
