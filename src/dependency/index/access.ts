// Decides how a row finds the instances of one form: by the values of columns that must be equal, by the beginning of a
// text, by the interval of one column that must hold the row's value, or not at all. Decided once for each form.
//
// A condition that is not used here is not lost. A way to an instance only leaves out rows of which its predicate
// cannot hold, or that its window does not admit; the caller looks closer at what it finds.

import type { ColumnType, TableShape } from '../change.ts';
import { hasEquality, isOrdered } from '../condition/compare.ts';
import { type ComparisonOperator, operandsOf, type Predicate, partsOf } from '../condition/predicate.ts';
import type { OrderTerm } from '../template.ts';
import { holeOf, keyListOf } from './form.ts';
import { IntervalOrder } from './interval-blocks.ts';

/** A column that has to equal the value in a hole, or one of the values there. */
export interface KeyForm {
  readonly column: number;
  readonly type: ColumnType;
  readonly hole: number;
  readonly isList: boolean;
}

/** The beginning of a text, as far as the pattern in a hole asks for it. */
export interface PrefixForm {
  readonly column: number;
  readonly hole: number;
  /** Empty: nothing escapes. */
  readonly escapeBy: string;
  readonly foldsCase: boolean;
}

/** Source of an interval's end: a hole; the place of a window's bound; neither. */
export type EndForm =
  | { readonly kind: 'open' }
  | { readonly kind: 'hole'; readonly hole: number }
  | { readonly kind: 'window' };

export interface RangeForm {
  readonly column: number;
  readonly order: IntervalOrder;
  readonly low: EndForm;
  readonly high: EndForm;
}

/** One way in. A row that fails the guard finds no instance this way. */
export interface PathForm {
  readonly guard: Predicate | undefined;
  readonly keys: readonly KeyForm[];
  readonly prefix: PrefixForm | undefined;
  readonly range: RangeForm | undefined;
}

type Comparison = Extract<Predicate, { readonly kind: 'compare' }>;

const MAX_PATHS = 16;
const OPEN: EndForm = { kind: 'open' };
const WINDOW: EndForm = { kind: 'window' };

/** `first`: of the order terms of a window, where the instances have a bound. */
export function pathsOf(predicate: Predicate, table: TableShape, first: OrderTerm | undefined): readonly PathForm[] {
  const parts = conjuncts(predicate);
  const whole = pathOf(parts, table, first);
  if (whole.keys.length > 0) return [whole];
  const leavesOutMore = ({ keys, prefix, range }: PathForm): boolean =>
    keys.length > 0 || (prefix !== undefined && !whole.prefix) || (range !== undefined && !whole.range);
  for (const part of parts) {
    if (part.kind !== 'or' || holeOf(part) !== undefined || part.parts.length > MAX_PATHS) continue;
    const paths = part.parts.map((choice) => pathOf([...parts, ...conjuncts(choice)], table, first));
    if (paths.length > 0 && paths.every(leavesOutMore)) return paths;
  }
  return [whole];
}

function conjuncts(predicate: Predicate): readonly Predicate[] {
  return predicate.kind === 'and' && holeOf(predicate) === undefined ? predicate.parts.flatMap(conjuncts) : [predicate];
}

function pathOf(parts: readonly Predicate[], table: TableShape, first: OrderTerm | undefined): PathForm {
  const fixed = parts.filter((part) => part.kind !== 'always' && part.kind !== 'maybe' && isFixed(part));
  return {
    guard: fixed.length === 0 ? undefined : fixed.length === 1 ? fixed[0] : { kind: 'and', parts: fixed },
    keys: keysOf(parts, table),
    prefix: parts.map((part) => (part.kind === 'like' ? prefixForm(part, table) : undefined)).find(Boolean),
    range: rangeOf(parts, table, first),
  };
}

/** Whether it is the same for all instances. */
function isFixed(part: Predicate): boolean {
  if ([part, ...operandsOf(part)].some((node) => holeOf(node) !== undefined)) return false;
  return partsOf(part).every(isFixed);
}

/** All columns that have to equal one value, and one list: each of its values makes a key. */
function keysOf(parts: readonly Predicate[], table: TableShape): KeyForm[] {
  const keys: KeyForm[] = [];
  for (const part of parts) {
    const list = keys.some(({ isList }) => isList) ? undefined : keyListOf(part);
    const isEqual = part.kind === 'compare' && part.operator === '=';
    const { column = -1, hole } = list ?? (isEqual ? { column: part.column, hole: holeOf(part.operand) } : {});
    const type = table.columns[column]?.type;
    if (hole === undefined || type === undefined || !hasEquality(type)) continue;
    keys.push({ column, type, hole, isList: list !== undefined });
  }
  return keys;
}

/** An interval with both ends before a window's, and that before one with one end. */
function rangeOf(parts: readonly Predicate[], table: TableShape, first: OrderTerm | undefined): RangeForm | undefined {
  const comparisons = Map.groupBy(
    parts.filter((part) => part.kind === 'compare'),
    ({ column }) => column,
  );
  if (first !== undefined && !comparisons.has(first.column)) comparisons.set(first.column, []);
  const found = [...comparisons].map(([column, own]) => {
    return valueRange(own, table, first?.column === column ? first : undefined);
  });
  return found.filter((range) => range !== undefined).sort((one, other) => worth(other) - worth(one))[0];
}

function worth({ low, high }: RangeForm): number {
  if (low.kind !== 'open' && high.kind !== 'open') return 3;
  return low.kind === 'window' || high.kind === 'window' ? 2 : 1;
}

function valueRange(
  comparisons: readonly Comparison[],
  table: TableShape,
  term: OrderTerm | undefined,
): RangeForm | undefined {
  const column = term?.column ?? comparisons[0]?.column ?? 0;
  const type = table.columns[column]?.type;
  if (type === undefined || !isOrdered(type)) return undefined;
  const fromLow = endOf(comparisons, ['>', '>=']);
  const fromHigh = endOf(comparisons, ['<', '<=']);
  const low = term?.isDescending === true && fromLow.kind === 'open' ? WINDOW : fromLow;
  const high = term?.isDescending === false && fromHigh.kind === 'open' ? WINDOW : fromHigh;
  if (low.kind === 'open' && high.kind === 'open') return undefined;
  const isReversed = low.kind === 'open';
  const hasPredicate = low.kind === 'hole' || high.kind === 'hole';
  const nulls = hasPredicate || term === undefined ? 'none' : term.nullsFirst !== term.isDescending ? 'low' : 'high';
  const order = new IntervalOrder({ type, nulls, isReversed });
  return { column, order, low: isReversed ? high : low, high: isReversed ? low : high };
}

function endOf(comparisons: readonly Comparison[], operators: readonly ComparisonOperator[]): EndForm {
  for (const { operator, operand } of comparisons) {
    const hole = operators.includes(operator) ? holeOf(operand) : undefined;
    if (hole !== undefined) return { kind: 'hole', hole };
  }
  return OPEN;
}

function prefixForm(part: Extract<Predicate, { readonly kind: 'like' }>, table: TableShape): PrefixForm | undefined {
  const hole = holeOf(part.pattern);
  const type = table.columns[part.column]?.type;
  if (hole === undefined || type === undefined) return undefined;
  const isSqlite = type.family === 'sqlite';
  if (part.escape !== undefined && (part.escape.length !== 1 || '%_\0'.includes(part.escape))) return undefined;
  // PostgreSQL folds case by the locale.
  if (isSqlite ? type.affinity !== 'text' : type.type !== 'text' || part.foldsCase) return undefined;
  // Whether SQLite's LIKE folds is a setting of the connection.
  return { column: part.column, hole, escapeBy: part.escape ?? (isSqlite ? '' : '\\'), foldsCase: isSqlite };
}
