// Rows: the names under which what is read of single rows is stored, and those that a write of some rows invalidates.
//
// A read is by rows of a table where each place in which it reads the table asks for values of a column. It is stored under the
// column and its values; a write invalidates, for each column, the values that its rows had and have, or the column where it
// does not tell them. Both sides must mean the same by a column and by equal values. So the names hold a mark of the tables as
// they were when the database was asked; whoever knows of other tables falls back to the table.

import type { Cache } from '../../../cache/contract.ts';
import { bindInstance, resultRowsOf } from '../../../dependency/bind.ts';
import type { Cell, Scalar, TableShape } from '../../../dependency/change.ts';
import { cellOf } from '../../../dependency/condition/cells.ts';
import type { ColumnType } from '../../../dependency/condition/column-type.ts';
import { equalityKey } from '../../../dependency/condition/compare.ts';
import type { Predicate } from '../../../dependency/condition/predicate.ts';
import type { BoundRead, Dialect, Template } from '../../../dependency/template.ts';
import type { Eventually } from '../../../ports.ts';
import { type RowWrite, rowWriteOf } from '../../../sql/rows-written.ts';
import { Templates } from '../../../sql/templates.ts';
import { canonical } from '../../../sql/text-facts.ts';
import { digest } from '../key.ts';
import { isPromise } from '../reads/cached-read.ts';
import { type Ask, type RowFacts, readRowFacts } from './row-facts.ts';
import { exceptRows, rowsOf, withMark } from './row-names.ts';

/** Changes with what the names below mean. */
const FORMAT = 1;
/** A table's other columns narrow no read: each costs a name for each write. */
const MAX_COLUMNS = 12;
/** Longer lists of values are not told apart. */
const MAX_VALUES = 32;
const MAX_TABLE_LENGTH = 100;
/** An entry has no more tags. */
const MAX_NAMES = 120;

/** The names of one read. */
export interface ReadNames {
  /** A write under way under one of these may change it. */
  readonly checked: readonly string[];
  /** Those it is stored under. `rows`: of the answer. */
  readonly stored: (rows: readonly unknown[]) => readonly string[];
}

interface Known extends RowFacts {
  readonly mark: string;
  readonly templates: Templates;
  /** Names that one relation has: names are without their schema. */
  readonly unique: ReadonlySet<string>;
  readonly writes: Map<string, RowWrite | undefined>;
}

/** A statement as it is run. */
interface Bound {
  readonly text: string;
  readonly params: readonly unknown[];
}

interface RowsOptions {
  readonly dialect: Dialect;
  readonly ask: Ask;
  readonly isSync: boolean;
  readonly cache: Cache;
  readonly database: string;
}

/** The mark that counts, by database: of several objects for one, the one that asked last has seen the tables as they are. */
const marks = new WeakMap<Cache, Map<string, string>>();

const MAX_TEXTS = 2_000;

export class Rows {
  readonly #options: RowsOptions;
  readonly #marks: Map<string, string>;
  /** `none`: the database does not tell. */
  #known: Known | 'none' | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: RowsOptions) {
    this.#options = options;
    this.#marks = marks.get(options.cache) ?? new Map();
    marks.set(options.cache, this.#marks);
  }

  get #current(): Known | undefined {
    const known = this.#known;
    if (known === undefined || known === 'none') return undefined;
    if (known.mark === this.#marks.get(this.#options.database)) return known;
    this.forget();
    return undefined;
  }

  /** Part of each key: what is stored by rows is found by whoever knows the tables so. Empty: nothing is by rows. */
  get mark(): string {
    return this.#current?.mark ?? '';
  }

  /** The tables may be others now. */
  forget(): void {
    this.#known = this.#asking = undefined;
  }

  /** Runs the work once the database has been asked; at once where it has been, or where the driver answers at once. */
  whenKnown(work: () => unknown): unknown {
    if (this.#known === 'none' || this.#current !== undefined) return work();
    if (this.#asking === undefined) {
      const facts = this.#ask();
      if (!isPromise(facts)) {
        this.#adopt(facts);
        return work();
      }
      const asking: Promise<void> = facts.then((told) => {
        // What was forgotten meanwhile is asked anew.
        if (this.#asking === asking) this.#adopt(told);
      });
      this.#asking = asking;
    }
    return this.#asking.then(work);
  }

  /** `none` where it does not tell: then all is by tables. */
  #ask(): Eventually<RowFacts | 'none'> {
    const { dialect, ask, isSync } = this.#options;
    try {
      const facts = readRowFacts(dialect, ask, isSync);
      return isPromise(facts) ? facts.catch(() => 'none') : facts;
    } catch {
      return 'none';
    }
  }

  #adopt(facts: RowFacts | 'none'): void {
    this.#asking = undefined;
    if (facts === 'none') {
      this.#known = 'none';
      return;
    }
    const { parts, version } = facts;
    const mark = digest([FORMAT, version]).slice(0, 12);
    const templates = new Templates(parts, { maxTemplates: MAX_TEXTS });
    const named = Map.groupBy(parts.catalogue.data?.relations ?? [], ({ name }) => canonical(name));
    const unique = new Set([...named].filter(([, relations]) => relations.length === 1).map(([name]) => name));
    this.#known = { ...facts, mark, templates, unique, writes: new Map() };
    this.#marks.set(this.#options.database, mark);
  }

  /** Names of rows that are not of the tables as they are now become those of their tables. */
  current(names: readonly string[]): readonly string[] {
    return withMark(names, this.mark);
  }

  /** `names`: the tables and what else it is stored under. `tables`: those that nothing but the text reads. */
  namesRead(statement: Bound, names: readonly string[], tables: readonly string[]): ReadNames {
    const narrowed = this.#narrowed(statement, tables);
    const checked = names.flatMap((name) => {
      const rows = narrowed.get(name);
      if (rows !== undefined) return [name, ...rows.names, ...rows.inserts];
      return name.includes('/') ? [name] : [name, exceptRows(name)];
    });
    if (checked.length > MAX_NAMES) return this.namesRead(statement, names, []);
    const stored = (answer: readonly unknown[]) =>
      names.flatMap((name) => {
        const rows = narrowed.get(name);
        if (rows === undefined) return [name];
        return [rowsOf(name), ...rows.names, ...(rows.hasAll(answer) ? [] : rows.inserts)];
      });
    return { checked, stored };
  }

  #narrowed({ text, params }: Bound, tables: readonly string[]): ReadonlyMap<string, Narrowed> {
    const known = this.#current;
    const template = tables.length === 0 ? undefined : known?.templates.get(text);
    if (known === undefined || template?.kind !== 'tracked') return new Map();
    return new Map(narrowedIn(template, known, tables, params).map((each) => [each.table, each]));
  }

  /** `names`: what the statement invalidates. `table`: whose rows it writes and no more than it says. */
  namesWritten({ text, params }: Bound, names: readonly string[], table: string | undefined): readonly string[] {
    const known = this.#current;
    if (known === undefined || table === undefined || !names.includes(table) || !isByRows(table, known)) return names;
    if (known.moving.has(table)) return names;
    const write = this.#writeOf(text, known);
    if (write === undefined || canonical(write.table.name) !== table) return names;
    return [
      ...names.filter((name) => name !== table),
      exceptRows(table),
      ...namesOf(write, `${table}/${known.mark}`, params),
    ];
  }

  #writeOf(text: string, { parts, reader, writes }: Known): RowWrite | undefined {
    if (!writes.has(text)) {
      if (writes.size >= MAX_TEXTS) writes.clear();
      writes.set(text, rowWriteOf(text, reader, parts));
    }
    return writes.get(text);
  }
}

function isByRows(table: string, { unique }: Known): boolean {
  return unique.has(table) && table.length <= MAX_TABLE_LENGTH && !table.includes('/');
}

interface Narrowed {
  readonly table: string;
  readonly names: readonly string[];
  /** Those of inserts that do not tell the values. */
  readonly inserts: readonly string[];
  /** Whether the answer shows that each value it asks for has its row: an insert cannot add another. */
  readonly hasAll: (rows: readonly unknown[]) => boolean;
}

type Tracked = Extract<Template, { kind: 'tracked' }>;

function narrowedIn(
  template: Tracked,
  known: Known,
  tables: readonly string[],
  params: readonly unknown[],
): readonly Narrowed[] {
  const { reads } = bindInstance(template, params, undefined);
  return tables.flatMap((table) => {
    const own = reads.filter(({ read }) => canonical(read.table.name) === table);
    if (own.length === 0 || !isByRows(table, known)) return [];
    const pins = own.map(pinOf);
    if (pins.some((pin) => pin === undefined)) return [];
    const names = pins.flatMap((pin) => namesOfPin(pin as Pin, `${table}/${known.mark}`));
    const inserts = pins.map((pin) => `${table}/${known.mark}/+${(pin as Pin).column}`);
    const isAlone = reads.length === 1;
    return { table, names, inserts, hasAll: (rows) => isAlone && hasAll(template, pins[0] as Pin, params, rows) };
  });
}

/** A column, and the values that it must have, as keys. */
interface Pin {
  readonly table: TableShape;
  readonly column: number;
  readonly keys: ReadonlySet<string>;
}

function namesOfPin({ column, keys }: Pin, start: string): readonly string[] {
  return [`${start}/${column}`, ...[...keys].map((key) => `${start}/${column}/${key}`)];
}

function hasAll(template: Tracked, { table, column, keys }: Pin, params: readonly unknown[], rows: readonly unknown[]) {
  if (table.key.length !== 1 || table.key[0] !== column) return false;
  const result = resultRowsOf(template, rows);
  return bindInstance(template, params, result).reads[0]?.keys?.size === keys.size;
}

/** By the first of the table's columns that the condition pins; undefined: by none. */
function pinOf({ read: { table }, predicate }: BoundRead): Pin | undefined {
  for (const column of columnsOf(table)) {
    const keys = pinned(predicate, column, table);
    if (keys !== undefined && keys.size <= MAX_VALUES) return { table, column, keys };
  }
  return undefined;
}

const columns = new WeakMap<TableShape, readonly number[]>();

/** Columns by which reads are narrowed, the best first. */
function columnsOf(table: TableShape): readonly number[] {
  let found = columns.get(table);
  if (found === undefined) {
    const all = [...new Set([...table.key, ...table.columns.keys()])];
    found = all.filter((column) => hasEquality(typeAt(table, column))).slice(0, MAX_COLUMNS);
    columns.set(table, found);
  }
  return found;
}

function hasEquality(type: ColumnType): boolean {
  return type.family === 'sqlite' ? type.collation !== 'unknown' : type.type !== 'opaque';
}

function typeAt(table: TableShape, column: number): ColumnType {
  return (table.columns[column] as TableShape['columns'][number]).type;
}

/** Keys of the values that the column has wherever the condition holds; undefined: it may have any. */
function pinned(predicate: Predicate, column: number, table: TableShape): ReadonlySet<string> | undefined {
  const keysOf = (cells: readonly Cell[]) => keysOfCells(typeAt(table, column), cells);
  switch (predicate.kind) {
    case 'and':
      for (const part of predicate.parts) {
        const keys = pinned(part, column, table);
        if (keys !== undefined) return keys;
      }
      return undefined;
    case 'compare':
      if (predicate.column !== column || predicate.operator !== '=' || predicate.operand.kind !== 'value')
        return undefined;
      return keysOf([predicate.operand.value]);
    case 'in': {
      if (predicate.column !== column || predicate.operands.some(({ kind }) => kind !== 'value')) return undefined;
      return keysOf(predicate.operands.map((operand) => (operand as { readonly value: Scalar }).value));
    }
    default:
      return undefined;
  }
}

/** NULL equals nothing. */
function keysOfCells(type: ColumnType, cells: readonly Cell[]): ReadonlySet<string> | undefined {
  const keys = new Set<string>();
  for (const cell of cells) {
    if (cell === null) continue;
    const key = cell === undefined ? undefined : equalityKey(type, cell);
    if (key === undefined) return undefined;
    keys.add(digest([key]).slice(0, 20));
  }
  return keys;
}

/** For each column: the values before and after, or the column. */
function namesOf(write: RowWrite, start: string, params: readonly unknown[]): readonly string[] {
  const { table, read, kind } = write;
  const predicate = read && bindInstance(asTemplate(read), params, undefined).reads[0]?.predicate;
  return columnsOf(table).flatMap((column) => {
    const before = predicate === undefined ? NONE : pinned(predicate, column, table);
    const after = writtenTo(write, column, before, params);
    const keys = before === undefined || after === undefined ? undefined : new Set([...before, ...after]);
    if (keys !== undefined && keys.size <= MAX_VALUES) return [...keys].map((key) => `${start}/${column}/${key}`);
    return [kind === 'insert' ? `${start}/+${column}` : `${start}/${column}`];
  });
}

const NONE: ReadonlySet<string> = new Set();

function asTemplate(read: NonNullable<RowWrite['read']>): Tracked {
  return { kind: 'tracked', id: '', text: '', reads: [read], output: [], fallbacks: [] };
}

/** `before`: of the rows, where the statement leaves the column. */
function writtenTo(
  { kind, table, values }: RowWrite,
  column: number,
  before: ReadonlySet<string> | undefined,
  params: readonly unknown[],
): ReadonlySet<string> | undefined {
  const type = typeAt(table, column);
  const cells: Cell[] = [];
  for (const row of values) {
    if (kind === 'update' && !row.has(column)) return before;
    const given = row.get(column);
    const value: unknown = given?.kind === 'parameter' ? params[given.index] : given?.value;
    const cell = storedCell(type, value);
    // In the place of NULL, SQLite generates a rowid.
    const isMade = cell === null && (column === table.rowid || table.hasNullableKey === true);
    if (cell === undefined || isMade) return undefined;
    cells.push(cell);
  }
  return keysOfCells(type, cells);
}

/**
 * The cell that the database stores for the value, where that is sure to be the one that the value compares as: a type may
 * round what is stored, or cut it.
 */
function storedCell(type: ColumnType, value: unknown): Cell {
  const isWhole = typeof value === 'bigint' ? Number.isSafeInteger(Number(value)) : Number.isSafeInteger(value);
  if (value === null || type.family === 'sqlite') {
    return typeof value === 'bigint' && !isWhole ? undefined : cellOf(type, value);
  }
  switch (type.type) {
    case 'integer':
      return isWhole || typeof value === 'string' ? cellOf(type, value) : undefined;
    case 'text':
      // One with a length leaves off spaces at the end.
      return typeof value === 'string' && !value.endsWith(' ') ? cellOf(type, value) : undefined;
    case 'boolean':
    case 'uuid':
    case 'bytes':
      return cellOf(type, value);
    default:
      return undefined;
  }
}
