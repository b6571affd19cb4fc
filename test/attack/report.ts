// Tells what the rows found: failures in full, totals for each group.

import { type Goal, printTable, type Report } from '../../bench/report.ts';
import { quantile } from './honest.ts';
import { forwardedCount, saysStored } from './rows.ts';
import type { Outcome, RowOutcome } from './runner.ts';

const MAX_GOT_CHARS = 400;

export function printGroup({ group, rows, tookMs }: Outcome): void {
  const failed = rows.filter(({ met }) => !met);
  console.log(`${group}: ${rows.length - failed.length} of ${rows.length} rows met, ${(tookMs / 1000).toFixed(1)} s`);
  for (const { row, got } of failed) {
    console.log(`  FAILED ${row.name} [${row.rule}]`);
    console.log(`    expected: ${row.expected}`);
    console.log(`    got:      ${got.slice(0, MAX_GOT_CHARS)}`);
  }
}

export function reportOf(outcomes: readonly Outcome[], tookMs: number): Report {
  printTable({
    title: `attack, ${(tookMs / 1000).toFixed(0)} s`,
    columns: ['group', 'rows', 'met', 'crashes', 'forwarded wrongly', 'stored wrongly', 'honest', 'p50 ms', 'p99 ms'],
    rows: outcomes.map(({ group, rows, crashes, honest }) => [
      group,
      String(rows.length),
      String(rows.filter(({ met }) => met).length),
      String(crashes),
      String(rows.filter(forwardedWrongly).length),
      String(rows.filter(storedWrongly).length),
      String(honest.sent),
      quantile(honest.tookMs, 0.5).toFixed(1),
      quantile(honest.tookMs, 0.99).toFixed(1),
    ]),
  });
  return { goals: goalsOf(outcomes), figures: outcomes };
}

/** One for each group, and the counts over all. */
function goalsOf(outcomes: readonly Outcome[]): Goal[] {
  if (outcomes.length === 0) return [];
  const all = outcomes.flatMap(({ rows }) => rows);
  const counted = (name: string, count: number) => ({ name, bound: '0', got: String(count), met: count === 0 });
  return [
    ...outcomes.map(({ group, rows }) => {
      const met = rows.filter((row) => row.met).length;
      return { name: `rows of ${group}`, bound: String(rows.length), got: String(met), met: met === rows.length };
    }),
    counted(
      'crashes',
      outcomes.reduce((sum, { crashes }) => sum + crashes, 0),
    ),
    counted('forwarded that should not be', all.filter(forwardedWrongly).length),
    counted('stored that should not be', all.filter(storedWrongly).length),
  ];
}

function forwardedWrongly({ row, got, met }: RowOutcome): boolean {
  return !met && forwardedCount(got) > forwardedCount(row.expected);
}

function storedWrongly({ row, got, met }: RowOutcome): boolean {
  return !met && saysStored(got) && !saysStored(row.expected);
}
