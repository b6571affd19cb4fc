// Reads the texts of CREATE TABLE and CREATE VIEW, and the declared types of columns.
//
// A text that cannot be read leaves every collation of its table unknown.

import type { SqliteColumnType } from '../../dependency/condition/column-type.ts';
import { sqliteNodes } from './sqlite-parser.ts';

type Collation = SqliteColumnType['collation'];

/** https://www.sqlite.org/datatype3.html §3.1; of STRICT tables https://www.sqlite.org/stricttables.html §2 */
export function affinityOf(declared: string, isStrict: boolean): SqliteColumnType['affinity'] {
  const type = declared.toUpperCase();
  if (isStrict && type === 'ANY') return 'blob';
  if (type.includes('INT')) return 'integer';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'text';
  if (type === '' || type.includes('BLOB')) return 'blob';
  if (/REAL|FLOA|DOUB/.test(type)) return 'real';
  return 'numeric';
}

const COLLATIONS: Readonly<Record<string, Collation>> = { binary: 'binary', nocase: 'nocase', rtrim: 'rtrim' };

/** Collations by a column's name in lower case; undefined when the text does not tell. */
export function collationsOf(definition: string | undefined): ReadonlyMap<string, Collation> | undefined {
  const body = tableBody(definition);
  if (body === undefined) return undefined;
  return new Map(
    body.columns.map(({ colName, constraints }) => {
      const names = constraints.flatMap(({ constraint }) =>
        constraint.type === 'CollateColumnConstraint' ? [constraint.collationName.text.toLowerCase()] : [],
      );
      const name = names.at(-1);
      const collation = name === undefined ? 'binary' : (COLLATIONS[name] ?? 'unknown');
      return [colName.text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()), collation];
    }),
  );
}

/** INTEGER PRIMARY KEY DESC is no alias of the rowid, by an old mistake that stays. Returns true when in doubt. */
export function isDescendingKey(definition: string | undefined): boolean {
  const columns = tableBody(definition)?.columns;
  if (columns === undefined) return true;
  return columns.some(({ constraints }) =>
    constraints.some(
      ({ constraint }) => constraint.type === 'PrimaryKeyColumnConstraint' && constraint.order === 'Desc',
    ),
  );
}

function tableBody(definition: string | undefined) {
  const [node, ...others] = definition === undefined ? [] : (sqliteNodes(definition) ?? []);
  if (node?.type !== 'CreateTableStmt' || others.length > 0) return undefined;
  return node.body.type === 'ColumnsAndConstraintsCreateTableBody' ? node.body : undefined;
}

/** The SELECT of a CREATE VIEW. */
export function viewTextOf(definition: string | undefined): string | undefined {
  const [node, ...others] = definition === undefined ? [] : (sqliteNodes(definition) ?? []);
  if (definition === undefined || node?.type !== 'CreateViewStmt' || others.length > 0) return undefined;
  const { offset, length } = node.select.span;
  return definition.slice(offset, offset + length);
}
