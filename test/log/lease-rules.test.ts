// The rules of the leased log one by one: what the simulation sees only by chance, or takes for a miss.

import { describe, expect, test } from 'vitest';
import { signed, signingKey } from '../../src/ledger/hashes.ts';
import type { LogChange } from '../../src/ledger/log.ts';
import { LeasedLog } from '../../src/log/lease/member.ts';
import { turns } from '../kit/slow-log.ts';
import { tag, tookMs, World } from './rules-world.ts';

describe('an acknowledgement', () => {
  test('waits for the lease of another member and the margin, not for its own', async () => {
    const world = new World();
    const a = await world.member('a');
    expect(await tookMs(world, a.log.append(tag('x')))).toBe(0);
    await world.member('b');
    expect(await tookMs(world, a.log.append(tag('y')))).toBe(1_015);
  });

  test('waits for a long lease, too', async () => {
    const world = new World();
    const a = await world.member('a', { leaseMs: 20_000 });
    await world.member('b', { leaseMs: 20_000 });
    const appended = a.log.append(tag('x'));
    expect(await tookMs(world, appended)).toBe(20_205);
    expect(await appended).toBe(1);
  });

  test.each(['strict', 'bounded'] as const)('does not wait for a member in mode %s', async (mode) => {
    const world = new World();
    const a = await world.member('a');
    await world.member('b', { mode });
    expect(await tookMs(world, a.log.append(tag('x')))).toBe(0);
  });

  test('comes as soon as the other member says that it knows', async () => {
    const world = new World();
    const a = await world.member('a');
    const b = await world.member('b');
    const appended = a.log.append(tag('x'));
    await turns();
    await b.log.renew();
    world.time.advance(10);
    const rest = tookMs(world, appended);
    await b.log.renew();
    expect(await rest).toBe(0);
  });

  test('of an open intent comes at once', async () => {
    const world = new World();
    const a = await world.member('a');
    await world.member('b');
    expect(await tookMs(world, a.log.append({ kind: 'open', intent: 'i', uri: 'u' }))).toBe(0);
  });

  test('waits after a restart as if everybody had a lease', async () => {
    const world = new World();
    const a = await world.member('a');
    world.keeper = world.instance();
    expect(await tookMs(world, a.log.append(tag('x')))).toBe(1_015);
  });
});

test('an instance waits no longer for those before it than leases last that were in force there', async () => {
  const world = new World();
  await world.member('long', { leaseMs: 20_000 });
  const { log } = await world.member('short');
  world.time.advance(19_000);
  await log.renew();
  world.keeper = world.instance();
  // The long one has more than a short one left, for all that is known.
  expect(await tookMs(world, log.append(tag('x')))).toBeGreaterThan(1_205);
  world.time.advance(20_205);
  await log.renew();
  world.keeper = world.instance();
  expect(await tookMs(world, log.append(tag('y')))).toBe(1_015);
});

describe('a lease', () => {
  test('is counted from before it is asked for, and due to one caller in its second half', async () => {
    const world = new World();
    const { log } = await world.member('a');
    expect([log.isLeased(), log.renewalDue()]).toEqual([true, false]);
    world.time.advance(500);
    expect([log.renewalDue(), log.renewalDue()]).toEqual([true, false]);
    world.time.advance(250);
    expect([log.renewalDue(), log.renewalDue()]).toEqual([true, false]);
    world.time.advance(249);
    expect(log.isLeased()).toBe(true);
    world.time.advance(1);
    expect([log.isLeased(), log.renewalDue()]).toEqual([false, false]);
  });

  test('ends with an append that fails, and the next renewal appends the change', async () => {
    const world = new World();
    const { log, heard } = await world.member('a');
    world.on.append = () => {
      throw new Error('no way there');
    };
    await expect(log.append(tag('x'))).rejects.toMatchObject({
      code: 'E_LOG',
      message: expect.stringContaining('no way there'),
    });
    expect(log.isLeased()).toBe(false);
    await log.renew();
    expect([log.isLeased(), heard]).toEqual([true, [[1, tag('x')]]]);
  });

  test.each([
    [
      'fails in it',
      (world: World) => {
        world.on.append = () => {
          throw new Error('no way there');
        };
      },
    ],
    ['comes after its end', () => undefined],
  ])('of the next member of an isolate tells the append that %s', async (_, happens) => {
    const world = new World();
    const owed = { changes: [] };
    const { log } = await world.member('a', { owed });
    happens(world);
    // A write is under way while the log begins anew: with its intents, which would have outdated its URI.
    for (const _ of world.storage.sql.exec("update log_meta set value = 0 where name = 'format'"));
    world.keeper = world.instance();
    const late = world.on.append === undefined ? log.renew() : log.append(tag('x'));
    await expect(late).rejects.toMatchObject({ code: 'E_LOG' });
    if (log.ended === undefined) await expect(log.renew()).rejects.toMatchObject({ code: 'E_LOG' });
    else await expect(log.append(tag('x'))).rejects.toBe(log.ended);
    expect(log.ended).toBeDefined();
    const next = await world.member('b', { owed });
    const { invalidations } = next.log.history();
    expect([invalidations.epoch, owed.changes]).toEqual(['e2', []]);
    expect(invalidations.lastAffecting({ uri: '', origin: '', tags: ['x'] })).toBeGreaterThan(0);
  });

  test('is not had in time where the keeper says nothing', async () => {
    const world = new World();
    const { log } = await world.member('a');
    world.on.renew = () => new Promise(() => {});
    expect(await tookMs(world, log.renew())).toBe(1_000);
    expect(log.isLeased()).toBe(false);
  });
});

describe('a member', () => {
  test('takes a kind of change that it does not know for an invalidation of everything', async () => {
    const world = new World();
    const { log, heard } = await world.member('a');
    const later = { kind: 'forget', what: 'x' } as unknown as LogChange;
    world.on.renew = (reply) => ({ ...reply, number: 1, changes: [[1, later]] });
    await log.renew();
    expect(heard).toEqual([[1, { kind: 'invalidate', selector: { kind: 'all' } }]]);
  });

  test('ends when the log has forgotten what it lacks, or begins anew', async () => {
    const world = new World();
    world.keeper = world.instance(0);
    const a = await world.member('a');
    const b = await world.member('b', { mode: 'strict' });
    for (const name of ['x', 'y', 'z']) await a.log.append(tag(name));
    await expect(b.log.renew()).rejects.toMatchObject({ code: 'E_LOG' });
    expect([b.log.ended?.code, b.log.isLeased()]).toEqual(['E_LOG', false]);
    await expect(b.log.opened()).rejects.toBe(b.log.ended);
    for (const _ of world.storage.sql.exec("update log_meta set value = 0 where name = 'format'"));
    world.keeper = world.instance();
    await expect(a.log.renew()).rejects.toThrow('expected the log e1, got e2');
  });

  test('has reached a position once it has renewed past it', async () => {
    const world = new World();
    const a = await world.member('a');
    const b = await world.member('b', { mode: 'strict' });
    await a.log.append(tag('x'));
    const position = a.log.position();
    expect(position).toMatch(/^1~[0-9a-f]{16}$/);
    expect(b.log.hasReached(b.log.position())).toBe(true);
    expect(b.log.hasReached(position)).toBe(false);
    const others = [`2${position.slice(1)}`, position.slice(0, -1), '1', '1~', '', 'x', signed('1', signingKey('e2'))];
    expect(others.map((one) => b.log.hasReached(one))).toEqual(others.map(() => undefined));
    await b.log.renew();
    expect(b.log.hasReached(position)).toBe(true);
  });

  test('is one of several that begin at once', async () => {
    const world = new World();
    const a = await world.member('a');
    const { promise, resolve } = Promise.withResolvers<void>();
    const log = new LeasedLog({
      keeper: { renew: (request) => world.keeper.renew(request), append: (request) => world.keeper.append(request) },
      clock: world.time,
      tasks: world.time,
      member: 'b',
      mode: 'strict',
      leaseMs: 1_000,
    });
    const first = log.renew();
    await a.log.append(tag('x'));
    resolve();
    await Promise.all([promise, first, log.renew()]);
    expect(log.hasReached(log.position())).toBe(true);
    expect(log.position()).toMatch(/^1~/);
  });
});

describe('the alarm', () => {
  const open: LogChange = { kind: 'open', intent: 'i', uri: 'u' };

  test('that comes early is set again, for another millisecond', async () => {
    const world = new World();
    const { log, heard } = await world.member('a', { mode: 'strict' });
    await log.append(open);
    const [dueMs = 0] = world.alarms;
    expect(dueMs).toBe(world.time.now() + 60_000);
    world.time.advance(59_999);
    await world.keeper.alarm();
    await log.renew();
    expect(heard).toEqual([[0, open]]);
    // The platform forgets an alarm for the very millisecond of the one that is being run.
    expect(world.alarms).toEqual([dueMs, expect.toSatisfy((atMs) => atMs > dueMs)]);
    world.time.advance(1_000);
    await world.keeper.alarm();
    await log.renew();
    expect(heard[1]).toEqual([1, { kind: 'invalidate', selector: { kind: 'url', uri: 'u' } }]);
  });

  test('that the platform refuses is asked for again', async () => {
    const world = new World();
    const { log } = await world.member('a', { mode: 'strict' });
    const refuse = () => {
      throw new Error('no alarm');
    };
    world.on.setAlarm = refuse;
    // A write is not sent without it.
    await expect(log.append(open)).rejects.toThrow('no alarm');
    await expect(log.renew()).rejects.toThrow('no alarm');
    world.on.setAlarm = () => undefined;
    await log.renew();
    expect(world.alarms).toHaveLength(1);
    world.time.advance(60_000);
    world.on.setAlarm = refuse;
    await expect(world.keeper.alarm()).rejects.toThrow('no alarm');
    world.on.setAlarm = () => undefined;
    await log.renew();
    await log.renew();
    expect(world.alarms).toHaveLength(2);
  });

  test.each([
    ['of another instance', { elapsedMs: 0, restarts: true }],
    ['of which nothing came', { elapsedMs: 121_000, restarts: false }],
  ])('%s is asked for again', async (_, { elapsedMs, restarts }) => {
    const world = new World();
    const { log } = await world.member('a', { mode: 'strict' });
    await log.append(open);
    world.time.advance(elapsedMs);
    if (restarts) world.keeper = world.instance();
    await log.renew();
    expect(world.alarms).toHaveLength(2);
  });
});

describe('the keeper', () => {
  test.each([
    ['too many changes', Array.from({ length: 1_001 }, () => tag('x')), 'at most 1000 changes, got 1001'],
    ['too much text', Array.from({ length: 20 }, () => tag('x'.repeat(30_000))), 'at most 400000 characters'],
    ['an unknown kind', [{ kind: 'undo' }], 'a known kind of change, got "undo"'],
    ['what is no change', [undefined], 'a known kind of change, got nothing'],
    [
      'a long pattern',
      [{ kind: 'invalidate', selector: { kind: 'pattern', pattern: '*'.repeat(5_000) } }],
      'at most 4096 characters',
    ],
  ])('refuses %s, and changes nothing', async (_, changes, message) => {
    const { keeper } = new World();
    const request = { member: 'a', known: undefined, changes: changes as LogChange[] };
    await expect(keeper.append(request)).rejects.toMatchObject({
      code: 'E_LOG',
      message: expect.stringContaining(message),
    });
    expect(await keeper.renew({ ...request, changes: [], leaseMs: 0, awaited: true })).toMatchObject({ number: 0 });
  });

  test('changes nothing where its storage fails', async () => {
    const world = new World();
    const { log } = await world.member('a');
    world.storage.failsAfter = 0;
    await expect(log.append(tag('x'))).rejects.toThrow('the storage is gone');
    world.storage.failsAfter = undefined;
    expect(
      await world.keeper.renew({ member: 'b', known: undefined, changes: [], leaseMs: 0, awaited: true }),
    ).toMatchObject({ number: 0 });
  });
});
