// The rows of the tables of races, and the goals that they are held against.

import type { Goal } from '../../bench/report.ts';
import type { Checker, Finding } from './race/checker.ts';

/** Lines told of each scenario. */
const MAX_FAILURES = 3;

export const none = (name: string, got: number): Goal => ({ name, bound: '0', got: String(got), met: got === 0 });

export interface Row {
  readonly name: string;
  readonly isStrict: boolean;
  requests: number;
  hits: number;
  outdated: number;
  others: number;
  lateMs: number;
  refused: number;
  coordinator: number;
  origin: number;
  readonly failures: string[];
}

export const COLUMNS = [
  'scenario',
  'requests',
  'outdated',
  'latest ms',
  'other faults',
  'hits',
  'refused',
  'log/request',
  'origin/request',
];

export function cellsOf(row: Row): string[] {
  const share = (of: number) => (row.requests === 0 ? '–' : (of / row.requests).toFixed(2));
  const late = row.lateMs === 0 ? '–' : row.lateMs.toFixed(0);
  const counts = [row.outdated, late, row.others, share(row.hits), row.refused].map(String);
  return [row.name, String(row.requests), ...counts, share(row.coordinator), share(row.origin)];
}

export function newRow(name: string, isStrict: boolean): Row {
  const zero = { requests: 0, hits: 0, outdated: 0, others: 0, lateMs: 0, refused: 0, coordinator: 0, origin: 0 };
  return { name, isStrict, ...zero, failures: [] };
}

interface Raced extends Pick<Checker, 'counts' | 'lateMs'> {
  readonly findings: readonly Finding[];
  readonly calls: ReadonlyMap<string, number>;
}

export function add(row: Row, { findings, counts, lateMs, calls }: Raced, where: string): void {
  const outdated = findings.filter(({ fault }) => fault === 'outdated').length;
  row.requests += counts.reads + counts.writes;
  row.hits += counts.hits;
  row.refused += counts.refused;
  row.outdated += outdated;
  row.others += findings.length - outdated;
  row.lateMs = Math.max(row.lateMs, lateMs);
  row.coordinator += calls.get('coordinator') ?? 0;
  row.origin += calls.get('origin') ?? calls.get('ORIGIN') ?? 0;
  for (const { fault, sentence } of findings) {
    if (row.failures.length < MAX_FAILURES) row.failures.push(`${row.name}, ${where}: ${fault}: ${sentence}`);
  }
}

export function goalsOf(rows: readonly Row[], where: string): Goal[] {
  const sum = (of: 'outdated' | 'others', some: readonly Row[] = rows) =>
    some.reduce((total, row) => total + row[of], 0);
  const strict = rows.filter(({ isStrict }) => isStrict);
  const bounded = rows.filter(({ isStrict }) => !isStrict);
  return [
    none(`${where}: outdated answers, lease and strict`, sum('outdated', strict)),
    ...(bounded.length === 0 ? [] : [none(`${where}: answers outdated beyond the bound`, sum('outdated', bounded))]),
    none(`${where}: no answer, an error while the origin answers, mixed bytes, not cached again`, sum('others')),
  ];
}

/** A race that finds nothing where there is something sees nothing. */
export function controlGoal({ outdated }: Row, where: string): Goal {
  const name = `${where}: outdated answers of tidegate/hono alone`;
  return { name, bound: '≥ 1', got: String(outdated), met: outdated > 0 };
}
