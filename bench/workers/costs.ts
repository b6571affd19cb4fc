// Operations and costs of all systems under one workload at several hit ratios, and their outdated answers in one race.

import { billOf } from '../../src/workers/bill.ts';
import { printTable, type Table } from '../report.ts';
import {
  ASSUMED_CPU_MS,
  ASSUMED_OBJECT_MS,
  CENTRES,
  type Figures,
  ISOLATES,
  type Load,
  measure,
  REQUESTS_PER_SECOND,
} from './load.ts';
import type { System } from './site.ts';

export const HIT_RATIOS = [0.5, 0.9, 0.99] as const;

/** Prices of R2 in US dollars for a million operations (developers.cloudflare.com/r2/pricing, 2026-11). */
const R2_READ_USD = 0.36;
const R2_WRITE_USD = 4.5;

export interface Row {
  readonly system: string;
  readonly hitRatio: number;
  readonly figures: Figures;
  readonly usdPerMillion: number;
}

export interface RaceRow {
  readonly system: string;
  readonly figures: Figures;
}

const CALM: Omit<Load, 'hitRatio' | 'seconds'> = { pages: 300, writesPerSecond: 0.2, originMs: 60, seed: 1 };
/** Few pages that change often, and an origin that takes its time: changes meet fills. */
const RACE: Omit<Load, 'seconds'> = { pages: 20, writesPerSecond: 1, originMs: 300, seed: 2, hitRatio: 1 };

/** `seconds`: of simulated time for each workload. */
export async function costs(systems: readonly System[], seconds: number): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const hitRatio of HIT_RATIOS) {
    for (const system of systems) {
      const figures = await measure(system, { ...CALM, hitRatio, seconds });
      rows.push({ system: system.name, hitRatio, figures, usdPerMillion: usdPerMillion(figures) });
    }
  }
  for (const hitRatio of HIT_RATIOS) printTable(costTable(hitRatio, rows));
  console.log(
    `  ${CENTRES * ISOLATES} isolates in ${CENTRES} data centres, ${REQUESTS_PER_SECOND} requests/s each, ${CALM.writesPerSecond} writes/s;` +
      ` $: prices of Cloudflare beyond what is included, with ${ASSUMED_CPU_MS} ms of CPU a run and ${ASSUMED_OBJECT_MS} ms a call of an object for all`,
  );
  return rows;
}

/** Coordination calls of a read where nothing is written: a write has calls of its own. */
export async function coordinationOfReads(system: System, seconds: number): Promise<number> {
  return (await measure(system, { ...CALM, writesPerSecond: 0, hitRatio: 0.99, seconds })).coordinationPerRequest;
}

export async function race(systems: readonly System[], seconds: number): Promise<readonly RaceRow[]> {
  const rows: RaceRow[] = [];
  for (const system of systems)
    rows.push({ system: system.name, figures: await measure(system, { ...RACE, seconds }) });
  printTable(raceTable(rows));
  return rows;
}

function usdPerMillion({ counts, r2 }: Figures): number {
  const r2Usd = (r2.reads * R2_READ_USD + r2.writes * R2_WRITE_USD) / counts.requests;
  return billOf(counts).totalUsdPerMillionRequests + r2Usd;
}

function costTable(hitRatio: number, rows: readonly Row[]): Table {
  return {
    title: `hit ratio of ${hitRatio * 100} %: operations for each request, and dollars for a million requests`,
    columns: ['system', 'hits', 'coordination', 'storage', 'origin', '$ per million'],
    rows: rows
      .filter((row) => row.hitRatio === hitRatio)
      .map(({ system, figures, usdPerMillion }) => [
        system,
        `${(figures.hitRatio * 100).toFixed(1)} %`,
        figures.coordinationPerRequest.toFixed(3),
        figures.storagePerRequest.toFixed(3),
        (1 - figures.hitRatio).toFixed(3),
        usdPerMillion.toFixed(2),
      ]),
  };
}

function raceTable(rows: readonly RaceRow[]): Table {
  return {
    title: `the same race: ${RACE.writesPerSecond} write/s on ${RACE.pages} pages, an origin of ${RACE.originMs} ms; outdated answers, and the longest time since the invalidation`,
    columns: ['system', 'reads', 'writes', 'refused', 'outdated', 'longest', 'outdated after a refusal', 'longest'],
    rows: rows.map(({ system, figures }) => [
      system,
      String(figures.reads),
      String(figures.invalidations),
      String(figures.refused),
      String(figures.outdated.answers),
      secondsOf(figures.outdated.longestMs),
      String(figures.outdatedAfterRefusal.answers),
      secondsOf(figures.outdatedAfterRefusal.longestMs),
    ]),
  };
}

function secondsOf(ms: number): string {
  return ms === 0 ? '-' : `${(ms / 1_000).toFixed(1)} s`;
}
