// The part of `npm run race` that is about tracking: its matrix, what strategies made by hand do in the same cells, and the
// goals that come of it.

import { type Goal, printTable } from '../../bench/report.ts';
import { commits, runPart, trackParts } from './track-parts.ts';
import { POSTGRES_RACES } from './track-postgres.ts';
import { PostgresWorld } from './track-postgres-world.ts';
import { runTrackCell, type TrackVerdict, trackCellName, trackCells } from './track-race.ts';
import type { Strategy } from './track-world.ts';

/** The figures of one kind of change. */
export interface TrackSquare {
  readonly part: string;
  readonly change: string;
  cells: number;
  /** Cells with an outdated answer. */
  outdated: number;
  broken: number;
  seconds: number;
  /** The first cells that failed, and how. */
  readonly failures: string[];
}

export interface StrategyRow {
  readonly strategy: Strategy;
  readonly cells: number;
  readonly outdated: number;
}

export interface TrackFigures {
  readonly squares: readonly TrackSquare[];
  readonly strategies: readonly StrategyRow[];
}

const MAX_FAILURES = 2;
const POSTGRES = 'PostgreSQL, by logical replication';
const BY_HAND: readonly Strategy[] = ['TTL 60 s', 'tag, before the commit', 'tag, after the commit'];

export async function raceTracking(): Promise<TrackFigures> {
  const tally = new Tally();
  for (const part of trackParts()) {
    tally.begin();
    for await (const [cell, verdict] of runPart(part)) {
      tally.count([part.name, cell.change.name], trackCellName(cell), verdict);
    }
  }
  await racePostgres(tally);
  const strategies: StrategyRow[] = [];
  for (const strategy of BY_HAND) strategies.push(await raceByHand(strategy));
  return { squares: tally.squares, strategies };
}

class Tally {
  readonly #squares = new Map<string, TrackSquare>();
  #at = 0;

  get squares(): readonly TrackSquare[] {
    return [...this.#squares.values()];
  }

  begin(): void {
    this.#at = performance.now();
  }

  count([part, change]: readonly [string, string], name: string, { outdated, broken }: TrackVerdict): void {
    const key = `${part}: ${change}`;
    const square = this.#squares.get(key) ?? {
      part,
      change,
      cells: 0,
      outdated: 0,
      broken: 0,
      seconds: 0,
      failures: [],
    };
    this.#squares.set(key, square);
    square.cells++;
    if (outdated.length > 0) square.outdated++;
    if (broken.length > 0) square.broken++;
    const wrong = new Set([...outdated, ...broken]);
    if (wrong.size > 0 && square.failures.length < MAX_FAILURES)
      square.failures.push(`${name}: ${[...wrong].join('; ')}`);
    const now = performance.now();
    square.seconds += (now - this.#at) / 1_000;
    this.#at = now;
  }
}

async function racePostgres(tally: Tally): Promise<void> {
  const world = await PostgresWorld.open();
  try {
    tally.begin();
    for (const [change, fill] of POSTGRES_RACES) {
      for (const cell of trackCells(fill, change)) {
        tally.count([POSTGRES, change.name], trackCellName(cell), await runTrackCell(world, cell));
      }
    }
  } finally {
    await world.close();
  }
}

/** The cells of the first part, without a tracker. */
async function raceByHand(strategy: Strategy): Promise<StrategyRow> {
  const part = commits(strategy);
  // How a tracker's word comes is nothing to them.
  const pairs = part.pairs.filter(([{ name }]) => !/twice|look|another/.test(name));
  const row = { strategy, cells: 0, outdated: 0 };
  for await (const [, { outdated }] of runPart({ ...part, pairs })) {
    row.cells++;
    if (outdated.length > 0) row.outdated++;
  }
  return row;
}

export function printTracking({ squares, strategies }: TrackFigures): void {
  printTable({
    title: 'tracking: every order of the steps of a fill and of a change',
    columns: ['', 'cells', 'outdated', 'wrong', 'seconds'],
    rows: squares.map(({ part, change, cells, outdated, broken, seconds }) => [
      part.startsWith('PostgreSQL') || change.startsWith('SQLite') ? change : `${part}: ${change}`,
      ...[cells, outdated, broken].map(String),
      seconds.toFixed(1),
    ]),
  });
  for (const failure of squares.flatMap(({ failures }) => failures)) console.log(`  FAILED ${failure}`);
  printTable({
    title: 'what is done by hand, in the cells of commits and rollbacks',
    columns: ['', 'cells', 'with an outdated answer'],
    rows: strategies.map(({ strategy, cells, outdated }) => [strategy, String(cells), String(outdated)]),
  });
}

export function trackGoals({ squares }: TrackFigures): Goal[] {
  const none = (name: string, of: readonly TrackSquare[], what: 'outdated' | 'broken'): Goal => {
    const got = of.reduce((total, square) => total + square[what], 0);
    const cells = of.reduce((total, square) => total + square.cells, 0);
    return { name, bound: '0', got: `${got} of ${cells} cells`, met: got === 0 && cells > 0 };
  };
  const real = squares.filter(({ part }) => part === POSTGRES);
  const simulated = squares.filter(({ part }) => part !== POSTGRES);
  return [
    none(
      'tracking: outdated answers, with a feed that is told when to look and with that of SQLite',
      simulated,
      'outdated',
    ),
    none('tracking: outdated answers, with PostgreSQL', real, 'outdated'),
    none('tracking: other faults', squares, 'broken'),
  ];
}
