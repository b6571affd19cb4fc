// Changes that others write to D1: `wrangler d1 execute`, another Worker, an isolate that vanished before it told of its own.
// Whoever keeps the invalidation log calls this from its alarm, and keeps the position.

import { reachedTags } from '../../cache/keys/tags.ts';
import type { Change, FeedPosition } from '../../dependency/change.ts';
import { createD1Feed, type D1FeedState, trimD1Log } from '../../feed/sqlite/d1.ts';
import { anyChangeTag } from '../../track/tags.ts';
import type { D1Queries } from './binding.ts';
import { changeTags } from './names.ts';
import { d1Shapes } from './tables.ts';

/** Others may drain the same log, each from a position of its own. One that is farther behind invalidates everything. */
const KEPT_ROWS = 10_000;

export interface D1DrainOptions {
  /** As for `createD1Tracker`. */
  readonly source: string;
  readonly database: D1Queries;
  /** Names of the database in data caches: of `withTidegate` their `database`. Their tables are invalidated too. Default none. */
  readonly names?: readonly string[];
  /** Resolves once the invalidation is durable. Its failure is that of the drain, and the next one tells the same again. */
  readonly invalidate: (selection: { readonly tags: readonly string[] }) => Promise<unknown>;
}

export interface D1Drained {
  /** To be kept, and given to the next drain. */
  readonly position: FeedPosition;
  readonly changes: number;
  /** Why all that was read of the database was invalidated. */
  readonly gap?: string;
}

/**
 * `drain(from)` invalidates what was written after `from`, by anyone; undefined: everything. One call at a time. The lag of a
 * change of others is at most the time between two drains and the time that one takes.
 */
export function createD1Drain(options: D1DrainOptions): (from: FeedPosition | undefined) => Promise<D1Drained> {
  const { source, database, names = [], invalidate } = options;
  const state: D1FeedState = {};
  const feed = createD1Feed(database, () => d1Shapes(database), state);
  return async (from) => {
    const drained = await feed.drain(from);
    if (drained.kind === 'gap') {
      const everything = names.flatMap((name) => reachedTags(`${name}:*`));
      await invalidate({ tags: [anyChangeTag(source), ...everything] });
      return { position: drained.position, changes: 0, gap: drained.reason };
    }
    const { position, changes } = drained.set;
    const tags = [...changeTags(source, changes), ...cachedTables(changes, names)];
    if (tags.length > 0) await invalidate({ tags });
    if (position !== from) await trimD1Log(database, position, { keptRows: KEPT_ROWS });
    return { position, changes: changes.length };
  };
}

/** A table of a data cache is in lower case, with the name of its database or without. */
function cachedTables(changes: readonly Change[], names: readonly string[]): readonly string[] {
  if (names.length === 0) return [];
  const tables = new Set(changes.map(({ table }) => table.name.toLowerCase()));
  return [...tables].flatMap((table) => [table, ...names.map((name) => `${name}:${table}`)]).flatMap(reachedTags);
}
