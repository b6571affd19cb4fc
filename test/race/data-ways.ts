// The ways a change becomes known to the data cache.

import type { Selector } from '../../src/ledger/selector.ts';
import { type DataWorld, FOUND_TAG, KEY } from './data-world.ts';

export interface DataWay {
  readonly name: string;
  /** Resolves when the change is acknowledged. */
  readonly tell: (world: DataWorld) => Promise<unknown>;
  /** True: what is stored is expired, so those in grace may still be given it where a fill fails or takes long. */
  readonly soft?: true;
  /** The new value is put in. `alone`: and nothing is invalidated. */
  readonly sets?: 'alone' | 'after';
  /** True: it removes entries from the tiers. */
  readonly deletes?: true;
}

const by =
  (selectors: readonly Selector[], soft = false): DataWay['tell'] =>
  ({ cache }) =>
    cache.invalidate(selectors, soft);

const URL: Selector = { kind: 'url', uri: KEY };
const ALL: Selector = { kind: 'all' };

export const DATA_WAYS: readonly DataWay[] = [
  { name: 'delete', tell: ({ cache }) => cache.remove([KEY]), deletes: true },
  { name: 'key', tell: by([URL]) },
  { name: 'tag', tell: by([{ kind: 'tag', tag: 'red' }]) },
  { name: 'tag of the fill', tell: by([{ kind: 'tag', tag: FOUND_TAG }]) },
  { name: 'table', tell: by([{ kind: 'tag', tag: 'table:items' }]) },
  { name: 'pattern', tell: by([{ kind: 'pattern', pattern: 'shop:*:1' }]) },
  { name: 'namespace', tell: by([{ kind: 'prefix', prefix: 'shop:' }]) },
  { name: 'all', tell: by([ALL]) },
  {
    name: 'clear',
    tell: async ({ cache }) => {
      await cache.invalidate([ALL], false);
      await cache.purge(ALL);
    },
    deletes: true,
  },
  { name: 'expire', tell: by([URL], true), soft: true },
  { name: 'expire by tag', tell: by([{ kind: 'tag', tag: FOUND_TAG }], true), soft: true },
  { name: 'set by another', tell: (world) => world.set(world.source.version), sets: 'alone' },
  {
    name: 'set with a stamp',
    tell: (world) => world.set(world.source.version, { stamp: world.cache.judge.arrive() }),
    sets: 'alone',
  },
  { name: 'set in memory', tell: (world) => world.set(world.source.version, { memoryOnly: true }), sets: 'alone' },
  {
    name: 'delete, then set',
    tell: async (world) => {
      await world.cache.remove([KEY]);
      await world.set(world.source.version);
    },
    deletes: true,
    sets: 'after',
  },
];
