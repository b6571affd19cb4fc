// Of the bench `data`: hits of ours beside those of lru-cache, in short slices in turn, several times in new processes.
//
// How code is compiled and where it lies differs from process to process, more than from slice to
// slice. So the ratio is one of medians in each set of processes, and then the median of the sets. What such a ratio is of
// ours by ours tells how much of it is chance.

import { atMost } from './data-goals.ts';
import { ourSkin } from './data-ours.ts';
import { lruCache } from './data-plain.ts';
import { median, medianNs, OWN_SCRIPT, roundsInTurn } from './data-processes.ts';
import type { OperationName } from './data-subject.ts';
import { type Goal, printTable } from './report.ts';

const SETS = 7;
const SLICES = 40;

const GOALS = [
  ['get, as called', 'get hit as called, by that of lru-cache with ttl and bytes'],
  ['get, awaited', 'get hit awaited, by that of lru-cache with ttl and bytes, awaited too'],
] as const satisfies readonly (readonly [OperationName, string])[];

/** Median ratios of the sets; `least` and `greatest` are of one set. */
export interface BesideFigures {
  readonly operation: OperationName;
  readonly byLru: number;
  readonly least: number;
  readonly greatest: number;
  /** Ours by ours. */
  readonly bySelf: number;
}

/** Undefined: not measured, or lru-cache is absent. */
export async function besideFigures(operation: OperationName): Promise<BesideFigures | undefined> {
  const byLru: number[] = [];
  const bySelf: number[] = [];
  for (let set = 0; set < SETS; set++) {
    const runners = [ourSkin, lruCache, ourSkin].map(({ name }) => ({ name, script: OWN_SCRIPT }));
    const { rounds } = await roundsInTurn(runners, { operation, rounds: SLICES });
    const [ours, theirs, again] = rounds.map(medianNs);
    if (ours === undefined || theirs === undefined || again === undefined) return undefined;
    byLru.push(ours / theirs);
    bySelf.push(again / ours);
  }
  const [least, greatest] = [Math.min(...byLru), Math.max(...byLru)];
  return { operation, byLru: median(byLru), least, greatest, bySelf: median(bySelf) };
}

export async function allBeside(names: readonly OperationName[]): Promise<BesideFigures[]> {
  const all: BesideFigures[] = [];
  for (const [operation] of GOALS) {
    const figures = names.includes(operation) ? await besideFigures(operation) : undefined;
    if (figures !== undefined) all.push(figures);
  }
  return all;
}

export function printBeside(all: readonly BesideFigures[]): void {
  if (all.length === 0) return;
  printTable({
    title: `a hit by that of lru-cache, medians of ${SLICES} slices in turn, of ${SETS} sets of processes`,
    columns: ['', 'median', 'least', 'greatest', 'ours by ours'],
    rows: all.map(({ operation, ...ratios }) => [
      operation,
      ...[ratios.byLru, ratios.least, ratios.greatest, ratios.bySelf].map((ratio) => ratio.toFixed(2)),
    ]),
  });
}

export function besideGoals(all: readonly BesideFigures[]): Goal[] {
  return GOALS.map(([operation, name]) => atMost(name, 1.5, all.find((each) => each.operation === operation)?.byLru));
}
