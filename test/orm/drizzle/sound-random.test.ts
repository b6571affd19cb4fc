// Random work finds nothing outdated; with any one guard taken away it does.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Cache, SetOptions } from '../../../src/index.ts';
import type { SoundParts } from '../../../src/orm/drizzle/sound-db.ts';
import { Guard } from '../../../src/orm/drizzle/sound-guard.ts';
import type { Tally } from '../../../src/orm/drizzle/sound-tally.ts';
import { type Failure, type Scope, Writes } from '../../../src/orm/drizzle/sound-writes.ts';
import type { Eventually } from '../../../src/ports.ts';
import { type RandomRun, randomRun } from './sound-random.ts';
import { oneConnection, ownConnections } from './sound-random-drivers.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-random-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
/** Each run has a file of its own: two libraries with one file open lose each other's locks. */
const freshPath = () => join(folder, `${files++}.db`);

const SEEDS = 20;

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
  override close(scope: Scope, failure?: Failure): Promise<void> {
    scope.mayBeCommitted = false;
    return super.close(scope, failure);
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

type Mutant = readonly [string, Partial<Pick<RandomRun, 'parts' | 'cacheOf' | 'driver'>>];

const MUTANTS: readonly Mutant[] = [
  ['intents', { parts: { guard: (options) => new WithoutIntents(options) } }],
  ['stamps', { cacheOf: withoutStamps }],
  ['invalidation after the write, not beside it', writesOf(Beside)],
  ['waiting for the invalidation', writesOf(NotAwaited)],
  ['invalidation after a failure', writesOf(NotAfterFailure)],
  ['invalidation at the commit', writesOf(NotAtCommit)],
  ['transactions that read past the cache', { driver: ownConnections, ...writesOf(ReadsInTransactions) }],
];

describe('random work', () => {
  test.each([
    ['one connection for all', oneConnection],
    ['a connection for each transaction', ownConnections],
  ])('gives nothing outdated: %s', { timeout: 240_000 }, async (_name, driver) => {
    let hits = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = await randomRun({ seed, path: freshPath(), driver });
      expect(result.violations, `seed ${seed}`).toEqual([]);
      expect(result.failures).toBe(0);
      hits += result.hits;
    }
    expect(hits).toBeGreaterThan(SEEDS * 10);
  });

  test.each(MUTANTS)('needs %s', { timeout: 240_000 }, async (_name, mutant) => {
    let violations = 0;
    for (let seed = 1; seed <= 3 * SEEDS && violations === 0; seed++) {
      violations += (await randomRun({ seed, path: freshPath(), driver: oneConnection, ...mutant })).violations.length;
    }
    expect(violations).toBeGreaterThan(0);
  });
});
