// The data cache that programs hold: keys, options and events over the engine's values.
//
// The one complication: a hit is given at once and without a promise. So no method on that path is async, and none makes
// anything but the whole key, where there is a namespace or a version.

import { globMatcher } from '../dependency/glob.ts';
import type { Selector } from '../dependency/selector.ts';
import type { ValueCache } from '../engine/value-contract.ts';
import { TidegateError } from '../errors.ts';
import type { Clock, Eventually, Tasks } from '../ports.ts';
import { Batch, type BatchFill } from './batch.ts';
import type * as Contract from './contract.ts';
import { Events } from './events.ts';
import { runFill, runUncached } from './fill-context.ts';
import { KeySpace } from './keys.ts';
import { eventTags, Kinds } from './kinds.ts';
import { type Resolved, Terms } from './options.ts';
import { OutsideKeys } from './outside.ts';
import type { Schema } from './schema.ts';
import { everythingIn, type Scope, selectorsOf, tagSelectors } from './selection.ts';
import { ownTags } from './tags.ts';

type Fill = Contract.Fill<unknown>;

export interface NamedCacheParts {
  readonly engine: ValueCache;
  readonly options: Pick<Contract.CacheOptions, 'version' | 'defaults' | 'kinds' | 'enabled' | 'rollout'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Tasks;
  /** True: there is more than this process's memory, so entries may be there from before, or from others. */
  readonly hasSlowTiers: boolean;
  readonly memoryStats: () => Contract.CacheStats['memory'];
  readonly close: () => Promise<void>;
}

/** What a cache and all its namespaces share. */
interface Shared extends NamedCacheParts {
  readonly kinds: Kinds;
  readonly events: Events;
  readonly outside: OutsideKeys;
  readonly seen: { digests: boolean; versions: boolean };
  /** Part of the keys that is cached: 0 where the cache is off. */
  readonly share: number;
  /** Keys that one call looked up and then had filled: the engine counts them twice. */
  askedTwice: number;
}

/** Makes the cache over its engine. Throws E_CONFIG, E_KEY, E_TTL, E_TAG. */
export function namedCache<S extends Schema = Schema>(parts: NamedCacheParts): Contract.Cache<S> {
  const { version, defaults = {}, kinds, enabled = true, rollout = 1 } = parts.options;
  if (typeof rollout !== 'number' || !(rollout >= 0 && rollout <= 1)) {
    throw new TidegateError('E_CONFIG', `expected rollout to be a number from 0 to 1, got ${String(rollout)}`);
  }
  const seen = { digests: parts.hasSlowTiers, versions: parts.hasSlowTiers };
  const shared: Shared = {
    ...parts,
    ...{ kinds: new Kinds(kinds), events: new Events(), outside: new OutsideKeys(parts.hasSlowTiers), seen },
    ...{ share: enabled ? rollout : 0, askedTwice: 0 },
  };
  const cache = new NamedCache(shared, KeySpace.ofCache(version, seen), [defaults]);
  return cache as unknown as Contract.Cache<S>;
}

/** Keys and values are typed by the contract alone. */
class NamedCache implements Record<keyof Contract.Cache, unknown> {
  readonly #shared: Shared;
  readonly #engine: ValueCache;
  readonly #space: KeySpace;
  readonly #layers: readonly Contract.FillOptions[];
  readonly #terms: Terms;
  readonly #hasKinds: boolean;
  readonly #isWhole: boolean;
  /** True: a key may be looked up as it is, before it is looked at. */
  readonly #isQuick: boolean;
  /** Programs ask for the same ones again, often once for each request. */
  readonly #namespaces = new Map<string, NamedCache>();

  constructor(shared: Shared, space: KeySpace, layers: readonly Contract.FillOptions[]) {
    this.#shared = shared;
    this.#engine = shared.engine;
    this.#space = space;
    this.#layers = layers;
    this.#terms = new Terms(space.levels, layers, shared.kinds);
    this.#hasKinds = !shared.kinds.isEmpty;
    this.#isWhole = shared.share === 1;
    this.#isQuick = this.#isWhole && space.isBare;
  }

  get(key: string): Eventually<unknown> {
    if (this.#isQuick) {
      const hit = this.#engine.hit(key);
      if (hit !== undefined) return hit;
    }
    const whole = this.#space.whole(key);
    return this.#isWhole || this.#isCached(whole) ? this.#engine.get(whole) : undefined;
  }

  getMany(keys: readonly string[]): Eventually<Map<string, unknown>> {
    const asked = keys.map((key) => ({ key, whole: this.#space.whole(key) }));
    const cached = asked.filter(({ whole }) => this.#isCached(whole));
    const toMap = (values: readonly unknown[]) => {
      const found = new Map<string, unknown>();
      for (const [at, { key }] of cached.entries()) if (values[at] !== undefined) found.set(key, values[at]);
      return found;
    };
    const values = this.#engine.getMany(cached.map(({ whole }) => whole));
    return values instanceof Promise ? values.then(toMap) : toMap(values);
  }

  has(key: string): Eventually<boolean> {
    const found = this.get(key);
    return found instanceof Promise ? found.then((value) => value !== undefined) : found !== undefined;
  }

  set(key: string, value: unknown, options?: Contract.SetOptions): Eventually<boolean> {
    const whole = this.#space.whole(key);
    const terms = this.#terms.setTerms(this.#resolve(key, options), key, options);
    if (!this.#isCached(whole)) return false;
    this.#shared.outside.note(this.#space.prefix, key);
    return this.#engine.set(whole, value, terms);
  }

  setMany(
    entries: readonly { readonly key: string; readonly value: unknown; readonly options?: Contract.SetOptions }[],
  ): Eventually<boolean[]> {
    const stored = entries.map(({ key, value, options }) => this.set(key, value, options));
    return stored.some((one) => one instanceof Promise) ? Promise.all(stored) : (stored as boolean[]);
  }

  async delete(key: string): Promise<boolean> {
    return (await this.deleteMany([key])) > 0;
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    return this.#engine.remove([...new Set(keys.map((key) => this.#space.whole(key)))]);
  }

  async clear(): Promise<void> {
    await this.#engine.invalidate(everythingIn(this.#scope), false);
    await this.#engine.purge(this.#everything);
  }

  getOrSet(key: string, fill: Fill, options?: Contract.FillOptions): Eventually<unknown> {
    if (this.#isQuick && this.#mayHit(options)) {
      const hit = this.#engine.hit(key);
      if (hit !== undefined) return hit;
    }
    const resolved = this.#resolve(key, options);
    const whole = this.#space.whole(key);
    const maker = this.#terms;
    if (!this.#isWhole && !this.#isCached(whole)) {
      return runUncached(fill, { key, resolved, maker }, this.#shared.tasks);
    }
    return this.#engine.getOrSet(
      whole,
      (context) => {
        this.#shared.outside.note(this.#space.prefix, key);
        return runFill(fill, context, { key, resolved, maker });
      },
      resolved.terms,
    );
  }

  async getOrSetMany(
    keys: readonly string[],
    fill: BatchFill,
    options?: Contract.FillOptions,
  ): Promise<Map<string, unknown>> {
    const asked = [...new Set(keys)];
    const found = options?.refresh === true ? new Map<string, unknown>() : await this.getMany(asked);
    const missing = asked.filter((key) => !found.has(key));
    if (missing.length === 0) return found;
    const batch = new Batch(missing, fill, () => this.#engine.stamp());
    if (options?.refresh !== true) {
      for (const key of missing) if (this.#isCached(this.#space.whole(key))) this.#shared.askedTwice++;
    }
    const filled = await Promise.allSettled(
      missing.map(async (key) => this.getOrSet(key, () => batch.value(key), options)),
    );
    const values = new Map(missing.map((key, at) => [key, filled[at] as PromiseSettledResult<unknown>]));
    const all = new Map<string, unknown>();
    for (const key of asked) {
      const result = values.get(key);
      if (result?.status === 'rejected') throw result.reason;
      all.set(key, result === undefined ? found.get(key) : result.value);
    }
    return all;
  }

  async expire(key: string): Promise<boolean> {
    const selector: Selector = { kind: 'url', uri: this.#space.whole(key) };
    let wasThere = false;
    for await (const { state } of this.#engine.entries(selector)) wasThere ||= state === 'fresh' || state === 'stale';
    await this.#engine.invalidate([selector], true);
    return wasThere;
  }

  async invalidate(what: Contract.Invalidation): Promise<void> {
    await this.#engine.invalidate(selectorsOf(what, this.#scope), what.soft === true);
  }

  stamp(): Contract.ReadStamp {
    return this.#engine.stamp();
  }

  namespace(name: string, options?: Contract.NamespaceOptions): NamedCache {
    if (options !== undefined) return this.#within(name, options);
    const known = this.#namespaces.get(name);
    if (known !== undefined) return known;
    const made = this.#within(name, {});
    if (this.#namespaces.size >= KNOWN_NAMESPACES) this.#namespaces.clear();
    this.#namespaces.set(name, made);
    return made;
  }

  #within(name: string, options: Contract.NamespaceOptions): NamedCache {
    const layers = options.defaults === undefined ? this.#layers : [...this.#layers, options.defaults];
    return new NamedCache(this.#shared, this.#space.within(name, options.version), layers);
  }

  async emit(event: string, data: Contract.EventData = {}): Promise<Contract.EventResult> {
    const { kinds, events } = this.#shared;
    const hearing = kinds.invalidatedBy(event).map((name) => ({ name, policy: kinds.policy(name) }));
    const invalidate = async (names: readonly string[]): Promise<void> => {
      const tags = names.flatMap((name) => eventTags(name, data));
      await this.#engine.invalidate(tagSelectors(tags, this.#scope), false);
    };
    return events.emit(event, this.#space, { data, kinds: hearing, invalidate });
  }

  on(event: string, handler: (data: Contract.EventData) => unknown): () => void {
    return this.#shared.events.on(event, handler, this.#space);
  }

  stats(): Contract.CacheStats {
    const stats = this.#engine.stats();
    const misses = Math.max(0, stats.misses - this.#shared.askedTwice);
    return { ...stats, misses, memory: this.#shared.memoryStats() };
  }

  async *entries(
    selection: { readonly tag?: string; readonly pattern?: string } = {},
  ): AsyncGenerator<Contract.CacheEntry> {
    const { tag, pattern } = selection;
    const matches = pattern === undefined ? () => true : globMatcher(pattern);
    const selector: Selector = tag === undefined ? this.#everything : { kind: 'tag', tag };
    for await (const note of this.#engine.entries(selector)) {
      if (!note.key.startsWith(this.#space.prefix)) continue;
      const key = this.#space.keyOf(note.key);
      if (!matches(key)) continue;
      const { state, bytes, bornMs, lifetimeMs } = note;
      const ageMs = this.#shared.clock.now() - bornMs;
      yield { key, state, ageMs, ttlMs: lifetimeMs - ageMs, tags: ownTags(note.tags), bytes };
    }
  }

  close(): Promise<void> {
    return this.#shared.close();
  }

  get #scope(): Scope {
    const { outside, seen } = this.#shared;
    return { space: this.#space, outside, seen };
  }

  get #everything(): Selector {
    const { prefix } = this.#space;
    return prefix === '' ? { kind: 'all' } : { kind: 'prefix', prefix };
  }

  #resolve(key: string, options: Contract.FillOptions | Contract.SetOptions | undefined): Resolved {
    if (!this.#hasKinds && options === undefined) return this.#terms.plain;
    const kind = options?.kind ?? this.#shared.kinds.of(key, this.#space.prefix);
    return this.#terms.resolve(kind, options);
  }

  /** True: whatever else the options say, what is there and fresh is the answer. */
  #mayHit(options: Contract.FillOptions | undefined): boolean {
    if (this.#hasKinds || this.#terms.plain.terms.earlyRefresh !== undefined || this.#terms.plain.terms.refresh)
      return false;
    return options === undefined || (options.earlyRefresh === undefined && options.refresh !== true);
  }

  #isCached(whole: string): boolean {
    const { share } = this.#shared;
    return share === 1 || (share > 0 && place(whole) < share);
  }
}

/** Kept by each namespace. */
const KNOWN_NAMESPACES = 1000;

/** Where a key stands between 0 and 1: the same in every process, and unlike for keys that are alike. */
function place(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
