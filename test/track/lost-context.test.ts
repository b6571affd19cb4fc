// Statements that are run in no scope while responses are made, and `share: 'union'`: they count for every open scope.

import { createClient } from '@libsql/client';
import { expect, it } from 'vitest';
import { HANDLERS } from './handlers.ts';
import { processShop } from './process-world.ts';
import { atEnd, tagsOf, trackedShop, type World } from './world.ts';

const USER = 'SELECT * FROM users WHERE id = ?';

/** A queue of an application's own, whose worker was begun before any request. */
function ownQueue() {
  let wake: () => void = () => undefined;
  const jobs: (() => void)[] = [];
  let isOver = false;
  const work = async () => {
    while (!isOver) {
      jobs.shift()?.();
      if (jobs.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  void work();
  atEnd(() => {
    isOver = true;
    wake();
  });
  return <T>(job: () => T) =>
    new Promise<T>((resolve, reject) => {
      jobs.push(() => {
        try {
          resolve(job());
        } catch (error) {
          reject(error);
        }
      });
      wake();
    });
}

const tagOf = ({ tracker, db }: Pick<World, 'tracker' | 'db'>, id: number) =>
  tagsOf(tracker, () => db.prepare(USER).get(id)).tags;

it('what a queue reads in no scope counts for each scope that is open, and is told once', async () => {
  const world = await trackedShop();
  const { tracker, db, faults } = world;
  const inQueue = ownQueue();
  const one = tracker.openScope();
  const other = tracker.openScope();
  const ended = tracker.openScope();
  ended.end();
  const rows = await one.run(() => inQueue(() => db.prepare(USER).get(2)));
  await one.run(() => inQueue(() => db.prepare('SELECT count(*) FROM orders').get()));
  expect(rows).toMatchObject({ firstName: 'Kim' });
  const tags = tagOf(world, 2);
  for (const scope of [one, other]) {
    const { isStorable, tags: found } = scope.finish();
    expect(isStorable).toBe(true);
    expect(found).toEqual(expect.arrayContaining([...tags]));
    expect(found).toHaveLength(4);
  }
  expect(ended.finish().reasons.join()).toMatch(/^nothing-read/);
  expect(tracker.openScope().finish().isStorable).toBe(false);
  const told = faults.map(String).filter((fault) => fault.includes('got one in none'));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain(`${USER}. Where its asynchronous context is lost, bring it along (AsyncResource.bind)`);
  expect(tracker.status().problems.join()).toContain('Run what no response shows in tracker.outside');
});

it('what is run outside on purpose counts for none, and nothing is told', async () => {
  for (const share of ['scope', 'union'] as const) {
    const { tracker, db, faults } = await trackedShop({ share });
    const scope = tracker.openScope();
    scope.run(() => {
      tracker.outside(() => db.prepare(USER).get(1));
      expect(tracker.outside(() => tracker.current())).toBeUndefined();
    });
    expect(scope.finish().reasons.join()).toMatch(/^nothing-read/);
    expect(faults.map(String).join()).not.toContain('got one in none');
    expect(tracker.status().counts.outside).toBe(1);
  }
});

it('a read that is under way counts for a scope that opens meanwhile, and for none that opens later', async () => {
  const world = await trackedShop();
  const raw = createClient({ url: `file:${world.path}` });
  atEnd(() => raw.close());
  const db = world.tracker.wrap(raw);
  const before = world.tracker.openScope();
  const reading = db.execute({ sql: USER, args: [2] });
  const during = world.tracker.openScope();
  const hasty = world.tracker.openScope();
  expect(hasty.finish().reasons).toEqual(['late: a statement that has not answered']);
  expect((await reading).rows).toHaveLength(1);
  const after = world.tracker.openScope();
  const tags = tagOf(world, 2);
  expect(before.finish().tags.slice(2)).toEqual(tags);
  expect(during.finish().tags.slice(2)).toEqual(tags);
  expect(after.finish().tags).toEqual([]);
});

it('a response whose body is still being sent is outdated by what is read in no scope', async () => {
  const { tracker, db, target } = await trackedShop();
  const scope = tracker.openScope();
  scope.run(() => db.prepare(USER).get(1));
  const { tags } = scope.finish();
  db.prepare(USER).get(2);
  await tracker.settled();
  expect([...target.tags]).toEqual([tags[1]]);
});

it('a write that loses its context holds the answer to the request that waits for it', async () => {
  for (const [kind, handlerOf] of Object.entries(HANDLERS)) {
    const world = await trackedShop();
    const inQueue = ownQueue();
    const ask = await handlerOf(world.tracker, async (request) => {
      if (request.method === 'GET') return Response.json(world.db.prepare(USER).get(1));
      await inQueue(() => world.db.exec('UPDATE users SET age = age + 1 WHERE id = 1'));
      return Response.json({});
    });
    const tag = (await ask('/users/1')).headers.get('cache-tag')?.split(', ').at(-1);
    await (await ask('/users/1', { method: 'POST' })).text();
    expect([kind, ...world.target.tags]).toEqual([kind, tag]);
  }
});

it('what could not be tracked in no scope refuses each open one', async () => {
  const { tracker, db } = await trackedShop();
  const scope = tracker.openScope();
  scope.run(() => db.prepare(USER).get(1));
  db.exec('BEGIN');
  db.prepare(USER).get(2);
  db.exec('COMMIT');
  expect(scope.finish().reasons).toEqual(['transaction']);
});

it('with share: union each read counts for every open scope', async () => {
  const world = await trackedShop({ share: 'union' });
  const { tracker, db, faults } = world;
  const one = tracker.openScope();
  const other = tracker.openScope();
  one.run(() => db.prepare(USER).get(1));
  other.run(() => db.prepare(USER).get(2));
  const third = tracker.openScope();
  // Who has written may see what is not told yet.
  third.run(() => db.prepare('UPDATE users SET note = ? WHERE id = 3').run('x'));
  one.run(() => db.prepare(USER).get(3));
  const tags = one.finish().tags.slice(2);
  expect(tags).toHaveLength(3);
  expect(other.finish().tags.slice(2)).toEqual(tags);
  expect(third.finish().reasons).toEqual(['after-write']);
  expect(faults.map(String).join()).not.toContain('got one in none');
  await expect(trackedShop({ share: 'all' as never })).rejects.toThrow(
    'expected share to be "scope" or "union", got "all"',
  );
});

it('the same where a feed process follows the database', async () => {
  const world = await processShop();
  for (const share of ['scope', 'union'] as const) {
    const { tracker, db } = await world.application({ share });
    const one = tracker.openScope();
    const other = tracker.openScope();
    const read = () => db.prepare(USER).get(2);
    if (share === 'union') one.run(read);
    else read();
    await Promise.all([one.registered(), other.registered()]);
    const tags = one.finish().tags.slice(2);
    expect(tags).toEqual([expect.stringMatching(/^q/)]);
    expect(other.finish().tags.slice(2)).toEqual(tags);
  }
});
