// The figures of a state of `src/`, from its parsed files.

import { classesOf } from '../tidy/classes.ts';
import { nodesOf, type Source } from '../tidy/source.ts';
import { commentsOf } from './comments.ts';
import { dialectBranches } from './dialect.ts';
import { type NameCount, namesDeclaredTwice } from './names.ts';
import { statementsOf } from './statements.ts';

export interface Spread {
  readonly median: number;
  readonly p90: number;
  readonly largest: number;
}

export interface Figures {
  readonly files: number;
  readonly lines: number;
  readonly statements: number;
  readonly fileLines: Spread;
  readonly functions: number;
  readonly functionLines: Spread;
  readonly classes: number;
  readonly classLines: Spread;
  readonly classMembers: number;
  readonly longestFolder: { readonly path: string; readonly files: number };
  /** Part of the files that are no entry point. */
  readonly oneImporter: number;
  readonly namesTwice: { readonly names: number; readonly worst: readonly NameCount[] };
  readonly dialect: { readonly branches: number; readonly files: number };
  /** Part of the lines that are not blank. */
  readonly commentShare: number;
  readonly whatComments: number;
  readonly complicationHeaders: number;
  readonly ledgerLines: number;
}

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
/** These match selectors; the others are the fill protocol. */
const SELECTOR_FILES = new Set(['selector.ts', 'glob.ts', 'invalidations.ts'].map((name) => `src/ledger/${name}`));

export function figuresOf(sources: readonly Source[], entryPoints: readonly string[]): Figures {
  const fileLines = sources.map(linesOf);
  const functionLines = sources.flatMap(functionLinesOf);
  const classes = sources.flatMap(classesOf);
  const branches = sources.map(dialectBranches);
  const comments = sources.map(commentsOf);
  const ledger = sources.filter(({ path }) => path.startsWith('src/ledger/') && !SELECTOR_FILES.has(path));
  const written = total(comments.map(({ writtenLines }) => writtenLines));
  return {
    files: sources.length,
    lines: total(fileLines),
    statements: total(sources.map(({ program }) => statementsOf(program))),
    fileLines: spreadOf(fileLines),
    functions: functionLines.length,
    functionLines: spreadOf(functionLines),
    classes: classes.length,
    classLines: spreadOf(classes.map(({ lines }) => lines)),
    classMembers: Math.max(0, ...classes.map(({ members }) => members)),
    longestFolder: longestFolder(sources),
    oneImporter: oneImporterShare(sources, entryPoints),
    namesTwice: namesDeclaredTwice(sources),
    dialect: { branches: total(branches), files: branches.filter((count) => count > 0).length },
    commentShare: rounded(total(comments.map(({ commentLines }) => commentLines)) / Math.max(1, written)),
    whatComments: total(comments.map(({ what }) => what)),
    complicationHeaders: total(comments.map(({ complications }) => complications)),
    ledgerLines: total(ledger.map(linesOf)),
  };
}

function linesOf(source: Source): number {
  return source.lineAt(source.text.length - 1);
}

function functionLinesOf({ program, lineAt }: Source): number[] {
  const lines: number[] = [];
  for (const node of nodesOf(program)) {
    if (FUNCTIONS.has(node.type) && node.body !== null) lines.push(lineAt(node.end) - lineAt(node.start) + 1);
  }
  return lines;
}

function longestFolder(sources: readonly Source[]): Figures['longestFolder'] {
  const folders = Map.groupBy(sources, ({ path }) => path.slice(0, path.lastIndexOf('/')));
  const longest = [...folders].sort(([, one], [, other]) => other.length - one.length)[0];
  return { path: longest?.[0] ?? '', files: longest?.[1].length ?? 0 };
}

function oneImporterShare(sources: readonly Source[], entryPoints: readonly string[]): number {
  const importers = new Map<string, Set<string>>();
  for (const { path, imports } of sources) {
    for (const { from } of imports) {
      const known = importers.get(from) ?? new Set();
      importers.set(from, known.add(path));
    }
  }
  const inner = sources.filter(({ path }) => !entryPoints.includes(path));
  return rounded(inner.filter(({ path }) => importers.get(path)?.size === 1).length / Math.max(1, inner.length));
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (part: number) => sorted[Math.ceil(part * sorted.length) - 1] ?? 0;
  return { median: at(0.5), p90: at(0.9), largest: at(1) };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Four places, so that a state that is kept as JSON compares well. */
function rounded(share: number): number {
  return Math.round(share * 1e4) / 1e4;
}
