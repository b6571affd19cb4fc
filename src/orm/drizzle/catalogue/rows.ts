// Rows: the names under which what is read of single rows is stored, and those that a write of some rows invalidates.
//
// A read is by rows of a table where each place in which it reads the table asks for values of a column. It is stored under the
// column and its values; a write invalidates, for each column, the values that its rows had and have, or the column where it
// does not tell them. Both sides must mean the same by a column and by equal values. So the names hold a mark of the tables as
// they were when the database was asked; whoever knows of other tables falls back to the table.

import type { Cache } from '../../../cache/contract.ts';
import { MARK } from '../../../cache/keys/key-space.ts';
import { bindInstance, resultRowsOf } from '../../../dependency/bind.ts';
import type { Dialect, Template } from '../../../dependency/template.ts';
import type { Eventually } from '../../../ports.ts';
import { Templates } from '../../../sql/analyse.ts';
import { type RowWrite, rowWriteOf } from '../../../sql/rows-written.ts';
import { canonical, type TextFacts } from '../../../sql/text-facts.ts';
import { digest } from '../key.ts';
import { isPromise, type ReadNames } from '../reads/cached-read.ts';
import { EVERYTHING } from '../writes/guard.ts';
import { Functions, type FunctionsTold } from './functions.ts';
import { type Ask, type RowFacts, readRowFacts } from './row-facts.ts';
import { exceptRows, partOf, rowsOf, withMark } from './row-names.ts';
import { type Pin, pinnedBy, pinOf } from './row-pins.ts';

/** Changes with what the names below mean. */
const FORMAT = 1;
const MAX_TABLE_LENGTH = 100;
/** An entry has no more tags. */
const MAX_NAMES = 120;

interface Known extends RowFacts {
  readonly mark: string;
  readonly templates: Templates;
  /** Names that one relation has: names are without their schema. */
  readonly unique: ReadonlySet<string>;
  readonly writes: Map<string, RowWrite | undefined>;
}

/** A statement as it is run. */
interface Bound {
  readonly text: { readonly sql: string; readonly facts: TextFacts };
  readonly params: readonly unknown[];
}

/** What a read is stored under. */
export interface RowTerms {
  /** Its tables and what else changes it. */
  readonly names: readonly string[];
  /** Tables that its caller has named: then what else it reads is not looked for. */
  readonly byHand: readonly string[];
}

interface RowsOptions {
  readonly dialect: Dialect;
  readonly ask: Ask;
  readonly isSync: boolean;
  readonly cache: Cache;
  readonly database: string;
  readonly effects?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly functions?: FunctionsTold | undefined;
}

/** The mark that counts, by database: of several objects for one, the one that asked last has seen the tables as they are. */
const marks = new WeakMap<Cache, Map<string, string>>();

const MAX_TEXTS = 2_000;

export class Rows {
  readonly #options: RowsOptions;
  readonly #marks: Map<string, string>;
  readonly #functions: Functions;
  /** Tables that a write of others changes: how, is not told. */
  readonly #changed: ReadonlySet<string>;
  /** `none`: the database does not tell. */
  #known: Known | 'none' | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: RowsOptions) {
    this.#options = options;
    this.#marks = marks.get(options.cache) ?? new Map();
    marks.set(options.cache, this.#marks);
    const { functions = {}, dialect, effects = {} } = options;
    this.#functions = new Functions(functions, dialect);
    this.#changed = new Set(Object.values(effects).flat().map(canonical));
  }

  get #current(): Known | undefined {
    const known = this.#known;
    if (known === undefined || known === 'none') return undefined;
    if (known.mark === this.#marks.get(this.#options.database)) return known;
    this.#known = undefined;
    return undefined;
  }

  /** Part of each key: what is stored by rows is found by whoever knows the tables so. Empty: nothing is by rows. */
  get mark(): string {
    return this.#current?.mark ?? '';
  }

  /** The tables may be others now. */
  forget(): void {
    this.#known = this.#asking = undefined;
    this.#marks.delete(this.#options.database);
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

  /** Names are made when they are needed: a hit under no write needs none. */
  reading(statement: Bound, terms: RowTerms): { readonly mark: string; readonly names: () => ReadNames } {
    const { mark } = this;
    let made: ReadNames | undefined;
    const names = () => {
      // What has another mark by then is stored under its tables.
      made ??= this.#namesRead(terms.names, mark === this.mark ? this.#narrowed(statement, terms) : new Map());
      return made;
    };
    return { mark, names };
  }

  #namesRead(names: readonly string[], narrowed: ReadonlyMap<string, Narrowed>): ReadNames {
    const checked = names.flatMap((name) => {
      const rows = narrowed.get(name);
      if (rows !== undefined) return [name, ...rows.names, ...rows.inserts];
      return [name, exceptRows(name)];
    });
    if (checked.length > MAX_NAMES && narrowed.size > 0) return this.#namesRead(names, new Map());
    const stored = (answer: readonly unknown[]) =>
      names.flatMap((name) => {
        const rows = narrowed.get(name);
        if (rows === undefined) return [name];
        return [rowsOf(name), ...rows.names, ...(rows.hasAll(answer) ? [] : rows.inserts)];
      });
    return { checked, stored };
  }

  #narrowed({ text, params }: Bound, { byHand }: RowTerms): ReadonlyMap<string, Narrowed> {
    const known = this.#current;
    const others = new Set([...text.facts.functions].flatMap((name) => this.#functions.does(name)?.reads ?? []));
    // Of others, the text does not tell which rows are read.
    const tables = [...text.facts.reads].filter((name) => !others.has(name) && !byHand.includes(name));
    const template = tables.length === 0 ? undefined : known?.templates.get(text.sql);
    if (known === undefined || template?.kind !== 'tracked') return new Map();
    const found = tables.map((table) => [table, narrowedTo(table, { template, known, params })] as const);
    return new Map(found.flatMap(([table, rows]) => (rows === undefined ? [] : [[table, rows]])));
  }

  /** `names`: what the statement invalidates. */
  namesWritten({ text, params }: Bound, names: readonly string[]): readonly string[] {
    const known = this.#current;
    const table = this.#rowTable(text.facts);
    if (known === undefined || table === undefined || !isByRows(table, known) || known.moving.has(table)) return names;
    if (!names.includes(table) || names.includes(EVERYTHING)) return names;
    const write = this.#writeOf(text.sql, known);
    if (write === undefined || canonical(write.table.name) !== table) return names;
    const named = (part: string) => partOf(table, known.mark, part);
    const rows = pinnedBy(write, params).flatMap(({ column, keys }) => {
      if (keys !== undefined) return [...keys].map((key) => named(`${column}/${key}`));
      return [named(write.kind === 'insert' ? `+${column}` : `${column}`)];
    });
    return [...names.filter((name) => name !== table), exceptRows(table), ...rows];
  }

  /** The one table that it writes, if nothing is told by which it writes other rows than it says. */
  #rowTable({ writes, functions }: TextFacts): string | undefined {
    const [name, ...others] = writes;
    if (name === undefined || others.length > 0 || this.#changed.has(name)) return undefined;
    const isMore = [...functions].some((each) => (this.#functions.does(each)?.writes.length ?? 0) > 0);
    return isMore ? undefined : name;
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
  return unique.has(table) && table.length <= MAX_TABLE_LENGTH && !table.includes(MARK);
}

interface Narrowed {
  readonly names: readonly string[];
  /** Those of inserts that do not tell the values. */
  readonly inserts: readonly string[];
  /** Whether the answer shows that each value it asks for has its row: an insert cannot add another. */
  readonly hasAll: (rows: readonly unknown[]) => boolean;
}

type Tracked = Extract<Template, { kind: 'tracked' }>;

interface Reading {
  readonly template: Tracked;
  readonly known: Known;
  readonly params: readonly unknown[];
}

/** Undefined where one of the places in which it reads the table is not by rows. */
function narrowedTo(table: string, reading: Reading): Narrowed | undefined {
  const { template, known, params } = reading;
  const { reads } = bindInstance(template, params, undefined);
  const own = reads.filter(({ read }) => canonical(read.table.name) === table);
  const pins = own.map(pinOf).filter((pin) => pin !== undefined);
  if (own.length === 0 || pins.length < own.length || !isByRows(table, known)) return undefined;
  const named = (part: string) => partOf(table, known.mark, part);
  const names = pins.flatMap(({ column, keys }) => [
    named(`${column}`),
    ...[...keys].map((key) => named(`${column}/${key}`)),
  ]);
  const inserts = pins.map(({ column }) => named(`+${column}`));
  const [pin] = pins;
  const hasAll = (rows: readonly unknown[]) => reads.length === 1 && pin !== undefined && showsAll(pin, reading, rows);
  return { names, inserts, hasAll };
}

/** By a key alone. One of SQLite that is not the rowid may take for two what a comparison takes for one. */
function showsAll(
  { table, column, keys }: Pin,
  { template, params, known }: Reading,
  rows: readonly unknown[],
): boolean {
  const { key, rowid } = table;
  if (known.parts.dialect === 'sqlite' ? rowid !== column : key.length !== 1 || key[0] !== column) return false;
  const shown = bindInstance(template, params, resultRowsOf(template, rows));
  return shown.reads[0]?.keys?.size === keys.size;
}
