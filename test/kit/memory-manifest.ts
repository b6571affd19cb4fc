// A manifest in memory. What is committed is seen at once; what survives a power cut is what was committed up to some
// moment, not necessarily the last one, as with a write-ahead log that is not synced at every commit.

import { keyParts } from '../../src/entry/key.ts';
import { globMatcher } from '../../src/ledger/glob.ts';
import type { InvalidationsImage } from '../../src/ledger/log.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import type {
  IndexRows,
  Manifest,
  ManifestChange,
  ManifestRow,
  ManifestSummary,
} from '../../src/store/disk/contract.ts';
import { keyHash, RowPacker } from '../../src/store/disk/index/entry-index.ts';

interface State {
  readonly rows: Map<string, ManifestRow>;
  /** Of all rows there ever were. */
  maxGeneration: number;
  image: InvalidationsImage | undefined;
}

export class MemoryManifest implements Manifest {
  #state: State = { rows: new Map(), maxGeneration: 0, image: undefined };
  /** States since the last one that is surely durable, that one included. */
  #states: State[] = [snapshot(this.#state)];
  /** A manifest made by `restarted` is another one; the old one does nothing any more. */
  #dead = false;
  /** What every commit fails with. */
  failing: Error | undefined;
  /** Rows in a portion of `scan` and `find`. */
  portion = 100;
  commits = 0;
  lookUps = 0;

  async commit(changes: readonly ManifestChange[]): Promise<void> {
    if (this.#dead) throw new Error('expected an open manifest, got one that is gone');
    if (this.failing !== undefined) throw this.failing;
    this.commits++;
    for (const change of changes) this.#apply(change);
    this.#states.push(snapshot(this.#state));
  }

  lookUp(key: string): ManifestRow | undefined {
    this.lookUps++;
    return this.#state.rows.get(key);
  }

  async *scan(): AsyncIterable<IndexRows> {
    const rows = [...this.#state.rows.values()];
    for (let from = 0; from < rows.length; from += this.portion) {
      yield indexRows(rows.slice(from, from + this.portion));
      await Promise.resolve();
    }
  }

  async *find(selector: Selector): AsyncIterable<readonly ManifestRow[]> {
    const matches = matcherOf(selector);
    const rows = [...this.#state.rows.values()].filter(matches);
    rows.sort((one, other) => (one.key < other.key ? -1 : 1));
    for (let from = 0; from < rows.length; from += this.portion) yield rows.slice(from, from + this.portion);
  }

  async bodies(): Promise<ManifestRow[]> {
    return [...this.#state.rows.values()].filter(({ bodyId }) => bodyId !== '');
  }

  async summary(): Promise<ManifestSummary> {
    const rows = [...this.#state.rows.values()];
    return {
      rows: rows.length,
      maxGeneration: this.#state.maxGeneration,
      bytes: rows.reduce((sum, { place, bodyId, bodyBytes }) => sum + place.bytes + (bodyId === '' ? 0 : bodyBytes), 0),
      segments: [...new Set(rows.map(({ place }) => place.segment))].sort((one, other) => one - other),
    };
  }

  async checkpoint(image: InvalidationsImage): Promise<void> {
    if (this.failing !== undefined) throw this.failing;
    this.#state.image = { ...image, patterns: [...image.patterns], buckets: image.buckets.slice() };
    this.#states = [snapshot(this.#state)];
  }

  restore(): InvalidationsImage | undefined {
    return this.#state.image;
  }

  async clear(): Promise<void> {
    this.#state.rows.clear();
    this.#states.push(snapshot(this.#state));
  }

  async close(): Promise<void> {
    this.#dead = true;
  }

  /** The manifest as the next process finds it: all that was committed, or with `random` what a power cut leaves. */
  restarted(random?: () => number): MemoryManifest {
    this.#dead = true;
    const next = new MemoryManifest();
    const states = this.#states;
    const left = random === undefined ? this.#state : states[Math.floor(random() * states.length)]!;
    next.#state = snapshot(left);
    next.#states = [snapshot(left)];
    next.portion = this.portion;
    return next;
  }

  rows(): ManifestRow[] {
    return [...this.#state.rows.values()];
  }

  #apply(change: ManifestChange): void {
    const { rows } = this.#state;
    if (change.kind === 'put') {
      rows.set(change.row.key, change.row);
      this.#state.maxGeneration = Math.max(this.#state.maxGeneration, change.row.generation);
    } else if (change.kind === 'drop-segment') {
      for (const { key, place } of [...rows.values()]) if (place.segment === change.segment) rows.delete(key);
    } else if (rows.get(change.key)?.generation === change.generation) rows.delete(change.key);
  }
}

function snapshot({ rows, maxGeneration, image }: State): State {
  return { rows: new Map(rows), maxGeneration, image };
}

function indexRows(rows: readonly ManifestRow[]): IndexRows {
  const packer = new RowPacker(rows.length);
  for (const { key, place, generation } of rows) packer.add({ hash: keyHash(key), place, generation });
  return packer.take();
}

function matcherOf(selector: Selector): (row: ManifestRow) => boolean {
  switch (selector.kind) {
    case 'url':
      return ({ key }) => keyParts(key).uri === selector.uri;
    case 'tag':
      return ({ tags }) => tags.includes(selector.tag);
    case 'prefix':
      return ({ key }) => keyParts(key).uri.startsWith(selector.prefix);
    case 'pattern': {
      const matches = globMatcher(selector.pattern);
      return ({ key }) => matches(keyParts(key).uri);
    }
    case 'origin':
      return ({ key }) => keyParts(key).origin === selector.origin;
    case 'all':
      return () => true;
  }
}
