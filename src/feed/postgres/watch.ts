// The catalogue as a feed compares it. A schema change may change a table's rows without telling of any row; a table that is
// no longer watched may change unheard; and a table made later is not watched yet.
//
// Every heartbeat compares, so the query uses the numbers of the transactions that last wrote the catalogue's rows, not
// their content. VACUUM FULL, CLUSTER, TRUNCATE and ANALYZE leave these numbers alone. Each of the four writes a relation's
// own row, so that row is compared by its content.

import type { PostgresTable } from './relations.ts';
import { IS_OF_APPLICATION, type SessionRow } from './session.ts';

export interface WatchedTable extends PostgresTable {
  /** Whether its changes are told. */
  readonly isWatched: boolean;
  /** Whether the server logs its changes. A feed by logical replication cannot tell of other tables. */
  readonly isLogged: boolean;
  /** `isVirtual`: computed when it is read; a trigger sees NULL in it. */
  readonly columns: readonly { readonly name: string; readonly isVirtual: boolean }[];
  readonly print: string;
}

export interface Watched {
  /** Fingerprint of the whole: 8 hexadecimal digits. */
  readonly print: string;
  /**
   * Fingerprint of objects that belong to no single table: views, functions, operators, casts, domains, policies,
   * inheritance, schemas.
   */
  readonly others: string;
  readonly tables: ReadonlyMap<number, WatchedTable>;
  /** In the form of `watchedName`. */
  readonly names: ReadonlySet<string>;
}

/**
 * `members`: a query that gives the identifiers of the watched tables as `id`, with a text that changes when their triggers
 * or publication do. Of other tables only the names count, since no entry that reads them is stored.
 */
function printsOf(members: string): string {
  return `SELECT c.oid::text AS id, n.nspname AS schema, c.relname AS name, m.id IS NOT NULL AS "isWatched",
      c.relpersistence = 'p' AS "isLogged",
      CASE WHEN m.id IS NULL THEN concat_ws(' ', c.oid, n.nspname, n.nspowner, c.relname)
      ELSE concat_ws(' ', c.oid, n.nspname, n.nspowner, c.relname, c.relpersistence, c.relkind, c.relrowsecurity, c.relreplident, m.watch,
        (SELECT string_agg(a.attnum || ':' || a.xmin, ' ' ORDER BY a.attnum) FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0),
        (SELECT string_agg(d.oid || ':' || d.xmin, ' ' ORDER BY d.oid) FROM pg_attrdef d WHERE d.adrelid = c.oid),
        (SELECT string_agg(k.oid || ':' || k.conkey::text, ' ' ORDER BY k.oid) FROM pg_constraint k
          WHERE k.conrelid = c.oid AND k.contype = 'p')) END AS print
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN (${members}) m ON m.id = c.oid
    WHERE m.id IS NOT NULL OR (c.relkind = 'r' AND c.relpersistence <> 't'
      AND ${IS_OF_APPLICATION})`;
}

/** Objects with an identifier below this came with the system. */
const FIRST_OWN = 16384;

/**
 * Whether statements find anything in a schema also depends on its name, its owner and the rights to use it. A schema made
 * for tables alone, e.g. for a new tenant, does not change the fingerprint for the others.
 */
const SCHEMAS = `SELECT string_agg(concat_ws(':', n.oid, n.nspname, n.nspowner, n.nspacl), ' ' ORDER BY n.oid)
  FROM pg_namespace n WHERE ${IS_OF_APPLICATION}
    AND (n.nspacl IS NOT NULL OR n.oid IN (SELECT relnamespace FROM pg_class WHERE relkind IN ('v', 'm', 'f', 'p')
      UNION ALL SELECT pronamespace FROM pg_proc WHERE oid >= ${FIRST_OWN}
      UNION ALL SELECT oprnamespace FROM pg_operator WHERE oid >= ${FIRST_OWN}
      UNION ALL SELECT typnamespace FROM pg_type WHERE oid >= ${FIRST_OWN} AND typtype IN ('b', 'd', 'e', 'r', 'm')
        AND typcategory <> 'A'))`;

/** Relations whose rows come from other relations or another server. */
const BORROWED = `SELECT string_agg(concat_ws(':', c.oid, c.relnamespace, c.relname, c.relrowsecurity,
    CASE WHEN c.relkind = 'v' THEN (SELECT string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_attribute a
      WHERE a.attrelid = c.oid AND a.attnum > 0) END), ' ' ORDER BY c.oid)
  FROM pg_class c WHERE c.relkind IN ('v', 'm', 'f', 'p') AND c.oid >= ${FIRST_OWN} AND c.relpersistence <> 't'`;

const OTHERS = `SELECT md5(concat_ws(' ', (${SCHEMAS}), (${BORROWED}),
    (SELECT string_agg(r.oid || ':' || r.xmin, ' ' ORDER BY r.oid) FROM pg_rewrite r
      JOIN pg_class c ON c.oid = r.ev_class WHERE r.oid >= ${FIRST_OWN} AND c.relpersistence <> 't'),
    (SELECT string_agg(oid || ':' || xmin, ' ' ORDER BY oid) FROM pg_proc WHERE oid >= ${FIRST_OWN}
      AND pronamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_temp%' OR nspname = 'tidegate')),
    (SELECT string_agg(oid || ':' || xmin, ' ' ORDER BY oid) FROM pg_operator WHERE oid >= ${FIRST_OWN}),
    (SELECT string_agg(oid || ':' || xmin, ' ' ORDER BY oid) FROM pg_cast WHERE oid >= ${FIRST_OWN}),
    (SELECT string_agg(oid || ':' || xmin, ' ' ORDER BY oid) FROM pg_collation WHERE oid >= ${FIRST_OWN}),
    (SELECT string_agg(t.oid || ':' || t.xmin, ' ' ORDER BY t.oid) FROM pg_type t WHERE t.oid >= ${FIRST_OWN}
      AND t.typtype IN ('b', 'd', 'r', 'm') AND t.typcategory <> 'A'),
    (SELECT string_agg(oid || ':' || xmin, ' ' ORDER BY oid) FROM pg_constraint WHERE contypid >= ${FIRST_OWN}),
    (SELECT string_agg(oid || ':' || xmin, ' ' ORDER BY oid) FROM pg_policy),
    (SELECT string_agg(roleid || ':' || member || ':' || xmin, ' ' ORDER BY roleid, member, xmin::text) FROM pg_auth_members),
    (SELECT string_agg(oid || ':' || xmin, ' ' ORDER BY oid) FROM pg_enum WHERE oid >= ${FIRST_OWN}),
    (SELECT string_agg(i.inhrelid || ':' || i.inhparent, ' ' ORDER BY i.inhrelid, i.inhparent) FROM pg_inherits i
      JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't'))) AS others`;

/** One row: `print` and `others`. */
export function printQuery(members: string): string {
  return `SELECT left(md5(o.others || coalesce(
      (SELECT string_agg(p.print, E'\\n' ORDER BY p.id) FROM (${printsOf(members)}) p), '')), 8) AS print, o.others
    FROM (${OTHERS}) o`;
}

/** The row of `printQuery`, and `tables` as JSON. One statement, so that both come from one snapshot. */
export function watchQuery(members: string): string {
  return `SELECT w.*, (SELECT coalesce(json_agg(json_build_object('id', p.id, 'schema', p.schema, 'name', p.name,
        'print', p.print, 'isWatched', p."isWatched", 'isLogged', p."isLogged", 'columns', (SELECT coalesce(json_agg(json_build_object('name', a.attname, 'isVirtual', a.attgenerated = 'v') ORDER BY a.attnum), '[]')
          FROM pg_attribute a WHERE a.attrelid = p.id::oid AND a.attnum > 0 AND NOT a.attisdropped))), '[]')
      FROM (${printsOf(members)}) p)::text AS tables
    FROM (${printQuery(members)}) w`;
}

export function watchedOf(row: SessionRow | undefined): Watched {
  const tables = JSON.parse(String(row?.tables ?? '[]')) as (Omit<WatchedTable, 'id'> & { readonly id: string })[];
  return {
    print: String(row?.print),
    others: String(row?.others),
    tables: new Map(tables.map((table) => [Number(table.id), { ...table, id: Number(table.id) }])),
    names: new Set(tables.filter(({ isWatched }) => isWatched).map(({ schema, name }) => watchedName(schema, name))),
  };
}

export function watchedName(schema: string, name: string): string {
  return JSON.stringify([schema, name]);
}

const MOST_NAMED = 10;

/** Tables whose changes are not told, as problems. */
export function untoldTables(watched: Watched | undefined): readonly string[] {
  const untold = [...(watched?.tables.values() ?? [])].filter(({ isWatched, isLogged }) => !isWatched && isLogged);
  const named = untold
    .slice(0, MOST_NAMED)
    .map(({ schema, name }) => `expected changes of ${schema}.${name} to be told, got it left out: install the feed`);
  const more = untold.length - named.length;
  return more === 0 ? named : [...named, `expected changes of all tables to be told, got ${more} more left out`];
}

/** The reason of a gap where `changedTables` cannot say which tables changed. */
export const OTHERS_CHANGED =
  'expected the schema as it was, got changed views, types, functions, policies, schemas or inheritance';

/**
 * Tables that are new, gone or changed, and tables of the same name in other schemas, since a search path may now find
 * another one. Returns undefined when more than tables changed.
 */
export function changedTables(before: Watched, after: Watched): readonly WatchedTable[] | undefined {
  if (before.others !== after.others) return undefined;
  const gone = [...before.tables.values()].filter(({ id }) => !after.tables.has(id));
  const isChanged = ({ id, print }: WatchedTable) => before.tables.get(id)?.print !== print;
  const changed = [...after.tables.values()].filter(isChanged);
  const names = new Set(changed.map(({ name }) => name));
  const alike = [...after.tables.values()].filter((table) => names.has(table.name) && !isChanged(table));
  return [...gone, ...changed, ...alike];
}
