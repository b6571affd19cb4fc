// The tables of a database and the rights of a role, as an installation sees them.
//
// A managed server has a role of its own that stands for the right to replicate.

import { quotedName } from '../../dependency/table-name.ts';
import { TidegateError } from '../../errors.ts';
import { IS_OF_APPLICATION, type PostgresSession } from './session.ts';

/** A relation of which no feed tells. Temporary tables are no concern: only their own session sees them. */
export interface UntoldRelation {
  readonly schema: string;
  readonly name: string;
  /** E.g. `a foreign table`. */
  readonly what: string;
}

const TABLES = `SELECT n.nspname AS schema, c.relname AS name, c.relkind AS kind,
    CASE c.relreplident WHEN 'd' THEN 'default' WHEN 'n' THEN 'nothing' WHEN 'f' THEN 'full' ELSE 'index' END AS identity,
    c.relispartition AS "isPartition", c.relpersistence = 'p' AS "isLogged", (SELECT json_build_object('schema', r.nspname,
      'name', root.relname) FROM pg_namespace r WHERE r.oid = root.relnamespace) AS root,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) AS "hasKey",
    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attgenerated = 'v' AND NOT a.attisdropped)
      AS "hasVirtual",
    EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
      WHERE p.pubname = $1 AND r.prrelid = c.oid) AS "isNamed",
    EXISTS (SELECT FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid WHERE p.pubname = $1
      AND r.prrelid = c.oid AND (to_jsonb(r) ->> 'prqual' IS NOT NULL OR to_jsonb(r) ->> 'prattrs' IS NOT NULL)) AS "isRestricted",
    c.oid IN (SELECT relid FROM pg_publication p, pg_get_publication_tables(p.pubname) WHERE p.pubname = $1) AS "isPublished"
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class root ON c.relispartition AND root.oid = pg_partition_root(c.oid)
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence IN ('p', 'u')
    AND ${IS_OF_APPLICATION}
  ORDER BY 1, 2`;

export interface PostgresTableStatus {
  readonly schema: string;
  readonly name: string;
  /** An ordinary or a partitioned table. */
  readonly kind: 'r' | 'p';
  /** As in pg_class.relreplident. */
  readonly identity: 'default' | 'nothing' | 'full' | 'index';
  readonly isPartition: boolean;
  /** The root of a partition: its partitioned table. */
  readonly root: { readonly schema: string; readonly name: string } | null;
  readonly isLogged: boolean;
  readonly hasKey: boolean;
  /**
   * Whether a column is computed when it is read. With such a column in the identity, the server would refuse updates and
   * deletes.
   */
  readonly hasVirtual: boolean;
  /** Whether the publication's own list names it. */
  readonly isNamed: boolean;
  /** Whether the publication gives only some of its rows or columns. */
  readonly isRestricted: boolean;
  /** Whether the publication covers it: itself, by its root, or with all tables. */
  readonly isPublished: boolean;
}

export async function postgresTables(
  session: PostgresSession,
  publication: string,
): Promise<readonly PostgresTableStatus[]> {
  return (await session.query(TABLES, [publication])) as unknown as readonly PostgresTableStatus[];
}

const UNTOLD = `SELECT n.nspname AS schema, c.relname AS name,
    CASE c.relkind WHEN 'm' THEN 'a materialised view' ELSE 'a foreign table' END AS what
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('m', 'f') AND ${IS_OF_APPLICATION}
  ORDER BY 1, 2`;

export async function postgresUntold(session: PostgresSession): Promise<readonly UntoldRelation[]> {
  return (await session.query(UNTOLD)) as unknown as readonly UntoldRelation[];
}

export function qualifiedName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return `${quotedName(schema)}.${quotedName(name)}`;
}

/** SQL: the columns `role`, `database`, `mayCreate`, `mayReplicate`. */
export const RIGHTS = `current_user AS role, current_database() AS database,
    has_database_privilege(current_database(), 'CREATE') AS "mayCreate",
    (SELECT rolreplication OR rolsuper FROM pg_roles WHERE rolname = current_user)
      OR EXISTS (SELECT FROM pg_roles r WHERE r.rolname = 'rds_replication' AND pg_has_role(current_user, r.oid, 'MEMBER'))
      AS "mayReplicate"`;

/** Rejects with E_FEED when the role lacks a right that is needed, before anything is made. */
export async function expectRights(
  session: PostgresSession,
  { create, replication }: { readonly create: boolean; readonly replication: boolean },
): Promise<void> {
  if (!create && !replication) return;
  const [row = {}] = await session.query(`SELECT ${RIGHTS}`);
  const lacking = holding([
    [create && row.mayCreate !== true, createRight(String(row.database))],
    [replication && row.mayReplicate !== true, 'REPLICATION'],
  ]);
  if (lacking.length > 0) throw new TidegateError('E_FEED', lackOf(lacking.join(' and '), String(row.role)));
}

/** Sentences, each with whether it holds. */
export type Findings = readonly (readonly [holds: boolean, sentence: string])[];

export function holding(findings: Findings): readonly string[] {
  return findings.filter(([holds]) => holds).map(([, sentence]) => sentence);
}

export function createRight(database: string): string {
  return `CREATE on the database ${database}`;
}

export function lackOf(right: string, role: string): string {
  return `expected a role with the right ${right}, got ${role} without it`;
}
