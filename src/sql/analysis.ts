// State that all parts of one analysis share: its names, the reads found so far, and how it ends early.
//
// Selects hold sources and expressions, and both hold selects: these they resolve through `Analysis`.

import type { TableShape } from '../dependency/change.ts';
import type { Fallback, FallbackNote, Uncacheable } from '../dependency/template.ts';
import type { Catalogue, CommonTable, Parser, Routines, Select } from './ast.ts';
import type { DialectRules } from './dialect.ts';
import type { MovingTexts } from './postgres/moving-texts.ts';
import type { Output, Plan, ReadState, Resolved } from './resolve/resolved.ts';

/** Ends an analysis: nothing finer can be said of the statement. */
export class Stop extends Error {
  /** `tables`: its tables can be told, but nothing else. `uncacheable`: its answer must not be kept. */
  readonly kind: 'tables' | 'uncacheable';
  /** For `uncacheable`: the thing that is not known. */
  readonly unknown: Uncacheable['unknown'];

  constructor(kind: Stop['kind'], what: string, unknown?: Uncacheable['unknown']) {
    super(what);
    this.kind = kind;
    this.unknown = unknown;
  }
}

/** Stops at a thing that cannot be read or is unknown: it may call any function. */
export function unread(what: string): Stop {
  return new Stop('uncacheable', what, 'meaning');
}

export interface NamedColumn {
  readonly name: string;
  readonly expression: Resolved;
}

/** One alias of a FROM. */
export interface ScopeEntry {
  readonly alias: string;
  readonly schema: string | undefined;
  readonly columns: readonly NamedColumn[];
  /** Whether it may have columns that are not listed. */
  readonly isOpen: boolean;
  readonly read: ReadState | undefined;
}

export interface Scope {
  readonly outer: Scope | undefined;
  readonly entries: readonly ScopeEntry[];
  /** Columns without a table's name before them, in the order of `*`; those of USING once. */
  readonly visible: readonly NamedColumn[];
  /** Aliases of the result, set once they are resolved. */
  aliases: readonly Output[];
  /** How many names were found here, and how many further out. */
  hits: number;
  misses: number;
}

/** Common tables, the innermost first. */
export interface CommonScope {
  readonly outer: CommonScope | undefined;
  readonly table: CommonTable;
  /** The place of its statement, which decides what names mean in it. */
  readonly place: () => Place;
}

/** The surroundings of an expression or a select, which decide what its names mean. */
export interface Place {
  readonly scope: Scope | undefined;
  readonly common: CommonScope | undefined;
  /** Schema of a view that is being expanded: its names are looked up there first. */
  readonly schema: string | undefined;
  /** Views and common tables around it. */
  readonly within: readonly string[];
}

export interface ResolvedSelect {
  readonly plan: Plan;
  readonly outputs: readonly Output[];
  readonly hasAllOutputs: boolean;
}

export interface Purity {
  readonly dialect: DialectRules;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions: ReadonlySet<string>;
  /** Undefined when nothing is known of them. */
  readonly routines: Routines | undefined;
}

export interface Analysis extends Purity {
  readonly catalogue: Catalogue;
  readonly parser: Parser;
  readonly reads: ReadState[];
  readonly notes: FallbackNote[];
  readonly select: (select: Select, place: Place) => ResolvedSelect;
  readonly moving: MovingTexts;
}

/** With more reads than this, a statement is analysed by its tables alone. */
const MAX_READS = 200;

export function addRead(analysis: Analysis, table: TableShape, alias: string): ReadState {
  const id = analysis.reads.length;
  if (id >= MAX_READS) throw new Stop('tables', `more than ${MAX_READS} tables`);
  const columns = { used: new Set<number>(), shown: new Set<number>() };
  const read = { id, table, alias, ...columns, predicates: [], isWhole: false, isPlaced: false };
  analysis.reads.push(read);
  return read;
}

export function addNote({ notes }: Pick<Analysis, 'notes'>, fallback: Fallback, what: string): void {
  if (!notes.some((note) => note.fallback === fallback && note.what === what)) notes.push({ fallback, what });
}

export function scopeOf(outer?: Scope, entries: Scope['entries'] = [], visible: Scope['visible'] = []): Scope {
  return { outer, entries, visible, aliases: [], hits: 0, misses: 0 };
}

export function isSameName(one: string, other: string, { dialect }: Analysis): boolean {
  return dialect.fold(one) === dialect.fold(other);
}
