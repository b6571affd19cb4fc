// The budget of a file: its length, its functions' and classes' lengths, positional parameters, members, its header.

import { MAX_CLASS_MEMBERS, MEMBERS_OF_LARGE_CLASSES } from './class-members.ts';
import { classesOf } from './classes.ts';
import { type Finding, type Node, nodesOf, type Source } from './source.ts';

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 50;
const MAX_CLASS_LINES = 270;
const MAX_PARAMETERS = 3;

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
/** Functions that are only described; the parser names their parameters like those of the others. */
const SIGNATURES = new Set(['TSMethodSignature', 'TSFunctionType', 'TSCallSignatureDeclaration', 'TSDeclareFunction']);

export function budgetFindings(source: Source): Finding[] {
  const finding = (rule: string, at: number, what: string) => ({
    rule,
    path: source.path,
    line: source.lineAt(at),
    what,
  });
  const findings: Finding[] = [];
  const lines = source.lineAt(source.text.length - 1);
  if (lines > MAX_FILE_LINES) findings.push(finding('file length', 0, `${lines} lines`));
  if (!/^(?:#!.*\n)?\/[/*]/.test(source.text)) findings.push(finding('header', 0, 'no comment at the beginning'));
  for (const { name, start, lines: length, members } of classesOf(source)) {
    if (length > MAX_CLASS_LINES) findings.push(finding('class length', start, `${length} lines`));
    const most = membersOf(name) ?? MAX_CLASS_MEMBERS;
    if (members > most) findings.push(finding('class members', start, `${members} members, ${most} at most`));
  }
  for (const node of nodesOf(source.program)) {
    if (FUNCTIONS.has(node.type)) {
      const length = source.lineAt(node.end) - source.lineAt(node.start) + 1;
      if (length > MAX_FUNCTION_LINES) findings.push(finding('function length', node.start, `${length} lines`));
    }
    if (!FUNCTIONS.has(node.type) && !SIGNATURES.has(node.type)) continue;
    const parameters = (node.params as readonly Node[]).filter(({ name }) => name !== 'this').length;
    if (parameters > MAX_PARAMETERS) findings.push(finding('parameters', node.start, `${parameters} parameters`));
  }
  return findings;
}

/** Exceptions of class-members.ts that are too high by now. */
export function mendedClasses(sources: readonly Source[]): string[] {
  const members = new Map<string, number>();
  for (const { name, members: count } of sources.flatMap(classesOf)) {
    members.set(name, Math.max(count, members.get(name) ?? 0));
  }
  return Object.entries(MEMBERS_OF_LARGE_CLASSES).flatMap(([name, most]) => {
    const count = members.get(name) ?? 0;
    if (count === most && most > MAX_CLASS_MEMBERS) return [];
    const mend = count > MAX_CLASS_MEMBERS ? `write ${count}` : 'take it off the list';
    return [`class ${name}: expected ${most} members as class-members.ts says, got ${count}: ${mend}`];
  });
}

/** The number that an exception allows. */
function membersOf(name: string): number | undefined {
  return Object.hasOwn(MEMBERS_OF_LARGE_CLASSES, name) ? MEMBERS_OF_LARGE_CLASSES[name] : undefined;
}
