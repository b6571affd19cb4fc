// Texts that PostgreSQL may read as a time that moves: 'now', 'today', wherever they stand, and columns of texts that
// are cast to times.
//
// The type beside a text decides how it is read, and is known in some places only. So each text is in doubt until it is
// found beside something that is no time; a text that is found twice must be so both times.

import { mayMove } from '../../dependency/condition/cells.ts';
import type { Expression, Select } from '../ast.ts';
import { walkSelect } from '../calls/walk.ts';
import type { DialectRules } from '../dialect.ts';

/**
 * Types whose input is never read as a time. For other types, such as an application's domain or composite, this is
 * unknown.
 */
const TIMELESS = new Set(
  `bit bool bpchar bytea char cidr float4 float8 inet int2 int4 int8 interval json jsonb macaddr macaddr8 money name
  numeric oid text tsquery tsvector uuid varbit varchar xml`.split(/\s+/),
);
const TEXTS = new Set(['bpchar', 'char', 'name', 'text', 'varchar']);
/** Calls that never give a text. */
const TEXTLESS = new Set(
  'count date_bin date_part date_trunc extract length make_date make_timestamp sum timezone'.split(' '),
);
/** Calls that give one of their arguments. */
const CHOICES = new Set('any_value coalesce greatest least max min nullif'.split(' '));

export class MovingTexts {
  readonly #doubts = new Map<Expression, 'open' | 'harmless' | 'held'>();
  readonly #isReader: boolean;

  /** Of other databases no text is in doubt. */
  constructor({ readsTextsByType }: DialectRules) {
    this.#isReader = readsTextsByType;
  }

  gather(select: Select): void {
    if (!this.#isReader) return;
    walkSelect(select, {
      expression: (expression) => {
        const isMoving = expression.kind === 'literal' && mayMove(expression.value);
        if (expression.kind === 'parameter' || isMoving) this.#doubt(expression);
        if (expression.kind !== 'cast') return;
        const type = elementOf(expression.type);
        // A time without a zone gets the one that is in force today.
        if (type === 'timetz') this.#doubts.set(expression, 'held');
        else if (!TIMELESS.has(type)) for (const leaf of textsIn(expression.operand)) this.#doubt(leaf);
      },
    });
  }

  /** Records whether an expression that is in doubt stands beside, or is, something that is no time. */
  judge(expression: Expression, isHarmless: boolean): void {
    const known = this.#doubts.get(expression);
    if (known !== undefined) this.#doubts.set(expression, isHarmless && known !== 'held' ? 'harmless' : 'held');
  }

  /** What is still in doubt: parameters, from 0, and the reason when the answer moves whatever the parameters are. */
  settle(): { readonly parameters: readonly number[]; readonly reason: string | undefined } {
    const parameters = new Set<number>();
    let reason: string | undefined;
    for (const [expression, doubt] of this.#doubts) {
      if (doubt === 'harmless') continue;
      if (expression.kind === 'parameter') parameters.add(expression.index);
      else reason = expression.kind === 'literal' ? 'a time that moves' : 'a text read as a time';
    }
    return { parameters: [...parameters].sort((one, two) => one - two), reason };
  }

  #doubt(expression: Expression): void {
    if (!this.#doubts.has(expression)) this.#doubts.set(expression, 'open');
  }
}

/** Whether a text that is cast to it is read as no time. */
export function isTimeless(type: string): boolean {
  return TIMELESS.has(elementOf(type));
}

function elementOf(type: string): string {
  return type.replace(/[([].*$/, '');
}

/** The parts that may be texts and make the expression one. Literals and parameters are in doubt by themselves. */
function textsIn(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'column':
    case 'scalar':
    case 'opaque':
      return [expression];
    case 'cast':
      return TEXTS.has(elementOf(expression.type)) ? textsIn(expression.operand) : [];
    case 'collate':
      return textsIn(expression.operand);
    case 'binary':
      return /^[-+*/%^]$/.test(expression.operator) ? [] : [expression];
    case 'call':
      if (TEXTLESS.has(expression.name)) return [];
      return CHOICES.has(expression.name) ? expression.args.flatMap(textsIn) : [expression];
    default:
      return [];
  }
}
