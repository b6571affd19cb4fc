// Writes of SQLite that are read wholly; see ../rows-written.ts.

import type { Stmt } from 'sqlite3-parser';
import type { RowsWritten } from '../rows-written.ts';
import { expressions, numbered, type SqliteStatementPlace, selectOf, sqliteTrees } from './parser.ts';

type Write = Extract<Stmt, { type: 'InsertStmt' | 'UpdateStmt' | 'DeleteStmt' }>;

const KINDS = { InsertStmt: 'insert', UpdateStmt: 'update', DeleteStmt: 'delete' } as const;

/** Throws where the text does not parse. */
export function sqliteRowsWritten(text: string): RowsWritten | undefined {
  const [node, ...others] = sqliteTrees(text);
  if (node === undefined || others.length > 0 || !Object.hasOwn(KINDS, node.type)) return undefined;
  const write = node as Write;
  // OR REPLACE writes other rows too.
  if (write.with !== undefined || ('orConflict' in write && write.orConflict !== undefined)) return undefined;
  const given = givenBy(write, { text, parameters: numbered(write).numbers });
  const { dbName, objName, alias } = write.tblName;
  const target = { kind: 'table', schema: dbName?.text, name: objName.text, alias: alias?.text } as const;
  return given && { kind: KINDS[write.type], target, ...given };
}

function givenBy(
  write: Write,
  place: SqliteStatementPlace,
): Pick<RowsWritten, 'where' | 'columns' | 'values'> | undefined {
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
  const select = selectOf(body.select, place);
  const isPlain = select.with.length === 0 && select.orderBy.length === 0 && select.limit === undefined;
  if (body.upsert !== undefined || select.body.kind !== 'values' || !isPlain) return undefined;
  return { where: undefined, columns: columns?.map(({ text }) => text), values: select.body.rows };
}
