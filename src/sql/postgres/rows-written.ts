// Writes of PostgreSQL that are read wholly; see ../rows-written.ts.

import type { Expression } from '../ast.ts';
import type { RowsReader, RowsWritten } from '../rows-written.ts';
import { expressionOf } from './expression.ts';
import { fieldsIf, listOf, nodeOf, type Tree, textOf, treeOf } from './nodes.ts';
import { loadPostgresTrees } from './parser.ts';
import { selectOf, tableOf } from './select.ts';

const KINDS: Readonly<Record<string, RowsWritten['kind']>> = {
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
};

/** Parts of a write that are not read here: WITH, FROM, USING, ON CONFLICT. */
const OTHERS = ['withClause', 'fromClause', 'usingClause', 'onConflictClause'];
/** Generates a value where one is given. */
const OVERRIDES = 'OVERRIDING_USER_VALUE';

export async function createPostgresRowsReader(): Promise<RowsReader> {
  const treesOf = await loadPostgresTrees();
  return (text) => {
    const [node, ...others] = treesOf(text);
    const { kind: type, fields } = nodeOf(node);
    const kind = Object.hasOwn(KINDS, type) ? KINDS[type] : undefined;
    if (kind === undefined || others.length > 0 || OTHERS.some((name) => fields[name] !== undefined)) return undefined;
    if (fields.override === OVERRIDES) return undefined;
    const given = kind === 'insert' ? insertedBy(fields) : changedBy(fields);
    const relation = treeOf(fields.relation);
    const alias = textOf(treeOf(relation.alias).aliasname);
    return given && { kind, target: { kind: 'table', ...tableOf(relation), alias }, ...given };
  };
}

type Given = Pick<RowsWritten, 'where' | 'columns' | 'values'> | undefined;

function changedBy(fields: Tree): Given {
  const where = fields.whereClause === undefined ? undefined : read(fields.whereClause);
  const targets = listOf(fields.targetList).map((item) => treeOf(fieldsIf(item, 'ResTarget')));
  if (targets.some(({ indirection, val }) => indirection !== undefined || nodeOf(val).kind === 'MultiAssignRef'))
    return undefined;
  const columns = targets.map(({ name }) => textOf(name) ?? '');
  return { where, columns, values: targets.length === 0 ? [] : [targets.map(({ val }) => read(val))] };
}

function insertedBy(fields: Tree): Given {
  const targets = listOf(fields.cols).map((item) => treeOf(fieldsIf(item, 'ResTarget')));
  if (fields.selectStmt === undefined) return { where: undefined, columns: [], values: [[]] };
  const select = selectOf(treeOf(fieldsIf(fields.selectStmt, 'SelectStmt')));
  const isPlain = select.with.length === 0 && select.orderBy.length === 0 && select.limit === undefined;
  if (select.body.kind !== 'values' || !isPlain || select.offset !== undefined) return undefined;
  if (targets.some(({ indirection }) => indirection !== undefined)) return undefined;
  const columns = fields.cols === undefined ? undefined : targets.map(({ name }) => textOf(name) ?? '');
  return { where: undefined, columns, values: select.body.rows };
}

function read(node: unknown): Expression {
  return expressionOf(node, { windows: undefined, select: selectOf });
}
