// SQLite's SQL as statements of ast.ts, by a parser made from SQLite's own grammar. Kept out of the main entry.
//
// A parameter's number is SQLite's, not its place in the text: `?5` is the fifth, `?` the one after
// the highest so far, a name keeps the number it got first.

import { type Stmt, traverse, withOptions } from 'sqlite3-parser';
import { messageOf } from '../../errors.ts';
import { type Parser, type Statement, Unreadable } from '../ast.ts';
import { selectOf } from './select.ts';

/** SQLITE_MAX_VARIABLE_NUMBER as it is compiled in. */
const MAX_PARAMETERS = 32_766;

/** Statements that leave every answer as it was. */
const HARMLESS = new Set(`analyze begin commit explain release reindex rollback savepoint`.split(' '));

/** Settings and questions that change no answer of a query. */
const HARMLESS_PRAGMAS = new Set(
  `analysis_limit application_id auto_vacuum automatic_index busy_timeout cache_size cache_spill cell_size_check
  checkpoint_fullfsync collation_list compile_options data_version database_list defer_foreign_keys foreign_key_check
  foreign_key_list foreign_keys freelist_count fullfsync function_list hard_heap_limit incremental_vacuum index_info
  index_list index_xinfo integrity_check journal_mode journal_size_limit locking_mode max_page_count mmap_size module_list
  optimize page_count page_size pragma_list quick_check secure_delete shrink_memory soft_heap_limit synchronous table_info
  table_list table_xinfo temp_store threads user_version wal_autocheckpoint wal_checkpoint`.split(/\s+/),
);

const { parse: parseText } = withOptions({ digitSeparator: '_' });

export function createSqliteParser(): Parser {
  return {
    parse(text) {
      try {
        return sqliteTrees(text).map((node) => statementOf(node, text));
      } catch (error) {
        // E.g. nested deeper than the stack.
        return [{ kind: 'unparsed', reason: messageOf(error) }];
      }
    },
  };
}

/** The nodes of a text, for readers of table and view definitions; undefined when it does not parse. */
export function sqliteNodes(text: string): readonly Stmt[] | undefined {
  const parsed = parseText(text);
  return parsed.status === 'ok' ? parsed.root.cmds : undefined;
}

/** Throws where the text does not parse. */
export function sqliteTrees(text: string): readonly Stmt[] {
  // SQLite reads no further than that.
  if (text.includes('\0')) throw new Unreadable('a NUL character in the text');
  const parsed = parseText(text);
  if (parsed.status === 'ok') return parsed.root.cmds;
  throw new Unreadable(parsed.errors[0]?.message ?? 'no reason given');
}

/** Whether this kind of statement leaves every answer as it was. For PRAGMA see `changesAnswers`. */
export function isHarmless({ type }: Stmt): boolean {
  return HARMLESS.has(nameOf(type));
}

/** Whether the PRAGMA changes the answers of later statements on the connection. */
export function changesAnswers({ name, body }: Extract<Stmt, { type: 'PragmaStmt' }>): boolean {
  return body !== undefined && !HARMLESS_PRAGMAS.has(name.objName.text.toLowerCase());
}

function nameOf(type: string): string {
  return type
    .replace(/Stmt$/, '')
    .replace(/(?<=.)[A-Z]/g, ' $&')
    .toLowerCase();
}

function statementOf(node: Stmt, text: string): Statement {
  switch (node.type) {
    case 'SelectStmt': {
      const { numbers, names } = numbered(node);
      const select = selectOf(node.body, { text, parameters: numbers });
      return { kind: 'query', select, locks: false, parameterNames: names };
    }
    case 'InsertStmt':
      return { kind: 'insert', tables: [written(node)] };
    case 'UpdateStmt':
      return { kind: 'update', tables: [written(node)] };
    case 'DeleteStmt':
      return { kind: 'delete', tables: [written(node)] };
    case 'PragmaStmt': {
      const name = node.name.objName.text.toLowerCase();
      return { kind: 'other', name: `pragma ${name}`, writes: changesAnswers(node) };
    }
    default:
      return { kind: 'other', name: nameOf(node.type), writes: !isHarmless(node) };
  }
}

function written(node: Extract<Stmt, { type: 'InsertStmt' | 'UpdateStmt' | 'DeleteStmt' }>) {
  return { schema: node.tblName.dbName?.text, name: node.tblName.objName.text };
}

/** Numbers from 0 by offset, and names by number. https://www.sqlite.org/lang_expr.html#parameters */
function numbered(statement: Stmt): { numbers: Map<number, number>; names: (string | undefined)[] } {
  const found: { name: string; offset: number }[] = [];
  traverse(statement, {
    nodes: { VariableExpr: ({ name, span }) => void found.push({ name, offset: span.offset }) },
  });
  const numbers = new Map<number, number>();
  const names: (string | undefined)[] = [];
  for (const { name, offset } of found.sort((left, right) => left.offset - right.offset)) {
    const digits = /^\?(\d+)$/.exec(name)?.[1];
    const known = name.startsWith('?') ? -1 : names.indexOf(name);
    const number = digits === undefined ? (known < 0 ? names.length : known) : Number(digits) - 1;
    if (number < 0 || number >= MAX_PARAMETERS) throw new Unreadable(`a parameter's number: ${name}`);
    while (names.length <= number) names.push(undefined);
    if (!name.startsWith('?')) names[number] = name;
    numbers.set(offset, number);
  }
  return { numbers, names };
}
