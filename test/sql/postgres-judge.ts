// A PostgreSQL in which a write is judged: is the answer of a query another after it, and was the change named?

import type { PGlite } from '@electric-sql/pglite';
import { bindInstance, resultRowsOf } from '../../src/dependency/bind.ts';
import type { Change, Row } from '../../src/dependency/change.ts';
import { DependencyIndex } from '../../src/dependency/index/dependency-index.ts';
import { tableCell } from '../../src/feed/postgres/relations.ts';
import { analyse } from '../../src/sql/analyse.ts';
import type { Catalogue, Parser } from '../../src/sql/ast.ts';
import { readPostgresCatalogue } from '../../src/sql/postgres/catalogue.ts';
import { createPostgresParser } from '../../src/sql/postgres/parser.ts';
import { tableOf } from './parser-kit.ts';

/** `not stored`, with the reason; else what became of the answer and of the entry. */
export type Verdict = string;

export class PostgresJudge {
  readonly #db: PGlite;
  readonly #parser: Parser;
  readonly #pureFunctions: ReadonlySet<string>;

  private constructor(db: PGlite, parser: Parser, pureFunctions: ReadonlySet<string>) {
    this.#db = db;
    this.#parser = parser;
    this.#pureFunctions = pureFunctions;
  }

  static async open(db: PGlite, pureFunctions: readonly string[] = []): Promise<PostgresJudge> {
    return new PostgresJudge(db, await createPostgresParser(), new Set(pureFunctions));
  }

  /** One write, which is taken back again. */
  async verdict(query: string, write: string, parameters: readonly unknown[] = []): Promise<Verdict> {
    const catalogue = await this.#catalogue();
    const parts = { dialect: 'postgres', parser: this.#parser, catalogue, pureFunctions: this.#pureFunctions } as const;
    const template = analyse(query, parts);
    if (template.kind !== 'tracked')
      return `not stored: ${'reason' in template ? String(template.reason) : template.kind}`;
    const before = await this.#answer(query, parameters);
    const rows = resultRowsOf(template, before);
    const index = new DependencyIndex();
    index.add(1, bindInstance(template, parameters, rows));
    const tables = new Set(template.reads.map(({ table }) => table.name));
    await this.#db.exec('BEGIN');
    try {
      const images = async () =>
        new Map(await Promise.all([...tables].map(async (name) => [name, await this.#rows(name)] as const)));
      const old = await images();
      await this.#db.exec(write);
      const now = await images();
      const shape = (name: string) => tableOf(catalogue.relation(undefined, name));
      const changes = [...tables].flatMap((name) => changesOf(shape(name), old.get(name)!, now.get(name)!));
      const hasChanged = JSON.stringify(await this.#answer(query, parameters)) !== JSON.stringify(before);
      const isNamed = index.match(changes).ids.has(1);
      return `${hasChanged ? 'changed' : 'same'}, ${isNamed ? 'named' : 'not named'}`;
    } finally {
      await this.#db.exec('ROLLBACK');
    }
  }

  /** To read it changes the path of a transaction that it is read in. */
  async #catalogue(): Promise<Catalogue> {
    const run = async (sql: string, values: readonly unknown[]) =>
      (await this.#db.query<Readonly<Record<string, unknown>>>(sql, [...values])).rows;
    const [row] = await run("SELECT current_setting('search_path') AS path", []);
    const catalogue = await readPostgresCatalogue(run);
    await run("SELECT set_config('search_path', $1, true)", [row?.path]);
    return catalogue;
  }

  async #answer(query: string, parameters: readonly unknown[]): Promise<unknown[]> {
    return (await this.#db.query(query, [...parameters])).rows;
  }

  async #rows(table: string): Promise<ReadonlyMap<string, readonly (string | null)[]>> {
    const { rows } = await this.#db.query<{ readonly id: unknown }>(`SELECT * FROM ${table}`, [], {
      parsers: new Proxy({}, { get: () => (text: string) => text, has: () => true }),
      rowMode: 'object',
    });
    return new Map(rows.map((row) => [String(row.id), Object.values(row) as (string | null)[]]));
  }
}

type Images = ReadonlyMap<string, readonly (string | null)[]>;

/** Each table has its key in `id`. */
function changesOf(table: ReturnType<typeof tableOf>, old: Images, now: Images): Change[] {
  const rowOf = (texts: readonly (string | null)[]): Row => texts.map((text, at) => tableCell(table, at, text));
  const changes: Change[] = [];
  for (const [id, texts] of now) {
    const before = old.get(id);
    if (before === undefined) changes.push({ kind: 'insert', table, new: rowOf(texts) });
    else if (JSON.stringify(before) !== JSON.stringify(texts))
      changes.push({ kind: 'update', table, old: rowOf(before), new: rowOf(texts) });
  }
  for (const [id, texts] of old) if (!now.has(id)) changes.push({ kind: 'delete', table, old: rowOf(texts) });
  return changes;
}
