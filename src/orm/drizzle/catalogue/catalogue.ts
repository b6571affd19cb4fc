// The tables and views that are known, and the names under which reads are stored and writes invalidate.

import type { Dialect } from '../../../dependency/template.ts';
import { canonical, type TextFacts } from '../../../sql/text-facts.ts';
import { entityKindOf, type Fields, tableNames, viewParts } from '../entities.ts';
import type { SoundOptions } from '../options.ts';
import { EVERYTHING } from '../writes/guard.ts';
import { acts, Causes, foreignKeysOf } from './foreign-keys.ts';
import { type FunctionEffects, functionEffects } from './functions.ts';
import { type ViewReading, Views } from './views.ts';

interface RelationNamesOptions extends ViewReading, Pick<SoundOptions, 'effects' | 'functions'> {
  readonly dialect: Dialect;
}

export class RelationNames {
  /** By name: how Drizzle's objects spell it. */
  readonly #known = new Map<string, Set<string>>();
  readonly causes = new Causes();
  readonly #seen = new WeakSet<object>();
  readonly #effects = new Map<string, readonly string[]>();
  readonly effectsOf: FunctionEffects;
  readonly #dialect: Dialect;
  readonly #views: Views;
  /** Names that one connection has for itself: what another reads under them is another thing. */
  readonly #temporary = new Set<string>();
  /** Named by a program, and maybe by no object of Drizzle. */
  readonly #byHand = new Set<string>();
  /** Learned late: raw SQL that names it may be stored without its name. */
  readonly #late = new Set<string>();
  #isOpen = false;

  constructor({ dialect, effects = {}, functions = {}, read, textOf }: RelationNamesOptions) {
    for (const [table, others] of Object.entries(effects)) this.#effects.set(canonical(table), others.map(canonical));
    const told = Object.values(functions).flatMap(({ reads = [], writes = [] }) => [...reads, ...writes]);
    for (const name of [...told, ...Object.entries(effects).flat(2)]) this.#byHand.add(canonical(name));
    this.effectsOf = functionEffects(functions, dialect);
    this.#dialect = dialect;
    this.#views = new Views({ read, textOf, effectsOf: this.effectsOf, isNamed: (name) => this.isNamed(name) });
  }

  /** From now on reads may be stored. */
  open(): void {
    this.#isOpen = true;
  }

  /** Everything is about to be invalidated; to be called once it is. */
  clearing(): () => void {
    const late = [...this.#late];
    return () => {
      for (const name of late) this.#late.delete(name);
    };
  }

  /** Learns every table and view that the object of Drizzle names, however deep. */
  learn(start: unknown): void {
    const open: unknown[] = [start];
    while (open.length > 0) {
      const value = open.pop();
      if (Array.isArray(value)) open.push(...value);
      else if (typeof value === 'object' && value !== null) open.push(...this.#learnOne(value));
    }
  }

  #learnOne(value: object): readonly unknown[] {
    const fields = value as Fields;
    switch (entityKindOf(value)) {
      case 'table':
        this.#learnTable(value);
        return [];
      case 'view':
        return this.#learnView(value);
      case 'column':
        return [fields.table];
      case 'sql':
        return (fields.queryChunks as readonly unknown[] | undefined) ?? [];
      case 'aliased':
        return [fields.sql];
      case 'subquery':
        return [(fields._ as Fields).sql];
      case 'select':
      case 'relational':
        return typeof fields.getSQL === 'function' ? [fields.getSQL()] : [];
      default:
        return [];
    }
  }

  #learnTable(table: object): void {
    const { name, certain, isAlias } = tableNames(table);
    if (this.#seen.has(table) || !certain) return;
    this.#seen.add(table);
    this.#enter(name);
    if (isAlias) return;
    for (const key of foreignKeysOf(table)) {
      const { foreignTable } = key.reference();
      this.#learnTable(foreignTable);
      const [child, parent] = [canonical(name), canonical(tableNames(foreignTable).name)];
      if (acts(key.onDelete) || acts(key._onDelete)) this.causes.add(child, `${parent}/delete`);
      if (acts(key.onUpdate) || acts(key._onUpdate)) this.causes.add(child, `${parent}/update`);
    }
  }

  #learnView(view: object): readonly unknown[] {
    const { name, query, materialized } = viewParts(view);
    if (this.#seen.has(view)) return [];
    this.#seen.add(view);
    this.#enter(name);
    if (materialized) return [];
    this.#views.add(canonical(name), query);
    return [query];
  }

  /** Reads of these go past the cache from now on. */
  hide(names: Iterable<string>): void {
    for (const name of names) this.#temporary.add(name);
  }

  /** `name`: as Drizzle has it. */
  #enter(name: string): void {
    const own = canonical(name);
    if (this.#isOpen && !this.#known.has(own)) this.#late.add(own);
    const spellings = this.#known.get(own) ?? new Set();
    this.#known.set(own, spellings.add(name).add(name.slice(name.lastIndexOf('.') + 1)));
  }

  /** False: no object of Drizzle has named a table or a view so far. */
  get hasTables(): boolean {
    return this.#known.size > 0;
  }

  /** True: an object of Drizzle or a program has named it. */
  isNamed(name: string): boolean {
    return this.#known.has(name) || this.#byHand.has(name);
  }

  /**
   * Names, in all spellings, under which programs may have stored by themselves what a write under these names changes: they
   * name tables as they like, and the table that they read.
   */
  outside(names: readonly string[]): readonly string[] {
    const isNamed = (name: string) => name !== EVERYTHING && (this.#known.has(name) || !name.includes('/'));
    const causes = names.filter((name) => name.includes('/'));
    const changed = new Set([...names.filter(isNamed), ...this.causes.below(causes)]);
    if (names.includes(EVERYTHING)) for (const name of [...this.#known.keys(), ...this.#byHand]) changed.add(name);
    for (const name of this.#views.names) {
      if (this.#views.below(name)?.some((table) => changed.has(table)) !== false) changed.add(name);
    }
    return [...new Set([...changed].flatMap((name) => [name, ...(this.#known.get(name) ?? [])]))];
  }

  /** The names a read is stored under; undefined: it cannot be told what it reads. `byHand`: what its caller said. */
  namesRead(facts: TextFacts, byHand: readonly string[]): readonly string[] | undefined {
    const tables = new Set<string>(byHand);
    for (const name of byHand) this.#byHand.add(name);
    let isKnown = !facts.isUnreadable;
    for (const name of facts.reads) if (!this.#addRead(tables, name)) isKnown = false;
    for (const name of facts.functions) {
      const effects = this.effectsOf(name);
      if (effects === undefined) isKnown = false;
      for (const table of effects?.reads ?? []) this.#addRead(tables, table);
    }
    if ((!isKnown && byHand.length === 0) || tables.size === 0) return undefined;
    if ([...this.#temporary].some((name) => facts.reads.has(name))) return undefined;
    return [...new Set([EVERYTHING, ...tables, ...[...tables].flatMap((name) => [...this.causes.of(name)])])];
  }

  /** False: nothing of that name is known. */
  #addRead(tables: Set<string>, name: string): boolean {
    tables.add(name);
    const below = this.#known.has(name) ? this.#views.below(name) : undefined;
    for (const table of below ?? []) tables.add(table);
    return below !== undefined;
  }

  /** The names a statement invalidates; empty: it writes nothing. */
  namesWritten(statement: TextFacts): readonly string[] {
    const names = new Set<string>();
    for (const name of statement.functions) {
      const effects = this.effectsOf(name);
      // A function of SQLite runs in the program; what it writes through this database is seen there.
      if (effects === undefined && this.#dialect === 'sqlite') continue;
      if (effects === undefined) return [EVERYTHING, ...statement.writes];
      // How it writes them is not told.
      for (const table of effects.writes) names.add(table).add(`${table}/delete`).add(`${table}/update`);
    }
    if (statement.isOpaque) return [EVERYTHING, ...statement.writes];
    for (const name of statement.writes) {
      const below = this.#known.has(name) ? this.#views.below(name) : undefined;
      // What is not known may be a view through which others are written.
      if (below === undefined) return [EVERYTHING, ...statement.writes];
      for (const table of [name, ...below]) {
        names.add(table);
        if (statement.deletes) names.add(`${table}/delete`);
        if (statement.updates) names.add(`${table}/update`);
      }
    }
    return this.#withEffects(names);
  }

  /** Until no more come: what a foreign key writes has effects of its own, as they have foreign keys. */
  #withEffects(names: Set<string>): readonly string[] {
    for (const name of names) {
      const others = this.#effects.get(name) ?? [];
      const children = this.#effects.size > 0 && name.includes('/') ? this.causes.childrenOf(name) : [];
      for (const other of [...others, ...children]) names.add(other).add(`${other}/delete`).add(`${other}/update`);
    }
    if ([...names].some((name) => this.#late.has(name))) names.add(EVERYTHING);
    return [...names];
  }

  /** The same for tables named by hand. */
  namesOf(tables: readonly string[]): readonly string[] {
    return this.#withEffects(new Set(tables.flatMap((table) => [table, `${table}/delete`, `${table}/update`])));
  }
}

/** A table's name, given as such or as an object of Drizzle. */
export function nameOf(table: string | object): string {
  if (typeof table === 'string') return canonical(table);
  return canonical(entityKindOf(table) === 'view' ? viewParts(table).name : tableNames(table).name);
}
