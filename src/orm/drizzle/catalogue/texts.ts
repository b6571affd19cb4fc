// The facts of each text of SQL, kept for the texts met last, and the parser that reads them.
//
// PostgreSQL's parser is loaded when it is first needed, and statements wait for it. Where it cannot be loaded, no text is
// understood: nothing is stored, and each write invalidates everything.

import type { Dialect } from '../../../dependency/template.ts';
import { createPostgresFacts } from '../../../sql/postgres/facts.ts';
import { createSqliteFacts } from '../../../sql/sqlite/facts.ts';
import { type FactsReader, type TextFacts, UNREAD } from '../../../sql/text-facts.ts';
import type { Method, UntypedObject } from '../session/prepared.ts';
import type { Tally } from '../tally.ts';

export interface KnownText {
  readonly sql: string;
  /** Read when they are first asked for. */
  readonly facts: TextFacts;
  /** False: the objects it was made of could not be learned, so the tables they name may be unknown. Undefined: none were met. */
  isLearned: boolean | undefined;
}

const MAX_TEXTS = 2000;

export class Texts {
  readonly #tally: Tally;
  readonly #known = new Map<string, KnownText>();
  #read: FactsReader | undefined;
  #loading: Promise<void> | undefined;
  readonly #loads: () => Promise<FactsReader>;

  /** `loads`: the parser of PostgreSQL. */
  constructor(dialect: Dialect, tally: Tally, loads = createPostgresFacts) {
    this.#tally = tally;
    this.#loads = loads;
    if (dialect === 'sqlite') this.#read = createSqliteFacts();
  }

  /** Runs the work at once where texts can be read, and else once they can. Texts are read in such work alone. */
  readonly whenReady = <T>(work: () => T): T | Promise<Awaited<T>> => {
    if (this.#read !== undefined) return work();
    this.#loading ??= this.#loads().then(
      (read) => {
        this.#read = read;
      },
      (error: unknown) => {
        this.#read = () => UNREAD;
        this.#tally.fault(error);
      },
    );
    return this.#loading.then(work) as Promise<Awaited<T>>;
  };

  /** Of a text that is not met again, such as that of a view. */
  readonly read: FactsReader = (sql) => (this.#read === undefined ? UNREAD : this.#read(sql));

  of(sql: string): KnownText {
    const known = this.#known.get(sql);
    if (known !== undefined) return known;
    const { read } = this;
    let facts: TextFacts | undefined;
    const text = {
      sql,
      get facts() {
        facts ??= read(sql);
        return facts;
      },
      isLearned: undefined,
    };
    this.#known.set(sql, text);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_TEXTS && oldest !== undefined) this.#known.delete(oldest);
    return text;
  }

  /** From now on the objects of each text that this dialect makes are learned. */
  listen(dialect: UntypedObject, learn: (objects: unknown) => void): void {
    for (const name of ['sqlToQuery', '_sqlToQuery']) {
      const original = dialect[name];
      if (typeof original !== 'function') continue;
      const make = (original as Method).bind(dialect);
      dialect[name] = (objects: unknown, ...rest: readonly unknown[]) => {
        const query = make(objects, ...rest);
        const text = this.of(textOf(query));
        if (text.isLearned !== true) text.isLearned = this.#tally.safely(() => learn(objects)).ok;
        return query;
      };
    }
  }
}

/** The text of a query that Drizzle has made: 1.0 may keep it in parts. */
export function textOf(query: unknown): string {
  if (typeof query !== 'object' || query === null) return '';
  const { sql, _sql } = query as { sql?: unknown; _sql?: unknown };
  if (Array.isArray(_sql)) return _sql.join(' ');
  return typeof sql === 'string' ? sql : '';
}

/** What Drizzle makes of a query of a batch: its text and parameters; undefined: it is not known. */
export function queryOfBatch(query: unknown): unknown {
  if (typeof query !== 'object' || query === null) return undefined;
  const { toSQL, getQuery, _prepare } = query as UntypedObject;
  for (const make of [toSQL, getQuery]) {
    if (typeof make === 'function') return make.call(query);
  }
  const prepared: unknown = typeof _prepare === 'function' ? _prepare.call(query) : undefined;
  const { getQuery: ofPrepared } = (prepared ?? {}) as UntypedObject;
  return typeof ofPrepared === 'function' ? ofPrepared.call(prepared) : undefined;
}
