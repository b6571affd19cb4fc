// Exported names: those that nobody uses, and those that the package offers.

import { type Finding, nodesOf, type Source } from './source.ts';

/**
 * Names of `src` that no other file imports and no entry point offers. A type may stand in the signature of another
 * exported name of its file: then whoever uses that has a use for it.
 */
export function deadExportFindings(sources: readonly Source[], entryPoints: readonly string[]): Finding[] {
  const used = usedNames(sources);
  const findings: Finding[] = [];
  for (const source of sources) {
    if (!source.path.startsWith('src/') || entryPoints.includes(source.path)) continue;
    const names = used.get(source.path) ?? new Set();
    if (names.has('*')) continue;
    for (const { name, line } of source.exports) {
      if (names.has(name) || name === '*' || isTypeInUse(source, name)) continue;
      findings.push({ rule: 'dead export', path: source.path, line, what: name });
    }
  }
  return findings;
}

function usedNames(sources: readonly Source[]): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>();
  for (const { imports } of sources) {
    for (const { from, names } of imports) {
      const known = used.get(from) ?? new Set();
      for (const name of names) known.add(name);
      used.set(from, known);
    }
  }
  return used;
}

function isTypeInUse(source: Source, name: string): boolean {
  let uses = 0;
  let isType = false;
  for (const node of nodesOf(source.program)) {
    if (node.type === 'TSInterfaceDeclaration' || node.type === 'TSTypeAliasDeclaration') {
      isType ||= (node.id as { name: string }).name === name;
    }
    if (node.type === 'Identifier' && node.name === name) uses++;
  }
  return isType && uses > 1;
}

/** The names an entry point offers, those of `export *` among them, in order. */
export function offeredNames(path: string, sources: readonly Source[]): string[] {
  const source = sources.find((candidate) => candidate.path === path);
  if (source === undefined) throw new Error(`expected an entry point at ${path}, got no file`);
  const names = source.exports.flatMap(({ name, from }) =>
    name === '*' && from !== undefined ? offeredNames(from, sources).filter((inner) => inner !== 'default') : [name],
  );
  return [...new Set(names)].sort();
}

/** Source files of the `exports` of package.json: `./dist/x.js` is made from `src/x.ts`. */
export function entryPointsOf(manifest: { readonly exports?: unknown }): string[] {
  const targets: string[] = [];
  const gather = (value: unknown): void => {
    if (typeof value === 'string') targets.push(value);
    else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) gather(inner);
  };
  gather(manifest.exports);
  const files = targets.map((target) => target.replace(/^\.\/dist\//, 'src/').replace(/(?:\.d\.ts|\.js)$/, '.ts'));
  return [...new Set(files)].filter((file) => file.startsWith('src/') && !file.includes('*')).sort();
}
