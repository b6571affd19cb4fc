import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FollowTable } from '../../src/prediction/follow-table.ts';
import { PREDICTION_BOUNDS, Prediction } from '../../src/prediction/prediction.ts';
import { Queue } from '../../src/prediction/queue.ts';
import { shapeOf } from '../../src/prediction/shape.ts';

test('of a text the followers that come most are kept, however many others come', () => {
  const table = new FollowTable(100, 4);
  for (let round = 0; round < 200; round++) {
    table.came('a');
    table.followed('a', 'b');
    table.followed('a', `once ${round}`);
  }
  const found: string[] = [];
  table.each('a', (follower, share) => void found.push(`${follower} ${share > 0.9}`));
  expect(found).toContain('b true');
  expect(found.length).toBeLessThanOrEqual(4);
});

test('texts of long ago are forgotten', () => {
  const table = new FollowTable(10, 4);
  for (const text of ['old', 'old']) {
    table.came(text);
    table.followed(text, 'x');
  }
  const count = () => {
    let followers = 0;
    table.each('old', () => followers++);
    return followers;
  };
  expect(count()).toBe(1);
  for (let at = 0; at < 30; at++) table.came(`new ${at}`);
  expect(count()).toBe(0);
});

test('a queue gives back what it took, in that order', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 5_000, minLength: 3_000 }), (steps) => {
      const queue = new Queue<number>();
      const model: number[] = [];
      for (const [at, isPush] of steps.entries()) {
        if (isPush) model.push(at);
        if (isPush) queue.push(at);
        else if (model.length > 0) {
          model.shift();
          queue.shift();
        }
        expect([queue.first, queue.length]).toEqual([model[0], model.length]);
      }
    }),
    { numRuns: 20 },
  );
});

test('100,000 different requests leave no more behind than 20,000', () => {
  const bounds = { ...PREDICTION_BOUNDS, uris: 500, templates: 50, clients: 50, trials: 200, filled: 200 };
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const model = new Prediction({ budget: 1, leastPrecision: 0 }, bounds);
  const heapAfter = (from: number, to: number) => {
    for (let at = from; at < to; at++) {
      model.allowance.forwarded();
      const shape = shapeOf(`http://example.org/${at % 7}/x${at}/${'y'.repeat(100)}`)!;
      model.observe(shape, { client: `c${at % 1_000}`, now: at, isStorable: true, isStored: () => false });
    }
    collect();
    return process.memoryUsage().heapUsed;
  };
  const first = heapAfter(0, 20_000);
  const { open } = model.figures();
  expect(open).toBeLessThanOrEqual(200);
  expect(heapAfter(20_000, 100_000) - first).toBeLessThan(2_000_000);
});
