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
