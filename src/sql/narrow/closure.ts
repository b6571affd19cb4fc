// Which columns are equal in every joined row that matters, and to which values: a.id = $1 and b.a_id = a.id give
// b.a_id = $1.
//
// SQL's `=` is not one relation. It carries over from column to column only where all of them are
// of one type and collation, for which it is known.

import type { ColumnType } from '../../dependency/change.ts';
import type { ComparisonOperator, Operand, Predicate } from '../../dependency/condition/predicate.ts';
import { conjunctsOf, type Ref, type Resolved } from '../resolve/resolved.ts';

/** A comparison that holds of a column in every row that matters. */
interface Fact {
  /** The column it was said of, which has it as a condition of its own. */
  readonly origin: string;
  readonly operator: ComparisonOperator | 'in';
  readonly operands: readonly Operand[];
}

interface EqualityClass {
  readonly members: Map<string, Ref>;
  readonly facts: Fact[];
}

export class Equalities {
  readonly #classes = new Map<string, EqualityClass>();

  constructor(conjuncts: readonly Resolved[] = []) {
    this.learn(conjuncts);
  }

  /** Holds these facts; later facts of either are unknown to the other. */
  copy(): Equalities {
    const copy = new Equalities();
    for (const one of new Set(this.#classes.values())) {
      const next = { members: new Map(one.members), facts: [...one.facts] };
      for (const key of next.members.keys()) copy.#classes.set(key, next);
    }
    return copy;
  }

  /** Takes in conditions that all hold. */
  learn(conjuncts: readonly Resolved[]): void {
    for (const conjunct of conjuncts.flatMap(conjunctsOf)) {
      if (conjunct.kind === 'compare') this.#learnComparison(conjunct);
      if (conjunct.kind !== 'in' || conjunct.operand.kind !== 'column') continue;
      const operands = operandsIn(conjunct.list);
      if (operands !== undefined) this.#add(conjunct.operand.ref, 'in', operands);
    }
  }

  /** Facts about a column that follow from columns equal to it. */
  derived({ read, column }: Ref): Predicate[] {
    const key = keyOf({ read, column });
    const facts = this.#classes.get(key)?.facts.filter(({ origin }) => origin !== key) ?? [];
    const different = new Map(facts.map((fact) => [`${fact.operator}\0${listKey(fact.operands)}`, fact]));
    return Array.from(different.values(), ({ operator, operands }) => {
      if (operator === 'in') return { kind: 'in', column, operands };
      return { kind: 'compare', column, operator, operand: operands[0] as Operand };
    });
  }

  /** Columns equal to one, itself among them. */
  equalsOf(ref: Ref): Ref[] {
    return [...(this.#classes.get(keyOf(ref))?.members.values() ?? [ref])];
  }

  #learnComparison({ operator, left, right }: Extract<Resolved, { kind: 'compare' }>): void {
    if (left.kind === 'column' && right.kind === 'column') {
      if (operator === '=' && isCarried(typeOf(left.ref), typeOf(right.ref))) this.#unite(left.ref, right.ref);
    } else if (left.kind === 'column' && right.kind === 'value') {
      this.#add(left.ref, operator, [right.operand]);
    } else if (left.kind === 'value' && right.kind === 'column') {
      this.#add(right.ref, FLIPPED[operator], [left.operand]);
    }
  }

  #add(ref: Ref, operator: Fact['operator'], operands: readonly Operand[]): void {
    this.#classOf(ref).facts.push({ origin: keyOf(ref), operator, operands });
  }

  #unite(one: Ref, two: Ref): void {
    const kept = this.#classOf(one);
    const gone = this.#classOf(two);
    if (kept === gone) return;
    for (const [key, ref] of gone.members) {
      kept.members.set(key, ref);
      this.#classes.set(key, kept);
    }
    kept.facts.push(...gone.facts);
  }

  #classOf(ref: Ref): EqualityClass {
    const key = keyOf(ref);
    const own = this.#classes.get(key) ?? { members: new Map([[key, ref]]), facts: [] };
    this.#classes.set(key, own);
    return own;
  }
}

/** Returns undefined when something in the list is no value. */
export function operandsIn(list: readonly Resolved[]): Operand[] | undefined {
  const operands = list.map((value) => (value.kind === 'value' ? value.operand : undefined));
  return operands.every((operand) => operand !== undefined) ? operands : undefined;
}

/** `5 < a` is `a > 5`. */
export const FLIPPED: Readonly<Record<ComparisonOperator, ComparisonOperator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

export function keyOf({ read, column }: Ref): string {
  return `${read.id}.${column}`;
}

export function typeOf({ read, column }: Ref): ColumnType {
  return read.table.columns[column]!.type;
}

/** The type of an expression that is a column. */
export function columnType(expression: Resolved): ColumnType | undefined {
  return expression.kind === 'column' ? typeOf(expression.ref) : undefined;
}

/** Whether two columns are compared as values of one type, in one way that is known. */
export function isSameType(one: ColumnType, two: ColumnType): boolean {
  if (one.family === 'sqlite' && two.family === 'sqlite') {
    return one.affinity === two.affinity && one.collation === two.collation && one.collation !== 'unknown';
  }
  if (one.family !== 'postgres' || two.family !== 'postgres') return false;
  return one.type === two.type && one.isOrdered === two.isOrdered && one.type !== 'opaque';
}

/** Floats are not: one of four bytes is compared with one of eight in another way than with a parameter. */
function isCarried(one: ColumnType, two: ColumnType): boolean {
  return isSameType(one, two) && !(one.family === 'postgres' && one.type === 'float');
}

/** The same for equal operands in one order. */
export function listKey(operands: readonly Operand[]): string {
  return operands.map(operandKey).join('\0');
}

function operandKey(operand: Operand): string {
  if (operand.kind === 'parameter') return `?${operand.index}`;
  if (operand.kind === 'lookup') return `@${operand.index}`;
  if (operand.kind === 'list') return `[${operand.form}${operand.index}]`;
  return operand.kind === 'value' ? `${typeof operand.value}:${String(operand.value)}` : `#${operand.column}`;
}
