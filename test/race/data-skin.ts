// The race for what `createCache` adds to the engine: namespaces and their versions, tables, patterns, events, and fills of
// many keys at once. In memory alone; the tiers are the engine's business (data-race.ts).

import type { Cache } from '../../src/cache/contract.ts';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { type Asked, asked, GatedSource, settle } from './data-source.ts';

const KEY = 'item:1';
/** The same entry, from outside of the namespace. */
const WHOLE_KEY = `shop:${KEY}`;
const OTHER_KEY = 'item:2';
const OPTIONS = { ttl: '1m', tags: ['red'], tables: ['items'] } as const;

interface SkinWorld {
  readonly source: GatedSource;
  readonly cache: Cache;
  /** Another one once the namespace has another version. */
  shop: Cache;
}

type Act = (world: SkinWorld) => unknown;

const VERSION_WAY = 'version of the namespace';

/** In the words of the cache. */
const WAYS: { readonly [name: string]: Act } = {
  delete: ({ shop }) => shop.delete(KEY),
  deleteMany: ({ cache }) => cache.deleteMany([WHOLE_KEY]),
  'clear of the namespace': ({ shop }) => shop.clear(),
  clear: ({ cache }) => cache.clear(),
  namespace: ({ cache }) => cache.invalidate({ namespace: 'shop' }),
  'all in the namespace': ({ shop }) => shop.invalidate({ all: true }),
  all: ({ cache }) => cache.invalidate({ all: true }),
  key: ({ cache }) => cache.invalidate({ keys: [WHOLE_KEY] }),
  tag: ({ cache }) => cache.invalidate({ tags: ['red'] }),
  'tag in the namespace': ({ shop }) => shop.invalidate({ tags: ['red'] }),
  table: ({ cache }) => cache.invalidate({ tables: ['items'] }),
  'table in the namespace': ({ shop }) => shop.invalidate({ tables: ['items'] }),
  pattern: ({ cache }) => cache.invalidate({ pattern: 'shop:*:1' }),
  'pattern in the namespace': ({ shop }) => shop.invalidate({ pattern: ['nothing', 'item:?'] }),
  expire: ({ shop }) => shop.expire(KEY),
  'expire by table': ({ cache }) => cache.invalidate({ tables: ['items'], soft: true }),
  [VERSION_WAY]: (world) => {
    world.shop = world.cache.namespace('shop', { version: '2' });
  },
  event: ({ shop }) => shop.emit('item.update', { id: '1' }),
};

const load = async ({ source }: SkinWorld) => ({ version: await source.read() });

const FILLS: { readonly [name: string]: Act } = {
  getOrSet: (world) => world.shop.getOrSet(KEY, () => load(world), OPTIONS),
  'getOrSet of a whole key': (world) =>
    // From outside, its key does not tell its kind.
    world.cache.getOrSet(WHOLE_KEY, () => load(world), { ...OPTIONS, kind: 'item' }),
  'getOrSet, its tables added': (world) => {
    const { ttl, tags } = OPTIONS;
    const fill = async (context: { addTables(tables: readonly string[]): void }) => {
      const value = await load(world);
      context.addTables(['items']);
      return value;
    };
    return world.shop.getOrSet(KEY, fill, { ttl, tags });
  },
  getOrSetMany: (world) => {
    const fill = async (missing: readonly string[]) => {
      const value = await load(world);
      return new Map(missing.map((key) => [key, value]));
    };
    return firstOf(world.shop.getOrSetMany([OTHER_KEY, KEY], fill, OPTIONS));
  },
  'get and set': async (world) => {
    const { shop } = world;
    const stamp = shop.stamp();
    const found = await shop.get(KEY);
    if (found !== undefined) return found;
    const value = await load(world);
    await shop.set(KEY, value, { ...OPTIONS, stamp });
    return value;
  },
  'get and setMany': async (world) => {
    const { shop } = world;
    const stamp = shop.stamp();
    const value = await load(world);
    await shop.setMany([{ key: KEY, value, options: { ...OPTIONS, stamp } }]);
    return value;
  },
};

const WHOLE = 'get of the whole key';

const LATE: { readonly [name: string]: Act } = {
  get: ({ shop }) => shop.get(KEY),
  [WHOLE]: ({ cache }) => cache.get(WHOLE_KEY),
  getMany: ({ shop }) => firstOf(shop.getMany([KEY])),
  getOrSet: FILLS.getOrSet as Act,
  getOrSetMany: FILLS.getOrSetMany as Act,
};

async function firstOf(values: unknown): Promise<unknown> {
  return ((await values) as ReadonlyMap<string, unknown>).get(KEY);
}

/** Promise turns between the read's end and the invalidation. */
const MAX_TURNS = 12;
type Instant = 'before the read' | 'after the read' | 'after the end' | number;
const INSTANTS: readonly Instant[] = [
  'before the read',
  'after the read',
  'after the end',
  ...Array.from({ length: MAX_TURNS }, (_, turns) => turns),
];

export interface SkinFigures {
  cells: number;
  /** Those in which an old value was given after the acknowledgement. */
  outdated: number;
  readonly failures: string[];
}

export async function raceSkin(): Promise<SkinFigures> {
  const figures: SkinFigures = { cells: 0, outdated: 0, failures: [] };
  for (const way of Object.keys(WAYS)) {
    for (const fill of Object.keys(FILLS)) {
      for (const late of Object.keys(LATE)) {
        // That key has no version: what it names is not outdated.
        if (way === VERSION_WAY && late === WHOLE) continue;
        for (const instant of INSTANTS) {
          const { outdated, broken } = await runSkinCell({ way, fill, late, instant });
          figures.cells++;
          if (outdated.length > 0) figures.outdated++;
          const wrong = [...outdated, ...broken];
          const name = `${way} × ${fill}: ${instant}; then ${late}`;
          if (wrong.length > 0) figures.failures.push(`${name}: ${wrong.join('; ')}`);
        }
      }
    }
  }
  return figures;
}

interface SkinCell {
  readonly way: string;
  readonly fill: string;
  readonly late: string;
  readonly instant: Instant;
}

async function runSkinCell({ way, fill, late, instant }: SkinCell) {
  const world = skinWorld();
  const early = asked('the first', () => FILLS[fill]!(world));
  await settle();
  const [read] = world.source.reads;
  if (instant !== 'before the read') read?.read();
  await settle();
  if (typeof instant === 'number' || instant === 'after the end') read?.end();
  if (instant === 'after the end') await settle();
  for (let turn = 0; typeof instant === 'number' && turn < instant; turn++) await undefined;
  world.source.version = 2;
  await WAYS[way]!(world);
  const after = asked(`a late ${late}`, () => LATE[late]!(world));
  await drain(world);
  const next = asked('the next get', () => world.shop.get(KEY));
  const filled = asked('the next getOrSet', FILLS.getOrSet!.bind(undefined, world));
  await drain(world);
  const last = asked('the last get', () => world.shop.get(KEY));
  await settle();
  return judged([after, next, filled, last], early);
}

function judged(later: readonly Asked[], early: Asked) {
  const outdated = later.filter(({ got }) => got === 1).map(({ name }) => `${name} got version 1`);
  const broken = [early, ...later]
    .filter(({ got }) => got === undefined || got instanceof Error)
    .map(({ name, got }) => `${name} got ${got}`);
  if (later.at(-1)?.got !== 2) broken.push('the key does not become a hit again');
  return { outdated, broken };
}

async function drain({ source }: SkinWorld): Promise<void> {
  for (let rounds = 0; rounds < 100; rounds++) {
    await settle();
    if (!source.step()) return;
  }
}

function skinWorld(): SkinWorld {
  const time = new SimulatedTime();
  const platform = { clock: time, tasks: time, random: () => 0.5, epoch: 'e1' };
  const cache = createCacheOn({ kinds: { item: { invalidateOn: ['item.update'] } } }, platform);
  return { source: new GatedSource(), cache, shop: cache.namespace('shop') };
}
