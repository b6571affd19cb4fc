// Tags of entries: what programs name, and what the cache adds to invalidate tables and namespaces without a look at entries.
//
// A tag named in a namespace means that namespace's entries alone, but named outside it means all.
// So an entry has each tag once as it is and once for each namespace that it is in.

import { expected, shown, TidegateError } from '../../errors.ts';
import { MARK } from './key-space.ts';

/** An entry has at most so many tags, and at most so many tables; one invalidation names no more of either. */
export const MAX_TAGS = 128;
export const MAX_TAG_LENGTH = 256;

/** Throws E_TAG. `what`: the name of the option. */
export function checkedTags(tags: readonly string[], what: string): readonly string[] {
  if (!Array.isArray(tags)) expected('E_TAG', `${what} to be a list`, tags);
  if (tags.length > MAX_TAGS) expected('E_TAG', `at most ${MAX_TAGS} ${what}`, tags.length);
  for (const tag of tags as readonly unknown[]) {
    if (typeof tag === 'string' && tag.length > 0 && tag.length <= MAX_TAG_LENGTH) continue;
    const got = typeof tag === 'string' && tag.length > 0 ? `${tag.length} characters` : shown(tag);
    throw new TidegateError(
      'E_TAG',
      `expected each of ${what} to be a text of 1 to ${MAX_TAG_LENGTH} characters, got ${got}`,
    );
  }
  return tags;
}

/** A table belongs to a database, not to a namespace: its tag is the same in all of them. */
function tableTag(table: string): string {
  return `table:${table}`;
}

/**
 * The tags that an invalidation of the table reaches. A table of one database, `app:users`, has a second tag, `app:users§*`,
 * for reads of single rows. `app:users§` leaves the second one out, and also reaches a program's own table of this name.
 */
export function reachedTags(table: string): readonly string[] {
  if (table.endsWith(MARK)) return [tableTag(table.slice(0, -MARK.length)), tableTag(table)];
  return /:[^§]*$/.test(table) ? [tableTag(table), tableTag(`${table}${MARK}*`)] : [tableTag(table)];
}

/** Of all entries of the namespace with this prefix. */
export function namespaceTag(prefix: string): string {
  return `ns${MARK}${prefix}`;
}

/** Of entries of the namespace with this prefix that have the tag; the cache's own prefix is empty. */
export function scopedTag(prefix: string, tag: string): string {
  return prefix === '' ? tag : `${prefix}${MARK}${tag}`;
}

/** All tags of an entry. `levels`: the prefixes of its namespaces. */
export function allTags(
  levels: readonly string[],
  tags: readonly string[],
  tables: readonly string[],
): readonly string[] {
  if (levels.length === 0 && tables.length === 0) return tags.length === 0 ? NONE : tags.slice();
  const all = tags.slice();
  for (const table of tables) all.push(tableTag(table));
  for (const prefix of levels) {
    all.push(namespaceTag(prefix));
    for (const tag of tags) all.push(scopedTag(prefix, tag));
  }
  return all;
}

const NONE: readonly string[] = Object.freeze([]);

/** Without those that the cache added for itself. */
export function ownTags(tags: readonly string[]): readonly string[] {
  return tags.filter((tag) => !tag.includes(MARK));
}
