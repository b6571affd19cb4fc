// PostgreSQL's SQL as statements of ast.ts, by PostgreSQL's own parser (WebAssembly), which is loaded when it is first
// asked for. Kept out of the main entry.
//
// A SELECT may write, by INTO or by a data-modifying common table anywhere at its top. Such a one
// is the statement that writes, never a query.

import { messageOf } from '../../errors.ts';
import { type Parser, type Statement, Unreadable, wordsOf } from '../ast.ts';
import { fieldsIn, listOf, nodeOf, type Tree, textOf, treeOf, treesIn } from './nodes.ts';
import { selectOf, tableOf } from './select.ts';

type WriteStatement = Extract<Statement, { tables: unknown }>;

const WRITES: Readonly<Record<string, WriteStatement['kind']>> = {
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
  MergeStmt: 'merge',
};

/** Statements that leave every answer as it was. A statement in neither table may change answers. */
const HARMLESS = new Set(
  `CheckPointStmt ClosePortalStmt CommentStmt DeallocateStmt DeclareCursorStmt FetchStmt IndexStmt ListenStmt LockStmt NotifyStmt
  PrepareStmt ReindexStmt TransactionStmt UnlistenStmt VacuumStmt VariableShowStmt`.split(/\s+/),
);

/** Settings that change no answer: how it is found, or when it is given up. */
const HARMLESS_SETTINGS =
  /^(?:application_name|client_min_messages|log_\w+|\w+_timeout|\w+_mem|enable_\w+|\w+_cost|jit\w*|\w*parallel\w*|synchronous_commit|transaction|session characteristics|transaction_\w+|default_transaction_\w+|effective_\w+|plan_cache_mode|geqo\w*|tcp_\w+)$/i;

/** Whether statements of this kind of node leave every answer as it was, whatever they contain. */
export function isHarmless(kind: string): boolean {
  return HARMLESS.has(kind);
}

export function isHarmlessSetting(name: string): boolean {
  return HARMLESS_SETTINGS.test(name);
}

/** Loads the parser. The returned function throws when it cannot read a text. */
export async function loadPostgresTrees(): Promise<(text: string) => readonly unknown[]> {
  const library = await import('libpg-query');
  await library.loadModule();
  return (text) => {
    // The library would read no further than that.
    if (text.includes('\0')) throw new Unreadable('a NUL character in the text');
    if (text.trim() === '') return [];
    const { stmts } = library.parseSync(text) as Tree;
    return listOf(stmts).map((item) => treeOf(item).stmt);
  };
}

export async function createPostgresParser(): Promise<Parser> {
  const treesOf = await loadPostgresTrees();
  return {
    parse(text) {
      try {
        return treesOf(text).map(statementOf);
      } catch (error) {
        return [{ kind: 'unparsed', reason: messageOf(error) }];
      }
    },
  };
}

function statementOf(node: unknown): Statement {
  const { kind, fields } = nodeOf(node);
  const write = writeOf(node);
  if (write !== undefined) return write;
  switch (kind) {
    case 'SelectStmt':
      if (holdsKey(node, 'intoClause')) return { kind: 'other', name: 'select into', writes: true };
      return { kind: 'query', select: selectOf(fields), locks: holdsKey(node, 'lockingClause') };
    case 'TruncateStmt':
      // CASCADE also truncates tables that nobody named.
      if (fields.behavior === 'DROP_CASCADE') return { kind: 'other', name: 'truncate cascade', writes: true };
      return { kind: 'truncate', tables: treesIn(fields.relations, 'RangeVar').map(tableOf) };
    case 'CopyStmt': {
      if (fields.is_from === true) return { kind: 'insert', tables: [tableOf(treeOf(fields.relation))] };
      const inner = fields.query === undefined ? undefined : statementOf(fields.query);
      if (inner !== undefined && 'tables' in inner) return inner;
      return { kind: 'other', name: 'copy', writes: inner !== undefined && inner.kind !== 'query' };
    }
    case 'ExplainStmt': {
      const isRun = treesIn(fields.options, 'DefElem').some(({ defname }) => defname === 'analyze');
      return { kind: 'other', name: 'explain', writes: isRun && statementOf(fields.query).kind !== 'query' };
    }
    case 'VariableSetStmt': {
      const name = textOf(fields.name) ?? 'all';
      return { kind: 'other', name: `set ${name.toLowerCase()}`, writes: !isHarmlessSetting(name) };
    }
    default:
      return { kind: 'other', name: wordsOf(kind), writes: !isHarmless(kind) };
  }
}

/** The write of a statement that writes rows, itself or by its common tables; undefined when it writes none. */
function writeOf(node: unknown): Statement | undefined {
  const { kind, fields } = nodeOf(node);
  if (kind !== 'SelectStmt' && !Object.hasOwn(WRITES, kind)) return undefined;
  const writes = [...fieldsIn({ [kind]: fields })].filter(([name]) => Object.hasOwn(WRITES, name));
  const tables = writes.map(([, write]) => tableOf(treeOf(treeOf(write).relation)));
  const [only, ...others] = new Set(writes.map(([name]) => WRITES[name] as WriteStatement['kind']));
  return only === undefined ? undefined : { kind: others.length === 0 ? only : 'merge', tables };
}

/** FOR UPDATE and INTO of any select within count. */
function holdsKey(value: unknown, key: string): boolean {
  return fieldsIn(value).some(([name]) => name === key);
}
