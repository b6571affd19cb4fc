// How PostgreSQL compares columns, by their types and collations in pg_catalog.
//
// A type's name is not enough. Only types of pg_catalog are known; a text's order is known only where it is the order
// of its bytes; under a collation that is not deterministic, not even its equality is.

import type { PostgresColumnType } from '../../dependency/condition/column-type.ts';

/** Type of a column; for a domain, its base type. */
export interface TypeRow {
  readonly type: string;
  readonly typeKind: string;
  readonly typeSchema: string;
}

export interface CollationRow {
  readonly name: string;
  readonly isDeterministic: boolean;
  /** c: C library, b: built in, i: ICU. Missing in old versions for the database's own collation. */
  readonly provider: string | null;
  readonly collate: string | null;
  readonly locale: string | null;
}

/** Leaves out float4, oid and name: their operands are rounded or cut, or are not, by how they are written. */
const TYPES: Readonly<Record<string, PostgresColumnType['type']>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  float8: 'float',
  numeric: 'decimal',
  text: 'text',
  varchar: 'text',
  bpchar: 'char',
  bool: 'boolean',
  uuid: 'uuid',
  bytea: 'bytes',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
};

const OPAQUE: PostgresColumnType = { family: 'postgres', type: 'opaque', isOrdered: false };

export function columnTypeOf(row: TypeRow, collation: CollationRow | undefined, isUtf8: boolean): PostgresColumnType {
  // Labels are equal as texts are; their order is the type's own.
  if (row.typeKind === 'e') return { family: 'postgres', type: 'text', isOrdered: false };
  const type = row.typeKind === 'b' && row.typeSchema === 'pg_catalog' ? TYPES[row.type] : undefined;
  if (type === undefined) return OPAQUE;
  if (type !== 'text' && type !== 'char') return { family: 'postgres', type, isOrdered: true };
  if (collation?.isDeterministic !== true) return OPAQUE;
  return { family: 'postgres', type, isOrdered: isUtf8 && isByBytes(collation) };
}

/** Whether texts sort as their bytes do. */
function isByBytes({ name, provider, collate, locale }: CollationRow): boolean {
  if (name === 'ucs_basic') return true;
  if (provider === 'b') return /^(?:C|C\.UTF-?8|PG_UNICODE_FAST)$/i.test(locale ?? '');
  // Only some systems sort the C library's C.UTF-8 in that order.
  return provider === 'c' && (collate === 'C' || collate === 'POSIX');
}
