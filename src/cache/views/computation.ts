// One run of a view's `compute`: within its time, its result checked and owned.

import type { OwnedValue } from '../../entry/owned-value.ts';
import { expected, TidegateError } from '../../errors.ts';
import type { Tasks } from '../../ports.ts';
import { computeFailure, type Slot } from './slot.ts';

interface ComputationParts {
  readonly tasks: Pick<Tasks, 'later'>;
  readonly env: unknown;
  own(value: unknown, slot: Slot<unknown>): OwnedValue;
}

/** Rejects with E_FILL_TIMEOUT, with E_VALUE, or with E_FILL for what `compute` threw. */
export async function computed(slot: Slot<unknown>, parts: ComputationParts): Promise<OwnedValue> {
  const { view, params, key } = slot;
  const abort = new AbortController();
  const late = () => {
    const message = `expected the computation of ${key} to end within ${view.timeoutMs} ms, got no end`;
    const error = new TidegateError('E_FILL_TIMEOUT', message);
    abort.abort(error);
    return error;
  };
  try {
    const compute = async () => view.compute({ params, signal: abort.signal, env: parts.env });
    const value = await inTime(parts.tasks, { timeoutMs: view.timeoutMs, late }, compute);
    if (value === undefined) expected('E_VALUE', `a value of ${key}, null where there is nothing`, value);
    return parts.own(value, slot);
  } catch (error) {
    throw computeFailure(key, error);
  }
}

/** Rejects with what `late` gives where the work takes longer. */
export async function inTime<T>(
  tasks: Pick<Tasks, 'later'>,
  { timeoutMs, late }: { readonly timeoutMs: number; readonly late: () => TidegateError },
  work: () => Promise<T>,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const cancel = tasks.later(timeoutMs, () => reject(late()));
  return Promise.race([promise, work()]).finally(cancel);
}
