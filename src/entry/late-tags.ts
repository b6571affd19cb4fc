// Tags that a caller names and that an entry may not have.
//
// A fill may leave out tags of its call (`setTags`). Later calls with those tags must not bring them back, so the
// entry keeps each one in a form that no invalidation names.

import { KEY_MARK } from './hit-notes.ts';

const LEFT_OUT = `out${KEY_MARK}`;

/** Marks a tag that the fill left out. */
export function leftOut(tag: string): string {
  return LEFT_OUT + tag;
}

/** Whether the entry has all the wanted tags. Written for the hit path. */
export function hasTags(tags: readonly string[], wanted: readonly string[]): boolean {
  for (const tag of wanted) if (!tags.includes(tag)) return false;
  return true;
}

/** The wanted tags that the entry neither has nor leaves out. */
export function lateTags(tags: readonly string[], wanted: readonly string[]): readonly string[] {
  if (wanted === tags || hasTags(tags, wanted)) return NONE;
  return wanted.filter((tag) => !tags.includes(tag) && !tags.includes(leftOut(tag)));
}

const NONE: readonly string[] = Object.freeze([]);
