// Reads of the manifest in portions, by the thread: for the index, for operators, for the segments.
//
// A long read keeps SQLite from cleaning up behind the writer. So each portion is a read of its own that continues after the
// last key or number, and rows may come and go between two portions.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { keyParts } from '../../../entry/key.ts';
import { globMatcher } from '../../../ledger/glob.ts';
import type { Selector } from '../../../ledger/selector.ts';
import type { IndexRows, ManifestRow, ManifestSummary } from '../contract.ts';
import { RowPacker } from '../index/entry-index.ts';
import { COLUMNS, DamagedError, decodeRow, fits, READABLE, tagBits, type Value } from './manifest-content.ts';

/** `after`: where the next portion continues. Undefined when there is none. */
export interface Portion<Rows, After> {
  readonly rows: Rows;
  readonly after: After | undefined;
}

const SCANNED = 10_000;
const FOUND = 1_000;
const OF_BODIES = 500;
/** Above every character that a key may contain. */
const LAST = '\u{10ffff}';

const NUL = Buffer.alloc(1);
const DISORDER = 'expected keys in order, got one that is not';

/** Found by the beginnings of keys. */
type ScopeSelector = Extract<Selector, { kind: 'url' | 'prefix' | 'origin' }>;

/** In the order of the columns. */
type IndexColumns = readonly [
  high: number,
  low: number,
  segment: number,
  offset: number,
  bytes: number,
  generation: number,
];

export class ManifestReads {
  readonly #database: DatabaseSync;
  readonly #scan: StatementSync;
  readonly #firstKey: StatementSync;
  readonly #keys: StatementSync;
  readonly #ofRange: StatementSync;
  readonly #ofTag: StatementSync;
  readonly #byGeneration: StatementSync;
  readonly #ofBodies: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#scan = this.#arrays(`high, low, segment, "offset", bytes, generation FROM entries
      WHERE generation > ? AND generation <= ? AND ${READABLE} ORDER BY generation LIMIT ${SCANNED}`);
    this.#firstKey = this.#arrays('CAST(key AS BLOB) FROM entries WHERE key >= CAST(? AS TEXT) ORDER BY key LIMIT 1');
    this.#keys = this.#arrays(
      `key, generation FROM entries WHERE key >= ? AND ${fits('generation, 0')} ORDER BY key LIMIT ${SCANNED}`,
    );
    const rows = (where: string) => this.#arrays(`${COLUMNS} FROM entries WHERE ${READABLE} AND ${where}`);
    this.#ofRange = rows('key >= ? AND key < ? ORDER BY key LIMIT ?');
    this.#ofTag = rows(`key >= ? AND tag_bits & ? = ? ORDER BY key LIMIT ${FOUND}`);
    this.#byGeneration = rows('generation = ?');
    this.#ofBodies = rows(`body_id <> '' AND generation > ? ORDER BY generation LIMIT ${OF_BODIES}`);
  }

  scan({ after, upTo }: { readonly after: number; readonly upTo: number }): Portion<IndexRows, number> {
    const rows = new RowPacker(SCANNED);
    let last = after;
    const found = this.#scan.iterate(after, upTo) as Iterable<unknown> as Iterable<IndexColumns>;
    for (const [high, low, segment, offset, bytes, generation] of found) {
      rows.add({ hash: { high, low }, place: { segment, offset, bytes }, generation });
      last = generation;
    }
    return { after: rows.count < SCANNED ? undefined : last, rows: rows.take() };
  }

  /** The highest generation now; a scan ends there. */
  lastGeneration(): number {
    const last = this.#database.prepare(`SELECT max(generation) AS last FROM entries WHERE ${fits('generation, 0')}`);
    return (last.get()?.last as number | null) ?? 0;
  }

  find(query: { readonly selector: Selector; readonly after: string }): Portion<ManifestRow[], string> {
    const { after } = query;
    const portion = this.#find(query.selector, after === '' ? '' : `${after}\0`);
    // Otherwise the portions would never end.
    if (portion.after !== undefined && portion.after <= after) throw new DamagedError(DISORDER);
    return portion;
  }

  #find(selector: Selector, from: string): Portion<ManifestRow[], string> {
    switch (selector.kind) {
      case 'tag': {
        const bits = tagBits([selector.tag]);
        return this.#page(this.#ofTag.all(from, bits, bits), (row) => row.tags.includes(selector.tag));
      }
      case 'pattern':
        return this.#matching(selector.pattern, from);
      case 'all':
        return this.#page(this.#ofRange.all(from, LAST, FOUND), () => true);
      case 'url':
      case 'prefix':
      case 'origin':
        return this.#ofScopes(selector, from);
    }
  }

  bodies(after: number): Portion<ManifestRow[], number> {
    const found = this.#ofBodies.all(after) as readonly unknown[] as Value[][];
    return { rows: decoded(found), after: found.length < OF_BODIES ? undefined : (found.at(-1)?.[0] as number) };
  }

  summary(): ManifestSummary {
    const bySegment = this.#database
      .prepare(`
        SELECT segment, count(*) AS rows, sum(bytes) AS bytes FROM entries
        WHERE ${fits('segment, bytes')} GROUP BY segment ORDER BY segment`)
      .all() as { segment: number; rows: number; bytes: number }[];
    const large = this.#database
      .prepare(`SELECT sum(body_bytes) AS bytes FROM entries WHERE body_id <> '' AND ${fits('body_bytes, 0')}`)
      .get();
    const counted = this.#database.prepare("SELECT value FROM counters WHERE name = 'generation'").get();
    return {
      rows: bySegment.reduce((sum, { rows }) => sum + rows, 0),
      maxGeneration: Math.max((counted?.value as number | undefined) ?? 0, this.lastGeneration()),
      bytes: bySegment.reduce((sum, { bytes }) => sum + bytes, (large?.bytes as number | null | undefined) ?? 0),
      segments: bySegment.map(({ segment }) => segment),
    };
  }

  /**
   * A key begins with tenant, origin and method. There are few such beginnings: one seek finds each, and the URIs within it
   * are in order. So neither URIs nor origins need an index of their own.
   */
  #ofScopes(selector: ScopeSelector, from: string): Portion<ManifestRow[], string> {
    const found: unknown[] = [];
    for (let seek = Buffer.from(scopeOf(from)); found.length < FOUND; ) {
      const bytes = (this.#firstKey.get(seek) as unknown as [Uint8Array] | undefined)?.[0];
      if (bytes === undefined) break;
      if (Buffer.compare(bytes, seek) < 0) throw new DamagedError(DISORDER);
      const scope = scopeOf(Buffer.from(bytes).toString());
      const range = rangeIn(scope, selector);
      if (range !== undefined) {
        const [first, end] = range;
        found.push(...this.#ofRange.all(first > from ? first : from, end, FOUND - found.length));
      }
      // The character after the space is beyond all keys of this scope. A damaged key, with a flipped bit, may lie outside
      // its own scope, or be no text; then the seek goes on just beyond the key.
      const beyond = Buffer.from(`${scope.slice(0, -1)}!`);
      seek = Buffer.compare(beyond, bytes) > 0 ? beyond : Buffer.concat([bytes, NUL]);
    }
    return this.#page(found, (row) => isNamed(row.key, selector));
  }

  /** Reads keys from the index alone, and rows only for keys that match. */
  #matching(pattern: string, from: string): Portion<ManifestRow[], string> {
    const matches = globMatcher(pattern);
    const keys = this.#keys.all(from) as unknown as [string, number][];
    const rows: ManifestRow[] = [];
    for (const [key, generation] of keys) {
      if (!matches(keyParts(key).uri)) continue;
      const values = this.#byGeneration.get(generation);
      const row = values === undefined ? undefined : decodeRow(values as unknown as Value[]);
      if (row !== undefined) rows.push(row);
    }
    return { rows, after: keys.length < SCANNED ? undefined : keys.at(-1)?.[0] };
  }

  #page(found: readonly unknown[], matches: (row: ManifestRow) => boolean): Portion<ManifestRow[], string> {
    const rows = decoded(found).filter(matches);
    return { rows, after: found.length < FOUND ? undefined : ((found.at(-1) as Value[])[1] as string) };
  }

  #arrays(select: string): StatementSync {
    const statement = this.#database.prepare(`SELECT ${select}`);
    statement.setReturnArrays(true);
    return statement;
  }
}

function decoded(found: readonly unknown[]): ManifestRow[] {
  return found.map((values) => decodeRow(values as Value[])).filter((row) => row !== undefined);
}

/** The beginning of a key, up to its URI; '' for ''. */
function scopeOf(key: string): string {
  if (key === '') return '';
  const { tenant, origin, method } = keyParts(key);
  return `${tenant} ${origin} ${method} `;
}

function rangeIn(scope: string, selector: ScopeSelector): readonly [string, string] | undefined {
  switch (selector.kind) {
    case 'url':
      // The key itself and the keys of its variants, which continue with a line feed.
      return [scope + selector.uri, `${scope}${selector.uri}\v`];
    case 'prefix':
      return [scope + selector.prefix, scope + selector.prefix + LAST];
    case 'origin':
      return keyParts(scope).origin === selector.origin ? [scope, scope + LAST] : undefined;
  }
}

function isNamed(key: string, selector: ScopeSelector): boolean {
  const { uri, origin } = keyParts(key);
  if (selector.kind === 'origin') return origin === selector.origin;
  return selector.kind === 'url' ? uri === selector.uri : uri.startsWith(selector.prefix);
}
