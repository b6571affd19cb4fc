// What one cell of the data cache's race runs in: a cache on simulated time, its tiers, and a source of versions whose
// reads are taken on by hand.

import { createLocalLog } from '../../src/engine/invalidator.ts';
import { createValueCache } from '../../src/engine/values/value-cache.ts';
import type { FillTerms, SetTerms, ValueCache, ValueFillContext } from '../../src/engine/values/value-contract.ts';
import type { StoredValue } from '../../src/entry/stored-value.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import type { InvalidationLog, Store } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { SlowLog } from '../kit/slow-log.ts';
import { type Asked, asked, GatedSource, settle, versionIn } from './data-source.ts';
import { SlowValues, watchedMemory } from './data-tier.ts';

export const KEY = 'shop:item:1';
/** Known before the fill; a table is a tag to the engine. */
export const TAGS: readonly string[] = ['red', 'table:items'];
/** Named by the fill alone, at its end. */
export const FOUND_TAG = 'found';

export const TTL_MS = 60_000;
export const GRACE_MS = 3_600_000;

/** `lossy`: as `memory+slow`, and the first put of what is new is lost in the slow tier. */
export type DataTiers = 'memory' | 'memory+slow' | 'slow' | 'lossy';
export type LogKind = 'local' | 'durable' | 'shared';

const TERMS: FillTerms = {
  ttlMs: TTL_MS,
  slidingMs: Number.POSITIVE_INFINITY,
  jitter: 0,
  graceMs: 0,
  tags: TAGS,
  memoryOnly: false,
  nullTtlMs: TTL_MS,
  softMs: Number.POSITIVE_INFINITY,
  hardMs: Number.POSITIVE_INFINITY,
  earlyRefresh: undefined,
  graceBackoffMs: 5_000,
  refresh: false,
  signal: undefined,
};

/** How one fill ends. */
export type Ending = 'value' | 'failure' | 'skip' | 'not modified';

export class DataWorld {
  readonly time = new SimulatedTime();
  readonly cache: ValueCache;
  readonly slow: SlowValues | undefined;
  readonly source = new GatedSource();
  readonly faults: unknown[] = [];
  /** Versions that any tier was told to keep since an invalidation was acknowledged. */
  readonly putSince: number[] = [];
  readonly log: SlowLog | undefined;
  acknowledged = false;
  readonly #memory: Store<StoredValue> | undefined;

  constructor(tiers: DataTiers, log: LogKind) {
    const onPut = ({ value }: StoredValue) => {
      if (this.acknowledged) this.putSince.push(versionIn(value));
    };
    this.#memory = tiers === 'slow' ? undefined : watchedMemory(onPut);
    this.slow = tiers === 'memory' ? undefined : new SlowValues(onPut);
    if (this.slow !== undefined && tiers === 'lossy') this.slow.loses = ({ value }) => versionIn(value) === 2;
    const invalidations = new Invalidations({ epoch: 'e1', buckets: 2 ** 12 });
    this.log = log === 'local' ? undefined : new SlowLog(log);
    const history = this.log === undefined ? createLocalLog(0) : this.#withQuickSets(this.log);
    const stores = [this.#memory, this.slow].filter((store) => store !== undefined);
    this.cache = createValueCache({
      stores,
      names: stores.map((store) => (store === this.#memory ? 'memory' : 'slow')),
      hasMemory: this.#memory !== undefined,
      clock: this.time,
      tasks: this.time,
      random: () => 0.5,
      history: { invalidations, log: history },
      epoch: 'e1',
      fault: (error) => this.faults.push(error),
    });
  }

  #isSetting = false;

  /** The memory tier has had to make room. */
  evict(): void {
    this.#memory?.delete([KEY]);
  }

  /** A fill that reads the source. */
  fill(ending: Ending): (context: ValueFillContext) => Promise<unknown> {
    return async (context) => {
      const { previous } = context;
      const version = await this.source.read();
      context.change({ tags: [...TAGS, FOUND_TAG] });
      context.setValidator(`v${version}`);
      if (ending === 'failure') throw new Error('the source is down');
      if (ending === 'skip') return context.skip({ version });
      const isSame = ending === 'not modified' && previous?.validator === `v${version}`;
      return isSame ? context.notModified() : { version };
    };
  }

  getOrSet(name: string, ending: Ending, terms: Partial<FillTerms>): Asked {
    return asked(name, () => this.cache.getOrSet(KEY, this.fill(ending), { ...TERMS, ...terms }));
  }

  get(name: string): Asked {
    return asked(name, () => this.cache.get(KEY));
  }

  getMany(name: string): Asked {
    return asked(name, async () => (await this.cache.getMany([KEY]))[0]);
  }

  /** What a program does without `getOrSet`. */
  getAndSet(name: string): Asked {
    return asked(name, async () => {
      const stamp = this.cache.judge.arrive();
      const found = await this.cache.get(KEY);
      if (found !== undefined) return found;
      const version = await this.source.read();
      await this.set(version, { stamp });
      return { version };
    });
  }

  async set(version: number, terms: Partial<SetTerms> = {}): Promise<boolean> {
    const { ttlMs, slidingMs, jitter, graceMs, memoryOnly } = TERMS;
    const tags = [...TAGS, FOUND_TAG];
    const validator = `v${version}`;
    const options = { ttlMs, slidingMs, jitter, graceMs, memoryOnly, tags, validator, stamp: undefined, ...terms };
    this.#isSetting = true;
    const stored = this.cache.set(KEY, { version }, options);
    this.#isSetting = false;
    return await stored;
  }

  /** What a set notes in the log is not what is raced here. */
  #withQuickSets(log: SlowLog): InvalidationLog {
    return {
      follow: (apply) => log.follow(apply),
      append: (change) => (this.#isSetting ? log.appendNow(change) : log.append(change)),
    };
  }

  /** Lets whatever is under way end: reads, tiers, the log. */
  async drain(): Promise<void> {
    for (let rounds = 0; rounds < 100; rounds++) {
      await settle();
      if (!this.source.step() && this.slow?.step() !== true) return;
    }
    throw new Error('expected an end of what is under way, got none');
  }
}
