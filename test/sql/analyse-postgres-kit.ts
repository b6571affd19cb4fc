// Two tables of PostgreSQL, and what is known of statements on them.

import type { PostgresColumnType } from '../../src/dependency/change.ts';
import { analyse } from '../../src/sql/analyse.ts';
import type { Catalogue, RoutinesData } from '../../src/sql/ast.ts';
import { catalogueOf } from '../../src/sql/catalogue.ts';
import { createPostgresParser } from '../../src/sql/postgres/parser.ts';
import { notation } from './analyse-notation.ts';

const parser = await createPostgresParser();
const column = (name: string, type: PostgresColumnType['type'], isOrdered = type !== 'text' && type !== 'opaque') => ({
  name,
  type: { family: 'postgres', type, isOrdered } as const,
  isNotNull: name === 'id',
});
const users = {
  name: 'users',
  columns: [
    column('id', 'integer'),
    column('name', 'text'),
    column('code', 'text', true),
    column('active', 'boolean'),
    column('born', 'date'),
    column('seen', 'timestamptz'),
    column('price', 'decimal'),
    column('extra', 'opaque'),
  ],
  key: [0],
};
const orders = {
  name: 'orders',
  columns: [column('id', 'integer'), column('user_id', 'integer'), column('total', 'decimal')],
  key: [0],
};
const setReturning = 'generate_series json_array_elements jsonb_each jsonb_object_keys regexp_matches unnest'.split(
  ' ',
);

/** The tables, and functions, operators and types that are not the system's own. */
export function catalogueWith(own: RoutinesData['own'], path: readonly string[] = ['pg_catalog', 'public']): Catalogue {
  return catalogueOf({
    dialect: 'postgres',
    source: 'test',
    path,
    relations: [users, orders].map((table) => ({
      schema: 'public',
      name: table.name,
      relation: { kind: 'table', table },
    })),
    modules: [],
    routines: { own, setReturning, implicit: [] },
  });
}

const catalogue = catalogueWith([]);
export const of = (text: string, parts: { catalogue?: Catalogue; pureFunctions?: ReadonlySet<string> } = {}) =>
  analyse(text, { dialect: 'postgres', parser, catalogue, ...parts });
export const postgresReads = (text: string) => notation(of(text));
