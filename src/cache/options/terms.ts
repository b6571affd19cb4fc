// Options of programs as the terms of the engine.
//
// The options of a call override the policy of the kind, the policy overrides the defaults of the namespace, and these override
// the cache's. Tags and tables of all layers add up. A call without options uses terms that are made once for each kind, so a
// hit builds nothing.

import type { FillTerms, SetTerms } from '../../engine/values/value-contract.ts';
import { leftOut } from '../../entry/stored-value.ts';
import { expected } from '../../errors.ts';
import { type Duration, toMs } from '../../options/durations.ts';
import * as kit from '../../options/kit.ts';
import type { DefaultOptions, EntryOptions, FillOptions, KindPolicy, SetOptions } from '../contract.ts';
import type { KeySpace } from '../keys/key-space.ts';
import { allTags, checkedTags } from '../keys/tags.ts';
import { type Kinds, kindTags } from './kinds.ts';

/** What holds for one call. `terms.tags` has all tags but those of the kind and of the key, which depend on the key. */
export interface Resolved {
  /** Whether all calls without options share this object. */
  readonly isKept: boolean;
  readonly terms: FillTerms;
  readonly kind: string | undefined;
  readonly tags: readonly string[];
  readonly tables: readonly string[];
}

export interface GivenNames {
  readonly tags: readonly string[];
  readonly tables: readonly string[];
}

interface UnresolvedTerms extends Omit<FillTerms, 'tags' | 'nullTtlMs'> {
  readonly tags: readonly string[];
  readonly tables: readonly string[];
  /** Undefined: the ttl. */
  readonly nullTtlMs: number | undefined;
}

const BUILT_IN: UnresolvedTerms = {
  ttlMs: 5 * 60_000,
  slidingMs: Number.POSITIVE_INFINITY,
  jitter: 0,
  graceMs: 0,
  tags: [],
  tables: [],
  memoryOnly: false,
  nullTtlMs: undefined,
  softMs: Number.POSITIVE_INFINITY,
  hardMs: 30_000,
  earlyRefresh: undefined,
  graceBackoffMs: 5000,
  refresh: false,
  signal: undefined,
};

export class Terms {
  readonly #space: KeySpace;
  readonly #kinds: Kinds;
  readonly #drafts = new Map<string | undefined, UnresolvedTerms>();
  readonly #resolved = new Map<string | undefined, Resolved>();
  readonly #base: UnresolvedTerms;
  readonly plain: Resolved;

  /** `layers`: defaults of the cache, then of each namespace. Throws E_CONFIG, E_TTL, E_TAG. */
  constructor(space: KeySpace, layers: readonly DefaultOptions[], kinds: Kinds) {
    this.#space = space;
    this.#kinds = kinds;
    this.#base = layers.reduce<UnresolvedTerms>((draft, layer) => merged(draft, layer, DEFAULTS), BUILT_IN);
    this.plain = { ...this.#finished(this.#base, undefined), isKept: true };
  }

  /** Tags with which a fresh entry answers the call. Undefined when the options need a closer look. */
  quickTags(options: FillOptions | undefined): readonly string[] | undefined {
    const { tags, earlyRefresh } = this.plain.terms;
    if (!this.#kinds.isEmpty || this.#space.isVersioned || earlyRefresh !== undefined) return undefined;
    const { refresh, earlyRefresh: early, tables, tags: own } = options ?? NO_OPTIONS;
    if (refresh === true || early !== undefined) return undefined;
    if (own === undefined && tables === undefined) return tags;
    if (tags.length > 0 || !Array.isArray(own ?? tags) || !Array.isArray(tables ?? tags)) return undefined;
    return tables === undefined ? own : this.#all(own ?? tags, tables);
  }

  resolve(kind: string | undefined, options: FillOptions | undefined): Resolved {
    if (options === undefined) return kind === undefined ? this.plain : this.#ofKind(kind);
    return this.#finished(merged(this.#draft(kind), options, FILL), kind);
  }

  /** What holds where a value is put in. Options of fills would say nothing, so they are refused. */
  resolveSet(kind: string | undefined, options: SetOptions | undefined): Resolved {
    if (options === undefined) return this.resolve(kind, options);
    return this.#finished(merged(this.#draft(kind), options, SET), kind);
  }

  /** All tags of an entry; `given`: what its fill named instead of the options, some of which it may leave out. */
  tagsOf(resolved: Resolved, key: string, given?: GivenNames): readonly string[] {
    if (given !== undefined) {
      const own = this.#tagsFor(key, resolved.kind, given);
      const out = this.tagsOf(resolved, key).filter((tag) => !own.includes(tag));
      return out.length === 0 ? own : [...own, ...out.map(leftOut)];
    }
    return this.areOfKey(resolved) ? this.#tagsFor(key, resolved.kind, resolved) : resolved.terms.tags;
  }

  #tagsFor(key: string, kind: string | undefined, { tags, tables }: GivenNames): readonly string[] {
    const all = this.#all(kind === undefined ? tags : [...tags, ...kindTags(kind, key)], tables);
    return this.#space.isVersioned ? [...all, this.#space.keyTag(key)] : all;
  }

  /** True: some tags depend on the key, and are not in the terms. */
  areOfKey({ kind }: Resolved): boolean {
    return kind !== undefined || this.#space.isVersioned;
  }

  setTerms(resolved: Resolved, key: string, options: SetOptions | undefined): SetTerms {
    const { ttlMs, slidingMs, jitter, graceMs, memoryOnly } = resolved.terms;
    const { stamp, validator } = options ?? NO_OPTIONS;
    return { ttlMs, slidingMs, jitter, graceMs, memoryOnly, tags: this.tagsOf(resolved, key), stamp, validator };
  }

  #all(tags: readonly string[], tables: readonly string[]): readonly string[] {
    return allTags(this.#space.levels, tags, tables);
  }

  #ofKind(kind: string): Resolved {
    const known = this.#resolved.get(kind);
    if (known !== undefined) return known;
    const resolved = { ...this.#finished(this.#draft(kind), kind), isKept: true };
    this.#resolved.set(kind, resolved);
    return resolved;
  }

  #draft(kind: string | undefined): UnresolvedTerms {
    if (kind === undefined) return this.#base;
    const known = this.#drafts.get(kind);
    if (known !== undefined) return known;
    const draft = merged(this.#base, this.#kinds.policy(kind), KIND);
    this.#drafts.set(kind, draft);
    return draft;
  }

  #finished(draft: UnresolvedTerms, kind: string | undefined): Resolved {
    const { tags, tables, nullTtlMs, ttlMs } = draft;
    const terms: FillTerms = { ...draft, tags: this.#all(tags, tables), nullTtlMs: nullTtlMs ?? ttlMs };
    return { isKept: false, terms, kind, tags, tables };
  }
}

const NO_OPTIONS: FillOptions & SetOptions = {};

const elsewhere = kit.anything;

/** Durations, tags and tables are looked at where they become what the engine takes. */
const ENTRY: kit.Checks<EntryOptions> = {
  ...{ ttl: elsewhere, sliding: elsewhere, jitter: kit.part, grace: elsewhere, tags: elsewhere, tables: elsewhere },
  tiers: kit.oneOf('all', 'memory'),
};
const PACE: kit.Checks<Pick<FillOptions, 'timeouts' | 'earlyRefresh'>> = {
  timeouts: kit.nested<NonNullable<FillOptions['timeouts']>>({ soft: elsewhere, hard: elsewhere }),
  earlyRefresh: kit.be(
    "a number from 0 to 1, or 'probabilistic'",
    (early) => early === 'probabilistic' || (typeof early === 'number' && early >= 0 && early <= 1),
  ),
};
const DEFAULTS: kit.Checks<DefaultOptions> = { ...ENTRY, ...PACE, nullTtl: elsewhere, graceBackoff: elsewhere };
const FILL: kit.Checks<FillOptions> = {
  ...{ ...ENTRY, kind: elsewhere, ...DEFAULTS },
  refresh: kit.flag,
  signal: kit.be(
    'an AbortSignal',
    (signal) =>
      kit.has(signal, 'addEventListener', 'removeEventListener') &&
      typeof Reflect.get(signal as object, 'aborted') === 'boolean',
  ),
};
const SET: kit.Checks<SetOptions> = {
  ...{ ...ENTRY, kind: elsewhere },
  stamp: kit.be('what stamp() of the cache gave', (stamp) => {
    const { epoch, position, turn } = (stamp ?? {}) as kit.UnknownRecord;
    return typeof epoch === 'string' && typeof position === 'number' && typeof turn === 'number';
  }),
  // Anything but a text would fail only in a later fill, which uses it.
  validator: kit.be('a text', (validator) => typeof validator === 'string'),
};
const KIND: kit.Checks<KindPolicy> = {
  ...{ ...ENTRY, ...PACE },
  ...{ keys: elsewhere, invalidateOn: elsewhere, populate: elsewhere },
};

/** Throws E_CONFIG. */
export function checkValidator(validator: unknown): void {
  SET.validator(validator, 'validator');
}

/** Written out, since it is on the way of each call that gives options. */
function merged(draft: UnresolvedTerms, options: object, checks: Readonly<Record<string, kit.Check>>): UnresolvedTerms {
  if (!kit.isRecord(options)) expected('E_CONFIG', 'options to be an object', options);
  for (const name in options) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    // A misspelt `tags` would keep an entry from being invalidated.
    if (check === undefined) throw kit.unknownOption(name, Object.keys(checks), 'an entry');
    if (options[name] !== undefined) check(options[name], name);
  }
  const given: FillOptions = options;
  const { ttl, grace, nullTtl, graceBackoff, tags, tables, tiers, timeouts } = given;
  const { soft, hard } = timeouts ?? NO_TIMEOUTS;
  const ttlMs = ttl === undefined ? draft.ttlMs : toMs(ttl, 'ttl');
  const nullTtlMs = nullTtl === undefined ? draft.nullTtlMs : toMs(nullTtl, 'nullTtl');
  return {
    ttlMs,
    slidingMs: slidingWithin({ ttlMs, nullTtlMs }, given.sliding, draft.slidingMs),
    jitter: given.jitter ?? draft.jitter,
    graceMs: grace === undefined ? draft.graceMs : toMs(grace, 'grace'),
    tags: tags === undefined ? draft.tags : joined(draft.tags, tags, 'tags'),
    tables: tables === undefined ? draft.tables : joined(draft.tables, tables, 'tables'),
    memoryOnly: tiers === undefined ? draft.memoryOnly : tiers === 'memory',
    nullTtlMs,
    softMs: soft === undefined ? draft.softMs : toMs(soft, 'timeouts.soft'),
    hardMs: hard === undefined ? draft.hardMs : toMs(hard, 'timeouts.hard'),
    earlyRefresh: given.earlyRefresh ?? draft.earlyRefresh,
    graceBackoffMs: graceBackoff === undefined ? draft.graceBackoffMs : toMs(graceBackoff, 'graceBackoff'),
    refresh: given.refresh ?? draft.refresh,
    signal: given.signal ?? draft.signal,
  };
}

const NO_TIMEOUTS: NonNullable<FillOptions['timeouts']> = {};

function joined(before: readonly string[], given: readonly string[], what: string): readonly string[] {
  const checked = checkedTags(given, what);
  return before.length === 0 ? checked.slice() : checkedTags([...new Set([...before, ...checked])], what);
}

/**
 * The idle time in ms; Infinity: it does not slide. Options that say both must say what can be; but what says a shorter ttl
 * alone, such as a kind or a call, ends the entry with that ttl and need not know that the defaults have it slide. `before`:
 * of the layers below the one that says `sliding`, or does not. Throws E_TTL.
 */
export function slidingWithin(
  { ttlMs, nullTtlMs }: Pick<UnresolvedTerms, 'ttlMs' | 'nullTtlMs'>,
  sliding: Duration | undefined,
  before: number,
): number {
  const idleMs = sliding === undefined ? before : toMs(sliding, 'sliding');
  if (idleMs === Number.POSITIVE_INFINITY) return idleMs;
  if (ttlMs === Number.POSITIVE_INFINITY) expected('E_TTL', `ttl to have an end with sliding of ${idleMs} ms`, ttlMs);
  if (nullTtlMs === Number.POSITIVE_INFINITY)
    expected('E_TTL', `nullTtl to have an end with sliding of ${idleMs} ms`, nullTtlMs);
  if (sliding === undefined) return idleMs;
  if (idleMs === 0) expected('E_TTL', 'sliding to be above 0 ms', idleMs);
  // With a ttl of 0 nothing is stored.
  if (idleMs > ttlMs && ttlMs > 0) expected('E_TTL', `sliding to be at most the ttl, which is ${ttlMs} ms`, idleMs);
  return idleMs;
}
