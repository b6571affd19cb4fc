// Reads from a SQLite database what the names in its statements mean: tables, views and columns.
//
// SQLite tells all of a column but its collation, which stands only in the text of CREATE TABLE. A text that cannot be read
// leaves every collation of its table unknown.

import type { Scalar, SqliteColumnType, TableShape } from '../../dependency/change.ts';
import { foldAscii } from '../../dependency/condition/texts.ts';
import { quotedName } from '../../dependency/table-name.ts';
import type { Catalogue, Relation } from '../ast.ts';
import { catalogueOf, unseen } from '../catalogue.ts';
import { sqliteNodes } from './parser.ts';

type RowObject = Readonly<Record<string, unknown>>;
type Rows = readonly RowObject[];

/** Runs a query; rows as objects. */
type Run<R> = (sql: string, parameters: readonly Scalar[]) => R;

export type CatalogueQueries<T> = Generator<readonly [sql: string, ...parameters: Scalar[]], T, Rows>;

/** `source`: the identity of the database. A driver that answers at once gets its catalogue at once. */
export function readSqliteCatalogue(run: Run<Rows>, source?: string): Catalogue;
export function readSqliteCatalogue(run: Run<Promise<Rows>>, source?: string): Promise<Catalogue>;
export function readSqliteCatalogue(run: Run<Rows | Promise<Rows>>, source = 'sqlite'): Catalogue | Promise<Catalogue> {
  return answered(sqliteCatalogue(source), run);
}

/** Differs from before when the schema does; another connection's changes and attached databases count. */
export function sqliteCatalogueVersion(run: Run<Rows>): string;
export function sqliteCatalogueVersion(run: Run<Promise<Rows>>): Promise<string>;
export function sqliteCatalogueVersion(run: Run<Rows | Promise<Rows>>): string | Promise<string> {
  return answered(version(), run);
}

/** At once where all questions are answered at once. */
export function answered<T>(
  queries: CatalogueQueries<T>,
  run: Run<Rows | Promise<Rows>>,
  from = queries.next(),
): T | Promise<T> {
  let step = from;
  while (step.done !== true) {
    const [sql, ...parameters] = step.value;
    let rows: Rows | Promise<Rows>;
    try {
      rows = run(sql, parameters);
    } catch (error) {
      step = queries.throw(error);
      continue;
    }
    if (rows instanceof Promise)
      return rows.then(
        (found) => answered(queries, run, queries.next(found)),
        (error: unknown) => answered(queries, run, queries.throw(error)),
      );
    step = queries.next(rows);
  }
  return step.value;
}

function* version(): CatalogueQueries<string> {
  const parts: string[] = [];
  for (const { name, file } of yield ['PRAGMA database_list']) {
    const schema = quotedName(String(name));
    try {
      const [row] = yield [`PRAGMA ${schema}.schema_version`];
      parts.push(`${name}\0${file}\0${row?.schema_version}`);
    } catch {
      // Where the setting may not be read, the schema is its own version.
      const rows = yield [`SELECT type, name, sql FROM ${schema}.sqlite_schema ORDER BY type, name`];
      parts.push(`${name}\0${file}\0${JSON.stringify(rows)}`);
    }
  }
  return parts.join('\n');
}

/** D1 refuses every statement that asks for columns or indexes of its own tables. */
const NOT_OF_SYSTEM = `l.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND l.name NOT LIKE '\\_cf\\_%' ESCAPE '\\'`;
const OF_SYSTEM = /^(?:sqlite|_cf)_/i;

const TABLES = `SELECT l.schema, l.name, l.type, l.wr, l.strict FROM pragma_table_list l`;
const COLUMNS = `SELECT l.schema, l.name AS "table", c.name, c.type, c."notnull", c.pk, c.hidden, c.cid
  FROM pragma_table_list l JOIN pragma_table_xinfo(l.name, l.schema) c
  WHERE l.type = 'table' AND ${NOT_OF_SYSTEM} ORDER BY l.schema, l.name, c.cid`;
const KEY_INDEXES = `SELECT l.schema, l.name FROM pragma_table_list l JOIN pragma_index_list(l.name, l.schema) i
  WHERE l.type = 'table' AND ${NOT_OF_SYSTEM} AND i.origin = 'pk'`;
/** A text as bytes has the database's encoding. D1 does not tell of the setting itself. */
const ENCODING = `SELECT hex(CAST('a' AS BLOB)) AS letter`;

interface SchemaFacts {
  readonly columns: ReadonlyMap<string, Rows>;
  readonly definitions: ReadonlyMap<string, string>;
  /** Tables whose primary key has an index of its own. That of others, if they have one, is the rowid. */
  readonly indexed: ReadonlySet<string>;
  readonly isUtf8: boolean;
}

/** The catalogue, for who asks more besides. */
export function* sqliteCatalogue(source: string): CatalogueQueries<Catalogue> {
  const tables = yield [TABLES];
  const columns = Map.groupBy(yield [COLUMNS], (row) => keyOf(row.schema, row.table));
  const indexed = new Set((yield [KEY_INDEXES]).map((row) => keyOf(row.schema, row.name)));
  const [encoding] = yield [ENCODING];
  // Each schema has at least the table of its schema. D1 has no attached databases, and refuses the question for them.
  const isAlone = tables.length > 0 && tables.every(({ schema }) => /^(?:main|temp)$/i.test(String(schema)));
  const schemas = isAlone ? ['main'] : (yield ['PRAGMA database_list']).map(({ name }) => String(name));
  const definitions = yield* definitionsOf(schemas);
  const facts: SchemaFacts = { columns, definitions, indexed, isUtf8: encoding?.letter === '61' };
  const relations: { schema: string; name: string; relation: Relation }[] = [];
  for (const row of tables) {
    relations.push({ schema: String(row.schema), name: String(row.name), relation: yield* relationOf(row, facts) });
  }
  // SQLite looks for names without a schema in temp, in main, and in attached databases.
  const path = ['temp', ...schemas];
  return catalogueOf({ dialect: 'sqlite', source, path, relations, modules: [...(yield* modulesOf())] });
}

function* definitionsOf(schemas: readonly string[]): CatalogueQueries<Map<string, string>> {
  const definitions = new Map<string, string>();
  for (const schema of schemas) {
    if (schema === 'temp') continue;
    const query = `SELECT name, sql FROM ${quotedName(schema)}.sqlite_schema WHERE type IN ('table', 'view')`;
    for (const { name, sql } of yield [query]) definitions.set(keyOf(schema, name), String(sql));
  }
  return definitions;
}

const MODULES = ['dbstat', 'generate_series', 'json_each', 'json_tree', 'jsonb_each', 'jsonb_tree'];

/** Virtual tables that are there without having been created. */
function* modulesOf(): CatalogueQueries<ReadonlySet<string>> {
  try {
    const rows = yield ['SELECT name FROM pragma_module_list'];
    return new Set([...MODULES, ...rows.map(({ name }) => foldAscii(String(name)))]);
  } catch {
    // Not every host allows this query; such a table then stays unknown.
    return new Set(MODULES);
  }
}

function* relationOf(row: RowObject, facts: SchemaFacts): CatalogueQueries<Relation> {
  const { schema, name, type } = row;
  if (OF_SYSTEM.test(String(name))) return unseen('a table of the system');
  if (foldAscii(String(schema)) === 'temp') return unseen('a temporary table or view');
  if (type === 'virtual' || type === 'shadow') return unseen('a virtual table');
  if (type === 'view') return yield* viewOf(row, facts);
  return type === 'table' ? { kind: 'table', table: tableOf(row, facts) } : unseen(`a ${type}`);
}

function* viewOf({ schema, name }: RowObject, facts: SchemaFacts): CatalogueQueries<Relation> {
  // The view's names mean tables of its own schema, which its text does not name.
  if (foldAscii(String(schema)) !== 'main') return unseen('a view of an attached database');
  const text = viewTextOf(facts.definitions.get(keyOf(schema, name)));
  if (text === undefined) return unseen('a view whose text could not be read');
  try {
    const rows = yield ['SELECT name FROM pragma_table_xinfo(?, ?) ORDER BY cid', String(name), String(schema)];
    const columns = rows.map((column) => String(column.name));
    return columns.length > 0 ? { kind: 'view', text, columns } : unseen('a view without columns');
  } catch {
    // The view's tables are gone; a statement on it fails.
    return unseen('a view whose columns could not be read');
  }
}

function tableOf(row: RowObject, facts: SchemaFacts): TableShape {
  const key = keyOf(row.schema, row.name);
  const definition = facts.definitions.get(key);
  const collations = facts.isUtf8 ? collationsOf(definition) : undefined;
  const columns = facts.columns.get(key) ?? [];
  const isAlias = !facts.indexed.has(key) && !isDescendingKey(definition);
  const shapes = columns.map((column) => {
    const name = String(column.name);
    const type: SqliteColumnType = {
      family: 'sqlite',
      affinity: affinityOf(String(column.type ?? ''), Number(row.strict) === 1),
      collation: collations?.get(foldAscii(name)) ?? 'unknown',
    };
    const isKeyNotNull = isAlias || Number(row.wr) === 1 || Number(row.strict) === 1;
    return { name, type, isNotNull: Number(column.notnull) === 1 || (Number(column.pk) > 0 && isKeyNotNull) };
  });
  const places = columns.map((column, at) => ({ at, pk: Number(column.pk) })).filter(({ pk }) => pk > 0);
  const ordinals = places.sort((left, right) => left.pk - right.pk).map(({ at }) => at);
  // SQLite lets a primary key that is not declared NOT NULL be NULL, in many rows: it names none of them.
  const isKey = ordinals.every((at) => shapes[at]?.isNotNull === true);
  const schema = String(row.schema);
  return {
    name: foldAscii(schema) === 'main' ? String(row.name) : `${schema}.${row.name}`,
    columns: shapes,
    key: isKey ? ordinals : [],
    ...(!isKey && { hasNullableKey: true as const }),
    ...(isAlias && ordinals[0] !== undefined ? { rowid: ordinals[0] } : {}),
  };
}

function keyOf(schema: unknown, name: unknown): string {
  return `${foldAscii(String(schema))}\0${foldAscii(String(name))}`;
}

type Collation = SqliteColumnType['collation'];

/** https://www.sqlite.org/datatype3.html §3.1; of STRICT tables https://www.sqlite.org/stricttables.html §2 */
function affinityOf(declared: string, isStrict: boolean): SqliteColumnType['affinity'] {
  const type = declared.toUpperCase();
  if (isStrict && type === 'ANY') return 'blob';
  if (type.includes('INT')) return 'integer';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'text';
  if (type === '' || type.includes('BLOB')) return 'blob';
  return /REAL|FLOA|DOUB/.test(type) ? 'real' : 'numeric';
}

const COLLATIONS: Readonly<Record<string, Collation>> = { binary: 'binary', nocase: 'nocase', rtrim: 'rtrim' };

/** Collations by a column's name in lower case; undefined when the text does not tell. */
function collationsOf(definition: string | undefined): ReadonlyMap<string, Collation> | undefined {
  const body = tableBody(definition);
  if (body === undefined) return undefined;
  return new Map(
    body.columns.map(({ colName, constraints }) => {
      const names = constraints.flatMap(({ constraint }) =>
        constraint.type === 'CollateColumnConstraint' ? [constraint.collationName.text.toLowerCase()] : [],
      );
      return [foldAscii(colName.text), COLLATIONS[names.at(-1) ?? 'binary'] ?? 'unknown'];
    }),
  );
}

/** INTEGER PRIMARY KEY DESC is no alias of the rowid, by an old mistake that stays. Returns true when in doubt. */
function isDescendingKey(definition: string | undefined): boolean {
  const constraints = tableBody(definition)?.columns.flatMap((column) => column.constraints);
  if (constraints === undefined) return true;
  return constraints.some(({ constraint: own }) => own.type === 'PrimaryKeyColumnConstraint' && own.order === 'Desc');
}

function tableBody(definition: string | undefined) {
  const node = onlyNode(definition);
  if (node?.type !== 'CreateTableStmt') return undefined;
  return node.body.type === 'ColumnsAndConstraintsCreateTableBody' ? node.body : undefined;
}

/** The SELECT of a CREATE VIEW. */
function viewTextOf(definition: string | undefined): string | undefined {
  const node = onlyNode(definition);
  if (node?.type !== 'CreateViewStmt') return undefined;
  const { offset, length } = node.select.span;
  return definition?.slice(offset, offset + length);
}

function onlyNode(definition: string | undefined) {
  const [node, ...others] = definition === undefined ? [] : (sqliteNodes(definition) ?? []);
  return others.length === 0 ? node : undefined;
}
