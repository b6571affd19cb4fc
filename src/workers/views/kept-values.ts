// The values of views as their Durable Object keeps them: encoded, within the size of a row, and written down, and to KV, when
// they are new.

import type { Slot } from '../../cache/views/slot.ts';
import type { ViewSlots } from '../../cache/views/slots.ts';
import { type OwnedValue, ownValue } from '../../entry/owned-value.ts';
import { TidegateError } from '../../errors.ts';
import type { Stamp } from '../../ledger/ledger.ts';
import { createValueCodec } from '../../store/value-codec.ts';
import type { KvValues } from './kv-values.ts';
import { MAX_VALUE_BYTES, type ViewRows } from './rows.ts';

interface KeptValuesParts {
  readonly rows: ViewRows;
  readonly kv: KvValues | undefined;
  readonly fault: (error: unknown) => void;
}

export class KeptValues {
  readonly #parts: KeptValuesParts;
  readonly #codec = createValueCodec();
  readonly #bytes = new WeakMap<OwnedValue, Uint8Array>();
  readonly #written = new WeakSet<OwnedValue>();

  constructor(parts: KeptValuesParts) {
    this.#parts = parts;
  }

  /** Throws E_VALUE. */
  own(value: unknown, key: string): OwnedValue {
    const owned = ownValue(value);
    const bytes = this.#codec.encode(owned.value);
    if (bytes.length > MAX_VALUE_BYTES) {
      const what = `a value of ${key} of at most ${MAX_VALUE_BYTES} bytes, which is what a row of a Durable Object takes`;
      throw new TidegateError('E_VALUE', `expected ${what}, got ${bytes.length}`);
    }
    this.#bytes.set(owned, bytes);
    return owned;
  }

  changed(slot: Slot<Stamp>, isGone: boolean): void {
    const { rows, kv } = this.#parts;
    if (isGone) return rows.remove(slot.key);
    const { kept } = slot;
    const isNew = kept !== undefined && !this.#written.has(kept.owned);
    rows.write(slot, isNew ? this.#bytes.get(kept.owned) : undefined);
    if (!isNew) return;
    this.#written.add(kept.owned);
    kv?.push(slot);
  }

  /** Rows of combinations that no view declares any more go. */
  restore(slots: ViewSlots<Stamp>): void {
    const { rows, fault } = this.#parts;
    for (const { key, view, params, state, kept } of rows.slots()) {
      const slot = slots.kept(view, params);
      if (slot === undefined || slot.key !== key) {
        rows.remove(key);
        continue;
      }
      Object.assign(slot, state, { timing: { ...state.timing, isRunning: false } });
      if (kept === undefined) continue;
      const { bytes, ...rest } = kept;
      try {
        const owned = ownValue(this.#codec.decode(bytes));
        this.#written.add(owned);
        slot.kept = { owned, ...rest };
      } catch (error) {
        // Another version of the code may have written it: it is computed anew.
        fault(error);
      }
    }
  }
}
