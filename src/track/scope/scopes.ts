// Finds the scope in which a statement runs, and the scopes it counts for.
//
// A statement may run in no scope, since its asynchronous context was lost. It may be for any response that is being
// made, so it counts for each scope that is open at some time between its beginning and its end.

import { AsyncLocalStorage } from 'node:async_hooks';

const OUTSIDE = Symbol('outside of every scope, on purpose');

/** A statement under way. */
export interface StatementRecording {
  /** It answered. `isWhole`: with all of its rows; else the rows are not looked at. */
  done(rows: readonly unknown[] | undefined, isWhole?: boolean): void;
  /** It failed: nothing was read, but a write may have been made. */
  failed(): void;
  /** Columns of the answer that facts are taken from, from 0; undefined when there are none. */
  readonly outputs?: ReadonlySet<number> | undefined;
}

/** Where a statement runs. */
export interface Place<S> {
  /** The scope in which it is run, if any. */
  readonly own: S | undefined;
  /** It counts for every open scope. With neither, the program itself said that it is for no response. */
  readonly isShared: boolean;
}

export class Scopes<S extends object> {
  readonly #storage = new AsyncLocalStorage<S | typeof OUTSIDE>();
  readonly #isUnion: boolean;
  /** Held weakly: not every caller that opens a scope says when it has ended. */
  readonly #open = new Set<WeakRef<S>>();
  readonly #collected = new FinalizationRegistry<WeakRef<S>>((reference) => this.#open.delete(reference));
  /** Shared statements that have begun and not ended. */
  readonly #underWay = new Set<(scope: S) => void>();

  /** `isUnion`: each statement counts for every open scope. */
  constructor(isUnion: boolean) {
    this.#isUnion = isUnion;
  }

  get current(): S | undefined {
    const store = this.#storage.getStore();
    return store === OUTSIDE ? undefined : store;
  }

  /** Whether a scope is open. */
  get isAnyOpen(): boolean {
    return this.#open.size > 0;
  }

  /** `fixed`: the scope of a driver that was wrapped for it alone. */
  place(fixed: S | undefined): Place<S> {
    const own = fixed ?? this.#storage.getStore();
    if (own === OUTSIDE) return { own: undefined, isShared: false };
    return { own, isShared: this.#isUnion || own === undefined };
  }

  run<T>(scope: S, work: () => T): T {
    return this.#storage.run(scope, () => begun(work()));
  }

  outside<T>(work: () => T): T {
    return this.#storage.run(OUTSIDE, work);
  }

  /** Returns a function to call when the scope is no longer open. */
  open(scope: S): () => void {
    const reference = new WeakRef(scope);
    this.#open.add(reference);
    this.#collected.register(scope, reference, reference);
    for (const join of this.#underWay) join(scope);
    return () => {
      this.#open.delete(reference);
      this.#collected.unregister(reference);
    };
  }

  each(visit: (scope: S) => void): void {
    for (const reference of this.#open) {
      const scope = reference.deref();
      if (scope !== undefined) visit(scope);
    }
  }

  /** One statement, recorded in every scope that is open before it has ended. */
  share(begin: (scope: S) => StatementRecording | undefined): StatementRecording {
    const recordings: StatementRecording[] = [];
    const join = (scope: S) => {
      const recording = begin(scope);
      if (recording !== undefined) recordings.push(recording);
    };
    this.#underWay.add(join);
    this.each(join);
    const ended = (tell: (recording: StatementRecording) => void) => {
      this.#underWay.delete(join);
      for (const recording of recordings) tell(recording);
    };
    return {
      outputs: new Set(recordings.flatMap(({ outputs = [] }) => [...outputs])),
      done: (rows, isWhole) => ended((recording) => recording.done(rows, isWhole)),
      failed: () => ended((recording) => recording.failed()),
    };
  }
}

/** Queries of ORMs and of postgres.js begin when they are waited for, which may be outside of here. */
function begun<T>(result: T): T {
  if (typeof result !== 'object' || result === null || !('then' in result) || result.constructor === Promise)
    return result;
  return Promise.resolve(result) as T;
}
