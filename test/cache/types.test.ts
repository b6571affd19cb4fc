// Types: what the compiler must take, and what it must refuse. `npm run typecheck` is the test.

import { expect, test } from 'vitest';
import type { Cache, Fill } from '../../src/cache/contract.ts';
import type { Eventually } from '../../src/ports.ts';
import { cacheBench } from './bench.ts';

interface User {
  readonly name: string;
}
interface Config {
  readonly dark: boolean;
}
type Typed = { 'user:*': User; 'config:*': Config; total: number };

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(isSame: Same<A, B>) => expect(isSame).toBe(true);

test('a schema types keys and values', async () => {
  const { cache } = cacheBench<Typed>();
  cache.set('user:1', { name: 'Ada' });
  cache.set('total', 1);
  // @ts-expect-error the key is in no pattern
  cache.set('usr:1', { name: 'Ada' });
  // @ts-expect-error the value is of another type
  cache.set('user:1', { dark: true });
  // @ts-expect-error the key is in no pattern
  cache.get('nothing');
  // @ts-expect-error the key is in no pattern
  await cache.delete('nothing');
  const user = cache.get('user:1');
  same<typeof user, Eventually<User | undefined>>(true);
  const total = await cache.get('total');
  same<typeof total, number | undefined>(true);
  const id: number = 5;
  const config = await cache.getOrSet(`config:${id}`, (fill) => {
    same<typeof fill.previous, { readonly value: Config; readonly validator: string | undefined } | undefined>(true);
    return { dark: true };
  });
  same<typeof config, Config>(true);
  // @ts-expect-error the fill gives a value of another type
  await cache.getOrSet('config:2', () => ({ name: 'Ada' })).valueOf();
  const users = await cache.getMany(['user:1', 'user:2']);
  same<typeof users, Map<'user:1' | 'user:2', User>>(true);
  const filled = await cache.getOrSetMany(
    ['user:1'],
    async (missing) => new Map(missing.map((key) => [key, { name: key }])),
  );
  same<typeof filled, Map<'user:1', User>>(true);
});

test('a fill that names its context is typed by what it gives', async () => {
  const { cache } = cacheBench();
  const user = await cache.getOrSet('x', async (fill) => ({ name: fill.key }));
  same<typeof user, { name: string }>(true);
  const atOnce = await cache.getOrSet('y', (fill) => {
    fill.setTtl('1m');
    return 5;
  });
  same<typeof atOnce, number>(true);
  const kept = await cache.getOrSet('z', async (fill) =>
    fill.previous === undefined ? { rows: [1] } : fill.notModified(),
  );
  same<typeof kept, { rows: number[] }>(true);
  const skipped = await cache.getOrSet('s', async (fill) => fill.skip('for you alone'));
  same<typeof skipped, string>(true);
  const named = await cache.getOrSet<User>('u', async (fill) => {
    same<typeof fill.previous, { readonly value: User; readonly validator: string | undefined } | undefined>(true);
    return { name: 'Ada' };
  });
  same<typeof named, User>(true);
  const typed: Fill<User> = (fill) => fill.previous?.value ?? { name: 'Ada' };
  const own = await cache.getOrSet('t', typed);
  same<typeof own, User>(true);
  // @ts-expect-error the fill gives another type than was named
  await cache.getOrSet<User>('w', async (fill) => ({ dark: fill.key }));
});

interface TypedByInterface {
  'user:*': User;
  total: number;
}

test('an interface is a schema, too', async () => {
  const { cache } = cacheBench<TypedByInterface>();
  const user = cache.get('user:1');
  same<typeof user, Eventually<User | undefined>>(true);
  const total = await cache.getOrSet('total', (fill) => {
    same<typeof fill.previous, { readonly value: number; readonly validator: string | undefined } | undefined>(true);
    return 1;
  });
  same<typeof total, number>(true);
  // @ts-expect-error the key is in no pattern
  cache.set('usr:1', { name: 'Ada' });
  // @ts-expect-error the value is of another type
  cache.set('user:1', { dark: true });
  const inner = cache.namespace<{ readonly 'a:*': string }>('inner');
  // @ts-expect-error the value is of another type
  inner.set('a:1', 1);
  const other: Cache<TypedByInterface> = cache.namespace('other');
  expect(other.get('total')).toBeUndefined();
});

test('the type of a cache that createCache gives takes any key', () => {
  const { cache } = cacheBench();
  const held: ReturnType<typeof cacheBench>['cache'] = cache;
  held.set('x', 1);
  const x = held.get<number>('x');
  same<typeof x, Eventually<number | undefined>>(true);
  expect(x).toBe(1);
});

test('the fill says the type where there is no schema, and never narrows what the schema says', async () => {
  const untyped = await cacheBench().cache.getOrSet('x', async () => ({ name: 'Ada', age: 36 }));
  same<typeof untyped, { name: string; age: number }>(true);
  const { cache } = cacheBench<{ 'user:*': User | null }>();
  const user = await cache.getOrSet('user:1', () => null);
  same<typeof user, User | null>(true);
  const users = await cache.getOrSetMany(['user:2'], (keys) => new Map(keys.map((key) => [key, null])));
  same<typeof users, Map<'user:2', User | null>>(true);
});

test('a call may name the type', async () => {
  const { cache } = cacheBench();
  cache.set('x', { name: 'Ada' });
  const user = cache.get<User>('x');
  same<typeof user, Eventually<User | undefined>>(true);
  const filled = await cache.getOrSet<User>('x', async () => ({ name: 'Ada' }));
  same<typeof filled, User>(true);
  // @ts-expect-error the fill gives a value of another type
  await cache.getOrSet<User>('y', () => 5);
  const many = await cache.getMany<User>(['x']);
  same<typeof many, Map<string, User>>(true);
});

test('a namespace has its own schema, or its cache its', async () => {
  const { cache } = cacheBench<Typed>();
  const numbers = cache.namespace<{ '*': number }>('numbers');
  numbers.set('a', 1);
  // @ts-expect-error the value is of another type
  numbers.set('a', 'one');
  const inner: Cache<Typed> = cache.namespace('inner');
  expect(inner.get('user:1')).toBeUndefined();
});

test('options are typed', () => {
  const { cache } = cacheBench();
  cache.set('a', 1, { ttl: '5m', grace: 10, tags: ['a'] });
  const wrong = () => {
    // @ts-expect-error no unit
    cache.set('a', 1, { ttl: '5' });
    // @ts-expect-error misspelt
    cache.set('a', 1, { tagz: ['a'] });
  };
  expect(wrong).toThrow(/expected ttl/);
});

test('defaults are of all calls, so what is about one is none of them', async () => {
  const { cache } = cacheBench();
  // @ts-expect-error it would never find anything
  expect(() => cache.namespace('n', { defaults: { refresh: true } })).toThrow();
  // @ts-expect-error every call would be given up
  expect(() => cache.namespace('n', { defaults: { signal: AbortSignal.abort() } })).toThrow();
});
