// Race: callers ask for one key by tags of their own, while tags are invalidated, tiers fail, and memory evicts.
//
// A read is outdated for who asks by a tag that was invalidated since it began,
// and for all once somebody by that tag was given it. So every read says which versions it saw, and who was given it.

import type { Cache } from '../../src/cache/contract.ts';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import type { ByteStore } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import type { UnseenCell, UnseenRace } from './unseen.ts';

const TAGS = ['a', 'b', 'c'] as const;
type Tag = (typeof TAGS)[number];
type Versions = { readonly [tag in Tag]: number };

/** What a fill read. */
interface Read {
  readonly id: number;
  readonly versions: Versions;
}

interface Shape {
  readonly name: string;
  readonly hasMemory: boolean;
  readonly hasStore: boolean;
  readonly grace: boolean;
}

const SHAPES: readonly Shape[] = [
  { name: 'memory', hasMemory: true, hasStore: false, grace: false },
  { name: 'memory, in grace', hasMemory: true, hasStore: false, grace: true },
  { name: 'memory and a store', hasMemory: true, hasStore: true, grace: false },
  { name: 'memory and a store, in grace', hasMemory: true, hasStore: true, grace: true },
  { name: 'a store alone', hasMemory: false, hasStore: true, grace: false },
];
const RUNS = 120;
const STEPS = 150;

/** A number in [0, 1), the same for each seed. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return ((state >>> 8) % 65_536) / 65_536;
  };
}

/** A Map behind promises; a put may fail, or take effect late and out of turn. */
class Bytes implements ByteStore {
  readonly #map = new Map<string, Uint8Array>();
  #late: (() => void)[] = [];
  how: 'at once' | 'late' | 'fails' = 'at once';

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.#map.get(key);
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    if (this.how === 'fails') return Promise.reject(new Error('down'));
    const take = () => void this.#map.set(key, bytes);
    if (this.how === 'at once') return Promise.resolve(take());
    return new Promise((resolve) => this.#late.push(() => resolve(take())));
  }

  async delete(keys: readonly string[]): Promise<number> {
    return keys.filter((key) => this.#map.delete(key)).length;
  }

  takeLate(): void {
    for (const take of this.#late.splice(0).reverse()) take();
  }
}

class LateTags {
  readonly problems: string[] = [];
  hits = 0;
  readonly #shape: Shape;
  readonly #random: () => number;
  readonly #time = new SimulatedTime();
  readonly #bytes = new Bytes();
  readonly #cache: Cache;
  #versions: Versions = { a: 0, b: 0, c: 0 };
  /** As acknowledged. */
  #told: Versions = { a: 0, b: 0, c: 0 };
  #reads = 0;
  readonly #fills: (() => void)[] = [];
  /** By the id of a read: tags of those who were given it. */
  readonly #named = new Map<number, Set<Tag>>();
  readonly #filledBy = new Map<number, readonly Tag[]>();

  constructor(shape: Shape, seed: number) {
    this.#shape = shape;
    this.#random = chance(seed);
    const tiers = shape.hasStore ? [storeTier({ name: 'map', store: this.#bytes, timeout: 1_000, pause: 0 })] : [];
    const memory = shape.hasMemory ? { maxEntries: 1 } : (false as const);
    const platform = { clock: this.#time, tasks: this.#time, random: this.#random, epoch: 'e' };
    this.#cache = createCacheOn({ tiers, memory }, platform);
  }

  async run(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      this.#step();
      for (let turn = this.#pick([0, 1, 3, 30]); turn > 0; turn--) await undefined;
    }
    this.#bytes.how = 'at once';
    this.#bytes.takeLate();
    for (let turn = 0; turn < 60; turn++) {
      for (const end of this.#fills.splice(0)) end();
      this.#time.advance(1_000);
      await undefined;
    }
    await this.#cache.close();
  }

  /** In grace, most callers are to find it stale. */
  get #ttlMs(): number {
    return this.#shape.grace ? 60 : 800;
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[Math.floor(this.#random() * choices.length)] as T;
  }

  #step(): void {
    const at = this.#random();
    if (at < 0.4) this.#ask(TAGS.filter(() => this.#random() < (this.#shape.grace ? 0.25 : 0.4)));
    else if (at < 0.55) this.#get();
    else if (at < 0.7) this.#fills.splice(Math.floor(this.#random() * this.#fills.length), 1)[0]?.();
    else if (at < 0.82) this.#change(this.#pick(TAGS));
    else if (at < 0.87) void this.#cache.getOrSet('another', () => 1);
    else if (at < 0.95) this.#time.advance(this.#pick([10, 60, this.#ttlMs]));
    else {
      this.#bytes.takeLate();
      this.#bytes.how = this.#pick(['at once', 'late', 'fails']);
    }
  }

  #change(tag: Tag): void {
    const version = this.#versions[tag] + 1;
    this.#versions = { ...this.#versions, [tag]: version };
    void this.#cache.invalidate({ tags: [tag] }).then(() => {
      this.#told = { ...this.#told, [tag]: Math.max(this.#told[tag], version) };
    });
  }

  #ask(tags: readonly Tag[]): void {
    const begun = this.#reads;
    const fill = async (): Promise<Read> => {
      const read = { id: ++this.#reads, versions: this.#versions };
      this.#filledBy.set(read.id, tags);
      const fails = this.#shape.grace && this.#random() < 0.7;
      await new Promise<void>((resolve) => this.#fills.push(resolve));
      if (fails) throw new Error('the source is down');
      return read;
    };
    const timeouts = { soft: 50, hard: 5_000 };
    const refresh = this.#random() < 0.15;
    const options = {
      tags,
      refresh,
      ttl: this.#ttlMs,
      grace: this.#shape.grace ? '1h' : 0,
      graceBackoff: 0,
      timeouts,
    } as const;
    const many = async () =>
      (await this.#cache.getOrSetMany(['k'], async () => new Map([['k', await fill()]]), options)).get('k');
    const asked = this.#random() < 0.25 ? many() : (async () => this.#cache.getOrSet('k', fill, options))();
    const hear = this.#hearer(tags);
    asked.then(
      (read) => {
        hear(read as Read);
        const known = this.#filledBy.get((read as Read).id) as readonly Tag[];
        if ((read as Read).id <= begun && tags.some((tag) => !known.includes(tag))) this.hits++;
      },
      () => undefined,
    );
  }

  #get(): void {
    const hear = this.#hearer([]);
    void (async () => this.#cache.get('k', { stale: this.#shape.grace }))().then(
      (read) => read !== undefined && hear(read as Read),
    );
  }

  /** Judges what is given to one who asks now. */
  #hearer(tags: readonly Tag[]): (read: Read) => void {
    const told = this.#told;
    const before = new Map([...this.#named].map(([id, named]) => [id, new Set(named)]));
    return ({ id, versions }) => {
      for (const tag of new Set([...tags, ...(before.get(id) ?? [])])) {
        if (versions[tag] >= told[tag]) continue;
        this.problems.push(`read ${id} by [${tags}] saw ${tag}${versions[tag]} after ${tag}${told[tag]} was told`);
      }
      const named = this.#named.get(id) ?? new Set();
      for (const tag of tags) named.add(tag);
      this.#named.set(id, named);
    };
  }
}

export const LATE_TAGS: UnseenRace = {
  name: 'late tags',
  async *cells(): AsyncIterable<UnseenCell> {
    for (const shape of SHAPES) {
      const problems: string[] = [];
      let hits = 0;
      for (let seed = 1; seed <= RUNS; seed++) {
        const race = new LateTags(shape, seed);
        await race.run();
        hits += race.hits;
        problems.push(...race.problems.map((problem) => `seed ${seed}: ${problem}`));
      }
      if (hits === 0) problems.push('no entry took a tag');
      yield { name: shape.name, hits, problems: problems.slice(0, 5) };
    }
  },
};
