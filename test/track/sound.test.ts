// The oracle: a response that would be another one now is outdated, by one of its tags, once the tracker has settled.
// Random reads and writes over real SQLite, with budgets of tags that make them coarse.

import { expect, it } from 'vitest';
import { tagsOf, trackedShop } from './world.ts';

function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const READS = [
  'SELECT * FROM users WHERE id = ?',
  'SELECT id FROM users WHERE age > ?',
  'SELECT id, firstName FROM users WHERE id > ? ORDER BY age, id LIMIT 2',
  'SELECT count(*), sum(total) FROM orders WHERE user_id = ?',
  'SELECT u.id, u.firstName, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE u.id = ?',
  'SELECT u.id, o.id AS o FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE u.age < ? ORDER BY u.id, o.id',
  'SELECT id FROM users WHERE id IN (SELECT user_id FROM orders WHERE total > ?)',
  `SELECT id FROM users WHERE firstName LIKE ? || '%'`,
  // Narrowed by what is looked up.
  'SELECT o.total FROM orders o JOIN users u ON u.id = o.user_id WHERE u.age = ?',
  'SELECT count(*) FROM users u JOIN orders o ON o.user_id = u.id JOIN orders p ON p.total = o.total WHERE u.age = ?',
];
const WRITES = [
  (n: number) => `UPDATE users SET age = ${n * 7} WHERE id = ${n % 5}`,
  (n: number) => `UPDATE users SET firstName = 'N${n}' WHERE id = ${n % 5}`,
  (n: number) => `INSERT OR REPLACE INTO users VALUES (${n % 7}, 'R${n}', ${n * 5}, '')`,
  (n: number) => `DELETE FROM users WHERE id = ${n % 7}`,
  (n: number) => `INSERT INTO orders (user_id, total) VALUES (${n % 7}, ${n})`,
  (n: number) => `UPDATE orders SET user_id = ${n % 5} WHERE total > ${n * 3}`,
  (n: number) => `DELETE FROM orders WHERE id % 3 = ${n % 3}`,
  (n: number) =>
    `BEGIN; UPDATE users SET age = age + 1 WHERE id = ${n % 5}; DELETE FROM orders WHERE total = ${n}; COMMIT`,
];

it.each([
  [{ maxTags: 200 }, 'row', 1],
  [{ maxTags: 6 }, 'template', 2],
  [{ maxTags: 4 }, 'table', 3],
  [{ maxTags: 3 }, 'source', 4],
])('misses nothing with %o', async (budget, level, seed) => {
  const { db, outside, tracker, target } = await trackedShop(budget);
  outside.exec('PRAGMA foreign_keys = OFF');
  const random = randomOf(seed);
  const responses = new Map<number, { readonly tags: readonly string[]; readonly body: string }>();
  const run = (reads: readonly (readonly [string, number])[]) =>
    reads.map(([sql, value]) => db.prepare(sql)[random(2) === 0 ? 'all' : 'get'](value));
  const plans: (readonly (readonly [string, number])[])[] = Array.from({ length: 40 }, () =>
    Array.from({ length: 2 + random(4) }, () => [READS[random(READS.length)] as string, random(12)] as const),
  );
  // With `all` alone, so that what is compared is the same each time.
  const fresh = (plan: (typeof plans)[number]) =>
    JSON.stringify(plan.map(([sql, value]) => outside.prepare(sql).all(value)));
  let spared = 0;
  for (let round = 0; round < 40; round++) {
    for (const [at, plan] of plans.entries()) {
      if (responses.has(at)) continue;
      const { tags, reasons } = tagsOf(tracker, () => run(plan.map(([sql, value]) => [sql, value])));
      expect(reasons).toEqual([]);
      responses.set(at, { tags, body: fresh(plan) });
    }
    target.tags.clear();
    outside.exec((WRITES[random(WRITES.length)] as (n: number) => string)(random(60)));
    await tracker.settled();
    for (const [at, { tags, body }] of responses) {
      const isOutdated = tags.some((tag) => target.tags.has(tag));
      if (isOutdated) responses.delete(at);
      else if (body === fresh(plans[at] as (typeof plans)[number])) spared++;
      else expect.unreachable(`missed: ${JSON.stringify(plans[at])} after round ${round}`);
    }
  }
  const { coarsened } = tracker.status().counts;
  if (level === 'row') expect(coarsened).toEqual({ template: 0, table: 0, source: 0 });
  else expect(coarsened[level as 'table']).toBeGreaterThan(5);
  if (level !== 'source') expect(spared).toBeGreaterThan(100);
});

it('a wide tag stands for the earliest of its reads', async () => {
  const { db, outside, tracker, target } = await trackedShop({ maxTags: 2 });
  const scope = tracker.openScope();
  const read = () => scope.run(() => db.prepare('SELECT age FROM users WHERE id = 1').get());
  read();
  outside.exec('UPDATE users SET age = 31 WHERE id = 1');
  await tracker.settled();
  read();
  expect(scope.finish().reasons).toEqual(['overtaken']);
  await tracker.settled();
  expect([...target.tags].some((tag) => tag.startsWith('a'))).toBe(true);
});

it('reads that writes overtake are outdated at once', async () => {
  const { db, outside, tracker, target } = await trackedShop();
  const scope = tracker.openScope();
  const rows = scope.run(() => db.prepare('SELECT id, age FROM users').iterate());
  rows.next();
  // The read goes on with what was there when it began.
  outside.exec('UPDATE users SET age = 1 WHERE id = 3');
  await tracker.settled();
  const { tags } = scope.finish();
  expect(tags.some((tag) => target.tags.has(tag))).toBe(true);
});
