// The data cache that programs hold: keys, options and events over the engine's values.
//
// A hit is given at once and without a promise. So no method on that path is async, and none makes
// anything but the whole key, where there is a namespace or a version.

import type { ManyFill, ValueCache, ValueFill, ValueToSet } from '../engine/values/value-contract.ts';
import { globMatcher } from '../ledger/glob.ts';
import type { Selector } from '../ledger/selector.ts';
import { toMs } from '../options/durations.ts';
import { anything, checkOptions, flag, func, text } from '../options/kit.ts';
import type { Eventually } from '../ports.ts';
import { Batch, type BatchFill, EarlyBatch } from './batch.ts';
import type * as Contract from './contract.ts';
import { ProgramFill, runUncached } from './fill-context.ts';
import { checkEntries, checkKeys, KeySpace, placeOf } from './keys/key-space.ts';
import { everythingIn, otherVersions, type Scope, selectorsOf, tagSelectors } from './keys/selection.ts';
import { ownTags } from './keys/tags.ts';
import { type Resolved, Terms } from './options/terms.ts';
import type { Schema, SchemaLike } from './schema.ts';
import { closeWithin, type NamedCacheParts, type Shared, sharedBy, statsOf } from './shared.ts';

type Fill = Contract.Fill<unknown>;

/** Makes the cache over its engine. Throws E_CONFIG, E_KEY, E_TTL, E_TAG. */
export function namedCache<S extends SchemaLike<S> = Schema>(parts: NamedCacheParts): Contract.Cache<S> {
  const { version, defaults = {} } = parts.options;
  const shared = sharedBy(parts);
  const cache = new NamedCache(shared, KeySpace.ofCache(version, shared.seen), [defaults]);
  cache.checkKinds();
  return cache as unknown as Contract.Cache<S>;
}

/** What the contract does not show. Undefined: it is no cache of this package. */
export function insideOf(cache: object): { shared: Shared; space: KeySpace; terms: Terms } | undefined {
  return NamedCache.insideOf(cache);
}

/** Keys and values are typed by the contract alone. */
class NamedCache implements Record<keyof Contract.Cache, unknown> {
  readonly #shared: Shared;
  readonly #engine: ValueCache;
  readonly #space: KeySpace;
  readonly #layers: readonly Contract.DefaultOptions[];
  readonly #terms: Terms;
  /** A key may be looked up as it is, before it is looked at. */
  readonly #isQuick: boolean;
  readonly #noteFilled = (key: string) => this.#shared.outside.note(this.#space.prefix, key);
  /** Programs ask for the same ones again, often once for each request. */
  readonly #namespaces = new Map<string, NamedCache>();

  constructor(shared: Shared, space: KeySpace, layers: readonly Contract.DefaultOptions[]) {
    this.#shared = shared;
    this.#engine = shared.engine;
    this.#space = space;
    this.#layers = layers;
    this.#terms = new Terms(space, layers, shared.kinds);
    this.#isQuick = shared.share === 1 && space.isBare;
  }

  static insideOf(cache: object): ReturnType<typeof insideOf> {
    return #shared in cache ? { shared: cache.#shared, space: cache.#space, terms: cache.#terms } : undefined;
  }

  /** A wrong option of a kind shows when the cache is made, not when a key of the kind is used. */
  checkKinds(): void {
    for (const kind of this.#shared.kinds.names) this.#terms.resolve(kind, undefined);
  }

  get(key: string, options?: Contract.GetOptions): Eventually<unknown> {
    const hit = this.#isQuick && this.#shared.isLeased() ? this.#engine.hit(key) : undefined;
    return hit === undefined ? this.#sought(key, options) : hit;
  }

  #sought(key: string, options: Contract.GetOptions | undefined): Eventually<unknown> {
    const whole = this.#space.whole(key);
    if (!this.#isCached(whole)) return undefined;
    if (options !== undefined) checkOptions('get', options, { stale: flag });
    return this.#engine.get(whole, options?.stale ?? false);
  }

  getMany(keys: readonly string[]): Eventually<Map<string, unknown>> {
    return this.#found(keys);
  }

  /** `fill`: how a key that is found would be filled. */
  #found(keys: readonly string[], fill?: (key: string) => ManyFill): Eventually<Map<string, unknown>> {
    checkKeys(keys);
    const asked = keys.map((key) => ({ key, whole: this.#space.whole(key) }));
    const cached = asked.filter(({ whole }) => this.#isCached(whole));
    const toMap = (values: readonly unknown[]) => {
      const found = new Map<string, unknown>();
      for (const [at, { key }] of cached.entries()) if (values[at] !== undefined) found.set(key, values[at]);
      return found;
    };
    const fillAt = fill && ((at: number) => fill((cached[at] as (typeof cached)[number]).key));
    const wholes = cached.map(({ whole }) => whole);
    const values = this.#engine.getMany(wholes, fillAt);
    return values instanceof Promise ? values.then(toMap) : toMap(values);
  }

  has(key: string): Eventually<boolean> {
    const found = this.get(key);
    return found instanceof Promise ? found.then((value) => value !== undefined) : found !== undefined;
  }

  set(key: string, value: unknown, options?: Contract.SetOptions): Eventually<boolean> {
    if (!this.#shared.isLeased()) return this.#shared.leased(() => this.set(key, value, options));
    const set = this.#toSet(key, value, options);
    if (!this.#isCached(set.key)) return false;
    this.#shared.outside.note(this.#space.prefix, key);
    return this.#engine.set(set.key, value, set.terms);
  }

  #toSet(key: string, value: unknown, options: Contract.SetOptions | undefined): ValueToSet {
    const resolved = this.#terms.resolveSet(this.#kindOf(key, options), options);
    return { key: this.#space.whole(key), value, terms: this.#terms.setTerms(resolved, key, options) };
  }

  /** All are looked at before any is stored. */
  setMany(
    entries: readonly { readonly key: string; readonly value: unknown; readonly options?: Contract.SetOptions }[],
  ): Eventually<boolean[]> {
    checkEntries(entries);
    if (!this.#shared.isLeased()) return this.#shared.leased(() => this.setMany(entries));
    const all = entries.map(({ key, value, options }) => this.#toSet(key, value, options));
    const cached = all.map(({ key }) => this.#isCached(key));
    for (const [at, { key }] of entries.entries()) if (cached[at]) this.#shared.outside.note(this.#space.prefix, key);
    const results = this.#engine.setMany(all.filter((_, at) => cached[at])).values();
    const stored = cached.map((is) => is && (results.next().value as Eventually<boolean>));
    return stored.some((one) => one instanceof Promise) ? Promise.all(stored) : (stored as boolean[]);
  }

  async delete(key: string): Promise<boolean> {
    return (await this.deleteMany([key])) > 0;
  }

  async deleteMany(keys: readonly string[]): Promise<number> {
    checkKeys(keys);
    const byWhole = new Map(keys.map((key) => [this.#space.whole(key), key]));
    const others = (whole: string) => otherVersions(byWhole.get(whole) as string, this.#scope);
    return this.#engine.remove([...byWhole.keys()], others);
  }

  async clear(): Promise<void> {
    await this.#engine.invalidate(everythingIn(this.#scope), false);
    await this.#engine.purge(this.#everything);
  }

  getOrSet(key: string, fill: Fill, options?: Contract.FillOptions): Eventually<unknown> {
    func(fill, 'a fill');
    const quick = this.#isQuick && this.#shared.isLeased() ? this.#terms.quickTags(options) : undefined;
    const hit = quick === undefined ? undefined : this.#engine.hit(key, quick);
    if (hit !== undefined) return hit;
    const resolved = this.#resolve(key, options);
    const whole = this.#space.whole(key);
    if (!this.#isCached(whole)) return runUncached(fill, { key, resolved, maker: this.#terms }, this.#shared);
    return this.#engine.getOrSet(whole, this.#engineFill(fill, key, resolved), resolved.terms);
  }

  #engineFill(fill: Fill, key: string, resolved: Resolved): ValueFill {
    return new ProgramFill(fill, { key, resolved, maker: this.#terms }, this.#noteFilled);
  }

  async getOrSetMany(
    given: readonly string[],
    fill: BatchFill,
    options?: Contract.FillOptions,
  ): Promise<Map<string, unknown>> {
    checkKeys(given);
    func(fill, 'a fill');
    const keys = [...new Set(given)];
    const isAnew = options?.refresh === true;
    const found = isAnew ? new Map<string, unknown>() : await this.#foundInTime(keys, fill, options);
    const missing = keys.filter((key) => !found.has(key));
    const batch = new Batch(missing, fill, {
      stamp: () => this.#engine.judge.arrive(),
      isFilling: (key) => !isAnew && this.#engine.isFilling(this.#space.whole(key)),
    });
    const cached = missing.map((key) => this.#space.whole(key)).filter((whole) => this.#isCached(whole));
    if (!isAnew) this.#engine.figures.asksAgain(cached);
    const one = async (key: string) => this.getOrSet(key, () => batch.value(key), options);
    // All are waited for, so that none fails unheard.
    const filled = await Promise.allSettled(missing.map(one));
    const all = new Map<string, unknown>(keys.map((key) => [key, found.get(key)]));
    for (const [at, result] of filled.entries()) {
      if (result.status === 'rejected') throw result.reason;
      all.set(missing[at] as string, result.value);
    }
    return all;
  }

  /** The fresh entries. One call fills those in the background that are due for early refresh. */
  async #foundInTime(keys: readonly string[], fill: BatchFill, options: Contract.FillOptions | undefined) {
    // By no tags, and never refreshed early.
    if (this.#terms.quickTags(options)?.length === 0) return this.#found(keys);
    const early = new EarlyBatch(fill);
    const found = await this.#found(keys, (key) => {
      const resolved = this.#resolve(key, options);
      return { fill: this.#engineFill(() => early.value(key), key, resolved), terms: resolved.terms };
    });
    early.start();
    return found;
  }

  async expire(key: string): Promise<boolean> {
    return this.#engine.expire(this.#space.whole(key), otherVersions(key, this.#scope));
  }

  async invalidate(what: Contract.Invalidation): Promise<void> {
    await this.#engine.invalidate(selectorsOf(what, this.#scope), what.soft === true);
  }

  stamp(): Contract.ReadStamp {
    return this.#engine.judge.arrive();
  }

  namespace(name: string, options?: Contract.NamespaceOptions): NamedCache {
    const known = options === undefined ? this.#namespaces.get(name) : undefined;
    if (known !== undefined) return known;
    const { version, defaults } = options ?? {};
    if (options !== undefined) checkOptions('a namespace', options, { version: anything, defaults: anything });
    const layers = defaults === undefined ? this.#layers : [...this.#layers, defaults];
    const space = this.#space.within(name, version);
    this.#engine.figures.countIn(space.levels[0] as string);
    const made = new NamedCache(this.#shared, space, layers);
    if (options !== undefined) return made;
    if (this.#namespaces.size >= KNOWN_NAMESPACES) this.#namespaces.clear();
    this.#namespaces.set(name, made);
    return made;
  }

  async emit(event: string, data: Contract.EventData = {}): Promise<Contract.EventResult> {
    const { kinds, events } = this.#shared;
    events.check(event, data, kinds.events);
    const invalidated = kinds.invalidatedBy(event);
    const tags = invalidated.flatMap((name) => kinds.eventTags(name, event, data));
    if (invalidated.length > 0) await this.#engine.invalidate(tagSelectors(tags, this.#scope), false);
    const policies = invalidated.map((name) => kinds.policy(name));
    return { invalidated, ...(await events.tell(event, data, { prefix: this.#space.prefix, policies })) };
  }

  on(event: string, handler: (data: Contract.EventData) => unknown): () => void {
    return this.#shared.events.on(event, handler, this.#space.prefix);
  }

  stats(): Contract.CacheStats {
    return statsOf(this.#shared);
  }

  async *entries(
    selection: { readonly tag?: string; readonly pattern?: string } = {},
  ): AsyncGenerator<Contract.CacheEntry> {
    checkOptions('entries', selection, { tag: text, pattern: text });
    const { tag, pattern } = selection;
    const selector: Selector = tag === undefined ? this.#everything : { kind: 'tag', tag };
    const matches = pattern === undefined ? () => true : globMatcher(pattern);
    for await (const { key: whole, state, bytes, bornMs, lifetimeMs, tags } of this.#engine.entries(selector)) {
      const key = this.#space.keyOf(whole);
      if (!whole.startsWith(this.#space.prefix) || !matches(key)) continue;
      const ageMs = this.#shared.clock.now() - bornMs;
      yield { key, state, ageMs, ttlMs: lifetimeMs - ageMs, tags: ownTags(tags), bytes };
    }
  }

  close(options: Contract.CloseOptions = {}): Promise<void> {
    checkOptions('close', options, { within: anything });
    const withinMs = toMs(options.within ?? '30s', 'within');
    this.#shared.share = 0;
    this.#shared.closed ??= closeWithin(withinMs, this.#shared);
    return this.#shared.closed;
  }

  get #scope(): Scope {
    const { outside, seen } = this.#shared;
    return { space: this.#space, outside, seen };
  }

  get #everything(): Selector {
    const { prefix } = this.#space;
    return prefix === '' ? { kind: 'all' } : { kind: 'prefix', prefix };
  }

  #resolve(key: string, options: Contract.FillOptions | undefined): Resolved {
    if (this.#shared.kinds.isEmpty && options === undefined) return this.#terms.plain;
    return this.#terms.resolve(this.#kindOf(key, options), options);
  }

  #kindOf(key: string, options: { readonly kind?: string } | undefined): string | undefined {
    return options?.kind ?? this.#shared.kinds.of(key, this.#space.prefix);
  }

  #isCached(whole: string): boolean {
    const { share, isLeased } = this.#shared;
    return (share === 1 || (share > 0 && placeOf(whole) < share)) && isLeased();
  }
}

/** Kept by each namespace. */
const KNOWN_NAMESPACES = 1000;
