// Two tables of PostgreSQL, and what is known of statements on them.

import type { PostgresColumnType } from '../../src/dependency/column-type.ts';
import { analyse } from '../../src/sql/analyse.ts';
import type { Catalogue } from '../../src/sql/ast.ts';
import { createPostgresParser } from '../../src/sql/postgres-parser.ts';
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
const catalogue: Catalogue = {
  source: 'test',
  relation: (schema, name) => {
    if (schema !== undefined && schema !== 'public') return null;
    if (name === 'users') return { kind: 'table', table: users };
    return name === 'orders' ? { kind: 'table', table: orders } : null;
  },
};
export const of = (text: string) => analyse(text, { dialect: 'postgres', parser, catalogue });
export const postgresReads = (text: string) => notation(of(text));
