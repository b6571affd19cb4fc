// The keeper over a real Redis, with members that are renewed by hand: what they are told, and how they find out what the engine says
// nothing of.

import { createClient } from 'redis';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import { platformClock, platformTasks } from '../../../src/cache/platform.ts';
import { LeasedLog } from '../../../src/log/lease/member.ts';
import type { LogPlace } from '../../../src/log/lease/messages.ts';
import { engineOf } from '../../../src/log/redis/client.ts';
import { RedisKeeper } from '../../../src/log/redis/redis-keeper.ts';
import { keysOf } from '../../../src/log/redis/script.ts';
import { NO_REDIS, Redis, START_MS } from '../../kit/redis.ts';

let redis: Redis | undefined;
let names = 0;

beforeAll(async () => {
  redis = await Redis.start();
}, START_MS);
beforeEach((context) => context.skip(redis === undefined, NO_REDIS));
afterAll(() => redis?.end());

const LEASE_MS = 600;

async function world() {
  const name = `keeper-${++names}`;
  const client = createClient({ url: redis?.url as string });
  await client.connect();
  onTestFinished(() => client.destroy());
  const engine = engineOf(client, (error) => expect.unreachable(String(error)));
  let epochs = 0;
  const keeper = new RedisKeeper({
    ...{ engine, name, clock: platformClock, tasks: platformTasks, leaseMs: LEASE_MS },
    newEpoch: () => `${name} ${++epochs}`,
    goneOn: () => {},
  });
  await keeper.begin();
  onTestFinished(() => keeper.close());
  let members = 0;
  const member = async () => {
    const parts = { keeper, clock: platformClock, tasks: platformTasks, mode: 'lease', leaseMs: LEASE_MS } as const;
    const log = new LeasedLog({ ...parts, member: `m ${++members}` });
    await log.renew();
    const heard: string[] = [];
    log.follow((_, change) => heard.push(change.kind === 'invalidate' ? JSON.stringify(change.selector) : change.kind));
    return { log, heard, invalidations: log.history().invalidations };
  };
  const tag = (text: string) => ({ kind: 'invalidate', selector: { kind: 'tag', tag: text } }) as const;
  const run = (...args: string[]) => client.sendCommand(args);
  const [meta = '', changes = '', lease = '', intents = '', image = ''] = keysOf(name);
  // `openRedisLog` writes it.
  await run('HSET', meta, 'lease', String(LEASE_MS));
  return { keeper, member, tag, run, keys: { meta, changes, lease, intents, image } };
}

test('a member is told all changes in order, and one that joins later begins from there', async () => {
  const { member, tag } = await world();
  const one = await member();
  for (let at = 0; at < 3; at++) await one.log.append(tag(`t${at}`));
  const other = await member();
  await one.log.renew();
  await other.log.append(tag('last'));
  await one.log.renew();
  expect(one.heard).toEqual(['t0', 't1', 't2', 'last'].map((name) => JSON.stringify({ kind: 'tag', tag: name })));
  expect(other.heard).toHaveLength(1);
  expect([one.log.known, other.log.known].map((known) => known?.number)).toEqual([4, 4]);
});

test('an append waits for a member until that knows it, or its lease is over', async () => {
  const { member, tag } = await world();
  const [one, other] = [await member(), await member()];
  await one.log.append(tag('first'));
  await other.log.renew();
  await other.log.renew();
  let isOver = false;
  const appended = one.log.append(tag('a')).then(() => {
    isOver = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(isOver).toBe(false);
  await other.log.renew();
  expect(other.heard).toHaveLength(2);
  await other.log.renew();
  await appended;
  const began = performance.now();
  await one.log.append(tag('b'));
  expect(performance.now() - began).toBeGreaterThanOrEqual(LEASE_MS);
  // It has been forgotten, so nobody waits for it again.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const again = performance.now();
  await one.log.append(tag('c'));
  expect(performance.now() - again).toBeLessThan(LEASE_MS / 2);
});

const tagged = (name: string) => ({ uri: '', origin: '', tags: [name] });

test('who joins knows what was invalidated before: from the changes, or from an image that is kept now and then', async () => {
  const { keeper, member, tag, run, keys } = await world();
  const one = await member();
  const positions = await Promise.all(Array.from({ length: 5_010 }, (_, at) => one.log.append(tag(`t${at}`))));
  const known = one.log.known as LogPlace;
  const early = await member();
  expect(early.invalidations.lastAffecting(tagged('t7'))).toBe(positions[7]);
  expect(early.invalidations.lastAffecting(tagged('other'))).toBe(0);
  const image = () => early.invalidations.image();
  expect([await keeper.keep(known, image), await keeper.keep(known, image)]).toEqual([true, false]);
  const last = await one.log.append(tag('last'));
  await run('XTRIM', keys.changes, 'MAXLEN', '2');
  const late = await member();
  const found = ['t7', 'last', 'other'].map((name) => late.invalidations.lastAffecting(tagged(name)));
  expect(found).toEqual([positions[7], last, 0]);
  await run('XTRIM', keys.changes, 'MAXLEN', '0');
  // What came after the image is not known, so everything is outdated.
  expect((await member()).invalidations.lastAffecting(tagged('other'))).toBe(last);
}, 20_000);

test.each<[string, (keeper: RedisKeeper, known: LogPlace) => LogPlace]>([
  ['of another epoch', (_, known) => ({ ...known, epoch: 'another' })],
  ['older than the one that is kept', (_, known) => ({ ...known, number: known.number - 1 })],
])(
  'an image %s is not kept',
  async (_, other) => {
    const { keeper, member, tag, run, keys } = await world();
    const one = await member();
    await Promise.all(Array.from({ length: 5_010 }, (_, at) => one.log.append(tag(`t${at}`))));
    const known = one.log.known as LogPlace;
    await keeper.keep(known, () => one.invalidations.image());
    const before = await run('HGETALL', keys.image);
    await keeper.keep(other(keeper, known), () => one.invalidations.image());
    expect(await run('HGETALL', keys.image)).toEqual(before);
  },
  20_000,
);

test('a write whose member has vanished outdates what it was on, at once and when its outcome is certain', async () => {
  const { member, run, keys } = await world();
  const [one, other] = [await member(), await member()];
  await one.log.append({ kind: 'open', intent: 'i1', uri: 'http://h/a' });
  await other.log.append({ kind: 'open', intent: 'i2', uri: 'http://h/b', isPrefix: true });
  await other.log.append({ kind: 'open', intent: 'i3', uri: 'http://h/\ud800' });
  const renewed = async (ms: number) => {
    for (const end = performance.now() + ms; performance.now() < end; ) {
      await one.log.renew();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  await renewed(1.5 * LEASE_MS);
  expect(one.heard.filter((what) => what.startsWith('{'))).toEqual([JSON.stringify({ kind: 'all' })]);
  await renewed(1_500);
  const prefix = JSON.stringify({ kind: 'prefix', prefix: 'http://h/b' });
  const told = one.heard.map((text) => (text.startsWith('{') ? sorted(text) : text));
  expect(told.slice(3)).toEqual([JSON.stringify({ kind: 'all' }), 'close', prefix]);
  const kept = JSON.parse(String(await run('HGET', keys.intents, 'i2')));
  expect(kept.due - Date.now()).toBeGreaterThan(20_000);
  await run('HSET', keys.intents, 'i2', JSON.stringify({ ...kept, due: 1 }));
  await renewed(2 * LEASE_MS);
  expect(one.heard.slice(6).map((text) => (text.startsWith('{') ? sorted(text) : text))).toEqual([prefix, 'close']);
  expect(await run('HKEYS', keys.intents)).toEqual(['i1']);
}, 20_000);

/** The engine puts members in an order of its own. */
function sorted(text: string): string {
  return JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(text)).sort()));
}

test('open intents are told to who joins, and closed ones not', async () => {
  const { member } = await world();
  const one = await member();
  await one.log.append({ kind: 'open', intent: 'i1', uri: 'http://h/a' });
  await one.log.append({ kind: 'open', intent: 'i2', uri: 'http://h/b' });
  await one.log.append({ kind: 'close', intent: 'i1' });
  expect((await member()).heard).toEqual(['open']);
});

test.each<[string, (engine: Awaited<ReturnType<typeof world>>) => Promise<unknown>, string]>([
  [
    'trimmed away what it lacks',
    async ({ run, keys }) => run('XTRIM', keys.changes, 'MAXLEN', '0'),
    'got a log that has forgotten some',
  ],
  [
    'was set back to an earlier state',
    async ({ run, keys }) => {
      await run('HSET', keys.meta, 'number', '1', 'position', '1', 'check', '5');
      await run('XTRIM', keys.changes, 'MAXLEN', '0');
    },
    'expected the log',
  ],
  [
    'has another change under a number that it knows',
    async ({ run, keys }) => {
      await run('DEL', keys.changes);
      for (let at = 1; at <= 4; at++) await run('XADD', keys.changes, `${at}-0`, 'p', String(at), 'c', '1', 'v', '{}');
    },
    'expected the log',
  ],
  ['is another run of it', async ({ run, keys }) => run('HSET', keys.meta, 'run', 'another'), 'expected the log'],
  ['lost everything', async ({ run, keys }) => run('DEL', ...Object.values(keys)), 'expected the log'],
])('a member finds out that the engine %s, and ends', async (_, happen, why) => {
  const engine = await world();
  const { member, tag } = engine;
  const [one, behind] = [await member(), await member()];
  await one.log.append(tag('a'));
  await behind.log.renew();
  await one.log.append(tag('b'));
  await one.log.append(tag('c'));
  await happen(engine);
  await expect(behind.log.renew()).rejects.toThrow(why);
  expect(behind.log.isLeased()).toBe(false);
  const anew = await member();
  expect(anew.log.isLeased()).toBe(true);
});

test('of a new epoch the first append waits for the leases of before, which nobody knows any more', async () => {
  const { member, tag, run, keys } = await world();
  const one = await member();
  await one.log.append(tag('a'));
  await run('DEL', ...Object.values(keys));
  const other = await member();
  const began = performance.now();
  await other.log.append(tag('b'));
  expect(performance.now() - began).toBeGreaterThanOrEqual(LEASE_MS - 50);
});
