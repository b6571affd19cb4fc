// Values of views in KV, in simulated time: isolates of other places read them there, and judge them.

import { expect, test } from 'vitest';
import { view } from '../../src/index.ts';
import { Counters } from '../../src/workers/counters.ts';
import { viewsModule } from '../../src/workers/views/module.ts';
import { codeOf, errorOf, settle } from '../cache/bench.ts';
import { SqliteStorage } from '../log/sqlite-storage.ts';
import { ViewsWorld } from './views-world.ts';

/** A view of a version that a test moves, and a world whose object has computed it once. */
async function world(options: Partial<Parameters<typeof view>[1]> = {}) {
  const source = { version: 1, isDown: false };
  const compute = () => {
    if (source.isDown) throw new Error('no connection');
    return source.version;
  };
  const top = view('top', { compute, every: '30s', jitter: 0, timeout: '5s', tags: ['posts'], ...options });
  const made = new ViewsWorld([top], { hasKv: true });
  await made.isolate('first').get(top, {});
  await made.pass(100);
  made.calls.object = 0;
  return { top, source, world: made };
}

test('other places read KV: one call of the log, none of the object, however many combinations', async () => {
  const limits = Array.from({ length: 20 }, (_, at) => at);
  const top = view('top', {
    params: { limit: limits },
    compute: ({ params }) => params.limit,
    every: '30s',
    tags: ['a'],
  });
  const made = new ViewsWorld([top], { hasKv: true });
  await made.isolate('first').get(top, { limit: 0 });
  await made.pass(1_000);
  made.calls = { log: 0, object: 0 };
  const one = made.isolate('nrt');
  for (const limit of limits) {
    expect(await one.get(top, { limit })).toEqual({ value: limit, ageMs: 1_000, outdated: false, error: undefined });
  }
  expect(made.calls).toEqual({ log: 1, object: 0 });
  expect(made.kv.counts).toEqual({ get: 21, put: 20, delete: 0, list: 0 });
});

test('a copy of KV that an invalidation outdated costs a call of the object, and is given to nobody', async () => {
  const { top, source, world: made } = await world();
  const one = made.isolate('nrt');
  expect((await one.get(top, {})).value).toBe(1);
  source.version = 2;
  const told = made.invalidate('posts');
  await made.pass(1_100);
  await told;
  for (const place of ['nrt', 'first', 'new']) expect((await made.isolate(place).get(top, {})).value).toBe(2);
  expect((await one.get(top, {})).value).toBe(2);
  expect(made.calls.object).toBeGreaterThanOrEqual(3);
});

test('what a place knows to be missing in KV is asked of the object, once in 10 s', async () => {
  const { top, world: made } = await world();
  made.kv.clear();
  const one = made.isolate('nrt');
  for (let second = 0; second < 9; second++) {
    expect((await one.get(top, {})).value).toBe(1);
    await made.pass(1_000);
  }
  expect(made.calls.object).toBe(1);
});

test('KV that lags gives no older value than the isolate has seen, and the object is not asked for that', async () => {
  const { top, source, world: made } = await world({ when: { signal: 'now' }, atMost: 0 });
  const one = made.isolate('nrt');
  await one.get(top, {});
  source.version = 2;
  await one.signal('now');
  await made.pass(11_000);
  expect((await one.get(top, {})).value).toBe(1);
  // The isolate sees the object's.
  made.kv.fails = (op) => op === 'get';
  await made.pass(11_000);
  expect((await one.get(top, {})).value).toBe(2);
  made.kv.fails = () => false;
  const { object } = made.calls;
  for (let times = 0; times < 2; times++) {
    await made.pass(11_000);
    expect((await one.get(top, {})).value).toBe(2);
  }
  expect(made.calls.object).toBe(object);
});

test('a put that fails, or takes too long, is told, holds nothing up, and comes again', async () => {
  const { top, source, world: made } = await world({ every: '1h', when: { signal: 'now' }, atMost: 0 });
  made.kv.fails = (op) => op === 'put';
  source.version = 2;
  await made.isolate().signal('now');
  await made.pass(1_000);
  made.kv.fails = () => false;
  made.kv.delayMs = (op) => (op === 'put' ? 100_000 : 0);
  await made.pass(61_500);
  expect(made.faults).toEqual([
    'KV PUT failed: 500 Internal Error',
    'expected KV to take a value of view:top: within 30000 ms, got no answer',
  ]);
  made.kv.delayMs = () => 0;
  source.version = 3;
  await made.isolate().signal('now');
  await made.pass(31_000);
  expect((await made.isolate('nrt').get(top, {})).value).toBe(3);
  expect(made.calls.object).toBe(2);
});

test('values that come faster than KV takes them: the last one is put', async () => {
  const { top, source, world: made } = await world({ every: '1h', when: { signal: 'now' }, atMost: 0 });
  for (source.version = 2; source.version < 10; source.version++) {
    await made.isolate().signal('now');
    await made.pass(100);
  }
  await made.pass(2_000);
  expect((await made.isolate('nrt').get(top, {})).value).toBe(9);
  expect(made.faults).toEqual([]);
  expect(made.kv.counts.put).toBe(2);
});

test('a view that fails: once its value in KV should long be another, the object says why it is not', async () => {
  const { top, source, world: made } = await world();
  source.isDown = true;
  await made.pass(90_000);
  expect(await made.isolate('nrt').get(top, {})).toMatchObject({ value: 1, error: undefined });
  await made.pass(6_000);
  expect(await made.isolate('nrt').get(top, {})).toMatchObject({
    value: 1,
    error: { message: 'expected a value of view:top:, got a failure: no connection' },
  });
});

test.each([
  [
    'damaged',
    (bytes: Uint8Array) => bytes.with(bytes.length - 2, 0x39),
    expect.stringMatching(/^expected tidegate\/views\/[0-9a-f]{32} in KV as it was written, got damaged bytes$/),
  ],
  ['cut off', (bytes: Uint8Array) => bytes.slice(0, 2), expect.any(String)],
] as const)('bytes that are %s are told, and the object is asked', async (_, change, message) => {
  const { top, world: made } = await world();
  const [name] = made.kv.names() as [string];
  const bytes = (await made.kv.at('else').get(name, 'arrayBuffer')) as ArrayBuffer;
  made.kv.overwrite(name, change(new Uint8Array(bytes)));
  expect((await made.isolate('nrt').get(top, {})).value).toBe(1);
  expect(made.calls.object).toBe(1);
  expect(made.faults).toEqual([message]);
});

test('when the log does not answer, no copy of KV is given that it might have outdated', async () => {
  const { top, world: made } = await world();
  const one = made.isolate('nrt');
  await one.get(top, {});
  await made.pass(2_000);
  made.isLogDown = true;
  for (const reader of [one, made.isolate('new')]) expect(await codeOf(() => reader.get(top, {}))).toBe('E_LOG');
});

// As docs/data-cache/views.md has it.
test.each([
  [false, { object: 16_200, log: 12_121, get: 0, put: 0 }],
  [true, { object: 0, log: 12_060, get: 10_001, put: 210 }],
])(
  'ten minutes of 20 isolates that read 10 combinations each second; in KV: %s',
  async (hasKv, calls) => {
    const limits = Array.from({ length: 10 }, (_, at) => at);
    const top = view('top', { params: { limit: limits }, compute: () => 1, every: '30s', tags: ['posts'] });
    const made = new ViewsWorld([top], { hasKv });
    await made.isolate().get(top, { limit: 0 });
    await made.pass(1_000);
    made.calls = { log: 0, object: 0 };
    const isolates = Array.from({ length: 20 }, (_, at) => made.isolate(`place ${at % 5}`));
    for (let second = 0; second < 600; second++) {
      for (const one of isolates) for (const limit of limits) await one.get(top, { limit });
      await made.pass(1_000);
    }
    const { get, put } = made.kv.counts;
    expect({ ...made.calls, get, put }).toEqual(calls);
  },
  60_000,
);

/** Of `cloudflare:workers`. */
class Base {}

test('calls are counted where the bill is, and a missing binding is named at the first use', async () => {
  const counters = new Counters();
  const top = view('top', { compute: () => 1, every: '1h' });
  const { kv } = new ViewsWorld([]);
  const made = viewsModule([top], { kv: 'TIDEGATE_KV' }, { Base, counters, waitUntil: () => undefined });
  const storage = Object.assign(new SqliteStorage(), { setAlarm: async () => undefined });
  const env: Record<string, unknown> = { TIDEGATE_KV: kv.at('ams'), TIDEGATE_LOG: {} };
  const object = new (made.TidegateViews as never as new (...given: unknown[]) => object)({ storage, id: 'id 1' }, env);
  env.TIDEGATE_VIEWS = { idFromName: () => 'id 1', get: () => object };
  expect((await made.open(env).get(top, {})).value).toBe(1);
  await settle();
  expect(counters.counts()).toMatchObject({ kvReads: 1, kvWrites: 1, objectRequests: 1 });
  // Another isolate finds it under the id of the object.
  const other = viewsModule([top], { kv: 'TIDEGATE_KV' }, { Base, counters, waitUntil: () => undefined });
  env.TIDEGATE_KV = kv.at('nrt');
  expect((await other.open(env).get(top, {})).value).toBe(1);
  expect(counters.counts()).toMatchObject({ kvReads: 2, kvWrites: 1, objectRequests: 1 });
  const bare = viewsModule([top], { kv: 'VALUES' }, { Base, counters, waitUntil: () => undefined });
  expect((await errorOf(() => bare.open(env))).message).toMatch(
    /kv: expected a KV namespace bound as VALUES, got .*; it comes by "kv_namespaces": \[\{ "binding": "VALUES" \}\]/,
  );
});
