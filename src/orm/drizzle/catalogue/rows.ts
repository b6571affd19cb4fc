// Rows: the names under which what is read of single rows is stored, and those that a write of some rows invalidates.
//
// A read is by rows of a table where each place in which it reads the table asks for values of a column. It is stored under the
// column and its values; a write invalidates, for each column, the values that its rows had and have, or the column where it
// does not tell them. Both sides must mean the same by a column and by equal values. So the names hold a mark of the tables as
// they were when the database was asked; whoever knows of other tables falls back to the table.

import { insideOf } from '../../../cache/cache.ts';
import type { Cache } from '../../../cache/contract.ts';
import { MARK } from '../../../cache/keys/key-space.ts';
import { MAX_TAGS } from '../../../cache/keys/tags.ts';
import { bindInstance, resultRowsOf } from '../../../dependency/bind.ts';
import type { Dialect } from '../../../dependency/template.ts';
import type { Eventually } from '../../../ports.ts';
import { canonical, type TextFacts } from '../../../sql/text-facts.ts';
import type { SoundOptions } from '../options.ts';
import { isPromise } from '../session/prepared.ts';
import { EVERYTHING } from '../writes/guard.ts';
import { type ColumnKeys, columnKeysOf, writtenKeys } from './column-keys.ts';
import type { FunctionEffects } from './functions.ts';
import { type Ask, isNotTold, type RowFacts, readRowFacts } from './row-facts.ts';
import { exceptRows, partOf, rowsOf } from './row-names.ts';

const MAX_TABLE_LENGTH = 100;

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

/** The names of one read. */
interface ReadNames {
  /** A write under way under one of these may change it. */
  readonly checked: readonly string[];
  /** Those it is stored under. `rows`: of the answer. */
  readonly stored: (rows: readonly unknown[]) => readonly string[];
}

interface RowsOptions extends Pick<SoundOptions, 'cache' | 'database' | 'effects'> {
  readonly dialect: Dialect;
  readonly ask: Ask;
  readonly effectsOf: FunctionEffects;
  readonly fault: (error: unknown) => void;
  /** Each read that finds nothing known asks for itself: a Worker's request must not wait for the promise of another. */
  readonly asksAlone: boolean;
}

/** State that all objects for one database share. */
interface Shared {
  /** The mark that counts: the one that asked last has seen the tables as they are. Empty: they are asked anew. */
  mark: string;
  /** How often tables may have been changed: what was asked before the last time counts no more. */
  changes: number;
  /** How often an object has put its mark in the place of another's. */
  disputes: number;
}

const shared = new WeakMap<Cache, Map<string, Shared>>();

function sharedOf({ cache, database }: RowsOptions): Shared {
  const ofCache = shared.get(cache) ?? new Map<string, Shared>();
  shared.set(cache, ofCache);
  const found = ofCache.get(database) ?? { mark: '', changes: 0, disputes: 0 };
  ofCache.set(database, found);
  return found;
}

/** Objects that see other tables more often are for other databases, and would ask for ever: all is by tables then. */
const MAX_DISPUTES = 16;
/** An object whose answer was overtaken by changes more often, one after the other, goes by tables. */
const MAX_OVERTAKEN = 16;

export class Rows {
  readonly #options: RowsOptions;
  readonly #shared: Shared;
  /** Tables that a write of others changes: how, is not told. */
  readonly #changed: ReadonlySet<string>;
  /** `none`: the database does not tell. */
  #known: RowFacts | 'none' | undefined;
  #asking: Promise<void> | undefined;
  #overtaken = 0;

  constructor(options: RowsOptions) {
    this.#options = options;
    this.#shared = sharedOf(options);
    const { effects = {} } = options;
    this.#changed = new Set(Object.values(effects).flat().map(canonical));
  }

  get #current(): RowFacts | undefined {
    const known = this.#known;
    if (known === undefined || known === 'none') return undefined;
    if (known.mark === this.#shared.mark) return known;
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
    this.#shared.mark = '';
    this.#shared.changes++;
  }

  /** Runs the work once the database has been asked; at once where it has been, or where the driver answers at once. */
  whenKnown(work: () => unknown): unknown {
    if (this.#known === 'none' || this.#current !== undefined) return work();
    if (this.#asking !== undefined) return this.#asking.then(work);
    const { changes } = this.#shared;
    const facts = this.#ask();
    if (!isPromise(facts)) {
      this.#adopt(facts);
      return work();
    }
    const { asksAlone } = this.#options;
    const asking: Promise<void> = facts.then((told) => {
      if (!asksAlone && this.#asking !== asking) return;
      this.#asking = undefined;
      // What was forgotten meanwhile is asked anew, by the next read.
      this.#adopt(this.#shared.changes === changes ? told : undefined);
    });
    if (!asksAlone) this.#asking = asking;
    return asking.then(work);
  }

  /** `none` where it does not tell: then all is by tables. */
  #ask(): Eventually<RowFacts | 'none' | undefined> {
    const { dialect, ask, fault, cache } = this.#options;
    const failed = (error: unknown): 'none' => {
      if (!isNotTold(error)) fault(error);
      return 'none';
    };
    try {
      // Who knows other tables there would not hear of names that hold a mark of these.
      if (insideOf(cache)?.shared.isShared !== false) return 'none';
      const facts = readRowFacts(dialect, ask);
      return isPromise(facts) ? facts.catch(failed) : facts;
    } catch (error) {
      return failed(error);
    }
  }

  #adopt(facts: RowFacts | 'none' | undefined): void {
    if (facts === undefined || facts === 'none') {
      if (facts === 'none' || ++this.#overtaken > MAX_OVERTAKEN) this.#known = 'none';
      return;
    }
    this.#overtaken = 0;
    const { mark, disputes } = this.#shared;
    if (mark !== '' && mark !== facts.mark) this.#shared.disputes++;
    const isOver = disputes > MAX_DISPUTES;
    this.#shared.mark = isOver ? '' : facts.mark;
    this.#known = isOver ? 'none' : facts;
  }

  /** Names are made when they are needed: a hit under no write needs none. */
  reading(statement: Bound, terms: RowTerms): { readonly mark: string; readonly names: () => ReadNames } {
    const { mark } = this;
    let made: ReadNames | undefined;
    // What has another mark by then is stored under its tables.
    const narrowed = () => (mark === this.mark ? this.#narrowed(statement, terms) : new Map());
    return { mark, names: () => (made ??= this.#namesRead(terms.names, narrowed())) };
  }

  #namesRead(names: readonly string[], narrowed: ReadonlyMap<string, Narrowed>): ReadNames {
    const checked = names.flatMap((name) => {
      const rows = narrowed.get(name);
      return rows === undefined ? [name, exceptRows(name)] : [name, ...rows.names, ...rows.inserts];
    });
    if (checked.length > MAX_TAGS && narrowed.size > 0) return this.#namesRead(names, new Map());
    const stored = (answer: readonly unknown[]) =>
      names.flatMap((name) => {
        const rows = narrowed.get(name);
        if (rows === undefined) return [name];
        return [rowsOf(name), ...rows.names, ...(rows.hasAll(answer) ? [] : rows.inserts)];
      });
    return { checked, stored };
  }

  #narrowed({ text, params }: Bound, { byHand }: RowTerms): ReadonlyMap<string, Narrowed> {
    const narrowed = new Map<string, Narrowed>();
    const known = this.#current;
    const others = new Set([...text.facts.functions].flatMap((name) => this.#options.effectsOf(name)?.reads ?? []));
    // The text does not tell which rows of the other tables are read.
    const tables = [...text.facts.reads].filter((name) => !others.has(name) && !byHand.includes(name));
    const template = tables.length === 0 ? undefined : known?.templates.get(text.sql);
    if (known === undefined || template?.kind !== 'tracked') return narrowed;
    const { reads } = bindInstance(template, params, undefined);
    for (const table of tables) {
      const own = reads.filter(({ read }) => canonical(read.table.name) === table);
      const byColumn = own.map(columnKeysOf).filter((keys) => keys !== undefined);
      // It is not by rows where one of the places in which it is read is not.
      if (own.length === 0 || byColumn.length < own.length || !isByRows(table, known)) continue;
      const named = (part: string) => partOf(table, known.mark, part);
      const names = byColumn.flatMap(({ column, keys }) => [
        `${column}`,
        ...[...keys].map((key) => `${column}/${key}`),
      ]);
      const [first] = byColumn as [ColumnKeys];
      const hasAll = (rows: readonly unknown[]) => {
        const isAlone = reads.length === 1 && this.#isKey(first);
        const shown = isAlone ? bindInstance(template, params, resultRowsOf(template, rows)) : undefined;
        return shown?.reads[0]?.keys?.size === first.keys.size;
      };
      narrowed.set(table, {
        names: names.map(named),
        inserts: byColumn.map(({ column }) => named(`+${column}`)),
        hasAll,
      });
    }
    return narrowed;
  }

  /** Alone. One of SQLite that is not the rowid may take for two what a comparison takes for one. */
  #isKey({ table: { key, rowid }, column }: ColumnKeys): boolean {
    return this.#options.dialect === 'sqlite' ? rowid === column : key.length === 1 && key[0] === column;
  }

  /** `names`: what the statement invalidates. */
  namesWritten({ text, params }: Bound, names: readonly string[]): readonly string[] {
    const known = this.#current;
    const table = this.#rowTable(text.facts);
    if (known === undefined || table === undefined || !isByRows(table, known) || known.moving.has(table)) return names;
    if (!names.includes(table) || names.includes(EVERYTHING)) return names;
    const write = known.writeOf(text.sql);
    if (write === undefined || canonical(write.table.name) !== table) return names;
    const named = (part: string) => partOf(table, known.mark, part);
    const rows = writtenKeys(write, params).flatMap(({ column, keys }) => {
      if (keys !== undefined) return [...keys].map((key) => named(`${column}/${key}`));
      return [named(write.kind === 'insert' ? `+${column}` : `${column}`)];
    });
    return [...names.filter((name) => name !== table), exceptRows(table), ...rows];
  }

  /** The one table that it writes, if nothing is told by which it writes other rows than it says. */
  #rowTable({ writes, functions }: TextFacts): string | undefined {
    const [name, ...others] = writes;
    if (name === undefined || others.length > 0 || this.#changed.has(name)) return undefined;
    return [...functions].some((each) => (this.#options.effectsOf(each)?.writes.length ?? 0) > 0) ? undefined : name;
  }
}

function isByRows(table: string, { unique }: RowFacts): boolean {
  return unique.has(table) && table.length <= MAX_TABLE_LENGTH && !table.includes(MARK);
}

/** What is read of single rows of a table. */
interface Narrowed {
  readonly names: readonly string[];
  /** Those of inserts that do not tell the values. */
  readonly inserts: readonly string[];
  /** Whether the answer shows that each value it asks for has its row: an insert cannot add another. */
  readonly hasAll: (rows: readonly unknown[]) => boolean;
}
