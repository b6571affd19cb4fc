// What a Durable Object keeps of its views, in its SQLite storage: a row of state for each combination, its value in a row of its
// own, since the state changes more often; and a row for each counter.

import type { CounterBatch, CounterKeep, CounterSums } from '../../cache/views/counters.ts';
import type { Slot, ViewFailure } from '../../cache/views/slot.ts';
import { TidegateError } from '../../errors.ts';
import type { Stamp } from '../../ledger/ledger.ts';
import type { KeeperStorage } from '../../log/lease/kept-log.ts';

/** Of the state; the value has its row's columns. */
export interface StoredSlot {
  readonly key: string;
  readonly view: string;
  readonly params: unknown;
  readonly state: Pick<Slot<Stamp>, 'timing' | 'failure' | 'order' | 'counted'>;
  readonly kept:
    | { readonly bytes: Uint8Array; readonly computedMs: number; readonly stamp: Stamp; readonly order: number }
    | undefined;
}

/** A row takes 2 MB, key and all. */
export const MAX_VALUE_BYTES = 1_990_000;
const MAX_MESSAGE = 1_000;
const FORMAT = 2;

const META = 'create table if not exists view_meta (name text primary key, value) without rowid';
const TABLES = [
  'drop table if exists view_slots',
  'drop table if exists view_values',
  'drop table if exists view_counters',
  'create table view_slots (key text primary key, view text, params text, state text) without rowid',
  'create table view_values (key text primary key, bytes blob, kept text)',
  'create table view_counters (name text primary key, total real, pending real) without rowid',
];

export class ViewRows implements CounterKeep {
  readonly #storage: KeeperStorage;

  /** What an older format kept is computed anew. Throws E_VALUE where a newer version of the code has written. */
  constructor(storage: KeeperStorage) {
    this.#storage = storage;
    storage.sql.exec(META);
    const format = this.#meta('format') ?? 0;
    if (typeof format === 'number' && format > FORMAT) {
      throw new TidegateError('E_VALUE', `expected views kept in the format ${FORMAT} or older, got ${format}`);
    }
    if (format === FORMAT) return;
    storage.transactionSync(() => {
      for (const statement of TABLES) storage.sql.exec(statement);
      this.#setMeta('format', FORMAT);
    });
  }

  slots(): StoredSlot[] {
    const query =
      'select key, view, params, state, bytes, kept from view_slots left join view_values using (key) order by key';
    return [...this.#storage.sql.exec(query)].map(({ key, view, params, state, bytes, kept }) => ({
      ...{ key: key as string, view: view as string, params: JSON.parse(params as string) },
      state: JSON.parse(state as string, infinite),
      kept: bytes === null ? undefined : { ...JSON.parse(kept as string), bytes: new Uint8Array(bytes as ArrayBuffer) },
    }));
  }

  /** `bytes`: of a value that has not been written. */
  write(slot: Slot<Stamp>, bytes: Uint8Array | undefined): void {
    const { key, view, params, timing, order, counted, kept } = slot;
    const failure = slot.failure && brief(slot.failure);
    const state = JSON.stringify({ timing, failure, order, counted }, finite);
    this.#storage.transactionSync(() => {
      const insert = 'insert or replace into view_slots (key, view, params, state) values (?, ?, ?, ?)';
      this.#storage.sql.exec(insert, key, view.name, JSON.stringify(params), state);
      if (bytes === undefined || kept === undefined) return;
      const about = JSON.stringify({ computedMs: kept.computedMs, stamp: kept.stamp, order: kept.order });
      const value = 'insert or replace into view_values (key, bytes, kept) values (?, ?, ?)';
      this.#storage.sql.exec(value, key, bytes.slice().buffer as ArrayBuffer, about);
    });
  }

  remove(key: string): void {
    this.#storage.sql.exec('delete from view_slots where key = ?', key);
    this.#storage.sql.exec('delete from view_values where key = ?', key);
  }

  get counters(): ReadonlyMap<string, CounterSums> {
    const rows = [...this.#storage.sql.exec('select name, total, pending from view_counters')];
    return new Map(
      rows.map(({ name, total, pending }) => [name as string, { total: total as number, pending: pending as number }]),
    );
  }

  get batch(): CounterBatch | undefined {
    const text = this.#meta('batch');
    return typeof text === 'string' ? JSON.parse(text) : undefined;
  }

  keepCounter(counter: string, sums: CounterSums | undefined): void {
    const { sql } = this.#storage;
    if (sums === undefined) sql.exec('delete from view_counters where name = ?', counter);
    else sql.exec('insert or replace into view_counters values (?, ?, ?)', counter, sums.total, sums.pending);
  }

  keepBatch(batch: CounterBatch | undefined): void {
    if (batch === undefined) this.#storage.sql.exec("delete from view_meta where name = 'batch'");
    else this.#setMeta('batch', JSON.stringify(batch));
  }

  together(work: () => void): void {
    this.#storage.transactionSync(work);
  }

  #meta(name: string): unknown {
    return [...this.#storage.sql.exec('select value from view_meta where name = ?', name)][0]?.value;
  }

  #setMeta(name: string, value: string | number): void {
    this.#storage.sql.exec('insert or replace into view_meta (name, value) values (?, ?)', name, value);
  }
}

function brief(failure: ViewFailure): ViewFailure {
  return { ...failure, message: failure.message.slice(0, MAX_MESSAGE) };
}

/** JSON has no Infinity. */
function finite(_: string, value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? { infinity: true } : value;
}

function infinite(_: string, value: unknown): unknown {
  const isInfinity = typeof value === 'object' && value !== null && 'infinity' in value && value.infinity === true;
  return isInfinity ? Number.POSITIVE_INFINITY : value;
}
