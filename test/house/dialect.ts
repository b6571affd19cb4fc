// Branches over a database's dialect: comparisons of a dialect or a family with a name of one, and cases of a switch over it.

import { type Node, nodesOf, type Source } from '../tidy/source.ts';

const NAMES: ReadonlySet<unknown> = new Set(['postgres', 'sqlite', 'pg']);
const COMPARISONS: ReadonlySet<unknown> = new Set(['===', '!==', '==', '!=']);
/** `dialect`, `type.family`, `this.#dialect`, `isOfDialect`: a dialect's value by its name. */
const DIALECT = /dialect$|family$/i;

export function dialectBranches({ program }: Source): number {
  let count = 0;
  for (const node of nodesOf(program)) {
    if (node.type === 'BinaryExpression' && COMPARISONS.has(node.operator)) {
      const [left, right] = [node.left as Node, node.right as Node];
      if ((isName(left) && isDialect(right)) || (isName(right) && isDialect(left))) count++;
    }
    if (node.type !== 'SwitchStatement' || !isDialect(node.discriminant as Node)) continue;
    count += (node.cases as readonly Node[]).filter(({ test }) => isName(test as Node | null)).length;
  }
  return count;
}

function isName(node: Node | null): boolean {
  return node?.type === 'Literal' && NAMES.has(node.value);
}

function isDialect(node: Node): boolean {
  if (node.type === 'ChainExpression') return isDialect(node.expression as Node);
  const name = node.type === 'MemberExpression' ? (node.property as Node) : node;
  return typeof name.name === 'string' && DIALECT.test(name.name);
}
