// What a catalogue says of a table is what its database does: types by their base, texts by their collation.

import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Scalar } from '../../src/dependency/change.ts';
import { Templates } from '../../src/sql/analyse.ts';
import type { Catalogue } from '../../src/sql/ast.ts';
import { postgresCatalogueVersion, readPostgresCatalogue } from '../../src/sql/postgres/catalogue.ts';
import { createPostgresParser } from '../../src/sql/postgres/parser.ts';
import { startedPglite } from '../kit/pglite.ts';
import { tableOf, whatOf } from './parser-kit.ts';

describe('of PostgreSQL', () => {
  let db: PGlite;
  let catalogue: Catalogue;
  const run = async (sql: string, parameters: readonly Scalar[]) =>
    (await db.query<Readonly<Record<string, unknown>>>(sql, [...parameters])).rows;

  beforeAll(async () => {
    db = await startedPglite();
    await db.exec(`
      CREATE SCHEMA audit; CREATE TYPE mood AS ENUM ('low', 'high'); CREATE TYPE place AS (x int, y int);
      CREATE DOMAIN code AS text CHECK (value <> ''); CREATE DOMAIN short AS code; CREATE DOMAIN spot AS place;
      CREATE TABLE users (id int PRIMARY KEY, i8 bigint, o oid, f float4, n numeric(9, 2), t text COLLATE "C", v varchar(9),
        c char(4), b bool, u uuid, bin bytea, d date, ts timestamp, tz timestamptz, m mood, s short COLLATE "C",
        j jsonb, a int[], i interval, r int4range, g int GENERATED ALWAYS AS (id + 1) STORED);
      ALTER TABLE users DROP COLUMN i8;
      CREATE TABLE audit.entries (a int, b int, c text, PRIMARY KEY (c, a)); CREATE TABLE bare (a int);
      CREATE COLLATION fold (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
      CREATE COLLATION loose (provider = icu, locale = 'en');
      CREATE TABLE texts (c text COLLATE "C", p text COLLATE "POSIX", u text COLLATE ucs_basic, x text COLLATE loose,
        f text COLLATE fold);
      CREATE VIEW v (x, "Y z") AS SELECT id, t FROM users WHERE id > 1; CREATE MATERIALIZED VIEW mv AS SELECT 1 AS x;
      CREATE TABLE places (id int PRIMARY KEY, at place); CREATE TABLE spots (id int PRIMARY KEY, at spot);
      CREATE TABLE parts (id int, k text) PARTITION BY LIST (k); CREATE TABLE parts_a PARTITION OF parts FOR VALUES IN ('a');
      CREATE TABLE parts_b (k text, id int); ALTER TABLE parts ATTACH PARTITION parts_b DEFAULT;
      CREATE TABLE above (a int); CREATE TABLE below (b int) INHERITS (above);
      CREATE TABLE guarded (a int); ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
      CREATE UNLOGGED TABLE light (a int); CREATE TEMP TABLE own (a int); CREATE SEQUENCE counter;
    `);
    catalogue = await readPostgresCatalogue(run, 'there');
  }, 60_000);

  afterAll(() => db.close());

  const typesOf = (name: string) =>
    tableOf(catalogue.relation(undefined, name)).columns.map(({ name: column, type }) => {
      if (type.family !== 'postgres') throw new Error('expected a type of PostgreSQL');
      return `${column} ${type.type}${type.isOrdered ? ' <' : ''}`;
    });

  test('types are those that are known, by their base', () => {
    expect(typesOf('users')).toEqual([
      'id integer <',
      'o opaque',
      'f opaque',
      'n decimal <',
      't text <',
      'v text <',
      'c char <',
      'b boolean <',
      'u uuid <',
      'bin bytes <',
      'd date <',
      'ts timestamp <',
      'tz timestamptz <',
      'm text',
      's text <',
      'j opaque',
      'a opaque',
      'i opaque',
      'r opaque',
      'g integer <',
    ]);
  });

  test('texts have an order only where it is that of their bytes, equality only where it is certain', () => {
    expect(typesOf('texts')).toEqual(['c text <', 'p text <', 'u text <', 'x text', 'f opaque']);
  });

  test('keys are in their order, names have their schema unless it is public', () => {
    expect(tableOf(catalogue.relation('audit', 'entries'))).toMatchObject({ name: 'audit.entries', key: [2, 0] });
    expect(tableOf(catalogue.relation(undefined, 'users'))).toMatchObject({ name: 'users', key: [0] });
    expect(tableOf(catalogue.relation(undefined, 'bare')).key).toEqual([]);
    expect(catalogue.relation(undefined, 'entries')).toBeNull();
    expect(catalogue.relation(undefined, 'Users')).toBeNull();
    expect(catalogue.source).toBe('there');
  });

  test('a view has its text, a partitioned table is a view of its partitions', async () => {
    const parser = await createPostgresParser();
    const texts = ['v', 'parts'].map((name) => catalogue.relation(undefined, name));
    expect(texts).toMatchObject([
      { kind: 'view', columns: ['x', 'Y z'] },
      { kind: 'view', columns: ['id', 'k'] },
    ]);
    await db.exec("INSERT INTO parts VALUES (1, 'a'), (2, 'b')");
    for (const view of texts) {
      if (view?.kind !== 'view') throw new Error('expected a view');
      expect(parser.parse(view.text)).toMatchObject([{ kind: 'query' }]);
    }
    const rows = await run((texts[1] as { text: string }).text, []);
    expect(rows).toEqual(await run('SELECT * FROM parts', []));
  });

  test('what changes unseen says what it is', () => {
    const what = (name: string, schema?: string) => whatOf(catalogue.relation(schema, name));
    expect(
      ['mv', 'places', 'spots', 'above', 'below', 'guarded', 'light', 'counter', 'pg_class'].map((name) => what(name)),
    ).toEqual([
      'a materialised view',
      'a column of a composite type',
      'a column of a composite type',
      'a table that others inherit from',
      'table',
      'row-level security',
      'an unlogged table',
      'a sequence',
      'a table of the system',
    ]);
    expect([what('own', 'pg_temp'), what('tables', 'information_schema')]).toEqual([
      'a temporary table',
      'a table of the system',
    ]);
  });

  test('the version changes with the schema and the search path, not with the rows', async () => {
    const before = await postgresCatalogueVersion(run);
    await db.exec('INSERT INTO bare VALUES (1); CREATE TEMP TABLE another (a int); ANALYZE');
    expect(await postgresCatalogueVersion(run)).toBe(before);
    await db.exec('ALTER TABLE bare ADD COLUMN b int');
    const after = await postgresCatalogueVersion(run);
    expect(after).not.toBe(before);
    await db.exec('SET search_path = audit, public');
    expect(await postgresCatalogueVersion(run)).not.toBe(after);
    expect(whatOf((await readPostgresCatalogue(run)).relation(undefined, 'entries'))).toBe('table');
    await db.exec('RESET search_path');
  });

  test('names are those of the session, in views those of whoever made them', async () => {
    await db.exec(`CREATE SCHEMA tenant; CREATE TABLE tenant.bare (b int); CREATE TABLE public.entries (z int);
      CREATE VIEW bares AS SELECT * FROM bare`);
    const parts = { dialect: 'postgres' as const, parser: await createPostgresParser() };
    const templates = new Templates({ ...parts, catalogue: await readPostgresCatalogue(run) });
    const readBy = (sql: string, ...path: string[]) => {
      const template = templates.get(sql, { path: ['pg_catalog', ...path] });
      return template.kind === 'tracked' ? template.reads.map(({ table }) => table.name) : template.kind;
    };
    expect(readBy('SELECT * FROM bare', 'public')).toEqual(['bare']);
    expect(readBy('SELECT * FROM bare', 'tenant', 'public')).toEqual(['tenant.bare']);
    expect(readBy('SELECT * FROM entries', 'tenant', 'audit', 'public')).toEqual(['audit.entries']);
    expect(readBy('SELECT * FROM bares', 'tenant', 'public')).toEqual(['bare']);
    expect(readBy('SELECT * FROM bare', 'nowhere')).toBe('uncacheable');
    const [one, other] = [['public'], ['tenant']].map((path) => templates.get('SELECT * FROM bare', { path }).id);
    expect(one).not.toBe(other);
  });
});
