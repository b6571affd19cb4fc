// The caches that are compared: one and the same model of a cache, which never has to evict, under five rules about when
// an entry is given up.
//
// The oracle asks again for each entry that could have changed. Which those are it is told by our
// index, and so the replay looks for what that misses by itself (replay.ts).

import type { Reason } from '../../src/dependency/affected.ts';
import { bindInstance } from '../../src/dependency/bind.ts';
import type { Change } from '../../src/dependency/change.ts';
import { DependencyIndex } from '../../src/dependency/index/dependency-index.ts';
import type { Instance } from '../../src/dependency/template.ts';
import type { Answer } from './database.ts';
import { changedTags, queryTags, tableTags } from './tags.ts';

export interface Entry {
  readonly answer: Answer;
  readonly storedMs: number;
}

/** An entry that a write made the cache give up. */
export interface Dropped {
  readonly entry: Entry;
  /** Which of its queries, from 0, were said to be affected, and why; undefined: not known so exactly. */
  readonly queries?: ReadonlyMap<number, string>;
}

export interface Cache {
  readonly name: string;
  find(url: string, nowMs: number): Entry | undefined;
  store(entry: Entry): void;
  /** What changed in one commit. */
  apply(changes: readonly Change[]): readonly Dropped[];
  entries(): Iterable<Entry>;
}

/** What an entry's page answers by now. */
export type AnswerNow = (entry: Entry) => Answer;

export function timeToLive(ttlMs: number): Cache {
  const kept = new Map<string, Entry>();
  return {
    name: `TTL ${ttlMs / 1_000} s`,
    find(url, nowMs) {
      const entry = kept.get(url);
      return entry !== undefined && nowMs - entry.storedMs < ttlMs ? entry : undefined;
    },
    store: (entry) => void kept.set(entry.answer.page.url, entry),
    apply: () => [],
    entries: () => kept.values(),
  };
}

/** By tags of the whole table, or of the rows with a value that the query asks for; the finer ones where it can. */
export function byTags(grain: 'table' | 'key'): Cache {
  const kept = new Map<string, Entry>();
  const byTag = new Map<string, Set<string>>();
  const keyed = new Map<string, Set<number>>();
  const tagsOf = ({ answer }: Entry) =>
    new Set(answer.queries.flatMap((query) => (grain === 'table' ? tableTags(query) : queryTags(query, keyed))));
  const drop = (entry: Entry): void => {
    const { url } = entry.answer.page;
    kept.delete(url);
    for (const tag of tagsOf(entry)) byTag.get(tag)?.delete(url);
  };
  return {
    name: grain === 'table' ? 'table tags' : 'table:key tags',
    find: (url) => kept.get(url),
    store(entry) {
      const { url } = entry.answer.page;
      kept.set(url, entry);
      for (const tag of tagsOf(entry)) {
        const urls = byTag.get(tag);
        if (urls === undefined) byTag.set(tag, new Set([url]));
        else urls.add(url);
      }
    },
    apply(changes) {
      const urls = new Set([...changedTags(changes, keyed)].flatMap((tag) => [...(byTag.get(tag) ?? [])]));
      const dropped = [...urls].map((url) => kept.get(url) as Entry);
      for (const entry of dropped) drop(entry);
      return dropped.map((entry) => ({ entry }));
    },
    entries: () => kept.values(),
  };
}

interface DependencyOptions {
  readonly name: string;
  readonly usesLookups: boolean;
  /** The oracle's; without it all that the index names are given up. */
  readonly answerNow?: AnswerNow;
}

export function byDependencies({ name, usesLookups, answerNow }: DependencyOptions): Cache {
  const kept = new Map<string, Entry>();
  const index = new Queries(usesLookups);
  const drop = (entry: Entry): void => {
    kept.delete(entry.answer.page.url);
    index.remove(entry);
  };
  const store = (entry: Entry): void => {
    const older = kept.get(entry.answer.page.url);
    if (older !== undefined) drop(older);
    kept.set(entry.answer.page.url, entry);
    index.add(entry);
  };
  /** The same answer stays; what it depends on may be something else, the keys by which it joins for one. */
  const staysWith = (entry: Entry): boolean => {
    const answer = answerNow?.(entry);
    if (answer?.text !== entry.answer.text) return false;
    store({ ...entry, answer });
    return true;
  };
  return {
    name,
    find: (url) => kept.get(url),
    store,
    apply(changes) {
      const dropped = [...index.match(changes)].filter(([entry]) => !staysWith(entry));
      for (const [entry] of dropped) drop(entry);
      return dropped.map(([entry, queries]) => ({ entry, queries }));
    },
    entries: () => kept.values(),
  };
}

/** The dependency index with an id for each query of each entry. */
class Queries {
  readonly #usesLookups: boolean;
  readonly #index = new DependencyIndex();
  readonly #byId = new Map<number, { readonly entry: Entry; readonly query: number; readonly instance: Instance }>();
  readonly #ids = new Map<Entry, readonly number[]>();
  #nextId = 0;

  constructor(usesLookups: boolean) {
    this.#usesLookups = usesLookups;
  }

  add(entry: Entry): void {
    const ids = entry.answer.queries.map(({ template, parameters, rows, ...answered }, query) => {
      const id = this.#nextId++;
      const lookups = this.#usesLookups ? answered.lookups : undefined;
      const instance = bindInstance(template, parameters, { rows, lookups });
      this.#index.add(id, instance);
      this.#byId.set(id, { entry, query, instance });
      return id;
    });
    this.#ids.set(entry, ids);
  }

  remove(entry: Entry): void {
    for (const id of this.#ids.get(entry) ?? []) {
      this.#index.remove(id);
      this.#byId.delete(id);
    }
    this.#ids.delete(entry);
  }

  /** Entries with the queries that are affected, and why. */
  match(changes: readonly Change[]): Map<Entry, Map<number, string>> {
    const found = new Map<Entry, Map<number, string>>();
    for (const change of changes) {
      for (const [id, reason] of this.#index.match([change], true).reasons ?? []) {
        const { entry, query } = this.#byId.get(id) as { entry: Entry; query: number };
        const queries = found.get(entry) ?? new Map<number, string>();
        if (!queries.has(query)) queries.set(query, reasonText(reason, change));
        found.set(entry, queries);
      }
    }
    return found;
  }
}

/** E.g. `insert of users: enters`. */
function reasonText(reason: Reason | string, { kind, table }: Change): string {
  return `${kind} of ${table.name}: ${reason}`;
}
