import { describe, expect, test } from 'vitest';
import type { EventData } from '../../src/cache/contract.ts';
import { listKey } from '../../src/cache/keys/key-space.ts';
import { cacheBench, codeOf, errorOf } from './bench.ts';

const KEYS = [
  'content:42',
  'content:42:en',
  'content:7',
  'content:7:en',
  'content:list:x',
  listKey('content'),
  'other:42',
];

const CONFIG = ['config:theme', 'config:list:all'];
const API = ['api:posts:1', 'api:posts:2', 'api:posts:list:x', 'api:list'];

describe('an event', () => {
  test.each<[EventData | undefined, string[]]>([
    [{ id: 42 }, ['content:42', 'content:42:en', 'content:list:x', listKey('content')]],
    [{ id: '7' }, ['content:7', 'content:7:en', 'content:list:x', listKey('content')]],
    [{ id: 7n }, ['content:7', 'content:7:en', 'content:list:x', listKey('content')]],
    [{ id: 'en' }, ['content:42:en', 'content:7:en', 'content:list:x', listKey('content')]],
    [{ id: 'nobody' }, ['content:list:x', listKey('content')]],
    [{}, KEYS.slice(0, -1)],
    [undefined, KEYS.slice(0, -1)],
    [{ id: null }, KEYS.slice(0, -1)],
    [{ id: '' }, KEYS.slice(0, -1)],
  ])('of %o invalidates what its id names, and lists', async (data, expected) => {
    const { cache } = cacheBench({ kinds: { content: { invalidateOn: ['content.saved'] } } });
    for (const key of KEYS) await cache.getOrSet(key, () => 1);
    const result = await cache.emit('content.saved', data);
    expect(result).toEqual({ invalidated: ['content'], handled: 0, failures: [] });
    expect(KEYS.filter((key) => cache.get(key) === undefined)).toEqual(expected);
  });

  test.each<[string, EventData | undefined, string[]]>([
    // What activation changes is everyone's: the id is that of a plugin.
    ['plugin.activate', { id: 'seo' }, [...CONFIG, ...API]],
    ['plugin.activate', undefined, [...CONFIG, ...API]],
    ['content.publish', { id: 1 }, ['api:posts:list:x', 'api:list', 'content:1', 'content:list:x']],
    ['content.publish', undefined, ['api:posts:list:x', 'api:list', 'content:1', 'content:2', 'content:list:x']],
    ['menu.save', { id: 1 }, ['api:posts:1', 'api:posts:list:x', 'api:list']],
  ])('%s %o reaches what is declared', async (event, data, expected) => {
    const { cache } = cacheBench({
      kinds: {
        config: { invalidateOn: ['plugin.activate'] },
        api: { invalidateOn: { 'plugin.activate': 'all', 'content.publish': 'lists', 'menu.save': 'id' } },
        content: { invalidateOn: ['content.publish'] },
      },
    });
    const keys = [...CONFIG, ...API, 'content:1', 'content:2', 'content:list:x'];
    for (const key of keys) cache.set(key, 1);
    await cache.emit(event, data);
    expect(keys.filter((key) => cache.get(key) === undefined).sort()).toEqual(expected.sort());
  });

  test('whose id is of another kind invalidates all of those that name it in a list', async () => {
    const { cache } = cacheBench({ kinds: { api: { invalidateOn: ['content.publish'] } } });
    cache.set('api:menu', 1);
    await cache.emit('content.publish', { id: 42 });
    expect(cache.get('api:menu')).toBeUndefined();
  });

  test.each([
    [
      { invalidateOn: { saved: 'some' } },
      'what "saved" reaches in invalidateOn of the kind "c" to be "id" or "lists" or "all", got "some"',
    ],
    [{ invalidateOn: 5 }, 'invalidateOn of the kind "c" to be a list of events, or what each of them reaches'],
    [{ invalidateOn: { '': 'all' } }, 'an event in invalidateOn of the kind "c" to be a text that is not empty'],
  ])('that is declared wrongly is refused: %o', (policy, message) => {
    expect(() => cacheBench({ kinds: { c: policy as never } })).toThrow(message);
  });

  test('reaches keys whose segments are too many, too long, or not those of the kind', async () => {
    const { cache } = cacheBench({ kinds: { content: { keys: ['c:*', 'page'], invalidateOn: ['saved'] } } });
    const long = 'y'.repeat(200);
    const keys = ['c:42', `c:1:2:3:4:5:6:7:8:9:42`, `c:${long}`, `c:${long}:42`, 'page'];
    for (const key of keys) cache.set(key, 1);
    cache.set('named', 1, { kind: 'content' });
    await cache.emit('saved', { id: 42 });
    expect(keys.filter((key) => cache.get(key) === 1)).toEqual(['page']);
    await cache.emit('saved', { id: long });
    await cache.emit('saved');
    expect([cache.get('page'), cache.get('named')]).toEqual([undefined, undefined]);
  });

  test('with an id of several segments reaches the keys that have it', async () => {
    const { cache } = cacheBench({ kinds: { content: { invalidateOn: ['saved'] } } });
    cache.set('content:a:b', 1);
    await cache.emit('saved', { id: 'a:b' });
    expect(cache.get('content:a:b')).toBeUndefined();
  });

  test('that no kind declares invalidates nothing', async () => {
    const { cache, invalidated } = cacheBench({ kinds: { content: { invalidateOn: ['saved'] } } });
    cache.on('seen', () => undefined);
    expect(await cache.emit('seen', { id: 1 })).toEqual({ invalidated: [], handled: 1, failures: [] });
    expect(invalidated).toEqual([]);
  });

  test('that no kind declares and nobody hears is refused, with those that are known', async () => {
    const { cache } = cacheBench({ kinds: { article: { invalidateOn: ['article.update', 'article.delete'] } } });
    const off = cache.namespace('shop').on('sold', () => undefined);
    const error = await errorOf(() => cache.emit('article.updated', { id: 1 }));
    expect(error.code).toBe('E_CONFIG');
    expect(error.message).toContain('article.delete, article.update, sold');
    // One namespace hears it, so it is no mistake where it concerns nobody.
    expect(await cache.namespace('other').emit('sold')).toEqual({ invalidated: [], handled: 0, failures: [] });
    off();
    expect(await codeOf(() => cache.emit('sold'))).toBe('E_CONFIG');
    expect(await codeOf(() => cacheBench().cache.emit('sold'))).toBe('E_CONFIG');
  });

  test('invalidates first, then populates, then tells, and waits for all', async () => {
    const steps: string[] = [];
    const { cache } = cacheBench({
      kinds: {
        content: {
          invalidateOn: ['saved'],
          populate: async (event, data) => {
            steps.push(`populate ${event} ${data.id}: ${cache.get('content:1')}`);
            await cache.getOrSet('content:1', async () => 'new');
          },
        },
      },
    });
    cache.set('content:1', 'old');
    cache.on('saved', async (data) => {
      await Promise.resolve();
      steps.push(`told ${data.id}: ${cache.get('content:1')}`);
    });
    cache.on('other', () => steps.push('never'));
    expect(await cache.emit('saved', { id: 1 })).toEqual({ invalidated: ['content'], handled: 2, failures: [] });
    expect(steps).toEqual(['populate saved 1: undefined', 'told 1: new']);
  });

  test('whose handlers fail is told to the others, and says what failed', async () => {
    const told: string[] = [];
    const fails = new Error('populate');
    const populate = () => Promise.reject(fails);
    const { cache } = cacheBench({ kinds: { content: { invalidateOn: ['saved'], populate } } });
    const thrown = new Error('handler');
    cache.on('saved', () => {
      throw thrown;
    });
    cache.on('saved', () => told.push('second'));
    expect(await cache.emit('saved')).toEqual({ invalidated: ['content'], handled: 3, failures: [fails, thrown] });
    expect(told).toEqual(['second']);
  });

  test('whose invalidation fails rejects, and nobody is told', async () => {
    const { cache, failNext } = cacheBench({ kinds: { content: { invalidateOn: ['saved'] } } });
    const failure = new Error('log');
    const told: unknown[] = [];
    cache.on('saved', (data) => told.push(data));
    failNext(failure);
    expect(await errorOf(() => cache.emit('saved'))).toBe(failure);
    expect(told).toEqual([]);
  });

  test('is told no more to a handler that has ended', async () => {
    const { cache } = cacheBench();
    const told: string[] = [];
    const end = cache.on('saved', () => told.push('a'));
    cache.on('saved', () => told.push('b'));
    end();
    end();
    expect(await cache.emit('saved')).toMatchObject({ handled: 1 });
    expect(told).toEqual(['b']);
  });

  test('of a namespace is told in it, within it and around it, not beside it', async () => {
    const { cache } = cacheBench();
    const told: string[] = [];
    cache.on('saved', () => told.push('whole'));
    cache.namespace('a').on('saved', () => told.push('a'));
    cache
      .namespace('a')
      .namespace('b')
      .on('saved', () => told.push('a:b'));
    cache.namespace('ab').on('saved', () => told.push('ab'));
    await cache.namespace('a').emit('saved');
    expect(told).toEqual(['whole', 'a', 'a:b']);
  });
});

describe('a kind', () => {
  test('is that of the call, or the first whose keys match', async () => {
    const { cache, time } = cacheBench({
      kinds: { brief: { ttl: 10, keys: ['x:*', 'y?'] }, long: { ttl: '1h', keys: ['x:*', 'z:*'] } },
    });
    cache.set('x:1', 1);
    cache.set('y1', 1);
    cache.set('z:1', 1);
    cache.set('x:2', 1, { kind: 'long' });
    cache.namespace('n').set('x:3', 1);
    time.advance(10);
    expect(['x:1', 'y1', 'z:1', 'x:2', 'n:x:3'].filter((key) => cache.get(key) === 1)).toEqual(['z:1', 'x:2']);
  });

  test('gives its tags beside those of the call', async () => {
    const { cache } = cacheBench({
      defaults: { tags: ['all'] },
      kinds: { user: { tags: ['people'], tables: ['users'] } },
    });
    for (const tag of ['all', 'people', 'mine', 'table:users']) {
      cache.set('user:1', 1, { tags: ['mine'] });
      await cache.invalidate({ tags: [tag] });
      expect(cache.get('user:1'), tag).toBeUndefined();
    }
  });
});
