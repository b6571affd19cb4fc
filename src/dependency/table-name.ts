// Names of tables: as an operator writes one, brought to that under which statements read it, and as SQL writes it.
//
// Tables of the default schema go by their bare name, and that schema has a name of its own:
// `public` in PostgreSQL, `main` in SQLite. Elsewhere a schema of such a name is one like others.

import type { TableShape } from './change.ts';

const DEFAULT_SCHEMA = /^(?:public|main)\./;

/** The name without a schema that may be the default one; unchanged where it has none. */
export function bareName(table: string): string {
  return table.replace(DEFAULT_SCHEMA, '');
}

/** Whether the table, which goes by its bare name, is of the schema that `asked` begins with. */
export function isOfSchema(asked: string, { columns }: TableShape): boolean {
  const family = columns[0]?.type.family;
  return family === (asked.startsWith('public.') ? 'postgres' : 'sqlite');
}

/** The name as SQL writes it, whatever characters it has. */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
