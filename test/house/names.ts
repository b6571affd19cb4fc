// Names of types, interfaces, classes and functions that more than one file declares at its top, exported or not.

import type { Node, Source } from '../tidy/source.ts';

export interface NameCount {
  readonly name: string;
  readonly files: number;
}

const WORST = 10;
const DECLARATIONS = new Set([
  'TSTypeAliasDeclaration',
  'TSInterfaceDeclaration',
  'ClassDeclaration',
  'FunctionDeclaration',
]);
const FUNCTIONS = new Set(['FunctionExpression', 'ArrowFunctionExpression', 'ClassExpression']);

export function namesDeclaredTwice(sources: readonly Source[]): { names: number; worst: NameCount[] } {
  const files = new Map<string, number>();
  for (const { program } of sources) {
    const names = new Set((program.body as readonly Node[]).flatMap(declaredNames));
    for (const name of names) files.set(name, (files.get(name) ?? 0) + 1);
  }
  const twice = [...files].filter(([, count]) => count > 1);
  const worst = twice.sort(([one, ones], [other, others]) => others - ones || (one < other ? -1 : 1)).slice(0, WORST);
  return { names: twice.length, worst: worst.map(([name, count]) => ({ name, files: count })) };
}

/** Names that a statement declares; a constant counts where its value is written as a function or a class. */
function declaredNames(statement: Node): string[] {
  const inner = (statement.declaration ?? statement) as Node;
  if (DECLARATIONS.has(inner.type)) return nameOf(inner);
  if (inner.type !== 'VariableDeclaration') return [];
  const declarators = inner.declarations as readonly Node[];
  return declarators.filter(({ init }) => FUNCTIONS.has((init as Node | null)?.type ?? '')).flatMap(nameOf);
}

function nameOf({ id }: Node): string[] {
  const name = (id as Node | null)?.name;
  return typeof name === 'string' ? [name] : [];
}
