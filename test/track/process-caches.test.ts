// The data caches of applications that track by a feed process: told of what is outdated, and empty when it is away.

import { expect, it, vi } from 'vitest';
import { createCache } from '../../src/index.ts';
import { cacheTarget } from '../../src/track/index.ts';
import { type Application, processShop } from './process-world.ts';
import { atEnd } from './world.ts';

it('data caches of applications are told by it, and drop what they have when it is away', async () => {
  const world = await processShop({ lease: 1_000 });
  const cache = createCache();
  atEnd(() => cache.close());
  const { tracker, db } = await world.application({ caches: [cacheTarget(cache)] });
  let fills = 0;
  const age = () =>
    tracker.cached(cache, 'age', {
      fill: () => {
        fills++;
        return (db.prepare('SELECT age FROM users WHERE id = 1').get() as { age: number }).age;
      },
      ttl: Number.POSITIVE_INFINITY,
    });
  expect([await age(), await age(), fills]).toEqual([30, 30, 1]);
  world.outside.exec('UPDATE users SET age = 40 WHERE id = 1');
  await tracker.settled();
  expect([await age(), await age(), fills]).toEqual([40, 40, 2]);
  await world.process.stop();
  world.outside.exec('UPDATE users SET age = 50 WHERE id = 1');
  await vi.waitFor(async () => expect(await age()).toBe(50), { timeout: 5_000 });
  const before = fills;
  expect([await age(), fills]).toEqual([50, before + 1]);
  expect(tracker.status()).toMatchObject({ state: 'lagging', targets: [{ name: 'cache', sessions: 1 }] });
});

it('a write is settled once the caches of the other applications know of it', async () => {
  const world = await processShop();
  const cache = createCache();
  atEnd(() => cache.close());
  const reader = await world.application({ caches: [cacheTarget(cache)] });
  const writer = await world.application();
  const name = () =>
    reader.tracker.cached(cache, 'name', {
      fill: () =>
        (reader.db.prepare('SELECT firstName FROM users WHERE id = 1').get() as { firstName: string }).firstName,
      ttl: Number.POSITIVE_INFINITY,
    });
  for (let at = 0; at < 50; at++) {
    await name();
    writer.db.prepare('UPDATE users SET firstName = ? WHERE id = 1').run(`Lane ${at}`);
    await writer.tracker.settled();
    expect(await name()).toBe(`Lane ${at}`);
  }
});

it('what caches hold after many writes beside many reads is what the database holds', async () => {
  const world = await processShop();
  const applications: (Application & { readonly cache: ReturnType<typeof createCache> })[] = [];
  for (let at = 0; at < 2; at++) {
    const cache = createCache();
    atEnd(() => cache.close());
    applications.push({ cache, ...(await world.application({ caches: [cacheTarget(cache)] })) });
  }
  const sums = 'SELECT total(age) AS age, count(*) AS users FROM users WHERE age % 3 = ?';
  const read = ({ cache, tracker, db }: (typeof applications)[number], rest: number) =>
    tracker.cached(cache, `rest:${rest}`, {
      fill: async () => {
        const row = { ...db.prepare(sums).get(rest) };
        await Promise.resolve();
        return JSON.stringify([row, db.prepare('SELECT id FROM users WHERE age % 3 = ? ORDER BY id').all(rest)]);
      },
      ttl: Number.POSITIVE_INFINITY,
    });
  const truth = (rest: number) =>
    JSON.stringify([
      { ...world.outside.prepare(sums).get(rest) },
      world.outside.prepare('SELECT id FROM users WHERE age % 3 = ? ORDER BY id').all(rest),
    ]);
  for (let round = 0; round < 60; round++) {
    const reads = applications.flatMap((one) => [0, 1, 2].map((rest) => read(one, rest)));
    world.outside.exec(`UPDATE users SET age = age + ${round % 5} WHERE id = ${(round % 3) + 1}`);
    if (round % 4 === 0) world.outside.exec(`INSERT INTO users VALUES (${100 + round}, 'New', ${round}, '')`);
    await Promise.all(reads);
    if (round % 7 !== 0) continue;
    await applications[round % 2]?.tracker.settled();
    for (const one of applications) {
      for (const rest of [0, 1, 2]) expect(await read(one, rest)).toBe(truth(rest));
    }
  }
});
