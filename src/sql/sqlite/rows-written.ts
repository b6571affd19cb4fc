// Writes of SQLite that are read wholly; see ../rows-written.ts.

import type { Stmt } from 'sqlite3-parser';
import { plainRows, type RowsWritten } from '../rows-written.ts';
import { expressions, numbered, type SqliteStatementPlace, selectOf, sqliteTrees, WRITES } from './parser.ts';

type Write = Extract<Stmt, { type: 'InsertStmt' | 'UpdateStmt' | 'DeleteStmt' }>;

/** Throws where the text does not parse. */
export function sqliteRowsWritten(text: string): RowsWritten | undefined {
  const [node, ...others] = sqliteTrees(text);
  if (node === undefined || others.length > 0 || !Object.hasOwn(WRITES, node.type)) return undefined;
  const write = node as Write;
  // OR REPLACE writes other rows too.
  if (write.with !== undefined || ('orConflict' in write && write.orConflict !== undefined)) return undefined;
  const given = givenBy(write, { text, parameters: numbered(write).numbers });
  const { dbName, objName, alias } = write.tblName;
  const target = { kind: 'table', schema: dbName?.text, name: objName.text, alias: alias?.text } as const;
  return given && { kind: WRITES[write.type], target, ...given };
}

function givenBy(write: Write, place: SqliteStatementPlace): Omit<RowsWritten, 'kind' | 'target'> | undefined {
  if (write.type === 'InsertStmt') return insertedBy(write, place);
  if (write.orderBy !== undefined || write.limit !== undefined) return undefined;
  const read = expressions(place, []);
  const where = write.whereClause && read(write.whereClause);
  if (write.type === 'DeleteStmt') return { where, columns: [], values: [] };
  // `(a, b) = …` has several names.
  if (write.from !== undefined || write.sets.some(({ colNames }) => colNames.length !== 1)) return undefined;
  const columns = write.sets.flatMap(({ colNames }) => colNames.map(({ text }) => text));
  return { where, columns, values: [write.sets.map(({ expr }) => read(expr))] };
}

function insertedBy({ columns, body }: Extract<Stmt, { type: 'InsertStmt' }>, place: SqliteStatementPlace) {
  if (body.type === 'DefaultValuesInsertBody') return { where: undefined, columns: [], values: [[]] };
  const values = plainRows(selectOf(body.select, place));
  if (body.upsert !== undefined || values === undefined) return undefined;
  return { where: undefined, columns: columns?.map(({ text }) => text), values };
}

/**
 * Names of the columns that the write's RETURNING gives, as they are written; none: it has none. Undefined where they are not
 * plain columns or aliases, or two may be one name.
 */
export function returnedNames(text: string): readonly string[] | undefined {
  const [node, ...others] = sqliteTrees(text);
  if (node === undefined || others.length > 0 || !Object.hasOwn(WRITES, node.type)) return undefined;
  const names = ((node as Write).returning ?? []).map(nameOf);
  const known = names.filter((name) => name !== undefined);
  // SQLite gives a column's name as its table has it.
  const isPlain = new Set(known.map((name) => name.toLowerCase())).size === names.length;
  return isPlain && !known.some((name) => /^\d+$/.test(name)) ? known : undefined;
}

function nameOf(column: NonNullable<Write['returning']>[number]): string | undefined {
  if (column.type !== 'ExprResultColumn') return undefined;
  const { expr, alias } = column;
  if (alias !== undefined) return alias.name.text;
  if (expr.type === 'Id') return expr.name;
  return expr.type === 'QualifiedExpr' ? expr.column.text : undefined;
}
