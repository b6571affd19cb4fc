// Queries of PostgreSQL whose answer changes as time goes by, in disguise: their times are texts, literals and parameters.
//
// No change tells of it. So rows are given times that lie a moment ahead, and the queries are asked
// again when it has gone by; one that would have been stored must answer as before.

import type { Dice } from '../sim/dice.ts';
import type { PostgresParameters } from './postgres-conditions.ts';
import type { PostgresColumn, PostgresTable } from './postgres-schema.ts';
import type { PostgresWrite } from './postgres-writes.ts';
import { type Draft, from, type Kit, listOf, type NamedTable, namedOf } from './query-kit.ts';

/** How far ahead. */
export const AHEAD_MS = 60;

type MovingKit = Kit & { readonly parameters: PostgresParameters };

/** Condition on a column of type timestamptz. */
const MOVING: readonly ((column: string, now: () => string) => string)[] = [
  (column, now) => `${column} < ${now()}`,
  (column, now) => `${column} < ${now()}::text::timestamptz`,
  (column, now) => `${column} BETWEEN '2000-01-01' AND ${now()}`,
  (column, now) => `coalesce(${column}, ${now()}) < ${now()}`,
  (column, now) => `greatest(${column}, ${now()}) > ${column}`,
  (column, now) => `(${column}, 1) < (${now()}, 1)`,
  (column, now) => `CASE WHEN ${column} IS NULL THEN '2000-01-01' ELSE ${column} END < ${now()}`,
  (column, now) => `${column} < ANY(ARRAY[${now()}]::timestamptz[])`,
  (column, now) =>
    `EXISTS (SELECT ${column} UNION ALL SELECT ${now()} ORDER BY 1 DESC OFFSET 1) AND ${column} < ${now()}`,
];

function movingTime(kit: MovingKit): Draft | undefined {
  const named = momentsOf(kit);
  if (named === undefined) return undefined;
  const { dice, parameters } = kit;
  const column = `${named.alias}.${dice.pick(named.moments).name}`;
  const now = () => (dice.chance(0.5) ? "'now'" : parameters.given(dice.pick(['now', ' NOW ', '_now'])));
  return { text: `SELECT ${listOf(kit, named)} FROM ${from(named)} WHERE ${dice.pick(MOVING)(column, now)}` };
}

/** A text that is no time, beside a column of texts. */
function wordsOfTimes(kit: MovingKit): Draft | undefined {
  const { dice, parameters } = kit;
  const table = dice.pick(kit.schema.tables as readonly PostgresTable[]);
  const column = table.columns.find(({ kind }) => kind === 'text');
  if (column === undefined) return undefined;
  const named = namedOf(table, 'a');
  const word = dice.chance(0.5) ? "'now'" : parameters.given('today');
  const test = dice.pick([`<> ${word}`, `IN ('a', ${word})`, `NOT LIKE ${word}`, `= ANY(ARRAY['ab', ${word}])`]);
  return { text: `SELECT ${listOf(kit, named)} FROM ${from(named)} WHERE a.${column.name} ${test}` };
}

function momentsOf({ dice, schema }: Kit): (NamedTable & { readonly moments: readonly PostgresColumn[] }) | undefined {
  const tables = (schema.tables as readonly PostgresTable[]).filter(({ columns }) => columns.some(isMoment));
  if (tables.length === 0) return undefined;
  const table = dice.pick(tables);
  return { ...namedOf(table, 'a'), moments: table.columns.filter(isMoment) };
}

function isMoment({ kind }: PostgresColumn): boolean {
  return kind === 'timestamptz';
}

/** Rows get a time that has not come. */
export function writesAhead(dice: Dice, tables: readonly PostgresTable[]): PostgresWrite[] {
  return tables.flatMap(({ name, columns }) =>
    columns.filter(isMoment).map((column) => ({
      text: `UPDATE ${name} SET ${column.name} = clock_timestamp() + interval '${AHEAD_MS} ms' WHERE id < $1`,
      parameters: [dice.between(2, 12)],
      isUndone: false,
    })),
  );
}

export const MOVING_MAKERS = { 'moving time': movingTime, 'words of times': wordsOfTimes };
