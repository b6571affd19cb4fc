// Forms of ast.ts that both parsers make.

import type { Callee, Expression, Select, SelectBody, Source } from './ast.ts';

/** A statement cannot be read safely; the message becomes the reason of `unparsed`. */
export class Unreadable extends Error {}

export function negated(isNegated: boolean, operand: Expression): Expression {
  return isNegated ? { kind: 'not', operand } : operand;
}

export function call(name: string, args: readonly Expression[], isAggregate = false): Expression {
  return { kind: 'call', name, args, isAggregate };
}

export function operator(name: string, schema?: string): Callee {
  return { kind: 'operator', schema, name };
}

/** A body with nothing around it. */
export function bare(body: SelectBody): Select {
  return { with: [], isRecursive: false, body, orderBy: [], limit: undefined, offset: undefined };
}

/** SELECT * FROM … */
export function starSelect(from: readonly Source[]): Select {
  return bare({
    kind: 'plain',
    isDistinct: false,
    distinctOn: [],
    columns: [{ kind: 'star', table: [] }],
    from,
    where: undefined,
    groupBy: [],
    having: undefined,
  });
}

export function isNull(expression: Expression | undefined): boolean {
  return expression?.kind === 'literal' && expression.value === null;
}
