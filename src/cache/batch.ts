// One call of a program's fill for many keys. The engine fills each on its own: joining, grace and timeouts are as for one.
//
// A key's fill must not be given what was read before it began. The engine begins the keys one by
// one; once anything is invalidated or put in in between, those that come after are read anew, together.

import { expected, shown, TidegateError } from '../errors.ts';
import type { ReadStamp } from './contract.ts';

type Values = ReadonlyMap<string, unknown>;

export type BatchFill = (missing: readonly string[]) => Promise<Values> | Values;

export interface BatchCache {
  stamp(): ReadStamp;
  /** True: a fill is under way that the key may join. */
  isFilling(key: string): boolean;
}

export class Batch {
  readonly #fill: BatchFill;
  readonly #cache: BatchCache;
  /** Those whose own fill has not begun. */
  readonly #open: Set<string>;
  #round:
    | { readonly keys: ReadonlySet<string>; readonly stamp: ReadStamp; readonly values: Promise<Values> }
    | undefined;

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
    const stamp = this.#cache.stamp();
    this.#open.add(key);
    if (this.#round?.keys.has(key) !== true || !isSame(this.#round.stamp, stamp)) {
      // Those that are being filled already will join that, and are read here only if they may not.
      const keys = [...this.#open].filter((each) => each === key || !this.#cache.isFilling(each));
      this.#round = { keys: new Set(keys), stamp, values: read(this.#fill, keys) };
    }
    this.#open.delete(key);
    return this.#round.values;
  }
}

/** One call of a program's fill for the keys that are refreshed early: when all that are asked for have been looked up. */
export class EarlyBatch {
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
