// The form that the predicates of a template's instances share, with holes where their operands differ: an instance is
// kept as the values in its holes, and its predicate is made again, in one object for all, when it has to be evaluated.
//
// Binding may widen one instance and not another, so that their predicates differ in more than operands. Then they have
// two forms; a predicate that differs from a form in any detail does not belong to it.

import type { Scalar } from '../change.ts';
import { LONG_LIST } from '../condition/evaluate.ts';
import type { Operand, Predicate } from '../condition/predicate.ts';

/** Content of one hole: an operand's value, the values of a list, or a long list as it was bound. */
export type Stored = Scalar | readonly Scalar[] | Extract<Predicate, { readonly kind: 'in' }>;

type Kind<K extends Predicate['kind']> = Extract<Predicate, { readonly kind: K }>;
type Junction = Extract<Predicate, { readonly parts: readonly Predicate[] }>;

type Value = { readonly kind: 'value'; value: Scalar };
type HoleOperand = Value & { readonly hole: number };
type Piece = Kind<'in'> & { readonly operands: Value[] };

interface ListPlace {
  readonly column: number;
  readonly hole: number;
}

/** A list in pieces so short that nothing is kept with them: they are used again for the next instance. */
type ShortList = ListPlace & { readonly kind: 'or'; readonly parts: Piece[] };
/** A list that is kept as it was bound: its only part. */
type LongList = ListPlace & { readonly kind: 'and'; readonly parts: Kind<'in'>[] };

type Hole = HoleOperand | ShortList | LongList;

/** Longer lists are not made into keys, one for each value. */
const MAX_LIST = 64;
const PIECE = LONG_LIST - 1;

export class PredicateForm {
  /** Predicate of the instance that was loaded last. */
  readonly predicate: Predicate;
  readonly #holes: Hole[] = [];

  /** `template`: of the read, whose literals are the same in all instances; `bound`: of the first instance. */
  constructor(template: Predicate, bound: Predicate) {
    this.predicate = this.#build(template, bound);
  }

  get holes(): number {
    return this.#holes.length;
  }

  /** Takes the values of a predicate in the order of the holes. Returns false when the predicate has another form. */
  collect(bound: Predicate, values: Stored[]): boolean {
    values.length = 0;
    return collect(this.predicate, bound, values);
  }

  /** `values`: those in the holes of the instance from there on. */
  load(values: readonly (Stored | undefined)[], from: number): void {
    for (let hole = 0; hole < this.#holes.length; hole++) {
      const place = this.#holes[hole] as Hole;
      const stored = values[from + hole] as Stored;
      if (place.kind === 'value') place.value = stored as Scalar;
      else if (place.kind === 'and') place.parts[0] = stored as Kind<'in'>;
      else loadList(place, stored as readonly Scalar[]);
    }
  }

  #build(template: Predicate | undefined, bound: Predicate): Predicate {
    switch (bound.kind) {
      case 'and':
      case 'or': {
        const like =
          template?.kind === bound.kind && template.parts.length === bound.parts.length ? template : undefined;
        return { kind: bound.kind, parts: bound.parts.map((part, at) => this.#build(like?.parts[at], part)) };
      }
      case 'not':
        return { kind: 'not', part: this.#build(template?.kind === 'not' ? template.part : undefined, bound.part) };
      case 'compare':
        return {
          ...bound,
          operand: this.#operand(template?.kind === 'compare' ? template.operand : undefined, bound.operand),
        };
      case 'like':
        return {
          ...bound,
          pattern: this.#operand(template?.kind === 'like' ? template.pattern : undefined, bound.pattern),
        };
      case 'in':
        return this.#list(template?.kind === 'in' ? template : undefined, bound);
      default:
        return bound;
    }
  }

  #operand(template: Operand | undefined, bound: Operand): Operand {
    if (bound.kind !== 'value' || (template?.kind === 'value' && isLiteral(bound))) return bound;
    const operand: HoleOperand = { kind: 'value', value: bound.value, hole: this.#holes.length };
    this.#holes.push(operand);
    return operand;
  }

  #list(template: Kind<'in'> | undefined, bound: Kind<'in'>): Predicate {
    const isSame = template?.operands.length === bound.operands.length;
    if (isSame && template.operands.every(({ kind }) => kind === 'value') && bound.operands.every(isLiteral))
      return bound;
    if (!bound.operands.every(({ kind }) => kind === 'value')) return bound;
    const place = { column: bound.column, hole: this.#holes.length };
    const isLong = bound.operands.length > MAX_LIST;
    const list: ShortList | LongList = isLong
      ? { kind: 'and', parts: [bound], ...place }
      : { kind: 'or', parts: [], ...place };
    this.#holes.push(list);
    return list;
  }
}

/** The hole of an operand's or a list's value; undefined when the value is the same in all instances. */
export function holeOf(node: Operand | Predicate): number | undefined {
  return (node as { readonly hole?: number }).hole;
}

/** The list that a node stands for, if it is one that instances differ in and that is short enough for keys. */
export function keyListOf(node: Predicate): ListPlace | undefined {
  return node.kind === 'or' && holeOf(node) !== undefined ? (node as ShortList) : undefined;
}

/** Whether a value is compared by `===` when the next instance is held against it. */
function isLiteral(operand: Operand): boolean {
  return operand.kind === 'value' && !(operand.value instanceof Uint8Array);
}

/** Pieces and operands are made once and used again, as lists come in each length. */
function loadList({ parts, column }: ShortList, values: readonly Scalar[]): void {
  const pieces = Math.ceil(values.length / PIECE);
  while (parts.length > pieces) parts.pop();
  for (let at = 0; at < pieces; at++) {
    const piece = parts[at] ?? { kind: 'in', column, operands: [] };
    parts[at] = piece;
    loadPiece(piece.operands, values, at * PIECE);
  }
}

function loadPiece(operands: Value[], values: readonly Scalar[], from: number): void {
  const length = Math.min(PIECE, values.length - from);
  while (operands.length > length) operands.pop();
  for (let at = 0; at < length; at++) {
    const value = values[from + at] as Scalar;
    const operand = operands[at];
    if (operand === undefined) operands.push({ kind: 'value', value });
    else operand.value = value;
  }
}

function collect(form: Predicate, bound: Predicate, values: Stored[]): boolean {
  if (form === bound) return true;
  switch (form.kind) {
    case 'given':
      return false;
    case 'and':
    case 'or':
      if (holeOf(form) !== undefined) return collectHole(form, bound, values);
      return bound.kind === form.kind && collectAll(form, bound, values);
    case 'not':
      return bound.kind === 'not' && collect(form.part, bound.part, values);
    case 'compare':
      return (
        bound.kind === 'compare' &&
        bound.column === form.column &&
        bound.operator === form.operator &&
        collectOperand(form.operand, bound.operand, values)
      );
    case 'like':
      return (
        bound.kind === 'like' &&
        bound.column === form.column &&
        bound.escape === form.escape &&
        bound.foldsCase === form.foldsCase &&
        collectOperand(form.pattern, bound.pattern, values)
      );
    case 'in':
      return (
        bound.kind === 'in' &&
        bound.column === form.column &&
        bound.operands.length === form.operands.length &&
        form.operands.every((operand, at) => collectOperand(operand, bound.operands[at] as Operand, values))
      );
    default:
      // It has no values.
      return bound.kind === form.kind && JSON.stringify(bound) === JSON.stringify(form);
  }
}

function collectAll(form: Junction, bound: Junction, values: Stored[]): boolean {
  if (form.parts.length !== bound.parts.length) return false;
  for (let at = 0; at < form.parts.length; at++) {
    if (!collect(form.parts[at] as Predicate, bound.parts[at] as Predicate, values)) return false;
  }
  return true;
}

function collectOperand(form: Operand, bound: Operand, values: Stored[]): boolean {
  if (bound.kind !== 'value') return form.kind === bound.kind && indexOf(form) === indexOf(bound);
  if (form.kind !== 'value') return false;
  if (holeOf(form) === undefined) return Object.is(form.value, bound.value);
  values.push(bound.value);
  return true;
}

function collectHole(form: Junction, bound: Predicate, values: Stored[]): boolean {
  const { kind, column } = form as ShortList | LongList;
  if (bound.kind !== 'in' || bound.column !== column) return false;
  if ((kind === 'and') !== bound.operands.length > MAX_LIST) return false;
  if (!bound.operands.every((operand) => operand.kind === 'value')) return false;
  values.push(kind === 'and' ? bound : bound.operands.map(({ value }) => value));
  return true;
}

function indexOf(operand: Operand): number {
  return operand.kind === 'value' ? NaN : operand.kind === 'result' ? operand.column : operand.index;
}
