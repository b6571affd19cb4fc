// What is SQLite's own in SQL.

import type { DialectRules } from '../dialect.ts';

export const SQLITE: DialectRules = {
  name: 'sqlite',
  fold: folded,
  defaultSchema: 'main',
  placeholder: () => '?',
  // NULL is the least value.
  nullsFirst: (isDescending) => !isDescending,
  viewSchema: (schema) => schema ?? 'main',
  hidden(_, name, modules) {
    if (/^(?:sqlite|pragma)_/i.test(name)) return { kind: 'unseen', what: 'a table of the system' };
    return modules.has(folded(name)) ? { kind: 'unseen', what: 'a virtual table' } : null;
  },
  hasOwnOperators: false,
  readsTextsByType: false,
  seesLaterCommon: true,
  hasRowid: true,
  hasWholeRows: false,
  hasNumericTruth: true,
  // As of 3.53: `? IS NULL OR id = ?`, for one.
  losesConditions: true,
  mergesFirst: false,
  namesResults: false,
};

/** Only the letters of ASCII fold. */
export function folded(name: string): string {
  return name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}
