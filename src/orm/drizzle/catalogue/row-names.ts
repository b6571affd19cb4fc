// Names of rows, beside those of their tables: `users§` stands for reads of the whole table, `users§*` for reads of single rows,
// `users§<mark>/…` for a part of those. No table that has § in its name is by rows. Until a name reaches the cache, NUL stands
// for § in a part's name: no table has one in its name, so no table is taken for a part of another.

import { MARK } from '../../../cache/keys/key-space.ts';

/** The table, but not what is read of single rows of it. */
export function exceptRows(table: string): string {
  return table + MARK;
}

/** What is read of single rows of the table. */
export function rowsOf(table: string): string {
  return `${table}${MARK}*`;
}

/** Part of what is read of single rows of the table, with the mark of the tables as they are. */
export function partOf(table: string, mark: string, part: string): string {
  return `${table}\0${mark}/${part}`;
}

/** The name as the cache has it. */
export function inCache(name: string): string {
  return name.replace('\0', MARK);
}

/** Names of rows with another mark become those of their tables. */
export function withMark(names: readonly string[], mark: string): readonly string[] {
  return names.map((name) => {
    const [table, part] = name.split('\0') as [string, string?];
    return part === undefined || part.startsWith(`${mark}/`) ? name : table;
  });
}

/** `outside` of tables, for names that may leave out what is read of single rows: it is left out there as well. */
export function outsideOf(
  names: readonly string[],
  outside: (names: readonly string[]) => readonly string[],
): readonly string[] {
  const partly = names.filter((name) => name.endsWith(MARK)).map((name) => name.slice(0, -MARK.length));
  return partly.length === 0 ? outside(names) : [...outside(names), ...outside(partly).map(exceptRows)];
}
