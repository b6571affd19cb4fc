// A member that lasts, over a keeper in simulated time: it renews by itself, outlives the log that it began with, and serves nothing when
// its machine has slept.

import { expect, test } from 'vitest';
import type { Invalidations } from '../../src/ledger/invalidations.ts';
import type { LogEvent, Position } from '../../src/ledger/log.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import { LastingLog } from '../../src/log/lease/lasting-log.ts';
import { LeasedLog } from '../../src/log/lease/member.ts';
import type { LogKeeper } from '../../src/log/lease/messages.ts';
import type { InvalidationLog } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { SqliteStorage } from './sqlite-storage.ts';

const LEASE_MS = 1_000;
const tag = (text: string) => ({ kind: 'invalidate', selector: { kind: 'tag', tag: text } }) as const;

interface Joined {
  readonly log: LastingLog;
  readonly own: InvalidationLog;
  readonly heard: [Position, LogEvent][];
  readonly faults: unknown[];
  readonly invalidations: Invalidations;
}

class World {
  readonly time = new SimulatedTime();
  asleepMs = 0;
  isCut = false;
  readonly joined: Joined[] = [];
  #keeper = this.#newKeeper();
  members = 0;
  #epochs = 0;

  #newKeeper(): Keeper {
    return new Keeper({
      ...{ storage: new SqliteStorage(), clock: this.time, tasks: this.time, setAlarm: async () => {} },
      ...{ newEpoch: () => `e${this.#epochs++}`, buckets: 64 },
    });
  }

  /** What the keeper had is lost. */
  loseLog(): void {
    this.#keeper = this.#newKeeper();
  }

  async join(): Promise<Joined> {
    const faults: unknown[] = [];
    const call = <T>(work: () => Promise<T>) => (this.isCut ? Promise.reject(new Error('cut off')) : work());
    const keeper: LogKeeper = {
      renew: (request) => call(() => this.#keeper.renew(request)),
      append: (request) => call(() => this.#keeper.append(request)),
    };
    const { time } = this;
    const clock = { now: () => time.now() + this.asleepMs, monotonic: () => time.monotonic() };
    const log = new LastingLog({
      join: () =>
        new LeasedLog({ keeper, clock, tasks: time, member: `m${this.members++}`, mode: 'lease', leaseMs: LEASE_MS }),
      ...{ left: async () => {}, keep: async () => {}, clock, tasks: time, renewMs: LEASE_MS / 4 },
      ...{ newEpoch: () => `p${this.members}`, fault: (error: unknown) => void faults.push(error) },
    });
    const heard: [Position, LogEvent][] = [];
    const { invalidations, log: own } = log.history();
    own.follow((position, change) => {
      heard.push([position, change]);
      if (change.kind === 'invalidate') invalidations.apply(change.selector, position);
      if (change.kind === 'begin') invalidations.begin(change.image);
    });
    const joined = { log, own, heard, faults, invalidations };
    this.joined.push(joined);
    await this.pass(0, log.begin());
    return joined;
  }

  async pass<T>(ms: number, work?: Promise<T>): Promise<T | undefined> {
    const end = this.time.monotonic() + ms;
    let isOver = work === undefined;
    const over = () => {
      isOver = true;
    };
    work?.then(over, over);
    while (this.time.monotonic() < end || !isOver) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      await new Promise((resolve) => setImmediate(resolve));
      if (this.time.monotonic() < end || !isOver) this.time.advance(5);
    }
    return work;
  }
}

test('it stays leased by itself, and hears what another appends', async () => {
  const world = new World();
  const [one, other] = [await world.join(), await world.join()];
  for (let at = 0; at < 10; at++) {
    await world.pass(700);
    expect([one.log.isLeased(), other.log.isLeased()]).toEqual([true, true]);
  }
  const position = await world.pass(0, Promise.resolve(one.own.append(tag('a'))));
  expect(one.heard.at(-1)).toEqual([position, tag('a')]);
  expect(other.heard.at(-1)?.[1]).toEqual(tag('a'));
});

test('cut off, it serves nothing once its lease is over, and goes on with all that it missed', async () => {
  const world = new World();
  const [one, other] = [await world.join(), await world.join()];
  world.isCut = true;
  await world.pass(LEASE_MS + 300);
  expect([one.log.isLeased(), one.faults.length > 0]).toEqual([false, true]);
  await expect(world.pass(0, Promise.resolve(other.own.append(tag('lost'))))).rejects.toThrow('cut off');
  world.isCut = false;
  await world.pass(LEASE_MS);
  expect([one.log.isLeased(), other.log.isLeased()]).toEqual([true, true]);
  // It was owed, and is told.
  expect(one.heard.map(([, change]) => change)).toContainEqual(tag('lost'));
});

test('where its log is lost it goes on in the next, of which it is told before it serves again', async () => {
  const world = new World();
  const { log, own, heard, invalidations } = await world.join();
  for (let at = 0; at < 5; at++) await world.pass(0, Promise.resolve(own.append(tag(`t${at}`))));
  expect([invalidations.epoch, invalidations.applied]).toEqual(['e0', 5]);
  world.loseLog();
  await world.pass(2 * LEASE_MS);
  expect([log.state().flushes, log.isLeased()]).toEqual([1, true]);
  expect(heard.at(-1)).toMatchObject([0, { kind: 'begin', image: { epoch: 'e1' } }]);
  const position = await world.pass(0, Promise.resolve(own.append(tag('after'))));
  expect([position, invalidations.epoch, invalidations.applied]).toEqual([1, 'e1', 1]);
});

test('what is appended to a log that has ended stands in the one that begins', async () => {
  const world = new World();
  const [one, other] = [await world.join(), await world.join()];
  world.loseLog();
  const position = await world.pass(0, Promise.resolve(one.own.append(tag('a'))));
  await world.pass(LEASE_MS);
  expect(other.invalidations.lastAffecting({ uri: '', origin: '', tags: ['a'] })).toBe(position);
  expect([one.invalidations.epoch, other.invalidations.epoch]).toEqual(['e1', 'e1']);
});

test('a write under way stays one where its log is lost', async () => {
  const world = new World();
  const [one, other] = [await world.join(), await world.join()];
  const open = { kind: 'open', intent: 'i', uri: '/a' } as const;
  await world.pass(0, Promise.resolve(one.own.append(open)));
  world.loseLog();
  await world.pass(2 * LEASE_MS);
  for (const { heard, invalidations } of [one, other]) {
    expect(
      heard.slice(heard.findLastIndex(([, { kind }]) => kind === 'begin')).map(([, event]) => event),
    ).toContainEqual(open);
    expect(invalidations.epoch).toBe('e1');
  }
  await world.pass(0, Promise.resolve(one.own.append({ kind: 'close', intent: 'i' })));
  world.loseLog();
  await world.pass(2 * LEASE_MS);
  expect(one.heard.at(-1)).toMatchObject([0, { kind: 'begin', image: { epoch: 'e2' } }]);
});

test('what others append is confirmed once all who serve by its lease have it, and they are told of the lease after that', async () => {
  const world = new World();
  const [one, other] = [await world.join(), await world.join()];
  const said: string[] = [];
  const settled = Promise.withResolvers<void>();
  other.own.follow((_, { kind }) => void said.push(kind));
  other.log.serveBy({
    settled: () => (said.includes('invalidate') ? settled.promise : undefined),
    leased: ({ endMs }) => void (said.at(-1) !== 'lease' && endMs > world.time.monotonic() && said.push('lease')),
  });
  let isOver = false;
  const appended = Promise.resolve(one.own.append(tag('a'))).then(() => {
    isOver = true;
  });
  await world.pass(LEASE_MS / 2);
  expect([isOver, said]).toEqual([false, ['lease', 'invalidate', 'lease']]);
  settled.resolve();
  await world.pass(LEASE_MS / 4);
  expect(isOver).toBe(true);
  await appended;
});

test('it begins by itself once the log comes into reach, and those who came before are told', async () => {
  const world = new World();
  world.isCut = true;
  const early = await world.join().catch((error: unknown) => error);
  expect(String(early)).toContain('cut off');
  const { log, heard, invalidations } = world.joined[0] as Joined;
  expect([log.isLeased(), heard]).toEqual([false, []]);
  world.isCut = false;
  await world.pass(LEASE_MS);
  expect([log.isLeased(), invalidations.epoch]).toEqual([true, 'e0']);
});

test('between the lease of a new member and the outdating of everything nothing is served', async () => {
  const world = new World();
  const { log } = await world.join();
  world.loseLog();
  let early = 0;
  while (log.state().flushes === 0) {
    world.time.advance(5);
    for (let turn = 0; turn < 50; turn++) {
      await Promise.resolve();
      if (world.members > 1 && log.state().flushes === 0 && log.isLeased()) early++;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(early).toBe(0);
});

test.each([500, 3_600_000, -500])(
  'a machine whose wall clock has gone %d ms beside the other serves nothing until it has renewed',
  async (ms) => {
    const world = new World();
    const { log } = await world.join();
    await world.pass(100);
    expect(log.isLeased()).toBe(true);
    world.asleepMs = ms;
    expect(log.isLeased()).toBe(false);
    await world.pass(LEASE_MS / 2);
    expect(log.isLeased()).toBe(true);
  },
);

test('of two that follow, one that came later begins where the log is', async () => {
  const world = new World();
  const { log, own } = await world.join();
  await world.pass(0, Promise.resolve(own.append(tag('a'))));
  const late = log.history();
  const applied = late.invalidations.applied;
  late.log.follow((position, change) => {
    if (change.kind === 'invalidate') late.invalidations.apply(change.selector, position);
  });
  const position = await world.pass(0, Promise.resolve(own.append(tag('b'))));
  expect([applied + 1, late.invalidations.applied]).toEqual([position, position]);
});
