// Reads from pg_catalog what the names in PostgreSQL's statements mean: tables, views and columns of a database, and how
// their types compare.
//
// The server writes the text of a view for the search path of the connection that asks. Here the path holds nothing but
// the system's schema, so that the text means the same to every session. A type's name is not enough. Only types of
// pg_catalog are known; a text's order is known only where it is the order of its bytes; under a collation that is not
// deterministic, not even its equality is.

import type { PostgresColumnType, Scalar, TableShape } from '../../dependency/change.ts';
import { quotedName } from '../../dependency/table-name.ts';
import type { Catalogue, Relation } from '../ast.ts';
import { catalogueOf, unseen } from '../catalogue.ts';
import { ROUTINE_QUERIES, type RunsOfType, routinesFrom } from './routines.ts';
import { SERVER } from './session.ts';

type RowObject = Readonly<Record<string, unknown>>;
/** Runs a query; rows as objects. */
type Run = (sql: string, parameters: readonly Scalar[]) => Promise<readonly RowObject[]>;

/** Beyond these a partitioned table is too much to be written as a union. */
const MAX_PARTITIONS = 64;

/** `path`: the path while it is asked; NULL leaves it, and the texts of views out. */
const relationsOn = (path: string) => `WITH path AS MATERIALIZED (SELECT ${path} AS value)
  SELECT c.oid::text AS id, n.nspname AS schema, c.relname AS name, c.relkind::text AS kind,
    c.relpersistence::text AS persistence, c.relrowsecurity AS secured,
    (SELECT string_agg(i.inhrelid::text, ' ' ORDER BY i.inhrelid) FROM pg_inherits i WHERE i.inhparent = c.oid) AS children,
    CASE WHEN path.value IS NOT NULL AND c.relkind = 'v' AND NOT n.nspname IN ('pg_catalog', 'information_schema')
      THEN pg_get_viewdef(c.oid) END AS definition,
    (SELECT string_agg(k.attnum::text, ' ' ORDER BY k.place) FROM pg_index i,
      unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, place)
      WHERE i.indrelid = c.oid AND i.indisprimary AND k.place <= i.indnkeyatts) AS key
  FROM path CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S') AND n.nspname NOT LIKE 'pg\\_temp%' AND n.nspname NOT LIKE 'pg\\_toast%'`;
const RELATIONS = relationsOn(`set_config('search_path', 'pg_catalog', true)`);

/** A domain is its base type; typbasetype of a domain over a domain is the inner domain. */
const COLUMNS = `WITH RECURSIVE bases AS (
    SELECT oid AS domain, oid AS type FROM pg_type
    UNION ALL SELECT b.domain, t.typbasetype FROM bases b JOIN pg_type t ON t.oid = b.type WHERE t.typtype = 'd'
  )
  SELECT a.attrelid::text AS relation, a.attname AS name, a.attnum::int AS place, a.attnotnull AS "isNotNull",
    a.attcollation::text AS collation, t.oid::text AS "typeId", t.typname AS type, t.typtype::text AS "typeKind", n.nspname AS "typeSchema"
  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace s ON s.oid = c.relnamespace
    JOIN bases b ON b.domain = a.atttypid JOIN pg_type t ON t.oid = b.type AND t.typtype <> 'd'
    JOIN pg_namespace n ON n.oid = t.typnamespace
  WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'v', 'p')
    AND s.nspname NOT IN ('pg_catalog', 'information_schema')
    AND s.nspname NOT LIKE 'pg\\_temp%' AND s.nspname NOT LIKE 'pg\\_toast%'`;

/** The catalogue's own columns differ between versions: hence JSON. */
const COLLATIONS = `SELECT c.oid::text AS id, c.collname AS name, c.collisdeterministic AS "isDeterministic",
    CASE WHEN c.collname = 'default' THEN to_jsonb(d) ->> 'datlocprovider' ELSE c.collprovider::text END AS provider,
    CASE WHEN c.collname = 'default' THEN d.datcollate ELSE c.collcollate END AS collate,
    CASE WHEN c.collname = 'default' THEN to_jsonb(d) ->> 'datlocale' ELSE to_jsonb(c) ->> 'colllocale' END AS locale
  FROM pg_collation c CROSS JOIN (SELECT * FROM pg_database WHERE datname = current_database()) d`;

const SETTINGS = `SELECT current_setting('server_encoding') AS encoding,
    array_to_json(current_schemas(true))::text AS path, ${SERVER} AS server`;

/** `source`: the identity of the database. `leavesViews`: the connection may be in a transaction, whose path must stay. */
export async function readPostgresCatalogue(run: Run, source = 'postgres', leavesViews = false): Promise<Catalogue> {
  const read = (query: string) => run(query, []);
  const settings = await read(SETTINGS);
  const relations = await read(leavesViews ? relationsOn('NULL') : RELATIONS);
  const { data, runsOfType } = routinesFrom({
    functions: await read(ROUTINE_QUERIES.functions),
    operators: await read(ROUTINE_QUERIES.operators),
    types: await read(ROUTINE_QUERIES.types),
    system: await read(ROUTINE_QUERIES.system),
  });
  const facts: SchemaFacts = {
    byId: new Map(relations.map((row) => [String(row.id), row])),
    columns: Map.groupBy(await read(COLUMNS), (row) => String(row.relation)),
    collations: new Map((await read(COLLATIONS)).map((row) => [String(row.id), row as unknown as CollationRow])),
    isUtf8: settings[0]?.encoding === 'UTF8',
    runsOfType,
  };
  return catalogueOf({
    dialect: 'postgres',
    source,
    ...(typeof settings[0]?.server === 'string' && { server: settings[0].server }),
    path: JSON.parse(String(settings[0]?.path ?? '[]')) as string[],
    relations: relations.map((row) => ({
      schema: String(row.schema),
      name: String(row.name),
      relation: relationOf(row, facts),
    })),
    modules: [],
    routines: data,
  });
}

/** Changes whenever the content of the catalogue does. */
export async function postgresCatalogueVersion(run: Run): Promise<string> {
  const parts: string[] = [];
  for (const query of [RELATIONS, COLUMNS, COLLATIONS, SETTINGS, ...Object.values(ROUTINE_QUERIES)]) {
    const sum = `SELECT md5(coalesce(string_agg(r::text, E'\\n' ORDER BY r::text), '')) AS sum FROM (${query}) r`;
    const [row] = await run(sum, []);
    parts.push(String(row?.sum));
  }
  return parts.join(':');
}

interface SchemaFacts {
  readonly byId: ReadonlyMap<string, RowObject>;
  readonly columns: ReadonlyMap<string, readonly RowObject[]>;
  readonly collations: ReadonlyMap<string, CollationRow>;
  readonly isUtf8: boolean;
  readonly runsOfType: RunsOfType;
}

const UNSEEN_KINDS: Readonly<Record<string, string>> = {
  m: 'a materialised view',
  f: 'a foreign table',
  S: 'a sequence',
};
const UNSEEN_PERSISTENCES: Readonly<Record<string, string>> = { u: 'an unlogged table', t: 'a temporary table' };

function relationOf(row: RowObject, facts: SchemaFacts): Relation {
  const schema = String(row.schema);
  if (schema === 'pg_catalog' || schema === 'information_schema') return unseen('a table of the system');
  const kind = UNSEEN_KINDS[String(row.kind)];
  if (kind !== undefined) return unseen(kind);
  // Roles and settings that a statement does not show decide which rows the policies let it see.
  if (row.secured === true) return unseen('row-level security');
  if (row.kind === 'v') {
    if (typeof row.definition !== 'string') return unseen('a view whose text could not be read');
    return { kind: 'view', text: row.definition, columns: columnsOf(row, facts).map(({ name }) => String(name)) };
  }
  if (row.kind === 'p') return partitionedOf(row, facts);
  const persistence = UNSEEN_PERSISTENCES[String(row.persistence)];
  if (persistence !== undefined) return unseen(persistence);
  return row.children === null ? tableOf(row, facts) : unseen('a table that others inherit from');
}

/** The partitions hold its rows, and the feed tells changes of those: it is a view of all of them. */
function partitionedOf(row: RowObject, facts: SchemaFacts): Relation {
  const leaves = leavesOf(row, facts);
  if (leaves === undefined || leaves.length > MAX_PARTITIONS) return unseen('a table of many partitions');
  const columns = columnsOf(row, facts).map(({ name }) => String(name));
  const list = columns.map(quotedName).join(', ');
  const selects = leaves.map(
    (leaf) => `SELECT ${list} FROM ${quotedName(String(leaf.schema))}.${quotedName(String(leaf.name))}`,
  );
  // Without partitions it has no rows, and the first one changes the schema.
  if (selects.length === 0) return unseen('a table without partitions');
  return { kind: 'view', text: selects.join(' UNION ALL '), columns };
}

function leavesOf(row: RowObject, facts: SchemaFacts): RowObject[] | undefined {
  const leaves = wordsOf(row.children).map((id) => {
    const child = facts.byId.get(id);
    return child?.kind === 'p' ? leavesOf(child, facts) : child && [child];
  });
  return leaves.every((inner) => inner !== undefined) ? leaves.flat() : undefined;
}

function tableOf(row: RowObject, facts: SchemaFacts): Relation {
  const columns = columnsOf(row, facts);
  // IS NULL of a composite value asks for its fields.
  if (columns.some(({ typeKind }) => typeKind === 'c')) return unseen('a column of a composite type');
  const places = columns.map(({ place }) => Number(place));
  const key = wordsOf(row.key).map((place) => places.indexOf(Number(place)));
  const schema = String(row.schema);
  const table: TableShape = {
    name: schema === 'public' ? String(row.name) : `${schema}.${row.name}`,
    columns: columns.map((column) => ({
      name: String(column.name),
      type: columnTypeOf(column, facts.collations.get(String(column.collation)), facts.isUtf8),
      isNotNull: column.isNotNull === true,
    })),
    key,
  };
  const runs = [...new Set(columns.flatMap(({ typeId }) => facts.runsOfType(String(typeId))))];
  return runs.length === 0 ? { kind: 'table', table } : { kind: 'table', table, runs };
}

function columnsOf(row: RowObject, facts: SchemaFacts): RowObject[] {
  const columns = facts.columns.get(String(row.id)) ?? [];
  return [...columns].sort((left, right) => Number(left.place) - Number(right.place));
}

/** None where there is NULL. */
function wordsOf(value: unknown): string[] {
  return value === null ? [] : String(value).split(' ');
}

interface CollationRow {
  readonly name: string;
  readonly isDeterministic: boolean;
  /** c: C library, b: built in, i: ICU. Missing in old versions for the database's own collation. */
  readonly provider: string | null;
  readonly collate: string | null;
  readonly locale: string | null;
}

/** Leaves out float4, oid and name: their operands are rounded or cut, or are not, by how they are written. */
const TYPES: Readonly<Record<string, PostgresColumnType['type']>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  float8: 'float',
  numeric: 'decimal',
  text: 'text',
  varchar: 'text',
  bpchar: 'char',
  bool: 'boolean',
  uuid: 'uuid',
  bytea: 'bytes',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
};

const OPAQUE: PostgresColumnType = { family: 'postgres', type: 'opaque', isOrdered: false };

/** For a domain the row has its base type. */
function columnTypeOf(row: RowObject, collation: CollationRow | undefined, isUtf8: boolean): PostgresColumnType {
  // Labels are equal as texts are; their order is the type's own.
  if (row.typeKind === 'e') return { family: 'postgres', type: 'text', isOrdered: false };
  const type = row.typeKind === 'b' && row.typeSchema === 'pg_catalog' ? TYPES[String(row.type)] : undefined;
  if (type === undefined) return OPAQUE;
  if (type !== 'text' && type !== 'char') return { family: 'postgres', type, isOrdered: true };
  if (collation?.isDeterministic !== true) return OPAQUE;
  return { family: 'postgres', type, isOrdered: isUtf8 && isByBytes(collation) };
}

/** Whether texts sort as their bytes do. */
function isByBytes({ name, provider, collate, locale }: CollationRow): boolean {
  if (name === 'ucs_basic') return true;
  if (provider === 'b') return /^(?:C|C\.UTF-?8|PG_UNICODE_FAST)$/i.test(locale ?? '');
  // Only some systems sort the C library's C.UTF-8 in that order.
  return provider === 'c' && (collate === 'C' || collate === 'POSIX');
}
