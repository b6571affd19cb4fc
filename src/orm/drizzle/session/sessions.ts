// The sessions of one database: each statement, transaction and batch that goes through them.
//
// Some drivers make a new session for a transaction, some go on with that of everyone. So a transaction is begun on a session
// derived for it, and the session that the driver makes of it is bound too.

import type { Eventually } from '../../../ports.ts';
import type { TextFacts } from '../../../sql/text-facts.ts';
import { queryOfBatch, type Texts, textOf } from '../catalogue/texts.ts';
import type { ReadOptions } from '../options.ts';
import { type Query, Reads, type ReadsParts, sessionHints } from '../reads.ts';
import { EVERYTHING } from '../writes/guard.ts';
import { followed, type TransactionWrites } from '../writes/writes.ts';
import {
  canBeCached,
  isPromise,
  isSyncPrepared,
  type Method,
  type Plan,
  paramsOf,
  planned,
  type UntypedObject,
} from './prepared.ts';

export interface SessionParts extends ReadsParts {
  readonly texts: Texts;
  /** The driver answers at once. */
  readonly isSync: boolean;
}

/** What holds for one session. */
interface Binding {
  readonly transaction: TransactionWrites | undefined;
  readonly read: ReadOptions | undefined;
}

/** Drizzle's own methods of a session. */
const METHODS = ['prepareQuery', 'transaction', 'batch', 'migrate'] as const;
type Originals = Readonly<Record<(typeof METHODS)[number], Method | undefined>>;

export class Sessions {
  readonly #parts: SessionParts;
  readonly #reads: Reads;
  readonly #originals = new WeakMap<object, Originals>();
  readonly #bindings = new WeakMap<object, Binding>();

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#reads = new Reads(parts);
  }

  /** Its statements go through the cache from now on. */
  bind(session: object, binding: Binding): void {
    const loose = session as UntypedObject;
    const methods = METHODS.map((name) => [name, typeof loose[name] === 'function' ? loose[name] : undefined]);
    this.#install(session, Object.fromEntries(methods) as Originals, binding);
  }

  /** The same session with another binding; what it changes in itself it changes in itself alone. */
  derive(session: object, binding: Binding): object {
    const derived: object = Object.create(session);
    this.#install(derived, this.#originals.get(session) as Originals, binding);
    return derived;
  }

  #install(session: object, originals: Originals, binding: Binding): void {
    this.#originals.set(session, originals);
    this.#bindings.set(session, binding);
    const { whenReady } = this.#parts.texts;
    const replace = (name: keyof Originals, call: (run: () => unknown, args: readonly unknown[]) => unknown) => {
      const original = originals[name];
      if (original === undefined) return;
      (session as UntypedObject)[name] = (...args: readonly unknown[]) =>
        call(() => original.apply(session, [...args]), args);
    };
    replace('prepareQuery', (run, args) => this.#prepared(run(), args, binding));
    replace('transaction', (_, args) =>
      whenReady(() => this.#transaction(session, originals.transaction as Method, args)),
    );
    replace('batch', (run, [queries]) => whenReady(() => this.#written(this.#namesOfBatch(queries), binding, run)));
    replace('migrate', (run) => this.#written([EVERYTHING], binding, run));
  }

  #prepared(prepared: unknown, args: readonly unknown[], binding: Binding): unknown {
    if (typeof prepared !== 'object' || prepared === null) return prepared;
    const { texts } = this.#parts;
    const facts = {
      text: texts.of(textOf(args[0])),
      query: args[0],
      hints: sessionHints(args),
      isSync: isSyncPrepared(prepared),
      isCacheable: canBeCached(prepared),
    };
    return planned(
      prepared,
      (method) => this.#watched(this.#plan({ ...facts, method }, binding), binding.transaction),
      texts.whenReady,
    );
  }

  /** Anew for each call: what is known of tables grows, and transactions come and go. `query`: as Drizzle has made it. */
  #plan(facts: Query & { readonly query: unknown }, { transaction, read }: Binding): Plan {
    const { relations, writes, rows } = this.#parts;
    const { isSync, text } = facts;
    const statement = text.facts;
    this.#noted(statement);
    const names = relations.namesWritten(statement);
    const isControl = statement.control !== undefined;
    const control = (run: () => unknown) => this.#controlled(statement, { transaction, isSync }, run);
    if (names.length === 0 && isControl) return { around: control };
    if (names.length === 0) return this.#reads.plan(facts, () => transaction ?? writes.manual, read);
    const writing = { transaction, isSync, isMixed: statement.isMixed };
    return {
      around: (run, given) => {
        if (isControl) return this.#written(names, writing, () => control(run));
        return this.#written(rows.namesWritten({ text, params: paramsOf(facts.query, given) }, names), writing, run);
      },
    };
  }

  #watched(plan: Plan, transaction: TransactionWrites | undefined): Plan {
    const { dialect, writes } = this.#parts;
    if (dialect !== 'sqlite' || (transaction === undefined && !writes.hasTransactions)) return plan;
    const { around = (run: () => unknown) => run() } = plan;
    return { ...plan, around: (run, given) => this.#watching(transaction, () => around(run, given)) };
  }

  #watching(transaction: TransactionWrites | undefined, run: () => unknown): unknown {
    return followed(run, async (failure) => {
      if (failure !== undefined && this.#parts.dialect === 'sqlite') this.#parts.writes.failedWithin(transaction);
    });
  }

  /** What it leaves behind in its connection. */
  #noted(facts: TextFacts): void {
    if (facts.temporary.size > 0) this.#parts.relations.hide(facts.temporary);
    this.#parts.settings.note(facts);
  }

  /** Outside of a transaction it is invalidated by itself, also where one was begun by hand: a pool may send it elsewhere. */
  #written(
    names: readonly string[],
    {
      transaction,
      isSync,
      isMixed,
    }: { readonly transaction: TransactionWrites | undefined; readonly isSync?: boolean; readonly isMixed?: boolean },
    run: () => Eventually<unknown>,
  ): unknown {
    if (names.length === 0) return run();
    transaction?.wrote(names);
    if (isMixed === true && transaction !== undefined) transaction.isOver = transaction.mayBeCommitted = true;
    if (transaction !== undefined && !transaction.isOver) return this.#watching(transaction, run);
    return this.#parts.writes.run(names, run, isSync === true);
  }

  #namesOfBatch(queries: unknown): readonly string[] {
    const { relations, texts, rows } = this.#parts;
    const names = (Array.isArray(queries) ? queries : [undefined]).flatMap((each) => {
      const query = queryOfBatch(each);
      const text = texts.of(textOf(query));
      this.#noted(text.facts);
      if (text.sql === '') return [EVERYTHING];
      return rows.namesWritten({ text, params: paramsOf(query, undefined) }, relations.namesWritten(text.facts));
    });
    return [...new Set(names)];
  }

  /** `begin`, `commit` and `rollback`: as raw SQL, or from the driver's own transaction. */
  #controlled(
    facts: TextFacts,
    { transaction, isSync }: { readonly transaction: TransactionWrites | undefined; readonly isSync: boolean },
    run: () => unknown,
  ): unknown {
    const { control, chains, savepoint } = facts;
    if (transaction !== undefined) return this.#controlledWithin(transaction, facts, { isSync, run });
    const { writes, dialect } = this.#parts;
    const isCommit = control === 'commit';
    // In SQLite, what is committed in vain stays open, and a savepoint may begin a transaction.
    if (isCommit || control === 'rollback')
      return followed(run, writes.endingByHand({ isCommit, chains, lasts: dialect === 'sqlite' }));
    if (writes.manual !== undefined) return this.#saved(writes.manual, facts, run);
    return control === 'begin' || control === 'savepoint' ? this.#begun(control, savepoint, run) : run();
  }

  /**
   * Within the work of a transaction Drizzle sends its own, and has said so before; one that a program sends there leaves the
   * rest of the work without a transaction.
   */
  #controlledWithin(
    transaction: TransactionWrites,
    { control }: TextFacts,
    { isSync, run }: { readonly isSync: boolean; readonly run: () => unknown },
  ): unknown {
    if (control === 'commit' || control === 'rollback') transaction.isOver = true;
    if (control !== 'commit' || transaction.isEnding) return run();
    const before = this.#parts.writes.committing(transaction);
    const send = isPromise(before) && !isSync ? async () => await before.then(run) : run;
    return followed(send, (failure) => transaction.committedByHand(failure));
  }

  /** A savepoint of a transaction that was begun by hand. */
  #saved({ savepoints }: TransactionWrites, { control, savepoint }: TextFacts, run: () => unknown): unknown {
    if (control !== 'savepoint' && control !== 'release' && control !== 'return') return run();
    const at = savepoints.lastIndexOf(savepoint);
    // Where a savepoint has begun the transaction, the release of that one is its commit.
    if (control === 'release' && at === 0)
      return followed(run, this.#parts.writes.endingByHand({ isCommit: true, chains: false, lasts: true }));
    return followed(run, async (failure) => {
      if (failure !== undefined || savepoints.length === 0) return;
      if (control === 'savepoint') savepoints.push(savepoint);
      else if (at >= 0) savepoints.splice(control === 'release' ? at : at + 1);
    });
  }

  /** Counted as begun before it is: a read meanwhile is not stored. */
  #begun(control: 'begin' | 'savepoint', savepoint: string, run: () => unknown): unknown {
    const { writes } = this.#parts;
    writes.manual = writes.open();
    if (control === 'savepoint') writes.manual.savepoints.push(savepoint);
    const failed = (error: unknown): never => {
      void writes.endingByHand({ isCommit: false, chains: false, lasts: false })();
      throw error;
    };
    try {
      const result = run();
      return isPromise(result) ? result.catch(failed) : result;
    } catch (error) {
      return failed(error);
    }
  }

  #transaction(session: object, original: Method, args: readonly unknown[]): unknown {
    const { writes, isSync } = this.#parts;
    const [work, ...rest] = args as readonly [Method, ...unknown[]];
    const outer = this.#bindings.get(session)?.transaction;
    if (outer !== undefined && !outer.isOver)
      return original.call(session, (tx: UntypedObject) => this.#inside(tx, outer, work), ...rest);
    const transaction = writes.open();
    const own = this.derive(session, { transaction, read: undefined });
    const run = (tx: UntypedObject): unknown => {
      if (tx.session !== own) writes.unshare(transaction);
      const result = this.#inside(tx, transaction, work);
      if (isSync) {
        void writes.ending(transaction);
        return result;
      }
      return (async () => {
        const value = await result;
        await writes.ending(transaction);
        return value;
      })();
    };
    return followed(
      () => original.call(own, run, ...rest),
      (failure) => writes.close(transaction, failure),
    );
  }

  /** The work of a transaction, with its session and those of the transactions within it bound. */
  #inside(tx: UntypedObject, transaction: TransactionWrites, work: Method): unknown {
    const session = tx.session as object;
    if (!this.#bindings.has(session)) this.bind(session, { transaction, read: undefined });
    const nested = tx.transaction;
    if (typeof nested === 'function') {
      tx.transaction = (inner: Method, ...rest: readonly unknown[]) =>
        (nested as Method).call(tx, (within: UntypedObject) => this.#inside(within, transaction, inner), ...rest);
    }
    return work(tx);
  }
}
