// Values of views in KV, where the isolates of all places find them without a call of the views' object. KV lags: a place may see
// a value of before, or none. A record has what its reader judges it by, so that it can only cost a call of the object.

import { digest128 } from '../../cache/keys/digest.ts';
import { inTime } from '../../cache/views/computation.ts';
import type { Kept, Slot } from '../../cache/views/slot.ts';
import { ownValue } from '../../entry/owned-value.ts';
import { TidegateError } from '../../errors.ts';
import type { Stamp } from '../../ledger/ledger.ts';
import type { Tasks } from '../../ports.ts';
import { type KvRecords, readRecord, writeRecord } from '../../store/kv/kv-records.ts';
import { createValueCodec } from '../../store/value-codec.ts';

interface KvValuesParts {
  readonly namespace: KvRecords;
  /** The id of the views' object: that of another site or environment in the same namespace differs. */
  readonly owner: string;
  readonly tasks: Pick<Tasks, 'later'>;
  readonly fault: (error: unknown) => void;
}

const FORMAT = 1;
/** KV takes one write a second under a name. */
const WRITE_INTERVAL_MS = 1_100;
/** A put that takes longer has failed; it is repeated after the same time. */
const TIMEOUT_MS = 30_000;

type Written = readonly [format: number, computedMs: number, order: number, stamp: Stamp, value: unknown];

export class KvValues {
  readonly #parts: KvValuesParts;
  readonly #codec = createValueCodec();
  /** What is to be put next, by key; undefined: nothing after what is being put. */
  readonly #next = new Map<string, Slot<Stamp> | undefined>();

  constructor(parts: KvValuesParts) {
    this.#parts = parts;
  }

  /** Undefined: there is none that this version of the code can read. */
  async read(key: string): Promise<Kept<Stamp> | undefined> {
    try {
      const content = await readRecord(this.#parts.namespace, this.#name(key));
      if (content === undefined) return undefined;
      const [format, computedMs, order, stamp, value] = this.#codec.decode(content) as Written;
      return format === FORMAT ? { owned: ownValue(value), computedMs, order, stamp } : undefined;
    } catch (error) {
      this.#parts.fault(error);
      return undefined;
    }
  }

  /** In the background. Of values that come faster than KV takes them, the last one is put. */
  push(slot: Slot<Stamp>): void {
    const isUnderWay = this.#next.has(slot.key);
    this.#next.set(slot.key, slot);
    if (!isUnderWay) this.#pushNext(slot.key);
  }

  #pushNext(key: string): void {
    const { tasks, fault } = this.#parts;
    const slot = this.#next.get(key);
    if (slot === undefined) return void this.#next.delete(key);
    this.#next.set(key, undefined);
    const after = (waitMs: number) => void tasks.later(waitMs, () => this.#pushNext(key));
    this.#written(slot).then(
      () => after(WRITE_INTERVAL_MS),
      (error: unknown) => {
        fault(error);
        this.#next.set(key, this.#next.get(key) ?? slot);
        after(TIMEOUT_MS);
      },
    );
  }

  async #written({ key, view, kept }: Slot<Stamp>): Promise<void> {
    const { owned, computedMs, order, stamp } = kept as Kept<Stamp>;
    const content = this.#codec.encode([FORMAT, computedMs, order, stamp, owned.value] satisfies Written);
    const message = `expected KV to take a value of ${key} within ${TIMEOUT_MS} ms, got no answer`;
    const limit = { timeoutMs: TIMEOUT_MS, late: () => new TidegateError('E_VIEW', message) };
    const { tasks, namespace } = this.#parts;
    return inTime(tasks, limit, () => writeRecord(namespace, this.#name(key), { content, ttlMs: view.maxAgeMs }));
  }

  #name(key: string): string {
    return `tidegate/views/${digest128(`${this.#parts.owner} ${key}`)}`;
  }
}
