// Writes and transactions: an intent before, the invalidation after, and only then the answer.
//
// The one complication: one connection for all. Where a transaction runs on the connection that everyone else uses,
// others read what is not committed; so its intents are open from its first write to its end, and what others write
// meanwhile is held by it too.

import type { Eventually } from '../../ports.ts';
import { EVERYTHING } from './sound-catalog.ts';
import type { Guard, Intent } from './sound-guard.ts';
import { isPromise } from './sound-reads.ts';
import type { Tally } from './sound-tally.ts';

/** What a work ended with. */
export interface Failure {
  readonly error: unknown;
}

/** A transaction that is open, and what it has written. */
export class Scope {
  readonly #guard: Guard;
  readonly #names = new Set<string>();
  readonly #intents: Intent[] = [];
  /** It runs on the connection of everyone else. */
  #isShared = true;
  /** From here on it may be committed. */
  mayBeCommitted = false;

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /** Before a write in it is run, or a write by others on its connection. */
  wrote(names: readonly string[]): void {
    for (const name of names) this.#names.add(name);
    if (this.#isShared) this.#intents.push(this.#guard.open(names));
  }

  /** It has a connection of its own. */
  unshare(): void {
    this.#isShared = false;
    for (const intent of this.#intents.splice(0)) intent.end();
  }

  get names(): readonly string[] {
    return [...this.#names];
  }

  /** Its work is done and its commit comes next. */
  committing(): Eventually<void> {
    this.mayBeCommitted = true;
    if (this.#names.size === 0) return;
    this.#intents.push(this.#guard.open(this.names));
    return this.#guard.invalidate(this.names);
  }

  /** Resolves once what it wrote is invalidated, if it may have been committed. `failure`: of its commit. */
  async ended(failure: Failure | undefined): Promise<void> {
    if (this.mayBeCommitted && this.#names.size > 0) {
      if (failure !== undefined) this.#guard.doubt(this.names, failure.error);
      await this.#guard.invalidate(this.names);
    }
    for (const intent of this.#intents.splice(0)) intent.end();
  }
}

/** All that the sessions of one database have in common about writes. */
export class Writes {
  readonly #guard: Guard;
  readonly #tally: Tally;
  /** Transactions on the shared connection. */
  readonly #sharing = new Set<Scope>();
  /** Begun by hand, with `begin` as raw SQL. */
  #manual: Scope | undefined = undefined;

  constructor(guard: Guard, tally: Tally) {
    this.#guard = guard;
    this.#tally = tally;
  }

  /** The transaction that statements outside of any other are in. */
  get manual(): Scope | undefined {
    return this.#manual;
  }

  /** True: what is read in it goes past the cache. */
  hidesReads(scope: Scope | undefined): boolean {
    return scope !== undefined;
  }

  beginByHand(): void {
    if (this.#manual !== undefined) return;
    this.#manual = this.open();
  }

  /** Resolves once its writes are invalidated; those of one rolled back are not. */
  endByHand(isCommit: boolean, failure?: Failure): Promise<void> {
    const scope = this.#manual;
    this.#manual = undefined;
    if (scope === undefined) return Promise.resolve();
    if (isCommit) scope.mayBeCommitted = true;
    return this.close(scope, failure);
  }

  /** On the shared connection, unless `unshare` says otherwise. */
  open(): Scope {
    const scope = new Scope(this.#guard);
    this.#sharing.add(scope);
    return scope;
  }

  unshare(scope: Scope): void {
    scope.unshare();
    this.#sharing.delete(scope);
  }

  close(scope: Scope, failure?: Failure): Promise<void> {
    this.#sharing.delete(scope);
    if (scope.mayBeCommitted && scope.names.length > 0) this.#tally.write(scope.names.includes(EVERYTHING));
    return scope.ended(failure);
  }

  /**
   * Runs a write that commits by itself. Invalidated before, so that a crash in between leaves nothing outdated in a
   * tier that lasts, and after: also when it failed, for it may have been done all the same.
   */
  run<T>(names: readonly string[], work: () => Eventually<T>, isSync: boolean): Eventually<T> {
    const intent = this.#guard.open(names);
    this.#tally.write(names.includes(EVERYTHING));
    for (const scope of this.#sharing) scope.wrote(names);
    const before = this.#guard.invalidate(names);
    return isSync ? this.#runSync(names, { work, intent }) : this.#runAfter(names, { work, intent, before });
  }

  /** The answer is given at once; until the cache has been told, nothing under these names is served here. */
  #runSync<T>(
    names: readonly string[],
    { work, intent }: { work: () => Eventually<T>; intent: Intent },
  ): Eventually<T> {
    try {
      return work();
    } finally {
      void this.#guard.invalidate(names).then(() => intent.end());
    }
  }

  async #runAfter<T>(
    names: readonly string[],
    { work, intent, before }: { work: () => Eventually<T>; intent: Intent; before: Promise<void> },
  ): Promise<T> {
    await before;
    try {
      return await work();
    } catch (error) {
      this.#guard.doubt(names, error);
      throw error;
    } finally {
      await this.#guard.invalidate(names);
      intent.end();
    }
  }
}

/** Runs `after` when the work is over, well or not; its result is that of the work. */
export function followed<T>(work: () => Eventually<T>, after: (failure?: Failure) => Promise<void>): Eventually<T> {
  let result: Eventually<T>;
  try {
    result = work();
  } catch (error) {
    void after({ error });
    throw error;
  }
  if (isPromise(result)) return settled(result, after);
  void after();
  return result;
}

async function settled<T>(result: Promise<T>, after: (failure?: Failure) => Promise<void>): Promise<T> {
  let value: T;
  try {
    value = await result;
  } catch (error) {
    await after({ error });
    throw error;
  }
  await after();
  return value;
}
