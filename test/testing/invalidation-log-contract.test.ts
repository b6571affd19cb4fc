// The contract suite of InvalidationLog on every log of this package, and on logs that are wrong in one way each: the suite
// must find every one, by the fact that is broken.

import { describe, expect, test } from 'vitest';
import { createLocalLog } from '../../src/engine/invalidator.ts';
import { TidegateError } from '../../src/errors.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import { MemberLog } from '../../src/log/member-log.ts';
import { SharedLog } from '../../src/log/shared-log.ts';
import type { InvalidationLog } from '../../src/ports.ts';
import { invalidationLogContract } from '../../src/testing/index.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { live } from '../store/disk/journal-kit.ts';
import { BROKEN_LOGS, rightLog } from './broken-logs.ts';

describe('the log of one process', () => {
  invalidationLogContract({ test, makeLog: () => [createLocalLog(0)] });
});

describe('the log on a disk', () => {
  const journals = new Map<InvalidationLog, () => Promise<void>>();
  invalidationLogContract({
    test,
    makeLog: async () => {
      const { journal } = await live();
      journals.set(journal, () => journal.close());
      return [journal];
    },
    endLog: async ([log]) => journals.get(log as InvalidationLog)?.(),
  });
});

/** A keeper and two members, whose messages take a turn each. */
function sharedLog(): { readonly keeper: SharedLog; readonly members: readonly MemberLog[] } {
  const invalidations = new Invalidations({ epoch: 'e1', buckets: 64 });
  const time = new SimulatedTime();
  const keeper = new SharedLog({
    log: createLocalLog(0),
    image: () => invalidations.image(),
    ...{ clock: time, tasks: time, fault: () => {} },
  });
  const members = [1, 2].map(() => {
    const link = keeper.join({ send: (message) => setImmediate(() => member.received(message)), revoke: () => {} });
    const member: MemberLog = new MemberLog({
      membership: link.membership,
      send: (message) => setImmediate(() => link.received(message)),
      broken: () => {},
    });
    return member;
  });
  return { keeper, members };
}

describe('a log that processes share: its keeper and its members', () => {
  invalidationLogContract({
    test,
    makeLog: () => {
      const { keeper, members } = sharedLog();
      return [keeper, ...members];
    },
  });
});

describe('a log that processes share: members whose link ends', () => {
  invalidationLogContract({
    test,
    makeLog: () => {
      const { keeper, members } = sharedLog();
      keeper.follow(() => {});
      return members;
    },
    endLog: (members) => {
      for (const member of members as readonly MemberLog[]) member.close();
    },
  });
});

/** The facts that do not hold of a log, with what was said of each. */
async function failures(makeLog: () => readonly InvalidationLog[]): Promise<Map<string, string>> {
  const facts: [string, () => Promise<void>][] = [];
  invalidationLogContract({ test: (name, holds) => facts.push([name, holds]), makeLog, endLog });
  const found = new Map<string, string>();
  for (const [name, holds] of facts) {
    await holds().catch((error: unknown) => found.set(name, error instanceof Error ? error.message : 'no error'));
  }
  return found;
}

function endLog(members: readonly InvalidationLog[]): void {
  for (const member of members) {
    member.append = async () => {
      throw new TidegateError('E_LOG', 'expected a log that goes on, got its end');
    };
  }
}

describe('the suite', () => {
  test('has nothing to say of a log that is right', async () => {
    expect([...(await failures(() => rightLog(3)))]).toEqual([]);
  });

  test.each(BROKEN_LOGS.map((broken) => [broken.name, broken] as const))('finds a log that %s', async (_, broken) => {
    const found = await failures(broken.make);
    expect([...found.keys()]).toContain(`InvalidationLog: ${broken.breaks}`);
  });

  test('has a log that breaks it for each of its facts but the last, which asks for the end', () => {
    const names: string[] = [];
    invalidationLogContract({ test: (name) => names.push(name), makeLog: () => rightLog(2) });
    const broken = new Set(BROKEN_LOGS.map(({ breaks }) => `InvalidationLog: ${breaks}`));
    expect(names.filter((name) => !broken.has(name))).toEqual([]);
  });

  test('finds a log that takes changes after its end', async () => {
    const facts: [string, () => Promise<void>][] = [];
    const makeLog = () => rightLog(2);
    invalidationLogContract({ test: (name, holds) => facts.push([name, holds]), makeLog, endLog: () => {} });
    const [name, holds] = facts.at(-1) ?? [];
    expect(name).toBe('InvalidationLog: refuses with E_LOG what is appended after its end, and tells nobody of it');
    await expect(holds?.()).rejects.toThrow('expected append to reject with E_LOG, got "2"');
  });
});
