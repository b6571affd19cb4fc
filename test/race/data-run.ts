// The part of `npm run race` that is about the data cache: its matrix, and the goals that come of it.

import { type Goal, printTable } from '../../bench/report.ts';
import { dataCellName, dataCellsOf } from './data-cells.ts';
import { DATA_KINDS, type DataKind } from './data-kinds.ts';
import { isKeptWithoutInvalidation, runDataCell } from './data-race.ts';
import type { SkinFigures } from './data-skin.ts';
import { DATA_WAYS, type DataWay } from './data-ways.ts';
import type { DataTiers } from './data-world.ts';

/** The figures of one way × kind. */
export interface DataSquare {
  readonly way: string;
  readonly kind: string;
  /** The new value was put in, and nothing invalidated. */
  readonly setAlone: boolean;
  cells: number;
  exercised: number;
  outdated: number;
  stored: number;
  broken: number;
  /** The first cells that failed, and how. */
  readonly failures: string[];
}

/** Failures told in all; each is of another square. */
const MAX_FAILURES = 8;

export async function runDataMatrix(): Promise<DataSquare[]> {
  const squares: DataSquare[] = [];
  for (const way of DATA_WAYS) for (const kind of DATA_KINDS) squares.push(await runDataSquare(way, kind));
  return squares;
}

export async function runDataSquare(way: DataWay, kind: DataKind): Promise<DataSquare> {
  const counts = { cells: 0, exercised: 0, outdated: 0, stored: 0, broken: 0 };
  const failures: string[] = [];
  for (const cell of dataCellsOf(way, kind)) {
    const { outdated, stored, broken, exercised } = await runDataCell(cell);
    counts.cells++;
    if (exercised) counts.exercised++;
    if (outdated.length > 0) counts.outdated++;
    if (stored.length > 0) counts.stored++;
    if (broken.length > 0) counts.broken++;
    const wrong = [...outdated, ...stored, ...broken, ...(exercised ? [] : ['not exercised'])];
    if (wrong.length > 0) failures.push(`${dataCellName(cell)}: ${[...new Set(wrong)].join('; ')}`);
  }
  return { way: way.name, kind: kind.name, setAlone: way.sets === 'alone', ...counts, failures };
}

/** Kinds, and the tiers, whose fill is not used again though nothing was invalidated. */
export async function keptInVain(): Promise<string[]> {
  const vain: string[] = [];
  for (const kind of DATA_KINDS) {
    const tiers: readonly DataTiers[] = kind.promotes === true ? ['memory+slow'] : ['memory', 'memory+slow', 'slow'];
    for (const each of tiers) if (!(await isKeptWithoutInvalidation(kind, each))) vain.push(`${kind.name} (${each})`);
  }
  return vain;
}

export function printDataMatrix(squares: readonly DataSquare[]): void {
  printTable({
    title: 'the data cache, way × kind of fill: cells / cells with an outdated answer',
    columns: ['', ...DATA_KINDS.map(({ name }) => name)],
    rows: DATA_WAYS.map(({ name }) => [
      name,
      ...squares.filter(({ way }) => way === name).map(({ cells, outdated }) => `${cells}/${outdated}`),
    ]),
  });
  const failed = squares.flatMap(({ failures }) => failures.slice(0, 1));
  for (const failure of failed.slice(0, MAX_FAILURES)) console.log(`  FAILED ${failure}`);
  if (failed.length > MAX_FAILURES) console.log(`  and ${failed.length - MAX_FAILURES} more squares`);
}

export function printSkin({ cells, outdated, failures }: SkinFigures): void {
  printTable({
    title: 'the data cache as createCache gives it: namespaces, tables, patterns, events, many keys at once',
    columns: ['', 'cells', 'outdated', 'wrong'],
    rows: [['18 ways × 6 fills × 5 who ask after', String(cells), String(outdated), String(failures.length)]],
  });
  for (const failure of failures.slice(0, 3)) console.log(`  FAILED ${failure}`);
}

export async function dataGoals(squares: readonly DataSquare[], skin: SkinFigures): Promise<Goal[]> {
  const sum = (of: readonly DataSquare[], what: 'cells' | 'exercised' | 'outdated' | 'stored' | 'broken') =>
    of.reduce((total, square) => total + square[what], 0);
  const none = (name: string, got: number): Goal => ({ name, bound: '0', got: String(got), met: got === 0 });
  const invalidated = squares.filter(({ setAlone }) => !setAlone);
  const set = squares.filter(({ setAlone }) => setAlone);
  const exercised = sum(squares, 'exercised');
  const cells = sum(squares, 'cells');
  const vain = await keptInVain();
  return [
    none('data cache: cells with an outdated answer after an invalidation', sum(invalidated, 'outdated')),
    none('data cache: cells with an older value than one that was set', sum(set, 'outdated')),
    none('data cache: cells in which what was read before is stored after', sum(squares, 'stored')),
    {
      name: 'data cache: cells exercised, of kinds whose fill is used again when nothing is invalidated',
      bound: String(cells),
      got: vain.length === 0 ? String(exercised) : `${exercised}; not used again: ${vain.join(', ')}`,
      met: exercised === cells && vain.length === 0,
    },
    none('data cache: other faults, of invalidations', sum(invalidated, 'broken')),
    none('createCache: cells with an outdated answer, or another fault', skin.failures.length),
  ];
}
