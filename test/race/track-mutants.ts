// Mutants of tracking: with one rule taken out. Each must be caught by some cell of the race.
//
// Not among them: the gap after a lease has run out. The tracker tells what it could not tell meanwhile.

import type { SourceEdit } from '../sim/source-edits.ts';

export interface TrackMutant {
  readonly name: string;
  /** Its cells are run; the first one that catches the mutant is enough. */
  readonly part: string;
  /** Of these fills alone; undefined: of all. */
  readonly fills: readonly string[] | undefined;
  readonly edits: readonly SourceEdit[];
}

type Edit = readonly [file: string, find: string, replace: string];

interface Where {
  readonly part: string;
  readonly fills?: readonly string[];
}

function mutant(name: string, { part, fills }: Where, ...edits: readonly Edit[]): TrackMutant {
  return { name, part, fills, edits: edits.map(([file, find, replace]) => ({ file: `src/${file}`, find, replace })) };
}

const RECORDER = 'track/wrap/recorder.ts';
const FOLLOWER = 'track/follow/follower.ts';
const REGISTRATIONS = 'track/scope/registrations.ts';
const PUBLISHER = 'track/target/publisher.ts';
const LEASES = 'engine/source-leases.ts';
const COMMITS = { part: 'commits and rollbacks' };
const SCHEMA = { part: 'changes of the schema' };
const OUTAGES = { part: 'outages' };
const of = (...fills: readonly string[]) => ({ ...COMMITS, fills });

export const TRACK_MUTANTS: readonly TrackMutant[] = [
  mutant('takes the mark after the read', COMMITS, [
    RECORDER,
    'statementRead(read, run), begun.mark);',
    'statementRead(read, run), registry.mark() ?? begun.mark);',
  ]),
  mutant('registers without a look at recent changes', COMMITS, [
    'dependency/registry.ts',
    'if (isMissed) return this.#outdated([tag], NONE);',
    'void isMissed;',
  ]),
  mutant('stores what was overtaken', COMMITS, [FOLLOWER, "return { kind: 'overtaken' };", 'return undefined;']),
  mutant('stores what was overtaken as it was made coarser', of('too many tags'), [
    REGISTRATIONS,
    'for (const [tag, { watched, mark }] of dependencies) this.register(tag, watched, mark);',
    'for (const [tag, { watched, mark }] of dependencies) void this.#parts.registry?.register(tag, watched, mark);',
  ]),
  mutant('registers coarser tags as of now', of('too many tags'), [
    REGISTRATIONS,
    'for (const [tag, { watched, mark }] of dependencies) this.register(tag, watched, mark);',
    'for (const [tag, { watched, mark }] of dependencies)\n        this.register(tag, watched, this.#parts.registry?.mark() ?? mark);',
  ]),
  mutant('reads in transactions', of('on the shared connection'), [
    RECORDER,
    "else if (connection.isTransaction()) scope.untracked('transaction');",
    '',
  ]),
  mutant('settles when what is waiting was sent', COMMITS, [
    FOLLOWER,
    'return this.#waiters.until(() => this.#deliveries.isDelivered(places), isOver);',
    'void places;\n    return true;',
  ]),
  mutant('settles by a look that began before', COMMITS, [
    FOLLOWER,
    "return state === 'live' && now - lagMs >= calledAt;",
    "return state === 'live' && now >= calledAt;",
  ]),
  mutant('tells of a late read when it has been read', of('in a late body'), [
    'track/scope/scope.ts',
    'if (this.#verdict.isFinal) this.reads.readLate();\n    this.#underWay++;',
    'this.#underWay++;',
  ]),
  mutant('stores beside a statement that has not answered', of('begun before the head'), [
    'track/scope/scope.ts',
    "if (this.#underWay > 0) this.untracked('late'",
    "if (this.#underWay < 0) this.untracked('late'",
  ]),
  mutant('shares values that are not stored', of('a value'), [
    'track/scope/cached.ts',
    'return isAnothers ? await once(parts, shared) : value;',
    'void isAnothers;\n    return value;',
  ]),
  mutant('reads by the schema of before', SCHEMA, [
    FOLLOWER,
    'return generation !== this.generation || this.isRefreshing ?',
    'void generation;\n    return this.isRefreshing ?',
  ]),
  mutant('keeps the catalogue that it had', SCHEMA, [
    'track/follow/known-catalogue.ts',
    'this.#read().then(',
    'Promise.resolve().then(',
  ]),
  mutant('keeps what was there when another session begins', OUTAGES, [
    LEASES,
    'untilMs: 0, hasLapsed: true, lapses: 0 };',
    'untilMs: known?.untilMs ?? 0, hasLapsed: false, lapses: 0 };',
  ]),
  mutant('serves although the lease has run out', OUTAGES, [
    LEASES,
    'return state !== undefined && this.#parts.clock.monotonic() < state.untilMs;',
    'return state !== undefined;',
  ]),
  mutant('renews leases while the feed is behind', OUTAGES, [
    'track/follow/followed-database.ts',
    'publisher.hold();',
    'publisher.renew();',
  ]),
  mutant('counts a message as delivered when it is sent', COMMITS, [
    PUBLISHER,
    'const begunAt = clock.monotonic();',
    'const begunAt = clock.monotonic();\n    this.deliveredUpTo = upTo;',
  ]),
];
