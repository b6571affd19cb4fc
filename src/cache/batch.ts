// One call of a program's fill for many keys, while the engine fills each key on its own: so joining, grace, timeouts and
// what may be stored are the same as for one key.
//
// The one complication: a key's fill must not be given what was read before it began. The engine begins the keys one by
// one; once anything is invalidated in between, those that come after are read anew, together.

import { TidegateError } from '../errors.ts';
import type { ReadStamp } from './contract.ts';
import { shown } from './keys.ts';

type Values = ReadonlyMap<string, unknown>;

export type BatchFill = (missing: readonly string[]) => Promise<Values> | Values;

interface Round {
  readonly stamp: ReadStamp;
  readonly values: Promise<Values>;
}

export class Batch {
  readonly #fill: BatchFill;
  readonly #stamp: () => ReadStamp;
  /** Those whose own fill has not begun. */
  readonly #open: Set<string>;
  #round: Round | undefined;

  constructor(missing: readonly string[], fill: BatchFill, stamp: () => ReadStamp) {
    this.#open = new Set(missing);
    this.#fill = fill;
    this.#stamp = stamp;
  }

  /** The value of one key, when its fill begins. */
  async value(key: string): Promise<unknown> {
    const values = await this.#current(key);
    const value = values.get(key);
    if (value !== undefined) return value;
    throw new TidegateError('E_FILL', `expected a value for each missing key, got none for ${shown(key)}`);
  }

  #current(key: string): Promise<Values> {
    const now = this.#stamp();
    const round = this.#round;
    if (round !== undefined && round.stamp.position === now.position && round.stamp.epoch === now.epoch) {
      this.#open.delete(key);
      return round.values;
    }
    const keys = [...this.#open.add(key)];
    this.#open.delete(key);
    const values = this.#read(keys);
    this.#round = { stamp: now, values };
    return values;
  }

  async #read(keys: readonly string[]): Promise<Values> {
    const values = (await this.#fill(keys)) as unknown;
    if (values instanceof Map) return values as Values;
    throw new TidegateError('E_FILL', `expected the fill of several keys to give a Map, got ${shown(values)}`);
  }
}
