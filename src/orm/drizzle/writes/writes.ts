// Writes and transactions: an intent before, the invalidation after, and only then the answer.
//
// Where a transaction runs on the connection that everyone else uses, others read what is not committed. So its intents are
// open from its first write to its end, it also holds what others write meanwhile, and its commit is a commit of all.

import type { Eventually } from '../../../ports.ts';
import { withMark } from '../catalogue/row-names.ts';
import { isPromise } from '../session/prepared.ts';
import type { Tally } from '../tally.ts';
import { EVERYTHING, type Guard } from './guard.ts';
import type { Intent } from './intents.ts';
import { hadNoTransaction } from './write-errors.ts';

/** What a work ended with. */
export interface Failure {
  readonly error: unknown;
}

/** A transaction with more is invalidated by its tables. */
const MAX_NAMES = 500;

/** A transaction that is open, and what it has written. */
export class TransactionWrites {
  readonly #guard: Guard;
  names: readonly string[] = [];
  readonly #intents: Intent[] = [];
  /** It runs on the connection of everyone else. */
  isShared = true;
  #isEnded = false;
  /** From here on it may be committed. */
  mayBeCommitted = false;
  /** A statement in it has failed, and SQLite may have ended it by that: what follows then commits by itself. */
  mayBeEnded = false;
  /** Its work is done. */
  isEnding = false;
  /** Its statements are in no transaction of its own any more: each may commit by itself. */
  isOver = false;
  /** Of one that a savepoint has begun: those that are open, the outermost first. */
  savepoints: string[] = [];

  constructor(guard: Guard) {
    this.#guard = guard;
  }

  /** Before a write in it is run, or a write by others on its connection. */
  wrote(names: readonly string[]): void {
    if (this.#isEnded) return;
    const all = new Set([...this.names, ...names]);
    // Of many rows the tables are enough.
    this.names = [...(all.size > MAX_NAMES ? new Set(withMark([...all], '')) : all)];
    if (this.isShared) this.#intents.push(this.#guard.open(names));
  }

  /** It has a connection of its own. */
  unshare(): void {
    this.isShared = false;
    for (const intent of this.#intents.splice(0)) intent.end();
  }

  /** Its commit comes next. */
  committing(): Eventually<void> {
    this.mayBeCommitted = true;
    if (this.names.length === 0) return;
    this.#intents.push(this.#guard.open(this.names));
    return this.#guard.invalidate(this.names);
  }

  /** Committed by hand, before its end: what it wrote so far is seen by others. */
  async committedByHand(failure: Failure | undefined): Promise<void> {
    if (failure !== undefined) this.#guard.doubt(this.names, failure.error);
    await this.#guard.invalidate(this.names);
  }

  /**
   * Resolves once what it wrote is invalidated, if it may have been committed, or if others may have read on its connection
   * what is not there any more, and stored it. `failure`: of its commit.
   */
  async ended(failure: Failure | undefined): Promise<void> {
    this.#isEnded = this.isOver = true;
    const intents = this.#intents.splice(0);
    if ((this.mayBeCommitted || this.mayBeEnded || this.isShared) && this.names.length > 0) {
      if (failure !== undefined && this.mayBeCommitted) this.#guard.doubt(this.names, failure.error);
      await this.#guard.invalidateAndEnd(this.names, intents);
    } else for (const intent of intents) intent.end();
  }
}

/** All that the sessions of one database have in common about writes. */
export class Writes {
  readonly #guard: Guard;
  readonly #tally: Tally;
  /** Transactions on the shared connection. */
  readonly #sharing = new Set<TransactionWrites>();
  /** What writes that are under way outside of transactions write: a transaction may begin before them. */
  readonly #running = new Set<readonly string[]>();
  /** The transaction that statements outside of any other are in: begun by hand, with `begin` as raw SQL. */
  manual: TransactionWrites | undefined = undefined;

  constructor(guard: Guard, tally: Tally) {
    this.#guard = guard;
    this.#tally = tally;
  }

  /** True: what is read in it goes past the cache. */
  hidesReads(transaction: TransactionWrites | undefined): boolean {
    return transaction !== undefined;
  }

  /** True: a statement may be in a transaction of its connection. */
  get hasTransactions(): boolean {
    return this.#sharing.size > 0;
  }

  /** A statement of SQLite has failed in it, or on the shared connection. */
  failedWithin(transaction: TransactionWrites | undefined): void {
    if (transaction !== undefined) transaction.mayBeEnded = true;
    if (transaction?.isShared !== false) for (const other of this.#sharing) other.mayBeEnded = true;
  }

  /**
   * Its end is about to be sent. `chains`: another begins with it. To be called when it is over; resolves once its writes
   * are invalidated. `lasts`: where it cannot be committed it stays open.
   */
  endingByHand({ isCommit, chains, lasts }: Readonly<Record<'isCommit' | 'chains' | 'lasts', boolean>>) {
    const transaction = this.manual;
    if (transaction === undefined) return () => Promise.resolve();
    if (isCommit) transaction.mayBeCommitted = true;
    const next = chains ? this.open() : undefined;
    return (failure?: Failure): Promise<void> => {
      if (failure !== undefined && isCommit && lasts && !hadNoTransaction(failure.error))
        return transaction.committedByHand(failure);
      const isCurrent = this.manual === transaction;
      if (isCurrent) this.manual = undefined;
      const closed = this.close(transaction, failure);
      if (isCurrent) this.manual = next;
      return closed;
    };
  }

  /** On the shared connection, unless `unshare` says otherwise. */
  open(): TransactionWrites {
    const transaction = new TransactionWrites(this.#guard);
    this.#sharing.add(transaction);
    for (const names of this.#running) transaction.wrote(names);
    return transaction;
  }

  unshare(transaction: TransactionWrites): void {
    transaction.unshare();
    this.#sharing.delete(transaction);
  }

  /** Drizzle commits it next. */
  ending(transaction: TransactionWrites): Eventually<void> {
    transaction.isEnding = true;
    return this.committing(transaction);
  }

  /** Before its commit is sent. On a shared connection it commits what the others there have written as well. */
  committing(transaction: TransactionWrites): Eventually<void> {
    if (transaction.isShared) for (const other of this.#sharing) this.#join(transaction, other);
    return transaction.committing();
  }

  #join(transaction: TransactionWrites, other: TransactionWrites): void {
    if (other === transaction) return;
    other.mayBeCommitted = true;
    if (other.names.length > 0) transaction.wrote(other.names);
  }

  close(transaction: TransactionWrites, failure?: Failure): Promise<void> {
    this.#sharing.delete(transaction);
    // Within one that was begun by hand it was a savepoint.
    if (transaction.isShared && this.manual !== transaction) this.manual?.wrote(transaction.names);
    if (transaction.isShared && transaction.mayBeCommitted)
      for (const other of this.#sharing) this.#join(transaction, other);
    if ((transaction.mayBeCommitted || transaction.mayBeEnded) && transaction.names.length > 0)
      this.#tally.write(transaction.names.includes(EVERYTHING));
    return transaction.ended(failure);
  }

  /**
   * Runs a write that commits by itself. Invalidated before, so that a crash in between leaves nothing outdated in a
   * tier that lasts, and after: also when it failed, for it may have been done all the same.
   */
  run<T>(names: readonly string[], work: () => Eventually<T>, isSync: boolean): Eventually<T> {
    const intent = this.#guard.open(names);
    this.#tally.write(names.includes(EVERYTHING));
    this.#running.add(names);
    for (const transaction of this.#sharing) transaction.wrote(names);
    const before = this.#guard.invalidate(names);
    const over = (failure?: Failure): Promise<void> => {
      if (failure !== undefined) this.#guard.doubt(names, failure.error);
      this.#running.delete(names);
      return this.#guard.invalidateAndEnd(names, [intent]);
    };
    if (!isSync) return before.then(() => followed(async () => await work(), over));
    // The answer is given at once; until the invalidation is in force, nothing under these names is served here.
    try {
      return work();
    } finally {
      void over();
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
  if (!isPromise(result)) {
    void after();
    return result;
  }
  return result.then(
    async (value) => {
      await after();
      return value;
    },
    async (error: unknown) => {
      await after({ error });
      throw error;
    },
  );
}
