// The tables of a database as an installation for logical replication sees them.

import type { PostgresTableStatus, UntoldRelation } from './postgres-problems.ts';
import type { PostgresSession } from './postgres-session.ts';
import { identifier } from './postgres-stream.ts';

const TABLES = `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind, c.relreplident AS identity,
    c.relispartition AS "isPartition", c.relpersistence AS persistence, root.relname AS "rootName",
    (SELECT nspname FROM pg_namespace WHERE oid = root.relnamespace) AS "rootSchema",
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS "hasKey",
    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped)
      AS "hasVirtual",
    EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
      WHERE p.pubname = $1 AND r.prrelid = c.oid) AS named,
    EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = $1
      AND r.prrelid = c.oid AND (to_jsonb(r) ->> 'prqual' IS NOT NULL OR to_jsonb(r) ->> 'prattrs' IS NOT NULL)) AS restricted,
    c.oid IN (SELECT relid FROM pg_publication p, pg_get_publication_tables(p.pubname) WHERE p.pubname = $1) AS published
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class root ON c.relispartition AND root.oid = pg_partition_root(c.oid)
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence IN ('p', 'u')
    AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'tidegate')
  ORDER BY 1, 2`;

export interface PostgresTableRow {
  readonly schema: string;
  readonly name: string;
  readonly kind: 'r' | 'p';
  readonly identity: 'd' | 'n' | 'f' | 'i';
  readonly isPartition: boolean;
  readonly rootSchema: string | null;
  readonly rootName: string | null;
  readonly persistence: 'p' | 'u';
  readonly hasKey: boolean;
  /**
   * Whether a column is computed when it is read. With such a column in the identity, the server would refuse updates and
   * deletes.
   */
  readonly hasVirtual: boolean;
  /** Whether the publication's own list names it. */
  readonly named: boolean;
  /** Whether the publication gives only some of its rows or columns. */
  readonly restricted: boolean;
  /** Whether the publication covers it: itself, by its root, or with all tables. */
  readonly published: boolean;
}

export async function postgresTables(
  session: PostgresSession,
  publication: string,
): Promise<readonly PostgresTableRow[]> {
  return (await session.query(TABLES, [publication])) as unknown as readonly PostgresTableRow[];
}

const UNTOLD = `SELECT n.nspname AS schema, c.relname AS name,
    CASE c.relkind WHEN 'm' THEN 'a materialised view' ELSE 'a foreign table' END AS what
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('m', 'f') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'tidegate')
  ORDER BY 1, 2`;

export async function postgresUntold(session: PostgresSession): Promise<readonly UntoldRelation[]> {
  return (await session.query(UNTOLD)) as unknown as readonly UntoldRelation[];
}

const IDENTITIES = { d: 'default', n: 'nothing', f: 'full', i: 'index' } as const;

export function tableStatusOf(row: PostgresTableRow): PostgresTableStatus {
  const { schema, name, published, identity, hasKey, persistence } = row;
  const { rootSchema, rootName } = row;
  return {
    schema,
    name,
    isPublished: published,
    identity: IDENTITIES[identity],
    hasKey,
    isLogged: persistence === 'p',
    ...(rootSchema !== null && rootName !== null && { root: { schema: rootSchema, name: rootName } }),
  };
}

export function qualifiedName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${identifier(schema)}.${identifier(name)}`;
}
