// Fills that nobody waits for: one goes on while it is nearly done or small, or was begun by the gate itself. Where memory is
// short the oldest ends first.

import type { MemoryBudget } from '../../memory/budget.ts';
import { fieldValue } from '../../semantics/fields.ts';
import type { Draft } from './draft.ts';

/** A fill is carried through if no more than this is still to come. */
const WORTH_FINISHING_BYTES = 8 * 1024 * 1024;
/** Or no more than this part of the whole. */
const WORTH_FINISHING_PART = 1 / 10;

interface UnreadFill {
  readonly isUnread: boolean;
  /** Ends it, so that its bytes are released. */
  giveUp(refusal: 'no-memory'): void;
}

export class UnreadFills {
  /** In the order in which they were left. Some of them may be read again. */
  readonly #fills = new Set<UnreadFill>();

  constructor(budget: MemoryBudget) {
    budget.whenShort(() => {
      for (const fill of this.#fills) {
        this.#fills.delete(fill);
        if (!fill.isUnread) continue;
        fill.giveUp('no-memory');
        return true;
      }
      return false;
    });
  }

  add(fill: UnreadFill): void {
    this.#fills.add(fill);
  }

  delete(fill: UnreadFill): void {
    this.#fills.delete(fill);
  }
}

/** Whether a fill that nobody waits for goes on. `bytes`: arrived so far. */
export function isWorthFinishing({ fields }: Draft, bytes: number): boolean {
  const stated = fieldValue(fields, 'content-length');
  if (stated === undefined) return bytes <= WORTH_FINISHING_BYTES;
  const whole = Number(stated);
  return whole - bytes <= Math.max(WORTH_FINISHING_BYTES, whole * WORTH_FINISHING_PART);
}
