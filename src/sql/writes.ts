// Statements that write, and which tables.
//
// A text that cannot be parsed may write as well. Only one that begins like a query and has no word
// of a write in it is taken for a query.

import type { Dialect, Meaning } from '../dependency/template.ts';
import type { Catalogue, Name, Parser, Statement } from './ast.ts';
import { walkSelect } from './calls/walk.ts';

export interface StatementParts {
  readonly dialect: Dialect;
  readonly parser: Parser;
  readonly catalogue: Catalogue;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions?: ReadonlySet<string> | undefined;
}

/** Returns undefined when nothing in it writes. */
export function writeOf(
  text: string,
  statements: readonly Statement[],
  { catalogue }: StatementParts,
): Meaning | undefined {
  const written = statements.flatMap((statement) => writtenBy(statement, text));
  if (written.length === 0) return undefined;
  const names = new Set<string>();
  for (const name of written) {
    const relation = name && catalogue.relation(name.schema, name.name);
    // A view is written to by rules or triggers of its own.
    if (!relation || relation.kind === 'view') return { kind: 'write', tables: undefined };
    names.add(relation.kind === 'table' ? relation.table.name : name.name);
  }
  return { kind: 'write', tables: [...names] };
}

/** The tables that it writes; one that is undefined may be any. */
function writtenBy(statement: Statement, text: string): readonly (Name | undefined)[] {
  switch (statement.kind) {
    case 'query': {
      const written: (Name | undefined)[] = [];
      walkSelect(statement.select, {
        common: ({ statement: own }) => void (own.kind !== 'query' && written.push(...writtenBy(own, ''))),
      });
      return written;
    }
    case 'other':
      return statement.writes ? [undefined] : [];
    case 'unparsed': {
      const isQuery = /^[\s(;]*(?:select|with|values|table)\b/i.test(text);
      return isQuery && !/\b(?:insert|update|delete|merge|replace|into|call|do)\b/i.test(text) ? [] : [undefined];
    }
    default:
      return statement.tables;
  }
}
