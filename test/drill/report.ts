// What a drill prints: its figures, what was wrong, and whether the goals are met.

import { type Goal, printTable, type Report } from '../../bench/report.ts';
import { troublesOf } from './events.ts';
import type { Figures } from './figures.ts';
import type { Fault } from './judge.ts';
import { RECOVERY_MS } from './round.ts';
import type { SetUp } from './settings.ts';
import { STATEMENTS } from './statements.ts';

const FAULTS: readonly (readonly [Fault, string])[] = [
  ['outdated beyond the stated lag', 'outdated answers beyond the stated lag'],
  ['outdated while the gate does not know', 'outdated answers once the gate says that it does not know'],
  ['hit while the gate does not know', 'hits once the gate says that it does not know'],
  ['outdated, and not from the cache', 'outdated answers that are not from the cache'],
  ['outdated after an acknowledged write', 'read-your-writes violations'],
  ['never true', 'answers that were never true'],
  ['not recovered', `faults from which hits were not back within ${RECOVERY_MS / 1_000} s`],
  ['unexpected', 'unexpected ends'],
];

export interface DrillEnd {
  readonly figures: Figures;
  readonly seed: number;
  readonly rounds: ReadonlyMap<string, number>;
  /** Set-ups of which so many rounds were run that nothing may be missing. */
  readonly whole: readonly SetUp[];
  readonly commits: number;
  readonly invalidations: number;
  readonly durationMs: number;
  readonly statedLagMs: number;
}

export function reportOf(end: DrillEnd): Report {
  const { figures } = end;
  const rounds = [...end.rounds.values()].reduce((sum, count) => sum + count, 0);
  const goals: Goal[] = [
    ...FAULTS.map(([fault, name]) => none(name, figures.found.filter((found) => found.fault === fault).length)),
    atLeast('answers checked, per round', figures.of('answers checked') / Math.max(1, rounds), 100),
    atLeast('hits, per round', figures.of('answers from cache') / Math.max(1, rounds), 20),
    ...(end.whole.length > 0 ? [atLeast('answers while the gate does not know', unknown(figures), 50)] : []),
    ...(end.whole.length > 0 ? [seen(end)] : []),
  ];
  return { goals, figures: figuresOf(end) };
}

function unknown(figures: Figures): number {
  return figures.of('answers while the gate does not know');
}

function none(name: string, got: number): Goal {
  return { name, bound: '0', got: String(got), met: got === 0 };
}

function atLeast(name: string, got: number, bound: number): Goal {
  return { name, bound: `≥ ${bound}`, got: got.toFixed(0), met: got >= bound };
}

function seen({ figures, whole }: DrillEnd): Goal {
  const troubles = new Set(whole.flatMap((setUp) => troublesOf(setUp)));
  const unseen = [
    ...[...troubles].filter((name) => figures.of(`trouble ${name}`) === 0),
    ...Object.keys(STATEMENTS).filter((name) => figures.of(`statement ${name}`) === 0),
  ];
  const got = unseen.length === 0 ? 'all' : `never: ${unseen.join(', ')}`;
  return { name: 'troubles and statements seen', bound: 'all', got, met: unseen.length === 0 };
}

function percentiles(values: readonly number[]): { readonly p50: number; readonly p99: number; readonly max: number } {
  const sorted = values.toSorted((one, other) => one - other);
  const at = (share: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { p50: at(0.5), p99: at(0.99), max: at(1) };
}

function figuresOf({ figures, seed, rounds, commits, invalidations, durationMs, statedLagMs }: DrillEnd): object {
  return {
    ...{ seed, rounds: Object.fromEntries(rounds), commits, invalidations, durationMs: Math.round(durationMs) },
    counts: Object.fromEntries([...figures.counts].sort()),
    statedLagMs,
    lagMs: percentiles(figures.lagsMs),
    recoveryMs: percentiles(figures.recoveries.map(({ ms }) => ms)),
    recoveries: figures.recoveries,
    found: figures.found,
  };
}

const PLAIN: readonly string[] = [
  ...['answers checked', 'answers from cache', 'answers from collapsed', 'answers from origin'],
  ...['answers from application', 'answers while the gate does not know', 'requests without an answer'],
  ...['answers of status 5xx', 'writes acknowledged', 'writes not settled', 'writes that failed'],
];

export function printDrill({ figures, ...end }: DrillEnd): void {
  const rounds = [...end.rounds].map(([name, count]) => `${count} of ${name}`).join(', ');
  const rows = (start: string) =>
    [...figures.counts].filter(([name]) => name.startsWith(start)).map(([name, count]) => [name, String(count)]);
  printTable({
    title: `rounds: ${rounds}; seed ${end.seed}, ${(end.durationMs / 1_000).toFixed(0)} s`,
    columns: ['', ''],
    rows: [
      ...PLAIN.map((name) => [name, String(figures.of(name))]),
      ['commits', String(end.commits)],
      ['invalidations', String(end.invalidations)],
      ['outdated within the stated lag', String(figures.lagsMs.filter((ms) => ms <= end.statedLagMs).length)],
    ],
  });
  const events = [...rows('trouble '), ...rows('statement ')].sort();
  printTable({ title: 'events', columns: ['', ''], rows: events });
  const times = ([name, values]: readonly [string, readonly number[]]) => {
    const { p50, p99, max } = percentiles(values);
    return [name, String(p50), String(p99), String(max)];
  };
  printTable({
    title: `times in ms; the stated lag is ${end.statedLagMs.toFixed(0)}`,
    columns: ['', 'p50', 'p99', 'max'],
    rows: [
      times(['lag, of outdated answers', figures.lagsMs]),
      times(['until hits are back', figures.recoveries.map(({ ms }) => ms)]),
    ],
  });
}
