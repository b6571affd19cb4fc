// The tags that a read of D1 puts on its response, and those that a change invalidates: by the values of a row's columns where
// the read asks for values of a column, else by table.

import type { Change, Row } from '../../dependency/change.ts';
import type { BoundRead } from '../../dependency/template.ts';
import { columnKeysOf, rowKeys } from '../../orm/drizzle/catalogue/column-keys.ts';
import { anyChangeTag, rowsTag, rowTag, tableTag } from '../../track/tags.ts';

/** Beyond so many values in one read, or rows in one change set, the table's tags are used. */
const MAX_VALUES = 16;
const MAX_ROWS = 20;
/** More tags of one change set become those of its tables. */
const MAX_TAGS = 256;

export interface ReadTags {
  readonly tags: readonly string[];
  /** Reads that are by table though they ask for values of a column: they ask for too many. */
  readonly coarsened: number;
}

export function readTags(source: string, reads: readonly BoundRead[]): ReadTags {
  const tags = new Set([anyChangeTag(source)]);
  let coarsened = 0;
  for (const bound of reads) {
    const { name } = bound.read.table;
    const asked = columnKeysOf(bound);
    if (asked === undefined || asked.keys.size > MAX_VALUES) {
      if (asked !== undefined) coarsened++;
      tags.add(tableTag(source, name));
      continue;
    }
    tags.add(rowsTag(source, name));
    for (const key of asked.keys) tags.add(rowTag(source, name, { column: asked.column, key }));
  }
  return { tags: [...tags], coarsened };
}

/** Of everything that is read of the table. */
function tableTags(source: string, table: string): readonly string[] {
  return [tableTag(source, table), rowsTag(source, table)];
}

/** By both images of each row. */
export function changeTags(source: string, changes: readonly Change[]): readonly string[] {
  const byRows = changes.length > MAX_ROWS ? [] : changes.flatMap((change) => tagsOfChange(source, change));
  const isWide = changes.length > MAX_ROWS || byRows.length > MAX_TAGS;
  return [...new Set(isWide ? changes.flatMap(({ table }) => tableTags(source, table.name)) : byRows)];
}

function tagsOfChange(source: string, change: Change): readonly string[] {
  const { name } = change.table;
  const images = imagesOf(change);
  if (images === undefined) return tableTags(source, name);
  const tags = [tableTag(source, name)];
  for (const image of images) {
    for (const { column, keys } of rowKeys(change.table, image)) {
      // A value that is not known may be any.
      if (keys === undefined) return tableTags(source, name);
      for (const key of keys) tags.push(rowTag(source, name, { column, key }));
    }
  }
  return tags;
}

/** Undefined: not all of the row is known. */
function imagesOf(change: Change): readonly Row[] | undefined {
  switch (change.kind) {
    case 'insert':
      return [change.new];
    case 'delete':
      return change.old && [change.old];
    case 'update':
      return change.old && [change.old, change.new];
    default:
      return undefined;
  }
}
