// A walk through the objects a query is made of: every table, view, subquery and piece of text in it.
//
// The one complication: a builder is walked by its configuration, where aliases are still tables; a subquery is SQL
// already, where they are bare names. So bare names are settled at the end, when all that is named by object is known.

import {
  type EntityKind,
  entityKindOf,
  type Fields,
  sqlOf,
  subqueryParts,
  tableNames,
  textOf,
  viewParts,
} from './entities.ts';
import { type Piece, readExpression, readStatement, type Statement } from './statement.ts';
import { words } from './words.ts';

/** How a piece of SQL is read: as a whole statement, an expression, or what stands after FROM. */
type Role = 'statement' | 'expression' | 'source';

interface WalkResult {
  readonly access: Statement['access'];
  readonly tables: readonly string[];
  /** Undefined: any of the tables. */
  readonly written: readonly string[] | undefined;
  readonly unknown: string | undefined;
}

/** Places in a builder's configuration that name what is read. */
const SOURCES = new Set(['table', 'from', 'using', 'view']);

export class Walk {
  readonly #tables = new Set<string>();
  /** Names that are surely tables: a bare name may mean them. */
  readonly #certain = new Set<string>();
  readonly #names = new Set<string>();
  readonly #written = new Set<string>();
  readonly #seen = new WeakSet<object>();
  #access: Statement['access'] = 'read';
  /** A statement in text changes something: any of the tables it names. */
  #writesInText = false;
  #unknown: string | undefined;

  /** What is asked of the database. */
  statement(query: unknown): void {
    const kind = isObject(query) ? entityKindOf(query) : undefined;
    if (!isObject(query)) this.#fail(`expected a query, got ${query === null ? 'null' : typeof query}`);
    else if (isBuilder(kind)) this.#builder(query, kind);
    else if (kind === 'view' || kind === 'table' || kind === 'subquery') this.#visit(query, 'source');
    else this.#statementOf(query);
  }

  result(): WalkResult {
    for (const name of this.#names) {
      if (this.#certain.has(name)) this.#tables.add(name);
      else this.#fail(`'${name}' is named where a table may stand, and no object of the query is that table`, false);
    }
    const written = this.#writesInText ? undefined : [...this.#written].sort();
    return { access: this.#access, tables: [...this.#tables].sort(), written, unknown: this.#unknown };
  }

  #statementOf(query: object): void {
    const sql = sqlOf(query);
    if (isObject(sql)) this.#text(sql, 'statement');
    else this.#fail('a prepared query or a text does not say which tables it uses');
  }

  /** `isWrite`: it may also write. */
  #fail(reason: string, isWrite = true): void {
    this.#unknown ??= reason;
    if (!isWrite) return;
    this.#access = 'write';
    this.#writesInText = true;
  }

  #visit(value: unknown, role: Role): void {
    if (!isObject(value)) return;
    const kind = entityKindOf(value);
    if (kind === 'table') this.#table(value);
    else if (this.#seen.has(value)) return;
    else {
      if (!Array.isArray(value)) this.#seen.add(value);
      this.#entity(value, kind, role);
    }
  }

  #entity(value: object, kind: EntityKind | undefined, role: Role): void {
    switch (kind) {
      case 'view':
        return this.#view(value);
      case 'column':
        return this.#visit((value as Fields).table, 'source');
      case 'subquery':
        return this.#subquery(value);
      case 'aliased':
        return this.#visit((value as Fields).sql, role);
      case 'param':
        return this.#visit((value as Fields).value, 'expression');
      case 'rows':
        return this.#visit((value as Fields).cells, 'expression');
      case 'placeholder':
        return;
      case 'sql':
      case 'text':
      case 'name':
        return this.#text(value, role);
      default:
        return isBuilder(kind) ? this.#builder(value, kind) : this.#other(value, role);
    }
  }

  /** Lists and plain objects of a configuration, and whatever else gives SQL. */
  #other(value: object, role: Role): void {
    const sql = Array.isArray(value) ? undefined : sqlOf(value);
    if (isObject(sql)) this.#text(sql, role);
    else if (Array.isArray(value) || isPlain(value)) for (const part of Object.values(value)) this.#visit(part, role);
  }

  #table(table: object): void {
    const { name, certain } = tableNames(table);
    this.#tables.add(name);
    if (certain) this.#certain.add(name);
  }

  #view(view: object): void {
    const { name, query, materialized } = viewParts(view);
    this.#tables.add(name);
    if (isObject(query)) this.#visit(query, 'statement');
    else if (!materialized) this.#fail(`the definition of the view '${name}' is not known`, false);
  }

  #subquery(subquery: object): void {
    const { sql, hints } = subqueryParts(subquery);
    for (const hint of hints) this.#certain.add(hint);
    // A member of a WITH list may write; relational queries of 0.45 hand in a table or a query as it is.
    this.#visit(sql, 'statement');
  }

  #builder(builder: object, kind: EntityKind): void {
    this.#seen.add(builder);
    const { config } = builder as Fields;
    if (kind === 'relational') return this.#relational(builder);
    if (!isObject(config)) return this.#fail(`a builder without a configuration (${kind})`);
    if (kind !== 'select') this.#writes(config, kind);
    for (const [name, part] of Object.entries(config)) {
      if (name === 'joins' && Array.isArray(part)) for (const join of part) this.#join(join);
      else if (name === 'select' || name === 'withList' || name === 'setOperators') this.#queries(part);
      else this.#visit(part, SOURCES.has(name) ? 'source' : 'expression');
    }
  }

  #writes(config: object, kind: EntityKind): void {
    this.#access = 'write';
    const target = (config as Fields)[kind === 'refresh' ? 'view' : 'table'];
    if (!isObject(target)) return this.#fail(`a builder without a table (${kind})`);
    this.#written.add(entityKindOf(target) === 'view' ? viewParts(target).name : tableNames(target).name);
  }

  #join(join: unknown): void {
    const { table, on, ...rest } = join as Fields;
    this.#visit(table, 'source');
    this.#visit(on, 'expression');
    this.#visit(rest, 'expression');
  }

  /** Whole queries: the members of a WITH list, the right sides of set operations, what an INSERT selects. */
  #queries(part: unknown): void {
    const list = Array.isArray(part) ? part : [part];
    for (const item of list) {
      const { rightSelect, ...rest } = (isObject(item) ? item : {}) as Fields;
      this.#visit(rightSelect ?? item, 'statement');
      if (rightSelect !== undefined) this.#visit(rest, 'expression');
    }
  }

  /** The tables of all relations it follows, and its SQL, for what conditions and extras name. */
  #relational(query: object): void {
    const { table, _getQuery } = query as Fields;
    this.#visit(table, 'source');
    this.#relations(query);
    // 1.0 collects the tables that conditions name there; 0.45 has no use for it, and its SQLite part no such method.
    const collected = new Set<string>();
    const sql = typeof _getQuery === 'function' ? (_getQuery.call(query, collected) as Fields).sql : sqlOf(query);
    for (const name of collected) {
      this.#tables.add(name);
      this.#certain.add(name);
    }
    if (isObject(sql)) this.#text(sql, 'statement');
    else this.#fail('a relational query that gives no SQL');
  }

  /** `with`, at any depth: in 0.45 `schema` has the tables of the database by name. */
  #relations(query: object): void {
    const { config, tableConfig, schema, tableNamesMap } = query as Fields;
    const byName = schema as Readonly<Record<string, Fields>>;
    const follow = (part: unknown, of: Fields): void => {
      const wanted = isObject(part) ? (part as Fields).with : undefined;
      if (!isObject(wanted)) return;
      for (const [name, nested] of Object.entries(wanted)) {
        const relation = (of.relations as Fields | undefined)?.[name];
        if (!isObject(relation) || nested === false || nested === undefined) continue;
        const { referencedTable, referencedTableName, targetTable, targetTableName, throughTable } = relation as Fields;
        for (const table of [referencedTable, targetTable, throughTable]) this.#visit(table, 'source');
        const next = byName[String(targetTableName ?? keyOf(tableNamesMap, referencedTable, referencedTableName))];
        if (next !== undefined) follow(nested, next);
        else this.#fail(`the relation '${name}' leads to a table that is not in the schema`, false);
      }
    };
    follow(config, tableConfig as Fields);
  }

  #text(sql: object, role: Role): void {
    const pieces = this.#pieces([sql]);
    if (role === 'source') pieces.unshift({ kind: 'word', text: 'from' });
    const { access, names, unknown } = role === 'statement' ? readStatement(pieces) : readExpression(pieces);
    for (const name of names) this.#names.add(name);
    if (unknown !== undefined) this.#unknown ??= unknown;
    if (access === 'write') this.#writesInText = true;
    if (access !== 'read') this.#access = access;
  }

  /** Text is put together before it is read: a quote may begin in one chunk and end in the next. */
  #pieces(chunks: readonly unknown[]): Piece[] {
    const pieces: Piece[] = [];
    let text = '';
    const flush = (): void => {
      if (text !== '') pieces.push(...words(text));
      text = '';
    };
    const add = (chunk: unknown): void => {
      const kind = isObject(chunk) ? entityKindOf(chunk) : undefined;
      if (kind === 'text') text += textOf(chunk as object);
      else if (kind === 'sql') for (const part of (chunk as Fields).queryChunks as readonly unknown[]) add(part);
      else if (Array.isArray(chunk)) {
        text += '(';
        for (const [at, part] of chunk.entries()) {
          if (at > 0) text += ', ';
          add(part);
        }
        text += ')';
      } else if (chunk !== undefined) {
        flush();
        pieces.push(this.#piece(chunk, kind));
      }
    };
    for (const chunk of chunks) add(chunk);
    flush();
    return pieces;
  }

  #piece(chunk: unknown, kind: EntityKind | undefined): Piece {
    if (kind === 'name') return { kind: 'name', text: String((chunk as Fields).value) };
    this.#visit(chunk, 'expression');
    const isValue =
      !isObject(chunk) || kind === 'column' || kind === 'param' || kind === 'placeholder' || kind === 'aliased';
    return isValue ? { kind: 'value' } : { kind: 'source' };
  }
}

/** In 0.45 the schema's tables are under names of their own, found by the name in the database. */
function keyOf(tableNamesMap: unknown, table: unknown, name: unknown): unknown {
  if (!isObject(tableNamesMap) || !isObject(table)) return name;
  const full = tableNames(table).name;
  const names = tableNamesMap as Readonly<Record<string, unknown>>;
  return names[full.includes('.') ? full : `public.${full}`] ?? name;
}

function isBuilder(kind: EntityKind | undefined): kind is EntityKind {
  return (
    kind === 'select' ||
    kind === 'insert' ||
    kind === 'update' ||
    kind === 'delete' ||
    kind === 'refresh' ||
    kind === 'relational'
  );
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
