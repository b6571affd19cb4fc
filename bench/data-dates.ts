// Of the bench `data`: a hit of a row with a Date, which each reader gets a copy of, beside one of a row that is shared. Both
// in turn in one process, so that whatever else the machine does is in both.

import { createCache } from '../src/cache/create-cache.ts';
import { atMost } from './data-goals.ts';
import { ENTRIES, KEYS, skewedKey, TTL_MS, VALUES } from './data-subject.ts';
import { type Goal, printTable } from './report.ts';

const ROUNDS = 15;
const READS = 600_000;
/** The first are not compiled yet. */
const WARM_ROUNDS = 3;

/** Median ns of a hit. */
export interface DateFigures {
  readonly shared: number;
  readonly dated: number;
}

export function dateFigures(): DateFigures {
  const bounds = { maxEntries: ENTRIES, maxBytes: 500_000_000 };
  const shared = createCache({ memory: bounds });
  const dated = createCache({ memory: bounds });
  for (const [at, key] of KEYS.entries()) {
    void shared.set(key, VALUES[at], { ttl: TTL_MS });
    void dated.set(key, { ...VALUES[at], since: new Date(at) }, { ttl: TTL_MS });
  }
  const rounds = Array.from({ length: WARM_ROUNDS + ROUNDS }, () => ({ shared: hitNs(shared), dated: hitNs(dated) }));
  const of = (name: keyof DateFigures) => median(rounds.slice(WARM_ROUNDS).map((round) => round[name]));
  return { shared: of('shared'), dated: of('dated') };
}

/** What was got last: of what nobody uses, nothing would be computed. */
let kept: unknown;

function hitNs(cache: { get(key: string): unknown }): number {
  const start = cpuNs();
  for (let at = 0; at < READS; at++) kept = cache.get(skewedKey(at));
  if (kept === undefined) throw new Error('expected a hit, got none');
  return (cpuNs() - start) / READS;
}

function cpuNs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) * 1000;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;
}

export function printDates(figures: DateFigures | undefined): void {
  if (figures === undefined) return;
  printTable({
    title: 'a hit of a row: ns of computing',
    columns: ['', 'frozen', 'with a Date'],
    rows: [['tidegate', figures.shared.toFixed(0), figures.dated.toFixed(0)]],
  });
}

export function dateGoal(figures: DateFigures | undefined): Goal {
  const ratio = figures && figures.dated / figures.shared;
  return atMost('get hit of a row with a Date, by that of one that is frozen', 5, ratio);
}
