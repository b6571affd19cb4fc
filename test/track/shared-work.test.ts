// What requests share: a batch, a memo and the package `dataloader` carry their reads to each response that shows them.

import DataLoader from 'dataloader';
import { expect, it, vi } from 'vitest';
import type { Tracker } from '../../src/track/index.ts';
import { processShop } from './process-world.ts';
import { atEnd, tagsOf, trackedShop, type World } from './world.ts';

type User = { readonly id: number; readonly age: number };
type Application = Pick<World, 'tracker' | 'db'>;

const AGE = 'SELECT id, age FROM users WHERE id = ?';

const ageOf =
  ({ db }: Application) =>
  (id: number) =>
    db.prepare(AGE).get(id) as User | undefined;

const agesOf = (application: Application) => async (ids: readonly number[]) =>
  ids.map((id) => ageOf(application)(id) ?? new Error(`no user ${id}`));

const tagOf = (application: Application, id: number) =>
  tagsOf(application.tracker, () => ageOf(application)(id)).tags[0] as string;

/** A response that is made by the work. */
async function responseOf<T>(tracker: Tracker, work: () => Promise<T>) {
  const scope = tracker.openScope();
  const value = await scope.run(work).catch((error: Error) => error);
  await scope.registered();
  const { tags, reasons } = scope.finish();
  scope.end();
  return { value, tags: tags.slice(2), reasons };
}

it('requests that load at one time are read for by one batch, whose reads count for each', async () => {
  const world = await trackedShop();
  const { tracker } = world;
  const batch = vi.fn(agesOf(world));
  const loader = tracker.loader(batch);
  const [one, other, both] = await Promise.all([
    responseOf(tracker, () => loader.load(1)),
    responseOf(tracker, () => loader.load(2)),
    responseOf(tracker, () => loader.loadMany([2, 1, 2])),
  ]);
  expect(batch.mock.calls).toEqual([[[1, 2]]]);
  expect(both.value).toMatchObject([{ id: 2 }, { id: 1 }, { id: 2 }]);
  for (const { tags } of [one, other, both]) expect(tags).toEqual([tagOf(world, 1), tagOf(world, 2)]);
  await responseOf(tracker, () => loader.load(1));
  expect(batch).toHaveBeenCalledTimes(2);
});

it('a value that is not there, and a batch that fails, are read all the same', async () => {
  const world = await trackedShop();
  const loader = world.tracker.loader(agesOf(world), { maxBatchSize: 1 });
  const missing = await responseOf(world.tracker, () => loader.load(9));
  expect(missing).toMatchObject({ value: new Error('no user 9'), tags: [tagOf(world, 9)], reasons: [] });
  const broken = world.tracker.loader(async (ids: readonly number[]) => {
    await agesOf(world)(ids);
    return [];
  });
  const { value, tags } = await responseOf(world.tracker, () => broken.load(1));
  expect(String(value)).toBe('TypeError: expected a list of 1 values of a batch, one for each key, got 0');
  expect(tags).toEqual([tagOf(world, 1)]);
});

it('a batch without a read refuses each response that shows it, and is told by its name', async () => {
  const { tracker, faults } = await trackedShop();
  const loader = tracker.loader(async function prices(ids: readonly number[]) {
    return ids;
  });
  const { reasons } = await responseOf(tracker, () => loader.load(1));
  expect(reasons.join()).toMatch(/^nothing-read: wrap the driver/);
  expect(String(faults[0])).toContain('for the loader prices, got none');
});

it('options of a loader and a memo are checked, and arguments that cannot be told apart', async () => {
  const { tracker } = await trackedShop();
  expect(() => tracker.loader(async () => [], { maxBatchSize: 0 })).toThrow('maxBatchSize to be a whole number');
  expect(() => tracker.memo(() => 1, { max: 2 } as never)).toThrow('an option of tracker.memo among key, maxEntries');
  const memo = tracker.memo((given: object) => Object.keys(given).length);
  await expect(memo({ a: 1 })).rejects.toMatchObject({ code: 'E_KEY' });
  const keyed = tracker.memo((given: object) => Object.keys(given).length, { key: JSON.stringify });
  expect(await keyed({ a: 1 })).toBe(1);
});

it('a memo keeps a value until it is changed, and whoever shows it depends on what it was read from', async () => {
  const world = await trackedShop();
  const { tracker, outside } = world;
  const read = vi.fn(ageOf(world));
  const memo = tracker.memo(read);
  const show = (id: number) => responseOf(tracker, () => memo(id));
  const tags = [tagOf(world, 1)];
  expect(await show(1)).toMatchObject({ value: { age: 30 }, tags, reasons: [] });
  expect(await show(1)).toMatchObject({ value: { age: 30 }, tags, reasons: [] });
  expect(read).toHaveBeenCalledTimes(1);
  outside.exec('UPDATE users SET age = 77 WHERE id = 2');
  await tracker.settled();
  await show(1);
  expect(read).toHaveBeenCalledTimes(1);
  outside.exec('UPDATE users SET age = 31 WHERE id = 1');
  await tracker.settled();
  world.target.tags.clear();
  expect(await show(1)).toMatchObject({ value: { age: 31 }, tags, reasons: [] });
  expect(await show(1)).toMatchObject({ value: { age: 31 }, tags, reasons: [] });
  outside.exec('DELETE FROM orders; DELETE FROM users WHERE id = 1');
  await tracker.settled();
  expect([...world.target.tags]).toEqual(tags);
});

it('a memo is made anew for a request that has written, which need not wait for the feed', async () => {
  const world = await trackedShop();
  const { tracker, db } = world;
  const memo = tracker.memo(ageOf(world));
  await responseOf(tracker, () => memo(1));
  const { value } = await responseOf(tracker, async () => {
    const before = await memo(1);
    db.prepare('UPDATE users SET age = 31 WHERE id = 1').run();
    return [before, await memo(1)];
  });
  expect(value).toMatchObject([{ age: 30 }, { age: 31 }]);
  await tracker.settled();
  expect(await responseOf(tracker, () => memo(1))).toMatchObject({ value: { age: 31 }, reasons: [] });
});

it('memos within a memo and within batches are made anew, too, for a request that has written', async () => {
  const world = await trackedShop();
  const { tracker, db } = world;
  const user = tracker.memo(ageOf(world));
  const age = tracker.memo(async (id: number) => (await user(id))?.age);
  const loadAll = async (ids: readonly number[]) => Promise.all(ids.map(async (id) => (await age(id)) ?? 0));
  const own = tracker.loader(loadAll);
  const theirs = new DataLoader<number, number>(loadAll, { cache: false });
  await responseOf(tracker, () => age(1));
  const before = responseOf(tracker, () => own.load(2));
  const { value } = await responseOf(tracker, async () => {
    db.prepare('UPDATE users SET age = 31 WHERE id = 1').run();
    return [await age(1), await own.load(1), await theirs.load(1)];
  });
  expect([value, (await before).value]).toEqual([[31, 31, 31], 40]);
});

it('a batch of dataloader is made anew whichever of its requests has written', async () => {
  const world = await trackedShop();
  const { tracker, db } = world;
  const age = tracker.memo(async (id: number) => ageOf(world)(id)?.age ?? 0);
  const loader = new DataLoader<number, number>(async (ids) => Promise.all(ids.map((id) => age(id))), { cache: false });
  await responseOf(tracker, () => age(1));
  const first = responseOf(tracker, () => loader.load(2));
  const second = responseOf(tracker, async () => {
    // No feed can tell of it before the commit.
    db.exec('BEGIN; UPDATE users SET age = 31 WHERE id = 1');
    const value = await loader.load(1);
    db.exec('COMMIT');
    return value;
  });
  expect([(await first).value, (await second).value]).toEqual([40, 31]);
});

it('a change that is told while a memo is being made is not in what others are given', async () => {
  const world = await trackedShop();
  const { tracker, outside } = world;
  const gates: (() => void)[] = [];
  const memo = tracker.memo(async (id: number) => {
    const user = ageOf(world)(id);
    await new Promise<void>((resolve) => gates.push(resolve));
    return user;
  });
  const first = responseOf(tracker, () => memo(1));
  await vi.waitFor(() => expect(gates).toHaveLength(1));
  outside.exec('UPDATE users SET age = 31 WHERE id = 1');
  await tracker.settled();
  const others = [1, 2, 3].map(() => responseOf(tracker, () => memo(1)));
  gates[0]?.();
  await first;
  await vi.waitFor(() => expect(gates).toHaveLength(2));
  gates[1]?.();
  for (const other of await Promise.all(others)) expect(other).toMatchObject({ value: { age: 31 }, reasons: [] });
});

it('a memo keeps no more than it may, no failure, and nothing while the tracker is not live', async () => {
  const world = await trackedShop();
  const { tracker, db } = world;
  const read = vi.fn((id: number) => {
    if (id === 9) throw new Error('no user');
    return db.prepare(AGE).get(id);
  });
  const memo = tracker.memo(read, { maxEntries: 2 });
  for (const id of [1, 2, 1, 3, 1, 2]) await memo(id);
  expect(read.mock.calls.flat()).toEqual([1, 2, 3, 2]);
  for (let times = 0; times < 2; times++) await expect(memo(9)).rejects.toThrow('no user');
  expect(read).toHaveBeenCalledTimes(6);
  await tracker.stop();
  for (let times = 0; times < 2; times++) await memo(1);
  expect(read).toHaveBeenCalledTimes(8);
  await tracker.start();
  for (let times = 0; times < 2; times++) await memo(1);
  expect(read).toHaveBeenCalledTimes(9);
});

it('a loader of the package dataloader that requests share brings the reads of its batch to each', async () => {
  const world = await trackedShop();
  const { tracker } = world;
  const batch = vi.fn(agesOf(world));
  const loader = new DataLoader(batch, { cache: false });
  const responses = await Promise.all([1, 2].map((id) => responseOf(tracker, () => loader.load(id))));
  expect(batch).toHaveBeenCalledTimes(1);
  expect(responses.map(({ value }) => value)).toMatchObject([{ id: 1 }, { id: 2 }]);
  for (const { tags, reasons } of responses) {
    expect(tags).toEqual([tagOf(world, 1), tagOf(world, 2)]);
    expect(reasons).toEqual([]);
  }
  const missing = await responseOf(tracker, () => loader.loadMany([8, 1]));
  expect(missing.value).toMatchObject([new Error('no user 8'), { id: 1 }]);
  expect(missing.tags).toEqual([tagOf(world, 8), tagOf(world, 1)]);
});

it('what dataloader has kept is shown with what it was read from, and not stored once that was changed', async () => {
  const world = await trackedShop();
  const { tracker, outside } = world;
  const batch = vi.fn(agesOf(world));
  const loader = new DataLoader(batch);
  const tags = [tagOf(world, 1)];
  for (let times = 0; times < 2; times++)
    expect(await responseOf(tracker, () => loader.load(1))).toMatchObject({ value: { age: 30 }, tags, reasons: [] });
  expect(batch).toHaveBeenCalledTimes(1);
  outside.exec('UPDATE users SET age = 31 WHERE id = 1');
  await tracker.settled();
  // As ever: it is for the application to clear a loader that outlives a request.
  expect(await responseOf(tracker, () => loader.load(1))).toMatchObject({ value: { age: 30 }, reasons: ['overtaken'] });
  loader.clear(1);
  expect(await responseOf(tracker, () => loader.load(1))).toMatchObject({ value: { age: 31 }, tags, reasons: [] });
});

it('what one request primes another shows with its reads', async () => {
  const world = await trackedShop();
  const { tracker } = world;
  const loader = new DataLoader(agesOf(world));
  const primed = await responseOf(tracker, async () => {
    loader.prime(2, ageOf(world)(2) as User);
    return loader.load(2);
  });
  expect(primed).toMatchObject({ value: { id: 2 }, tags: [tagOf(world, 2)], reasons: [] });
  expect(await responseOf(tracker, () => loader.load(2))).toMatchObject({ tags: [tagOf(world, 2)], reasons: [] });
  // In no request: nobody knows where it comes from.
  loader.prime(3, { id: 3, age: 1 });
  const { value, reasons } = await responseOf(tracker, () => loader.load(3));
  expect(value).toEqual({ id: 3, age: 1 });
  expect(reasons).toEqual(['cached-value: a value that a loader had, read by an unknown request']);
});

it('dataloader is as it was: what it gives, what it throws, in whatever order', async () => {
  const world = await trackedShop();
  atEnd(() => world.tracker.stop());
  const failing = new DataLoader(() => Promise.reject(new Error('away')));
  await expect(failing.load(1)).rejects.toThrow('away');
  await expect(failing.load(1)).rejects.toThrow('away');
  const odd = new DataLoader((() => Promise.reject('a text')) as never);
  await expect(odd.load(1)).rejects.toBe('a text');
  expect(() => odd.load(null as never)).toThrow('must be called with a value');
  const none = new DataLoader((() => 3) as never);
  await expect(none.load(1)).rejects.toThrow('which accepts Array<key> and returns Promise<Array<value>>');
  const long = new DataLoader(async () => [5, 'six']);
  await expect(long.load(1)).rejects.toThrow(/of the same length as the Array of keys[\s\S]*Values:\n5,six$/);
  const primed = new DataLoader<number, number>(async (keys) => keys.map((key) => key * 2)).prime(1, 7).prime(2, 8);
  expect(await primed.loadMany([1, 2, 3])).toEqual([7, 8, 6]);
});

it('the same where a feed process follows the database', async () => {
  const world = await processShop();
  const application = await world.application();
  const { tracker } = application;
  const own = tracker.loader(agesOf(application));
  const foreign = new DataLoader(agesOf(application));
  const memo = tracker.memo(ageOf(application));
  const two = async () => [await own.load(1), await foreign.load(2), await memo(3)].map((user) => (user as User).age);
  for (let round = 0; round < 2; round++) {
    const responses = await Promise.all([responseOf(tracker, two), responseOf(tracker, two)]);
    for (const { value, tags, reasons } of responses) {
      expect({ value, reasons }).toEqual({ value: [30, 40, 50], reasons: [] });
      expect(tags).toHaveLength(3);
    }
  }
  world.outside.exec('UPDATE users SET age = age + 1');
  await tracker.settled();
  expect(await responseOf(tracker, two)).toMatchObject({ value: [31, 40, 51], reasons: ['overtaken'] });
  foreign.clearAll();
  expect(await responseOf(tracker, two)).toMatchObject({ value: [31, 41, 51], reasons: [] });
});
