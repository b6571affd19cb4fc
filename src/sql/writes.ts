// Statements that write, and which tables.
//
// A text that cannot be parsed may write as well. Only one that begins like a query and has no word
// of a write in it is taken for a query.

import type { Dialect, Template } from '../dependency/template.ts';
import type { Catalogue, Parser, Select, Statement } from './ast.ts';
import { walkSelect } from './calls/walk.ts';

export interface StatementParts {
  readonly dialect: Dialect;
  readonly parser: Parser;
  readonly catalogue: Catalogue;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions?: ReadonlySet<string> | undefined;
}

type Write = Omit<Extract<Template, { kind: 'write' }>, 'id' | 'text'>;
type Named = Extract<Statement, { tables: unknown }>['tables'][number];

/** Returns undefined when nothing in it writes. */
export function writeOf(
  text: string,
  statements: readonly Statement[],
  { catalogue }: StatementParts,
): Write | undefined {
  const written = statements.map((statement) => writtenBy(statement, text));
  const writing = written.filter((tables) => tables !== undefined);
  if (writing.length === 0) return undefined;
  const names = new Set<string>();
  for (const name of writing.flatMap<Named | undefined>((tables) => (tables === 'any' ? [undefined] : [...tables]))) {
    const relation = name === undefined ? null : catalogue.relation(name.schema, name.name);
    // A view is written to by rules or triggers of its own.
    if (name === undefined || relation === null || relation.kind === 'view')
      return { kind: 'write', tables: undefined };
    names.add(relation.kind === 'table' ? relation.table.name : name.name);
  }
  return { kind: 'write', tables: [...names] };
}

function writtenBy(statement: Statement, text: string): readonly Named[] | 'any' | undefined {
  switch (statement.kind) {
    case 'query':
      return writtenWithin(statement.select);
    case 'other':
      return statement.writes ? 'any' : undefined;
    case 'unparsed':
      return mayWrite(text) ? 'any' : undefined;
    default:
      return statement.tables;
  }
}

/** Tables that the select writes by common tables. */
function writtenWithin(select: Select): readonly Named[] | 'any' | undefined {
  const found: (readonly Named[] | 'any')[] = [];
  walkSelect(select, {
    common: ({ statement }) => {
      if (statement.kind === 'query') return;
      const written = writtenBy(statement, '');
      if (written !== undefined) found.push(written);
    },
  });
  if (found.length === 0) return undefined;
  return found.includes('any') ? 'any' : found.flatMap((tables) => (tables === 'any' ? [] : tables));
}

function mayWrite(text: string): boolean {
  const isQuery = /^[\s(;]*(?:select|with|values|table)\b/i.test(text);
  return !isQuery || /\b(?:insert|update|delete|merge|replace|into|call|do)\b/i.test(text);
}
