// Tells what the rows found: failures in full, totals for each group.

import { type Goal, printTable, type Report } from '../../bench/report.ts';
import { quantile } from './honest.ts';
import { forwardedCount, saysStored } from './rows.ts';
import type { Outcome, RowOutcome } from './runner.ts';

const MAX_GOT_CHARS = 400;

export function printGroup({ group, rows, tookMs }: Outcome): void {
  const failed = rows.filter(({ met, excepted }) => !met && !excepted);
  const excepted = rows.filter((row) => row.excepted);
  const met = rows.length - failed.length - excepted.length;
  const exceptions = excepted.length === 0 ? '' : `, ${excepted.length} exceptions`;
  console.log(`${group}: ${met} of ${rows.length} rows met${exceptions}, ${(tookMs / 1000).toFixed(1)} s`);
  for (const { row, got } of excepted) {
    console.log(`  EXCEPTION ${row.name} [${row.rule}]: ${got}; ${row.exception?.issue}`);
  }
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
      const excepted = rows.filter((row) => row.excepted).length;
      const got = excepted === 0 ? String(met) : `${met} and ${excepted} exceptions`;
      return { name: `rows of ${group}`, bound: String(rows.length), got, met: met + excepted === rows.length };
    }),
    counted(
      'crashes',
      outcomes.reduce((sum, { crashes }) => sum + crashes, 0),
    ),
    counted('forwarded that should not be', all.filter(forwardedWrongly).length),
    counted('stored that should not be', all.filter(storedWrongly).length),
  ];
}

function forwardedWrongly({ row, got, met, excepted }: RowOutcome): boolean {
  return !met && !excepted && forwardedCount(got) > forwardedCount(row.expected);
}

function storedWrongly({ row, got, met }: RowOutcome): boolean {
  return !met && saysStored(got) && !saysStored(row.expected);
}
