// How far all targets have been told, while one of them is away for long. In simulated time.

import { expect, it } from 'vitest';
import { Deliveries, Publisher } from '../../src/track/target/publisher.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

function world() {
  const time = new SimulatedTime();
  const publishers = new Set<Publisher>();
  const deliveries = new Deliveries(publishers);
  const away = new Set<string>();
  /** Messages that one who is away takes in all the same. */
  let room = 0;
  const takeOne = () => {
    room = 1;
  };
  for (const name of ['near', 'far']) {
    const deliver = async () => {
      if (away.has(name) && room-- <= 0) throw new Error('away');
      return { gap: false };
    };
    const parts = { source: 'shop', target: { name, deliver }, leaseMs: 2_000, clock: time, tasks: time };
    publishers.add(
      new Publisher({
        ...parts,
        random: () => 0.5,
        progress: () => undefined,
        onFault: () => undefined,
        maxWaiting: 500,
      }),
    );
  }
  for (const publisher of publishers) publisher.renew();
  const turn = async () => {
    for (let at = 0; at < 20; at++) await undefined;
  };
  let commits = 0;
  const commit = () => {
    for (const publisher of publishers) publisher.publish([`q${++commits}`]);
    deliveries.applied(positionOf(commits));
  };
  return { time, publishers, deliveries, away, takeOne, turn, commit, latest: () => positionOf(commits) };
}

const positionOf = (commit: number): string => String(commit).padStart(12, '0');

it('keeps a bounded number of positions while a target is away, and gives none of them too early', async () => {
  const { time, deliveries, away, turn, commit, latest } = world();
  await turn();
  deliveries.taken();
  away.add('far');
  for (let at = 0; at < 5_000; at++) {
    commit();
    if (at % 100 === 0) await turn();
    expect(deliveries.taken()).toBeUndefined();
  }
  expect(deliveries.size).toBeLessThanOrEqual(1_000);
  away.clear();
  for (let at = 0; at < 50; at++) {
    time.advance(2_000);
    await turn();
  }
  expect(deliveries.taken()).toBe(latest());
  expect(deliveries.size).toBe(0);
});

it('while it is full, too, a position is given only once the target has all up to there', async () => {
  const { time, publishers, deliveries, away, takeOne, turn, commit, latest } = world();
  await turn();
  deliveries.taken();
  away.add('far');
  const far = [...publishers][1] as Publisher;
  const places: { readonly position: string; readonly given: number }[] = [];
  for (let at = 0; at < 2_500; at++) {
    commit();
    places.push({ position: latest(), given: far.givenUpTo });
    if (at % 100 === 0) await turn();
  }
  const given: string[] = [];
  for (let round = 0; round < 8; round++) {
    takeOne();
    time.advance(2_000);
    await turn();
    const position = deliveries.taken();
    if (position === undefined) continue;
    given.push(position);
    const behind = places.find((place) => place.given > far.deliveredUpTo)?.position ?? 'none';
    expect(position < behind).toBe(true);
  }
  expect(given.length).toBeGreaterThan(1);
  expect(given.at(-1)).toBe(latest());
});
