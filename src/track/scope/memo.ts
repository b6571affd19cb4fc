// `tracker.memo`: a function whose values are kept in the process, with the reads they were made from. A response that
// shows a value depends on those reads, and a value whose reads were changed is made anew.
//
// A value is there before the response that shows it. So each time it is given, the changes since its reads are gone
// through again; where they are no longer known, it counts as changed. A request that has written may read changes that
// no feed has told yet, so its values are made anew.

import { shown, TidegateError } from '../../errors.ts';
import { checkOptions, count, func } from '../../options/kit.ts';
import type { RequestScope } from './scope.ts';
import { closeScope, readsAnew, type Sharing, shareWork, whileWaiting } from './shared-work.ts';

export interface MemoOptions<A extends readonly unknown[]> {
  /** Tells arguments apart. Default: the arguments, which then are texts, numbers, booleans, null or undefined. */
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

/** Throws E_CONFIG. The returned function rejects with the error of `work`, and with E_KEY. */
export function memoOf<A extends readonly unknown[], T>(
  sharing: Sharing,
  work: (...given: A) => T | PromiseLike<T>,
  options: MemoOptions<A> = {},
): (...given: A) => Promise<T> {
  checkOptions('tracker.memo', options, { key: func, maxEntries: count });
  const { key: keyOf = keyOfValues, maxEntries = MAX_ENTRIES } = options;
  const memo = new Memo<T>({ sharing, name: `the memo ${work.name || 'without a name'}`, maxEntries });
  return async (...given) => memo.get(keyOf(...given), () => work(...given));
}

interface MemoParts {
  readonly sharing: Sharing;
  readonly name: string;
  readonly maxEntries: number;
}

class Memo<T> {
  readonly #parts: MemoParts;
  readonly #entries = new Map<string, Entry<T>>();

  constructor(parts: MemoParts) {
    this.#parts = parts;
  }

  get(key: string, make: () => T | PromiseLike<T>): Promise<T> {
    const scope = this.#parts.sharing.current();
    return whileWaiting(scope, async () => {
      const entry = await this.#entry(key, make, readsAnew(scope));
      scope?.adopt(entry.scope);
      return entry.outcome;
    });
  }

  async #entry(key: string, make: () => T | PromiseLike<T>, isAnew: boolean): Promise<Entry<T>> {
    const { sharing, name } = this.#parts;
    for (let tries = 0; ; tries++) {
      const known = !isAnew && tries < MAX_JOINED ? this.#entries.get(key) : undefined;
      const entry: Entry<T> = known ?? shareWork(sharing, { name, isAnew }, make);
      if (known === undefined) this.#keep(key, entry);
      const isMade = await this.#isMade(key, entry);
      // Only the caller who started the work is told of its failure.
      if (known === undefined) return entry;
      const scope = isMade ? await renewed(sharing, entry.scope, name) : undefined;
      if (scope === undefined) this.#drop(key, entry);
      else {
        entry.scope = scope;
        if (this.#entries.get(key) === entry) this.#keep(key, entry);
        return entry;
      }
    }
  }

  async #isMade(key: string, entry: Entry<T>): Promise<boolean> {
    const isThere = await entry.outcome.then(
      () => true,
      () => false,
    );
    if (!isThere || !entry.scope.sent.isStorable) this.#drop(key, entry);
    return isThere;
  }

  #keep(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#parts.maxEntries) break;
      this.#entries.delete(oldest);
    }
  }

  #drop(key: string, entry: Entry<T>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
  }
}

/** A new scope with these dependencies as of now; undefined when one was changed, or may have been. */
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
