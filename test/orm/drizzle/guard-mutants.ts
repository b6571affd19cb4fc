// `withTidegate` with one guard taken away, for tests that must find out.

import type { Cache, SetOptions } from '../../../src/index.ts';
import type { Tally } from '../../../src/orm/drizzle/tally.ts';
import type { SoundParts } from '../../../src/orm/drizzle/with-tidegate.ts';
import { Guard } from '../../../src/orm/drizzle/writes/guard.ts';
import { type Failure, type TransactionWrites, Writes } from '../../../src/orm/drizzle/writes/writes.ts';
import type { Eventually } from '../../../src/ports.ts';

/** Neither stored nor served while a write is under way: taken away. */
class WithoutIntents extends Guard {
  override isBusy(): boolean {
    return false;
  }
  override overtaken(): boolean {
    return false;
  }
}

abstract class OtherOrder extends Writes {
  readonly guard: Guard;
  constructor(...given: ConstructorParameters<typeof Writes>) {
    super(...given);
    this.guard = given[0];
  }
  override async run<T>(names: readonly string[], work: () => Eventually<T>): Promise<T> {
    const intent = this.guard.open(names);
    try {
      return await this.ordered(names, work);
    } finally {
      intent.end();
    }
  }
  abstract ordered<T>(names: readonly string[], work: () => Eventually<T>): Promise<T>;
}

/** What Drizzle's own hook does. */
class Beside extends OtherOrder {
  override async ordered<T>(names: readonly string[], work: () => Eventually<T>): Promise<T> {
    const settled = await Promise.allSettled([work(), this.guard.invalidate(names)]);
    if (settled[0].status === 'rejected') throw settled[0].reason;
    return settled[0].value;
  }
}

class NotAwaited extends OtherOrder {
  override async ordered<T>(names: readonly string[], work: () => Eventually<T>): Promise<T> {
    await this.guard.invalidate(names);
    try {
      return await work();
    } finally {
      void this.guard.invalidate(names);
    }
  }
}

class NotAfterFailure extends OtherOrder {
  override async ordered<T>(names: readonly string[], work: () => Eventually<T>): Promise<T> {
    await this.guard.invalidate(names);
    const result = await work();
    await this.guard.invalidate(names);
    return result;
  }
}

class NotAtCommit extends Writes {
  override close(transaction: TransactionWrites, failure?: Failure): Promise<void> {
    transaction.mayBeCommitted = false;
    // Else it is invalidated for what others may have stored.
    this.unshare(transaction);
    return super.close(transaction, failure);
  }
}

class ReadsInTransactions extends Writes {
  override hidesReads(): boolean {
    return false;
  }
}

/** An entry is stored as if it had been read now. */
function withoutStamps(cache: Cache): Cache {
  return new Proxy(cache, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'set') return value.bind(target);
      return (key: string, stored: unknown, { stamp: _, ...options }: SetOptions) => target.set(key, stored, options);
    },
  });
}

const writesOf = (Mutant: new (guard: Guard, tally: Tally) => Writes): { readonly parts: SoundParts } => ({
  parts: { writes: (guard, tally) => new Mutant(guard, tally) },
});

export interface Mutation {
  readonly parts?: SoundParts;
  readonly cacheOf?: (cache: Cache) => Cache;
  /** It shows only where transactions have connections of their own. */
  readonly isOfOwnConnections?: true;
}

export type Mutant = readonly [name: string, mutation: Mutation];

export const MUTANTS: readonly Mutant[] = [
  ['intents', { parts: { guard: (options) => new WithoutIntents(options) } }],
  ['stamps', { cacheOf: withoutStamps }],
  ['invalidation after the write, not beside it', writesOf(Beside)],
  ['waiting for the invalidation', writesOf(NotAwaited)],
  ['invalidation after a failure', writesOf(NotAfterFailure)],
  ['invalidation at the commit', writesOf(NotAtCommit)],
  ['transactions that read past the cache', { isOfOwnConnections: true, ...writesOf(ReadsInTransactions) }],
];
