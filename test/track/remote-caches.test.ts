// The lease of a client's data caches, in simulated time: counted from what was said, and over in time.

import { deserialize } from 'node:v8';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import type { Scalar } from '../../src/dependency/change.ts';
import { sourceTag } from '../../src/dependency/source-tag.ts';
import type { Instance } from '../../src/dependency/template.ts';
import { catalogueOf } from '../../src/sql/catalogue.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import { Templates } from '../../src/sql/templates.ts';
import { RemoteCaches } from '../../src/track/client/remote-caches.ts';
import type { SourceMessage } from '../../src/track/contract.ts';
import { cacheTarget } from '../../src/track/index.ts';
import { decodeRegistration, encodeRegistration, watchedOf } from '../../src/track/server/process-registration.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { NotingTarget } from './world.ts';

const LEASE_MS = 1_000;

function caches() {
  const time = new SimulatedTime();
  const lapses: number[] = [];
  const said: { readonly id: number; readonly isDone: boolean }[] = [];
  const target = Object.assign(new NotingTarget(), { lapse: () => void lapses.push(time.monotonic()) });
  const faults: unknown[] = [];
  const onFault = (error: unknown) => void faults.push(error);
  const parts = { source: 'shop', clock: time, tasks: time, onFault };
  const remote = new RemoteCaches({ ...parts, targets: [target], said: (one) => said.push(one) });
  let sequence = 0;
  const deliver = (id: number, heard: number) => {
    const message: SourceMessage = {
      source: 'shop',
      session: 'a',
      sequence: ++sequence,
      leaseMs: LEASE_MS,
      tags: ['q1'],
    };
    return remote.deliver({ id, heard, message });
  };
  return { time, lapses, said, faults, target, remote, deliver };
}

it('a lease runs from what was said to be delivered, once that was heard', async () => {
  const { time, remote, deliver, said } = caches();
  const begunAt = time.monotonic();
  expect(remote.isLeased).toBe(false);
  await deliver(1, 0);
  expect(said).toEqual([{ id: 1, isDone: true }]);
  expect(remote.isLeased).toBe(false);
  time.advance(700);
  await deliver(2, 1);
  expect(remote.isLeased).toBe(true);
  time.advance(begunAt + LEASE_MS - time.monotonic() - 1);
  expect(remote.isLeased).toBe(true);
  time.advance(1);
  expect(remote.isLeased).toBe(false);
});

it('what was not delivered, or by another connection, gives no lease', async () => {
  const { remote, deliver, target, said } = caches();
  target.fault = new Error('away');
  await deliver(1, 0);
  expect(said).toEqual([{ id: 1, isDone: false }]);
  target.fault = undefined;
  await deliver(2, 1);
  expect(remote.isLeased).toBe(false);
  remote.connected();
  await deliver(3, 2);
  expect(remote.isLeased).toBe(false);
});

it('when it is over everything is outdated in them, once', async () => {
  const { time, lapses, remote, deliver } = caches();
  await deliver(1, 0);
  const saidAt = time.monotonic();
  await deliver(2, 1);
  time.advance(10 * LEASE_MS);
  expect(lapses).toEqual([saidAt + LEASE_MS]);
  await remote.stop();
  expect(lapses).toHaveLength(1);
});

it('what a cache has is over with the lease, whether a timer has run or not', async () => {
  const time = new SimulatedTime();
  let pausedMs = 0;
  const clock = { now: () => time.now() + pausedMs, monotonic: () => time.monotonic() + pausedMs };
  const cache = createCacheOn({}, { clock, tasks: time, random: () => 0.5, epoch: 'e' });
  const parts = { source: 'shop', clock, tasks: time, onFault: () => undefined, said: () => undefined };
  const remote = new RemoteCaches({ ...parts, targets: [cacheTarget(cache)] });
  let id = 0;
  const deliver = () => {
    const message: SourceMessage = { source: 'shop', session: 'a', sequence: ++id, leaseMs: LEASE_MS, tags: [] };
    return remote.deliver({ id, heard: id - 1, message });
  };
  const set = () => cache.set('user:1', 'Lane', { ttl: '1h', tags: [sourceTag('shop')] });
  await deliver();
  expect(await set()).toBe(false);
  time.advance(400);
  await deliver();
  expect([await set(), await cache.get('user:1')]).toEqual([true, 'Lane']);
  time.advance(LEASE_MS - 401);
  expect(await cache.get('user:1')).toBe('Lane');
  pausedMs = 1;
  expect([remote.isLeased, await cache.get('user:1')]).toEqual([false, undefined]);
  // What comes first after a pause may be a message instead of the timer.
  await deliver();
  await deliver();
  expect([remote.isLeased, await cache.get('user:1')]).toEqual([true, undefined]);
  await set();
  await remote.stop();
  expect(await cache.get('user:1')).toBeUndefined();
});

it('an end that a cache refuses is told', async () => {
  const { target, faults, remote, deliver } = caches();
  await deliver(1, 0);
  const fault = new Error('broken');
  target.lapse = () => {
    throw fault;
  };
  await remote.stop();
  expect(faults).toEqual([fault]);
});

const users = {
  name: 'users',
  columns: ['id', 'name'].map((name) => ({
    name,
    type: { family: 'sqlite', affinity: name === 'id' ? 'integer' : 'blob', collation: 'binary' } as const,
    isNotNull: true,
  })),
  key: [0],
  rowid: 0,
};
const catalogue = catalogueOf({
  dialect: 'sqlite',
  source: 'shop',
  path: ['main'],
  relations: [{ schema: 'main', name: 'users', relation: { kind: 'table', table: users } }],
  modules: [],
});
const templates = () => new Templates({ dialect: 'sqlite', parser: createSqliteParser(), catalogue });

it('what is registered there is what was registered here, whatever the values', () => {
  const scalar: fc.Arbitrary<Scalar> = fc.oneof(
    fc.constant(null),
    fc.double(),
    fc.bigInt(),
    fc.string({ unit: 'binary' }),
    fc.boolean(),
    fc.uint8Array(),
  );
  const keys = fc.option(fc.array(fc.string({ unit: 'binary' })), { nil: undefined });
  const text = 'SELECT * FROM users WHERE name = ? ORDER BY id LIMIT 2';
  const [here, there] = [templates().get(text), templates().get(text)];
  if (here.kind !== 'tracked' || there.kind !== 'tracked') throw new Error('expected a statement that is tracked');
  fc.assert(
    fc.property(scalar, keys, fc.option(scalar, { nil: undefined }), (value, shown, last) => {
      const [read] = here.reads as [Instance['template']['reads'][number]];
      const predicate = { kind: 'compare', column: 1, operator: '=', operand: { kind: 'value', value } } as const;
      const facts = { keys: shown && new Set(shown), bound: { last: [last], hasOffset: false } };
      const instance: Instance = { template: here, reads: [{ read, predicate, ...facts }] };
      const mark = { session: 's', generation: 1, position: '01', gaps: 0, seen: undefined };
      const decoded = decodeRegistration(encodeRegistration({ tag: 'q1', watched: instance, mark }));
      if (decoded === undefined) throw new Error('expected a registration');
      const known = { source: 'shop', template: () => there, table: () => users };
      const watched = watchedOf(decoded, known) as Instance;
      expect(watched.template).toBe(there);
      // `toStrictEqual` takes a Buffer for another thing than a Uint8Array.
      expect(deserialize(encodeRegistration({ tag: 'q1', watched, mark }))).toEqual(
        deserialize(encodeRegistration({ tag: 'q1', watched: instance, mark })),
      );
      const { operand } = (watched.reads[0] as (typeof instance.reads)[number]).predicate as typeof predicate;
      expect(Object.is(operand.value, value) || value instanceof Uint8Array).toBe(true);
    }),
  );
});

it('an analysis that is another one is told from it', () => {
  const text = 'SELECT name FROM users';
  const other = catalogueOf({
    dialect: 'sqlite',
    source: 'shop',
    path: ['main'],
    relations: [{ schema: 'main', name: 'users', relation: { kind: 'table', table: { ...users, key: [] } } }],
    modules: [],
  });
  const here = templates().get(text);
  const there = new Templates({ dialect: 'sqlite', parser: createSqliteParser(), catalogue: other }).get(text);
  if (here.kind !== 'tracked') throw new Error('expected a statement that is tracked');
  expect(there).toMatchObject({ kind: 'tracked', id: here.id });
  const reads = here.reads.map((read) => ({ read, predicate: read.predicate, keys: undefined, bound: undefined }));
  const mark = { session: 's', generation: 1, position: '01', gaps: 0, seen: undefined };
  const bytes = encodeRegistration({ tag: 'q1', watched: { template: here, reads }, mark });
  const known = { source: 'shop', template: () => there, table: () => users };
  expect(watchedOf(decodeRegistration(bytes) as never, known)).toBe('unlike');
});
