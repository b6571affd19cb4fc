// What a run prints: its figures, and whether the goals are met.

import { type Goal, printTable, type Report } from '../../bench/report.ts';
import { type Figures, LATE_MS, quantile } from './figures.ts';

/** Answers of a run, in a minute. */
const LEAST_PER_MINUTE = 33_400;
const MOST_HELD = 0.05;

export function reportOf(figures: Figures, minutes: number): Report {
  const { counts, faults, recoveriesMs, writesMs, writesHeld, late } = figures;
  const shown = (ms: number) => `${ms.toFixed(0)} ms`;
  printTable({
    title: 'what clients saw',
    columns: ['', ''],
    rows: [...counts].map(([name, count]) => [name, String(count)]),
  });
  printTable({
    title: 'what went wrong',
    columns: ['', 'times'],
    rows: [...faults].map(([name, count]) => [name, String(count)]),
  });
  printTable({
    title: 'times',
    columns: ['', 'p50', 'p99', 'most'],
    rows: [
      ['a write of a member that nothing disturbs', ...times(writesMs)],
      ['from healing to a hit', ...times(recoveriesMs)],
    ],
  });
  const overdue = figures.overdue(LATE_MS);
  const slow = recoveriesMs.filter((ms) => ms > LATE_MS).length;
  const held = writesHeld / Math.max(1, writesHeld + writesMs.length);
  const goals: Goal[] = [
    goal('outdated answers after an acknowledgement', '0', figures.of('outdated answers'), (got) => got === 0),
    goal(
      'answers',
      `≥ ${Math.round(LEAST_PER_MINUTE * minutes)}`,
      figures.of('answers'),
      (got) => got >= LEAST_PER_MINUTE * minutes,
    ),
    goal('hits, of them', '≥ half', figures.of('hits'), (got) => got >= figures.of('answers') / 2),
    goal(
      'writes neither acknowledged nor failed within lease + 1 s, through a gate 1 s more for its intent',
      '0',
      late.length,
      (got) => got === 0,
    ),
    {
      name: 'writes not judged, since the checker was held',
      bound: '≤ 5 %',
      got: `${(held * 100).toFixed(1)} %`,
      met: held <= MOST_HELD,
    },
    goal('healings without a hit within 3 s', '0', slow + overdue.length, (got) => got === 0),
  ];
  const figuresOf = {
    counts: Object.fromEntries(counts),
    faults: Object.fromEntries(faults),
    recoveriesMs,
    lateMs: late,
  };
  return { goals, figures: figuresOf };

  function times(values: readonly number[]): string[] {
    return [quantile(values, 0.5), quantile(values, 0.99), Math.max(0, ...values)].map(shown);
  }
}

function goal(name: string, bound: string, got: number, isMet: (got: number) => boolean): Goal {
  return { name, bound, got: String(got), met: isMet(got) };
}
