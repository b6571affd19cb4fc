// Writes of PostgreSQL that are read wholly; see ../rows-written.ts.

import type { Expression } from '../ast.ts';
import { plainRows, type RowsReader, type RowsWritten } from '../rows-written.ts';
import { expressionOf } from './expression.ts';
import { fieldsIf, nodeOf, type Tree, textOf, treeOf, treesIn } from './nodes.ts';
import { loadPostgresTrees } from './parser.ts';
import { selectOf, tableOf } from './select.ts';

const KINDS: Readonly<Record<string, RowsWritten['kind']>> = {
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
};

/** Parts of a write that are not read here: WITH, FROM, USING, ON CONFLICT. */
const OTHERS = ['withClause', 'fromClause', 'usingClause', 'onConflictClause'];

export async function createPostgresRowsReader(): Promise<RowsReader> {
  const treesOf = await loadPostgresTrees();
  return (text) => {
    const [node, ...others] = treesOf(text);
    const { kind: type, fields } = nodeOf(node);
    const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
    if (kind === undefined || others.length > 0 || OTHERS.some((name) => fields[name] !== undefined)) return undefined;
    // It generates a value where one is given.
    if (fields.override === 'OVERRIDING_USER_VALUE') return undefined;
    const clauses = kind === 'insert' ? insertedBy(fields) : changedBy(fields);
    const relation = treeOf(fields.relation);
    const alias = textOf(treeOf(relation.alias).aliasname);
    return clauses && { kind, target: { kind: 'table', ...tableOf(relation), alias }, ...clauses };
  };
}

type WriteClauses = Omit<RowsWritten, 'kind' | 'target'> | undefined;

function changedBy(fields: Tree): WriteClauses {
  const where = fields.whereClause === undefined ? undefined : read(fields.whereClause);
  const targets = treesIn(fields.targetList, 'ResTarget');
  if (targets.some(({ indirection, val }) => indirection !== undefined || nodeOf(val).kind === 'MultiAssignRef'))
    return undefined;
  const columns = targets.map(({ name }) => textOf(name) ?? '');
  return { where, columns, values: targets.length === 0 ? [] : [targets.map(({ val }) => read(val))] };
}

function insertedBy(fields: Tree): WriteClauses {
  const targets = treesIn(fields.cols, 'ResTarget');
  if (fields.selectStmt === undefined) return { where: undefined, columns: [], values: [[]] };
  const values = plainRows(selectOf(treeOf(fieldsIf(fields.selectStmt, 'SelectStmt'))));
  if (values === undefined || targets.some(({ indirection }) => indirection !== undefined)) return undefined;
  const columns = fields.cols === undefined ? undefined : targets.map(({ name }) => textOf(name) ?? '');
  return { where: undefined, columns, values };
}

function read(node: unknown): Expression {
  return expressionOf(node, { windows: undefined, select: selectOf });
}
