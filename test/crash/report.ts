// What a run prints: its figures, what was wrong, and whether the goals are met.

import { type Goal, printTable, type Report } from '../../bench/report.ts';
import type { Figures, Found } from './figures.ts';
import { MOMENTS } from './moments.ts';

/** A run of fewer rounds says nothing about what was never seen. */
const ROUNDS_FOR_CLASSES = 150;

/** Of entries that were hits before the end, those that must be hits right after an undamaged restart. */
const LEAST_SHARE = 0.95;

const FAULTS: readonly (readonly [Found['fault'], string])[] = [
  ['outdated', 'outdated answers'],
  ['lost invalidation', 'acknowledged invalidations lost over a restart'],
  ['lost intent', 'answers from before a write that a kill cut off'],
  ['corrupt', 'corrupt answers'],
  ['untold', 'tiers emptied by damage without a line in the log'],
  ['unexpected', 'unexpected errors'],
];

const PLAIN: readonly string[] = [
  'reads checked',
  'hits',
  'hits from disk',
  'invalidations sent',
  'acknowledgements',
  'writes cut off by the end',
  'requests cut by the end of the gate',
  'requests refused by an ending gate',
  'answers visibly cut, body damaged',
  'purges refused, manifest damaged',
  'invalidations told again',
  'damaged rounds',
  'tiers that damage emptied',
];

export interface RunEnd {
  readonly figures: Figures;
  readonly rounds: number;
  /** Rounds asked for; undefined: as many as there was time for. */
  readonly asked: number | undefined;
  readonly disk: boolean;
  readonly seed: number;
  readonly durationMs: number;
}

export function reportOf(end: RunEnd): Report {
  const { figures, disk } = end;
  const goals = [
    ...FAULTS.map(([fault, name]) => none(name, figures.found.filter((found) => found.fault === fault).length)),
    atLeast('reads checked, per round', figures.of('reads checked') / Math.max(1, end.rounds), 10),
    ...(end.asked === undefined ? [] : [atLeast('rounds', end.rounds, end.asked)]),
    ...(disk && canTellShare(end) ? [sharedGoal(figures)] : []),
    ...(end.rounds >= ROUNDS_FOR_CLASSES ? [seenGoal(figures, disk)] : []),
  ];
  return { goals, figures: figuresOf(end) };
}

function none(name: string, got: number): Goal {
  return { name, bound: '0', got: String(got), met: got === 0 };
}

function atLeast(name: string, got: number, bound: number): Goal {
  return { name, bound: `≥ ${bound}`, got: got.toFixed(0), met: got >= bound };
}

/** A short run may have too few of them for a share to say anything. */
const FEWEST_EXPECTED = 20;

function canTellShare({ figures, rounds }: RunEnd): boolean {
  return rounds >= ROUNDS_FOR_CLASSES || figures.of('expected after an undamaged restart') >= FEWEST_EXPECTED;
}

function sharedGoal(figures: Figures): Goal {
  const had = figures.of('had after an undamaged restart');
  const expected = figures.of('expected after an undamaged restart');
  const share = expected === 0 ? 0 : had / expected;
  return {
    name: 'first reads after an undamaged restart, of entries that were hits before: hits',
    bound: `≥ ${LEAST_SHARE * 100} %`,
    got: `${(share * 100).toFixed(1)} % of ${expected}`,
    met: share >= LEAST_SHARE,
  };
}

const DAMAGED = ['segment', 'large body', 'manifest', 'manifest wal', 'journal'];

function seenGoal(figures: Figures, disk: boolean): Goal {
  const damages = figures.under('damage ').map(([name]) => name);
  const unseen = [
    ...Object.keys(MOMENTS).filter((moment) => figures.of(`ended ${moment}`) === 0),
    ...DAMAGED.filter((kind) => disk && !damages.some((name) => name.startsWith(`${kind}:`))),
    ...['url', 'tag', 'tags', 'prefix', 'pattern', 'all', 'PUT', 'POST', 'DELETE'].filter(
      (kind) => figures.of(`acknowledged ${kind}`) === 0,
    ),
    ...(disk && figures.of('hits from disk') === 0 ? ['hits from disk'] : []),
  ];
  const got = unseen.length === 0 ? 'all' : `never: ${unseen.join(', ')}`;
  return { name: 'moments, damages and invalidations seen', bound: 'all', got, met: unseen.length === 0 };
}

function figuresOf({ figures, rounds, seed, durationMs }: RunEnd): object {
  return {
    seed,
    rounds,
    durationMs: Math.round(durationMs),
    counts: Object.fromEntries([...figures.counts].sort()),
    restartMs: times(figures),
    found: figures.found,
  };
}

function times({ startMs }: Figures): { readonly p50: number; readonly max: number } {
  const sorted = startMs.toSorted((one, other) => one - other);
  return { p50: Math.round(sorted[sorted.length >> 1] ?? 0), max: Math.round(sorted.at(-1) ?? 0) };
}

export function printRun({ figures, rounds, seed, durationMs }: RunEnd): void {
  const { p50, max } = times(figures);
  const rows = (pairs: readonly (readonly [string, number])[]) => pairs.map(([name, count]) => [name, String(count)]);
  const title = `${rounds} rounds, seed ${seed}, ${(durationMs / 1000).toFixed(0)} s`;
  printTable({ title, columns: ['', ''], rows: rows(PLAIN.map((name) => [name, figures.of(name)])) });
  printTable({ title: 'gates ended', columns: ['moment', ''], rows: rows(figures.under('ended ')) });
  printTable({ title: 'acknowledged', columns: ['what', ''], rows: rows(figures.under('acknowledged ')) });
  printTable({ title: 'damage', columns: ['file: form', ''], rows: rows(figures.under('damage ')) });
  printTable({
    title: 'from the start of the process until it listens',
    columns: ['', 'ms'],
    rows: rows([
      ['p50', p50],
      ['max', max],
    ]),
  });
}
