// What every InvalidationLog must do, as tests for whatever runner there is.
//
// A log may have several members, each with a log object of its own: all of them must hear the same changes in the same
// order, whoever appended them. Each fact is asked of every member.

import { shown } from '../errors.ts';
import type { LogChange, Position } from '../ledger/log.ts';
import type { Eventually, InvalidationLog } from '../ports.ts';
import { check } from './checks.ts';

export interface InvalidationLogContract {
  /** Takes a test: `test` of node:test, of vitest, or any function like them. */
  readonly test: (name: string, run: () => Promise<void>) => unknown;
  /** A new log for each test, as each of its members has it; nobody follows it yet. A log of one process has one member. */
  readonly makeLog: () => Eventually<readonly InvalidationLog[]>;
  /** Ends the log: called after each test, also after one that failed. Without it, the log is taken to have no end. */
  readonly endLog?: (members: readonly InvalidationLog[]) => Eventually<void>;
}

/** Hands each fact to `test`, under a name that begins with `InvalidationLog`. */
export function invalidationLogContract({ test, makeLog, endLog }: InvalidationLogContract): void {
  for (const [name, holds] of Object.entries(endLog === undefined ? FACTS : { ...FACTS, ...END })) {
    test(`InvalidationLog: ${name}`, async () => {
      const logs = await makeLog();
      try {
        await holds(
          logs.map((log) => new Member(log)),
          async () => endLog?.(logs),
        );
      } finally {
        await endLog?.(logs);
      }
    });
  }
}

type Facts = Readonly<Record<string, (members: readonly Member[], end: () => Promise<void>) => Promise<void>>>;

interface Heard {
  readonly position: Position;
  readonly change: LogChange;
}

/** A member with all that its follower was told. */
class Member {
  readonly log: InvalidationLog;
  readonly heard: Heard[] = [];

  constructor(log: InvalidationLog) {
    this.log = log;
    log.follow((position, event) => {
      if (event.kind !== 'begin') this.heard.push({ position, change: event });
    });
  }
}

/** Appends the change at one member; throws unless all have heard of it as soon as that says so. */
async function append(at: Member, change: LogChange, members: readonly Member[]): Promise<Position> {
  const appended = at.log.append(change);
  const position = appended instanceof Promise ? await appended : appended;
  const when = appended instanceof Promise ? 'resolved' : 'returned';
  for (const { heard } of members) {
    const told = heard.some((one) => one.position === position && said(one.change) === said(change));
    check(told, `every member to be told of a change at position ${position} before append ${when}`, lines(heard));
  }
  return position;
}

function lines(heard: readonly Heard[]): string {
  return heard.map(({ position, change }) => `${position} ${said(change)}`).join(', ') || 'nothing';
}

/** As text, whatever the order in which a log has put its members. */
function said(change: LogChange): string {
  return JSON.stringify(change, (_, value: unknown) =>
    typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).sort()) : value,
  );
}

function tag(name: string): LogChange {
  return { kind: 'invalidate', selector: { kind: 'tag', tag: name } };
}

/** Every kind of change, with text that a log might alter on its way. */
const CHANGES: readonly LogChange[] = [
  tag('user:1'),
  { kind: 'invalidate', selector: { kind: 'tag', tag: '"a\\b\n§,\u0000 \u{1f600}日本' }, soft: true },
  { kind: 'open', intent: 'i-1', uri: 'https://a.example/b?c=%20#"' },
  { kind: 'invalidate', selector: { kind: 'url', uri: 'https://a.example/b?c=%20' } },
  { kind: 'invalidate', selector: { kind: 'prefix', prefix: 'https://a.example/' }, soft: true },
  { kind: 'close', intent: 'i-1' },
  { kind: 'invalidate', selector: { kind: 'pattern', pattern: '*\\*?' } },
  { kind: 'invalidate', selector: { kind: 'origin', origin: 'api' } },
  { kind: 'invalidate', selector: { kind: 'all' } },
];

const ROUNDS = 20;

/** Changes of all members at once, each of its own; what each member appended is in its own order. */
async function appendAtOnce(members: readonly Member[]): Promise<readonly (readonly LogChange[])[]> {
  const given = members.map((_, at) =>
    Array.from({ length: ROUNDS }, (_, round): LogChange[] => [
      { kind: 'open', intent: `${at}-${round}`, uri: `u${at}` },
      tag(`${at}-${round}`),
      { kind: 'close', intent: `${at}-${round}` },
    ]).flat(),
  );
  const appended: Eventually<Position>[] = [];
  for (let turn = 0; turn < 3 * ROUNDS; turn++) {
    for (const [at, { log }] of members.entries()) appended.push(log.append(given[at]?.[turn] as LogChange));
  }
  await Promise.all(appended);
  return given;
}

const FACTS: Facts = {
  'has told every member of a change when its append is over, at the position that it gives': async (members) => {
    for (const member of members) for (const change of CHANGES) await append(member, change, members);
  },
  'tells every kind of change as it was given, once': async (members) => {
    for (const change of CHANGES) await append(members[0] as Member, change, members);
    const expected = CHANGES.map(said).join(', ');
    for (const { heard } of members) {
      const got = heard.map(({ change }) => said(change)).join(', ');
      check(got === expected, expected, got);
    }
  },
  'gives each invalidation a position above all before it, and opens and closes intents without going back': async (
    members,
  ) => {
    await appendAtOnce(members);
    for (const { heard } of members) {
      let last = 0;
      for (const { position, change } of heard) {
        const isAbove = change.kind === 'invalidate' ? position > last : position >= last;
        check(Number.isSafeInteger(position) && isAbove, `a position after ${last} for ${said(change)}`, `${position}`);
        last = position;
      }
    }
  },
  'tells all members of all changes in one order': async (members) => {
    await appendAtOnce(members);
    const expected = lines(members[0]?.heard ?? []);
    for (const { heard } of members) {
      check(heard.length === 3 * ROUNDS * members.length, 'each change once', `${heard.length} of them`);
      check(lines(heard) === expected, `what another member heard: ${expected}`, lines(heard));
    }
  },
  'keeps the order in which a member appends without waiting': async (members) => {
    const given = await appendAtOnce(members);
    for (const own of given) {
      const expected = own.map((change) => said(change));
      for (const { heard } of members) {
        const got = heard.map(({ change }) => said(change)).filter((change) => expected.includes(change));
        check(got.join() === expected.join(), expected.join(', '), got.join(', '));
      }
    }
  },
};

const END: Facts = {
  'refuses with E_LOG what is appended after its end, and tells nobody of it': async (members, end) => {
    await append(members[0] as Member, tag('before'), members);
    await end();
    for (const { log, heard } of members) {
      const before = heard.length;
      const refused = log.append(tag('after'));
      const outcome = await Promise.resolve(refused).then(String, (error: { readonly code?: unknown }) => error.code);
      check(outcome === 'E_LOG', 'append to reject with E_LOG', shown(outcome));
      check(heard.length === before, 'nobody to be told of what is refused', lines(heard.slice(before)));
    }
  },
};
