// What is PostgreSQL's own in SQL.

import type { DialectRules } from '../dialect.ts';

export const POSTGRES: DialectRules = {
  name: 'postgres',
  // Its parser has folded them.
  fold: (name) => name,
  defaultSchema: '"public"',
  placeholder: (number) => `$${number}`,
  // NULL is the greatest value.
  nullsFirst: (isDescending) => isDescending,
  // The text of a view has the schema before all names but the system's.
  viewSchema: () => 'pg_catalog',
  hidden(schema) {
    const isTemporary = schema !== undefined && /^pg_temp/.test(schema);
    return isTemporary ? { kind: 'unseen', what: 'a temporary table' } : null;
  },
  hasOwnOperators: true,
  readsTextsByType: true,
  seesLaterCommon: false,
  hasRowid: false,
  hasWholeRows: true,
  hasNumericTruth: false,
  losesConditions: false,
  mergesFirst: true,
  namesResults: true,
};
