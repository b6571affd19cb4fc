// The sizes of classes, for the budget and for `npm run house`.

import { type Node, nodesOf, type Source } from './source.ts';

export interface ClassSize {
  /** Empty where the class has no name. */
  readonly name: string;
  readonly start: number;
  readonly lines: number;
  /** Fields, methods, accessors, the constructor and static blocks. */
  readonly members: number;
}

export function classesOf(source: Source): ClassSize[] {
  const sizes: ClassSize[] = [];
  for (const node of nodesOf(source.program)) {
    if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') continue;
    const { name = '' } = (node.id ?? {}) as { readonly name?: string };
    const members = ((node.body as Node).body as readonly Node[]).length;
    sizes.push({ name, start: node.start, lines: source.lineAt(node.end) - source.lineAt(node.start) + 1, members });
  }
  return sizes;
}
