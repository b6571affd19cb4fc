// How every bench tells its figures: tables on standard output, the goals with what was got, and one last line.

import { writeFileSync } from 'node:fs';

/** A bound that an issue names, and what was measured. `met` is false, too, when it could not be measured. */
export interface Goal {
  readonly name: string;
  readonly bound: string;
  readonly got: string;
  readonly met: boolean;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** What a bench hands back. `figures` is for `--json`, next to the goals: plain data. */
export interface Report {
  readonly goals: readonly Goal[];
  readonly figures: unknown;
}

/** Prints a table; the first column is aligned to the left, the others to the right. */
export function printTable(table: Table): void {
  const lines = [table.columns, ...table.rows];
  const widths = table.columns.map((_, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)));
  console.log(`\n${table.title}`);
  for (const line of lines) {
    const cells = widths.map((width, at) =>
      at === 0 ? (line[at] ?? '').padEnd(width) : (line[at] ?? '').padStart(width),
    );
    console.log(`  ${cells.join('  ')}`.trimEnd());
  }
}

/** Prints the goals and the last line; writes the figures to `jsonFile` if one is named. */
export function conclude(name: string, report: Report, jsonFile?: string): void {
  const met = report.goals.filter((goal) => goal.met).length;
  printTable({
    title: 'goals',
    columns: ['goal', 'bound', 'got', ''],
    rows: report.goals.map((goal) => [goal.name, goal.bound, goal.got, goal.met ? 'met' : 'NOT MET']),
  });
  if (jsonFile !== undefined) {
    writeFileSync(jsonFile, `${JSON.stringify({ name, goals: report.goals, figures: report.figures }, null, 2)}\n`);
  }
  console.log(`${name}: goals met ${met} of ${report.goals.length}`);
}
