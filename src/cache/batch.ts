// One call of a program's fill for many keys, while the engine fills each key on its own: so joining, grace, timeouts and
// what may be stored are the same as for one key.
//
// A key's fill must not be given what was read before it began. The engine begins the keys one by
// one; once anything is invalidated or put in in between, those that come after are read anew, together.

import type { ManyFill } from '../engine/values/value-contract.ts';
import { expected, shown, TidegateError } from '../errors.ts';
import type { Eventually } from '../ports.ts';
import type { ReadStamp } from './contract.ts';

type Values = ReadonlyMap<string, unknown>;

export type BatchFill = (missing: readonly string[]) => Promise<Values> | Values;

interface Round {
  readonly keys: ReadonlySet<string>;
  readonly stamp: ReadStamp;
  readonly values: Promise<Values>;
}

type OneFill = () => Promise<unknown>;

/** The cache as a batch uses it. */
export interface BatchCache {
  stamp(): ReadStamp;
  /** What is there and fresh. `fill`: how a key that is found would be filled. */
  found(keys: readonly string[], fill?: (key: string) => ManyFill): Eventually<Map<string, unknown>>;
  /** How a key is asked for. Undefined: it is by no tags, and never refreshed early. */
  readonly asked: ((key: string, fill: OneFill) => ManyFill) | undefined;
  filled(key: string, fill: OneFill): Eventually<unknown>;
  /** True: a fill is under way that the key may join. */
  isFilling(key: string): boolean;
  /** They were looked up, and will be again. */
  askedTwice(keys: readonly string[]): void;
}

/** The values of all keys, in their order, each filled if need be. `isAnew`: whatever is stored. */
export async function filledMany(
  { keys, fill, isAnew }: { readonly keys: readonly string[]; readonly fill: BatchFill; readonly isAnew: boolean },
  cache: BatchCache,
): Promise<Map<string, unknown>> {
  const found = isAnew ? NOTHING : await foundInTime(keys, fill, cache);
  const missing = keys.filter((key) => !found.has(key));
  const batch = new Batch(missing, fill, cache);
  if (!isAnew) cache.askedTwice(missing);
  // All are waited for, so that none fails unheard.
  const filled = await Promise.allSettled(missing.map(async (key) => cache.filled(key, () => batch.value(key))));
  const all = new Map<string, unknown>(keys.map((key) => [key, found.get(key)]));
  for (const [at, result] of filled.entries()) {
    if (result.status === 'rejected') throw result.reason;
    all.set(missing[at] as string, result.value);
  }
  return all;
}

const NOTHING: Values = new Map();

class Batch {
  readonly #fill: BatchFill;
  readonly #cache: BatchCache;
  /** Those whose own fill has not begun. */
  readonly #open: Set<string>;
  #round: Round | undefined;

  constructor(missing: readonly string[], fill: BatchFill, cache: BatchCache) {
    this.#open = new Set(missing);
    this.#fill = fill;
    this.#cache = cache;
  }

  /** The value of one key, when its fill begins. */
  async value(key: string): Promise<unknown> {
    return takenFrom(await this.#current(key), key);
  }

  #current(key: string): Promise<Values> {
    const now = this.#cache.stamp();
    const round = this.#round;
    this.#open.add(key);
    if (round === undefined || !round.keys.has(key) || !isSame(round.stamp, now)) {
      // Those that are being filled already will join that, and are read here only if they may not.
      const keys = [...this.#open].filter((each) => each === key || !this.#cache.isFilling(each));
      this.#round = { keys: new Set(keys), stamp: now, values: read(this.#fill, keys) };
    }
    this.#open.delete(key);
    return (this.#round as Round).values;
  }
}

/** One call of a program's fill for the keys that are refreshed early: when all that are asked for have been looked up. */
class EarlyBatch {
  readonly #fill: BatchFill;
  readonly #keys: string[] = [];
  readonly #values = Promise.withResolvers<Values>();

  constructor(fill: BatchFill) {
    this.#fill = fill;
    // Each key's fill hears of it.
    this.#values.promise.catch(() => undefined);
  }

  /** The value of one key, whose fill has begun: so it is read after that. */
  async value(key: string): Promise<unknown> {
    this.#keys.push(key);
    return takenFrom(await this.#values.promise, key);
  }

  /** Once. */
  start(): void {
    if (this.#keys.length > 0) this.#values.resolve(read(this.#fill, this.#keys));
  }
}

function isSame(one: ReadStamp, other: ReadStamp): boolean {
  return one.position === other.position && one.epoch === other.epoch && one.turn === other.turn;
}

async function read(fill: BatchFill, keys: readonly string[]): Promise<Values> {
  const values = (await fill(keys)) as unknown;
  if (values instanceof Map) return values as Values;
  expected('E_FILL', 'the fill of several keys to give a Map', values);
}

function takenFrom(values: Values, key: string): unknown {
  const value = values.get(key);
  if (value !== undefined) return value;
  throw new TidegateError('E_FILL', `expected a value for each missing key, got none for ${shown(key)}`);
}

/** What is there and fresh; what of it is due for early refresh is filled in the background, by one call. */
async function foundInTime(keys: readonly string[], fill: BatchFill, { found, asked }: BatchCache): Promise<Values> {
  if (asked === undefined) return found(keys);
  const batch = new EarlyBatch(fill);
  const values = await found(keys, (key) => asked(key, () => batch.value(key)));
  batch.start();
  return values;
}
