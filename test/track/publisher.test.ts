// What a target is told, in which order, and what becomes of it when it fails. In simulated time.

import { expect, it } from 'vitest';
import type { SourceQuestion } from '../../src/dependency/describe/describe.ts';
import type { SourceMessage } from '../../src/track/contract.ts';
import { Publisher, type PublisherParts } from '../../src/track/target/publisher.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

interface Delivery {
  readonly message: SourceMessage;
  readonly done: (gap?: boolean, questions?: readonly SourceQuestion[]) => Promise<void>;
  readonly fail: () => Promise<void>;
}

function world(maxWaiting?: number, more: Partial<PublisherParts> = {}) {
  const time = new SimulatedTime();
  const deliveries: Delivery[] = [];
  const lapses: string[] = [];
  const faults: unknown[] = [];
  let random = 0;
  const publisher = new Publisher({
    source: 'shop',
    target: {
      name: 'gate',
      deliver: (message) =>
        new Promise((resolve, reject) => {
          const turn = async (end: () => void) => {
            end();
            for (let at = 0; at < 5; at++) await undefined;
          };
          deliveries.push({
            message,
            done: (gap = false, questions = []) => turn(() => resolve({ gap, questions })),
            fail: () => turn(() => reject(new Error('away'))),
          });
        }),
      lapse: (source) => void lapses.push(source),
    },
    leaseMs: 2_000,
    clock: time,
    tasks: time,
    random: () => (random += 0.001),
    progress: () => undefined,
    onFault: (error) => faults.push(error),
    ...(maxWaiting === undefined ? {} : { maxWaiting }),
    ...more,
  });
  const last = () => deliveries.at(-1) as Delivery;
  return { time, deliveries, lapses, faults, publisher, last };
}

async function begun(maxWaiting?: number, more: Partial<PublisherParts> = {}) {
  const made = world(maxWaiting, more);
  made.publisher.restart();
  made.publisher.renew();
  await made.last().done();
  return made;
}

it('begins with a session that makes everything outdated, once the feed is live', async () => {
  const { publisher, deliveries, last } = world();
  publisher.restart();
  expect(deliveries).toEqual([]);
  publisher.renew();
  expect(last().message).toMatchObject({ source: 'shop', sequence: 1, leaseMs: 2_000, tags: [] });
  expect(publisher.deliveredUpTo).toBeLessThan(publisher.givenUpTo);
  await last().done();
  expect(publisher.deliveredUpTo).toBe(publisher.givenUpTo);
});

it('sends one message at a time, and gathers what comes up meanwhile', async () => {
  const { publisher, deliveries, last } = await begun();
  publisher.publish(['a']);
  publisher.publish(['b', 'c']);
  publisher.publish(['a', 'b']);
  expect(deliveries).toHaveLength(2);
  expect(last().message).toMatchObject({ sequence: 2, tags: ['a'] });
  const given = publisher.givenUpTo;
  await last().done();
  // `a` was on its way when it was published again: it may have been too early.
  expect(last().message).toMatchObject({ sequence: 3, tags: ['b', 'c', 'a'] });
  expect(publisher.deliveredUpTo).toBeLessThan(given);
  await last().done();
  expect(publisher.deliveredUpTo).toBe(given);
  expect(deliveries).toHaveLength(3);
});

it('speaks again at once to a target that has missed something', async () => {
  const { publisher, deliveries, last } = await begun();
  publisher.publish(['a']);
  await last().done(true);
  expect(deliveries).toHaveLength(3);
  expect(last().message).toMatchObject({ sequence: 3, tags: [] });
  await last().done();
  expect(deliveries).toHaveLength(3);
});

it('sends at most 1,000 tags at once', async () => {
  const { publisher, last } = await begun();
  publisher.publish(Array.from({ length: 2_500 }, (_, at) => `q${at}`));
  const sizes: number[] = [];
  for (let at = 0; at < 3; at++) {
    sizes.push(last().message.tags.length);
    await last().done();
  }
  expect(sizes).toEqual([1_000, 1_000, 500]);
  expect(publisher.deliveredUpTo).toBe(publisher.givenUpTo);
});

it('sends a message that failed again as it was, later and later', async () => {
  const { time, publisher, deliveries, faults, last } = await begun();
  publisher.publish(['a']);
  const { message } = last();
  await last().fail();
  publisher.publish(['b']);
  expect(deliveries).toHaveLength(2);
  time.advance(50);
  expect(last().message).toEqual(message);
  await last().fail();
  time.advance(99);
  expect(deliveries).toHaveLength(3);
  time.advance(1);
  expect(last().message).toEqual(message);
  await last().done();
  expect(last().message).toMatchObject({ sequence: 3, tags: ['b'] });
  expect(faults).toHaveLength(1);
  expect(publisher.status()).toMatchObject({ failures: 2, problem: undefined });
});

it('renews the lease when nothing else was sent of late', async () => {
  const { time, publisher, deliveries, last } = await begun();
  publisher.renew();
  expect(deliveries).toHaveLength(1);
  time.advance(667);
  publisher.renew();
  expect(last().message).toMatchObject({ sequence: 2, tags: [] });
});

it('says nothing while the feed is behind, and lets the lease run out', async () => {
  const { time, publisher, deliveries, lapses, last } = await begun();
  publisher.hold();
  publisher.publish(['a']);
  expect(deliveries).toHaveLength(1);
  time.advance(1_999);
  publisher.hold();
  expect(lapses).toEqual([]);
  time.advance(1);
  publisher.hold();
  publisher.hold();
  expect(lapses).toEqual(['shop']);
  publisher.renew();
  expect(last().message).toMatchObject({ sequence: 2, tags: ['a'] });
});

it('gives a session up rather than keep more than there is room for', async () => {
  const { publisher, last } = await begun(10);
  const first = last().message.session;
  publisher.publish(['a']);
  publisher.publish(Array.from({ length: 11 }, (_, at) => `q${at}`));
  const given = publisher.givenUpTo;
  publisher.publish(['z']);
  await last().done();
  expect(last().message).toMatchObject({ sequence: 1, tags: [] });
  expect(last().message.session).not.toBe(first);
  await last().done();
  expect(publisher.deliveredUpTo).toBe(given);
  expect(last().message).toMatchObject({ sequence: 2, tags: ['z'] });
});

it('does not repeat a message of a session that is over', async () => {
  const { time, publisher, last } = await begun();
  publisher.publish(['a']);
  await last().fail();
  publisher.restart();
  time.advance(50);
  expect(last().message).toMatchObject({ sequence: 1, tags: [] });
});

const question = (id: string): SourceQuestion => ({ id, about: { kind: 'table', table: 'users' } });

it('answers questions at once, and as often as they are asked', async () => {
  const asked: string[] = [];
  const answer = ({ id }: SourceQuestion) => {
    asked.push(id);
    if (id === 'bad') throw new Error('broken');
    return { id, described: [], isWhole: true };
  };
  const { publisher, deliveries, last } = await begun(undefined, { answer });
  publisher.publish(['a']);
  await last().done(false, [question('one'), question('bad')]);
  expect(deliveries).toHaveLength(3);
  expect(last().message).toMatchObject({
    sequence: 3,
    tags: [],
    answers: [
      { id: 'one', isWhole: true },
      { id: 'bad', isWhole: false, problem: 'broken' },
    ],
  });
  // A gate whose answer was lost asks again.
  await last().done(false, [question('one')]);
  expect(asked).toEqual(['one', 'bad', 'one']);
  await last().done();
  expect(deliveries).toHaveLength(4);
});

it('puts no more answers in a message than it may have, and the rest in the next', async () => {
  const large = { tag: 'q', level: 'row', reads: [], statement: 'x'.repeat(190_000) } as const;
  const answer = ({ id }: SourceQuestion) => ({ id, described: [large], isWhole: true });
  const { publisher, last, deliveries } = await begun(undefined, { answer });
  publisher.publish(['a']);
  await last().done(
    false,
    Array.from({ length: 40 }, (_, at) => question(`${at}`)),
  );
  const counts: number[] = [];
  for (let known = 0; known < deliveries.length; ) {
    known = deliveries.length;
    expect(JSON.stringify(last().message).length).toBeLessThan(500_000);
    counts.push(last().message.answers?.length ?? 0);
    await last().done();
  }
  expect(counts.reduce((one, other) => one + other, 0)).toBe(16);
  expect(Math.max(...counts)).toBe(2);
});

it('says up to where all is told, and not while more waits', async () => {
  let position = '01';
  const standing = () => ({ position, lagMs: 12.4 });
  const { publisher, last } = await begun(undefined, { standing });
  publisher.publish(['a']);
  expect(last().message).toMatchObject({ position: '01', lagMs: 12 });
  position = '02';
  publisher.publish(Array.from({ length: 1_500 }, (_, at) => `q${at}`));
  await last().done();
  expect(last().message).toMatchObject({ sequence: 3, lagMs: 12 });
  expect(last().message).not.toHaveProperty('position');
  await last().done();
  expect(last().message).toMatchObject({ sequence: 4, position: '02' });
});

it('a target without a clock is told of the end, after what is under way', async () => {
  const { publisher, lapses, faults, last } = await begun();
  publisher.publish(['a']);
  const stopped = publisher.stop();
  publisher.publish(['b']);
  await undefined;
  expect(lapses).toEqual([]);
  await last().done();
  await stopped;
  expect(last().message.tags).toEqual(['a']);
  expect([lapses, faults]).toEqual([['shop'], []]);
});

it('the end waits only a while for what is under way, and for the target', async () => {
  const { publisher, lapses, time } = await begun();
  publisher.publish(['a']);
  const stopped = publisher.stop();
  time.advance(1_000);
  await stopped;
  expect(lapses).toEqual(['shop']);
  const endless = () => new Promise<never>(() => undefined);
  const other = world(undefined, { target: { name: 'gate', deliver: endless, lapse: endless } });
  const ended = other.publisher.stop();
  for (let at = 0; at < 5; at++) await undefined;
  other.time.advance(1_000);
  await ended;
  expect(other.faults).toMatchObject([{ code: 'E_FEED' }]);
});

it('an end that a target refuses is told; one with a clock of its own is not waited for', async () => {
  const fault = new Error('broken');
  const deliver = () => new Promise<never>(() => undefined);
  const refusing = world(undefined, { target: { name: 'cache', deliver, lapse: () => Promise.reject(fault) } });
  await refusing.publisher.stop();
  expect(refusing.faults).toEqual([fault]);
  const { publisher } = world(undefined, { target: { name: 'gate', deliver } });
  publisher.restart();
  publisher.renew();
  await publisher.stop();
});
