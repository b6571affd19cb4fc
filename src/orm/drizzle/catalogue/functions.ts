// What the functions in a statement read and write: by the program's word, and by the system's names. Functions of the
// application's own in PostgreSQL may be called by any name, that of a system's function among them, and by operators, casts and
// views, in whose texts no function is named. The database is asked for those, and with them for its foreign keys.
//
// The types of a statement's parts are not known here. So a statement may run a function of the application's own where
// anything in it has the name, be it a column.

import type { Dialect } from '../../../dependency/template.ts';
import { readsNoTable } from '../../../sql/calls/functions.ts';
import { ROUTINE_QUERIES, routinesFrom } from '../../../sql/postgres/routines.ts';
import { canonical, type FactsReader, type TextFacts } from '../../../sql/text-facts.ts';
import type { SoundOptions } from '../options.ts';
import { type Causes, POSTGRES_KEYS } from './foreign-keys.ts';

/** By a function's name as a statement has it, the tables; undefined: nothing is known. */
export type FunctionEffects = (
  name: string,
) => { readonly reads: readonly string[]; readonly writes: readonly string[] } | undefined;

const NOTHING = { reads: [], writes: [] };

/** What is told counts more than the name of a built-in. */
export function functionEffects(functions: NonNullable<SoundOptions['functions']>, dialect: Dialect): FunctionEffects {
  const told = new Map(
    Object.entries(functions).map(([name, { reads = [], writes = [] }]) => {
      return [canonical(name), { reads: reads.map(canonical), writes: writes.map(canonical) }];
    }),
  );
  return (name) => told.get(canonical(name)) ?? (readsNoTable(name, dialect) ? NOTHING : undefined);
}

interface OwnRoutines {
  /** Any statement may run one. */
  readonly isAny: boolean;
  /** In lower case: functions, operators, types, tables with columns of such types, views. */
  readonly names: ReadonlySet<string>;
}

type Rows = Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;

const FIRST_OWN = 16384;
const { functions, operators, types } = ROUTINE_QUERIES;
const columns = `SELECT DISTINCT c.relname AS name, a.atttypid::text AS type
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attnum > 0 AND a.atttypid >= ${FIRST_OWN}`;
const views = `SELECT c.relname AS name, pg_get_viewdef(c.oid) AS text FROM pg_class c
  WHERE c.relkind IN ('v', 'm') AND c.oid >= ${FIRST_OWN}`;

/** Found in the answer of any driver, whatever form that has. */
const MARK = 'tidegate:';
const PARTS = Object.entries({ functions, operators, types, columns, views, keys: POSTGRES_KEYS }).map(
  ([name, query]) => `'${name}', (SELECT coalesce(json_agg(q), '[]'::json) FROM (${query}) q)`,
);
const QUESTION = `SELECT '${MARK}' || json_build_object(${PARTS.join(', ')})::text AS routines`;

/** BETWEEN, IN, LIKE and joins call these without naming them. */
const UNNAMED = new Set(['=', '<>', '<', '<=', '>', '>=', '~~', '!~~', '~~*', '!~~*']);

interface RoutinesOptions extends Pick<SoundOptions, 'functions'> {
  /** The driver's answer, in whatever form. */
  readonly ask: (sql: string) => Promise<unknown>;
  readonly read: FactsReader;
  /** Learns the foreign keys of the database. */
  readonly causes: Pick<Causes, 'add'>;
}

export class Routines {
  readonly #options: RoutinesOptions;
  #own: OwnRoutines | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: RoutinesOptions) {
    this.#options = options;
  }

  get isKnown(): boolean {
    return this.#own !== undefined;
  }

  /** They may be others now. */
  forget(): void {
    this.#own = this.#asking = undefined;
  }

  /** Rejects where the database does not tell. */
  learn(): Promise<void> {
    if (this.#asking !== undefined) return this.#asking;
    const asking: Promise<void> = this.#options.ask(QUESTION).then(
      (answer) => {
        const text = textIn(answer, 0);
        if (text === undefined) throw new TypeError('expected the functions of the database, got none');
        const rows = JSON.parse(text.slice(MARK.length)) as Rows;
        for (const { child, parent, deletes, updates } of rows.keys ?? []) {
          const [table, cause] = [canonical(String(child)), canonical(String(parent))];
          if (deletes === true) this.#options.causes.add(table, `${cause}/delete`);
          if (updates === true) this.#options.causes.add(table, `${cause}/update`);
        }
        // What was forgotten meanwhile is asked anew.
        if (this.#asking === asking) this.#own = ownRoutinesOf(rows, this.#options);
      },
      (error: unknown) => {
        if (this.#asking === asking) this.#asking = undefined;
        throw error;
      },
    );
    this.#asking = asking;
    return asking;
  }

  /** True as long as nothing is known. */
  mayRun(facts: TextFacts): boolean {
    return this.#own === undefined || mayRun(this.#own, facts);
  }
}

function mayRun({ isAny, names }: OwnRoutines, facts: TextFacts): boolean {
  return isAny || facts.isUnreadable || [...facts.names].some((name) => names.has(name));
}

function ownRoutinesOf(rows: Rows, { functions = {}, read }: RoutinesOptions): OwnRoutines {
  const told = new Set(Object.keys(functions).map(canonical));
  const part = (name: string) => rows[name] ?? [];
  const kinds = { functions: part('functions'), operators: part('operators'), types: part('types'), system: [] };
  const { data, runsOfType } = routinesFrom(kinds);
  const isUnknown = (runs: readonly string[]) => runs.some((name) => !told.has(canonical(name)));
  const names = new Set(data.own.filter(({ runs }) => isUnknown(runs)).map(({ name }) => canonical(name)));
  for (const { name, type } of part('columns'))
    if (isUnknown(runsOfType(String(type)))) names.add(canonical(String(name)));
  const own: OwnRoutines = { isAny: isUnknown(data.implicit) || [...names].some((name) => UNNAMED.has(name)), names };
  const views = part('views').map((row) => ({ name: canonical(String(row.name)), facts: read(String(row.text)) }));
  // Views of views: until no more come.
  for (let size = -1; size !== names.size; ) {
    size = names.size;
    for (const { name, facts } of views) if (mayRun(own, facts)) names.add(name);
  }
  return own;
}

/** A result with rows, rows, or rows of values. */
function textIn(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return value.startsWith(MARK) ? value : undefined;
  if (typeof value !== 'object' || value === null || depth > 3) return undefined;
  const { rows } = value as { readonly rows?: unknown };
  const [found] = Object.values((rows ?? value) as object).flatMap((part) => textIn(part, depth + 1) ?? []);
  return found;
}
