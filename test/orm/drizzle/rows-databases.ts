// Databases that the tests of Drizzle by rows run on, with a way past all that is tested.

import type { PGlite } from '@electric-sql/pglite';
import { createClient } from '@libsql/client';
import { drizzle as drizzleLibsql } from 'drizzle-orm/libsql';
import { drizzle as drizzlePglite } from 'drizzle-orm/pglite';

export type RowsDialect = 'sqlite' | 'postgres';

export type Row = Readonly<Record<string, unknown>>;
export type Value = string | number | null;

/** A text with `?` for each of its values. */
export interface Query {
  readonly text: string;
  readonly values: readonly Value[];
}

export interface RowsDatabase {
  readonly db: object;
  /** Past everything that is tested. */
  readonly run: (query: Query) => Promise<readonly Row[]>;
  /** False: several statements are one batch. Default true. */
  readonly hasTransactions?: false;
  readonly close: () => unknown;
}

export async function libsqlDatabase(): Promise<RowsDatabase> {
  const client = createClient({ url: ':memory:' });
  return {
    db: drizzleLibsql(client),
    run: async ({ text, values }) => (await client.execute({ sql: text, args: [...values] })).rows,
    close: () => client.close(),
  };
}

export function pgliteDatabase(client: PGlite): RowsDatabase {
  return {
    db: drizzlePglite(client),
    run: async ({ text, values }) => (await client.query<Row>(numbered(text), [...values])).rows,
    close: () => undefined,
  };
}

function numbered(text: string): string {
  let number = 0;
  return text.replace(/\?/g, () => `$${++number}`);
}
