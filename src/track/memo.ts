// `tracker.memo`: a function whose values are kept in the process, with what they were read from. A response that shows one
// depends on the same, and a value whose reads were changed is made anew.
//
// The one complication: a value is there before the response that shows it. So each time it is given, the changes since its
// reads are gone through again; where they are no longer known, it counts as changed.

import { TidegateError } from '../errors.ts';
import { COUNT, checkOptions, FUNCTION, shown } from './option-rules.ts';
import type { RequestScope } from './scope.ts';
import { closeScope, type Sharing, shareWork, whileWaiting } from './shared-work.ts';

export interface MemoOptions<A extends readonly unknown[]> {
  /** What tells arguments apart. Default: the arguments, which then are texts, numbers, booleans, null or undefined. */
  readonly key?: (...given: A) => string;
  /** Values kept; those that were not asked for longest are given up. Default 1,000. */
  readonly maxEntries?: number;
}

interface Entry<T> {
  /** Read anew with each renewal, so that few changes are to be gone through the next time. */
  scope: RequestScope;
  readonly outcome: Promise<T>;
}

const MAX_ENTRIES = 1_000;
/** Values of others that turn out to be changed, before one is made that is for nobody else. */
const MAX_JOINED = 3;

/** Throws E_CONFIG; what it gives rejects with what `work` does, and with E_KEY. */
export function memoOf<A extends readonly unknown[], T>(
  sharing: Sharing,
  work: (...given: A) => T | PromiseLike<T>,
  options: MemoOptions<A> = {},
): (...given: A) => Promise<T> {
  checkOptions('tracker.memo', options, { key: FUNCTION, maxEntries: COUNT });
  const { key: keyOf = keyOfValues, maxEntries = MAX_ENTRIES } = options;
  const entries = new Map<string, Entry<T>>();
  const name = `the memo ${work.name}`;
  const keep = (key: string, entry: Entry<T>) => {
    entries.delete(key);
    entries.set(key, entry);
    for (const oldest of entries.keys()) {
      if (entries.size <= maxEntries) break;
      entries.delete(oldest);
    }
  };
  const drop = (key: string, entry: Entry<T>) => {
    if (entries.get(key) === entry) entries.delete(key);
  };
  const isMade = async (key: string, entry: Entry<T>) => {
    const isThere = await entry.outcome.then(
      () => true,
      () => false,
    );
    if (!isThere || !entry.scope.isStorable) drop(key, entry);
    return isThere;
  };
  const made = async (key: string, given: A): Promise<Entry<T>> => {
    const entry: Entry<T> = shareWork(sharing, name, () => work(...given));
    keep(key, entry);
    await isMade(key, entry);
    return entry;
  };
  const joined = async (key: string): Promise<Entry<T> | undefined> => {
    for (let tries = 0; tries < MAX_JOINED; tries++) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      // Of a failure those are told who had it made.
      const scope = (await isMade(key, entry)) ? await renewed(sharing, entry.scope, name) : undefined;
      if (scope === undefined) drop(key, entry);
      else {
        entry.scope = scope;
        if (entries.get(key) === entry) keep(key, entry);
        return entry;
      }
    }
    return undefined;
  };
  return async (...given) => {
    const key = keyOf(...given);
    const scope = sharing.current();
    return whileWaiting(scope, async () => {
      const entry = (await joined(key)) ?? (await made(key, given));
      scope?.adopt(entry.scope);
      return entry.outcome;
    });
  };
}

/** What the scope depends on, as of now; undefined: it was changed, or may have been. */
async function renewed(sharing: Sharing, before: RequestScope, name: string): Promise<RequestScope | undefined> {
  const scope = sharing.open();
  // Whether it may be without a read was said when it was made.
  scope.readsNothing();
  scope.renew(before);
  return (await closeScope(scope, name)) ? scope : undefined;
}

function keyOfValues(...given: readonly unknown[]): string {
  const parts = given.map((value) => {
    if ((typeof value === 'object' && value !== null) || typeof value === 'function' || typeof value === 'symbol') {
      const expected = 'expected arguments of a memo that are texts, numbers, booleans, null or undefined, or its key';
      throw new TidegateError('E_KEY', `${expected}, got ${shown(value)}`);
    }
    return [typeof value, String(value)];
  });
  return JSON.stringify(parts);
}
