// Source files as the tidy rules see them: parsed, with their imports resolved and each node's line at hand.

import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { parseSync } from 'oxc-parser';

export interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

/** What an import takes from a file: names, or `*` for all of it. */
export interface Import {
  /** Path from the root of the repository, or the name of a package. */
  readonly from: string;
  readonly names: readonly string[];
  readonly line: number;
}

export interface Source {
  readonly path: string;
  readonly text: string;
  readonly program: Node;
  readonly comments: readonly { readonly value: string; readonly start: number; readonly end: number }[];
  readonly imports: readonly Import[];
  /** Exported names; `*` followed by a path for `export * from`. */
  readonly exports: readonly { readonly name: string; readonly line: number; readonly from?: string }[];
  readonly lineAt: (offset: number) => number;
}

export interface Finding {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

export function readSources(root: string, patterns: readonly string[]): Source[] {
  const paths = globSync([...patterns], { cwd: root, exclude: ['**/node_modules/**'] }).map((path) =>
    path.replaceAll('\\', '/'),
  );
  return paths.sort().map((path) => parseSource(path, readFileSync(posix.join(root, path), 'utf8')));
}

export function parseSource(path: string, text: string): Source {
  const { program, module, comments, errors } = parseSync(path, text, { lang: 'ts', sourceType: 'module' });
  if (errors.length > 0) throw new Error(`expected ${path} to parse, got ${errors[0]?.message}`);
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const lineAt = (offset: number) => lineStarts.findLastIndex((start) => start <= offset) + 1;
  const root = program as unknown as Node;
  const at = (request: string) => (request.startsWith('.') ? posix.join(posix.dirname(path), request) : request);
  const imports: Import[] = [];
  const exports: { name: string; line: number; from?: string }[] = [];
  for (const { moduleRequest, entries, start } of module.staticImports) {
    const names = entries.map(({ importName }) =>
      importName.kind === 'Default' ? 'default' : (importName.name ?? '*'),
    );
    imports.push({ from: at(moduleRequest.value), names, line: lineAt(start) });
  }
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest, importName, exportName, start } of entries) {
      const from = moduleRequest === null ? undefined : at(moduleRequest.value);
      if (from !== undefined) imports.push({ from, names: [importName.name ?? '*'], line: lineAt(start) });
      const name = exportName.kind === 'Default' ? 'default' : (exportName.name ?? '*');
      exports.push({ name, line: lineAt(start), ...(from !== undefined && { from }) });
    }
  }
  for (const node of nodesOf(root)) {
    // `import('./x.ts')` as a value and as a type.
    if (node.type !== 'ImportExpression' && node.type !== 'TSImportType') continue;
    const { value } = node.source as { value?: unknown };
    if (typeof value === 'string') imports.push({ from: at(value), names: ['*'], line: lineAt(node.start) });
  }
  return { path, text, program: root, comments, imports, exports, lineAt };
}

/** The node and everything in it, each before what it holds. */
export function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) yield* nodesOf(child);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

/** `Date.now` of a member expression without brackets; undefined for any other node. */
export function memberName(node: Node): string | undefined {
  if (node.type !== 'MemberExpression' || node.computed === true) return undefined;
  const object = node.object as Node;
  return object.type === 'Identifier' ? `${object.name}.${(node.property as Node).name}` : undefined;
}
