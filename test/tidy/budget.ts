// The budget of a file: its length, its functions' lengths, their positional parameters, its header.

import { type Finding, type Node, nodesOf, type Source } from './source.ts';

const MAX_FILE_LINES = 300;
const MAX_FUNCTION_LINES = 50;
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
