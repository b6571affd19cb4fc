// What is known of each text of SQL, kept for the texts met last.
//
// The one complication: a text and the objects it was made of are met apart. Drizzle makes the text from objects in its
// dialect, and prepares it in its session, which sees the text alone; so the dialect of this one database is listened to.

import type { Catalog } from './sound-catalog.ts';
import type { Statement } from './sound-draft.ts';
import type { Loose, Method } from './sound-prepared.ts';
import { statementOf } from './sound-statement.ts';
import type { Tally } from './sound-tally.ts';
import type { Dialect } from './sound-text.ts';
import { type QueryTables, usedTables } from './tables.ts';

export interface KnownText {
  readonly sql: string;
  readonly statement: Statement;
  /** By the objects it was made of; undefined: none were met. */
  readonly objects: QueryTables | undefined;
  /** False: the objects could not be read, so the tables they name may be unknown. */
  readonly isLearned: boolean;
}

const MAX_TEXTS = 2000;

export class Texts {
  readonly #dialect: Dialect;
  readonly #catalog: Catalog;
  readonly #tally: Tally;
  readonly #known = new Map<string, KnownText>();

  constructor(dialect: Dialect, catalog: Catalog, tally: Tally) {
    this.#dialect = dialect;
    this.#catalog = catalog;
    this.#tally = tally;
  }

  /** From now on the objects of each text that this dialect makes are learned. */
  listen(dialect: Record<PropertyKey, unknown>): void {
    for (const name of ['sqlToQuery', '_sqlToQuery']) {
      const original = dialect[name];
      if (typeof original !== 'function') continue;
      const make = (original as Method).bind(dialect);
      dialect[name] = (objects: unknown, ...rest: readonly unknown[]) => {
        const query = make(objects, ...rest);
        this.of(textOf(query), objects);
        return query;
      };
    }
  }

  of(sql: string, objects?: unknown): KnownText {
    const known = this.#known.get(sql);
    if (known !== undefined && (known.objects !== undefined || objects === undefined)) return known;
    const text = this.#learned(sql, objects);
    this.#known.delete(sql);
    this.#known.set(sql, text);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_TEXTS && oldest !== undefined) this.#known.delete(oldest);
    return text;
  }

  #learned(sql: string, objects: unknown): KnownText {
    const statement = statementOf(sql, this.#dialect);
    if (objects === undefined) return { sql, statement, objects, isLearned: true };
    const found = this.#tally.safely(() => {
      this.#catalog.learn(objects);
      return usedTables(objects);
    });
    return { sql, statement, objects: found.ok ? found.value : undefined, isLearned: found.ok };
  }
}

/** The text of a query that Drizzle has made: 1.0 may keep it in parts. */
export function textOf(query: unknown): string {
  if (typeof query !== 'object' || query === null) return '';
  const { sql, _sql } = query as { sql?: unknown; _sql?: unknown };
  if (Array.isArray(_sql)) return _sql.join(' ');
  return typeof sql === 'string' ? sql : '';
}

/** The text of a query of a batch; empty: it is not known. */
export function textOfQuery(query: unknown): string {
  if (typeof query !== 'object' || query === null) return '';
  const { toSQL, getQuery, _prepare } = query as Loose;
  for (const make of [toSQL, getQuery]) {
    if (typeof make === 'function') return textOf(make.call(query));
  }
  const prepared: unknown = typeof _prepare === 'function' ? _prepare.call(query) : undefined;
  const { getQuery: ofPrepared } = (prepared ?? {}) as Loose;
  return typeof ofPrepared === 'function' ? textOf(ofPrepared.call(prepared)) : '';
}
