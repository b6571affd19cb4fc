// What is refused: options, parameters, names.

import { expect, expectTypeOf, test } from 'vitest';
import { combinationKey, combinationOf } from '../../../src/cache/views/combinations.ts';
import { createCache, createViews, type ViewOptions, type ViewParameters, view } from '../../../src/index.ts';
import { errorOf } from '../bench.ts';
import { viewWorld } from './world.ts';

const compute = () => 1;

test.each([
  ['the name', 'a b', { every: '30s' }, 'E_CONFIG', /name of a view .* got "a b"/],
  ['no reason to compute', 'top', {}, 'E_CONFIG', /expected every, when, tags or tables for the view top/],
  ['a misspelt option', 'top', { evry: '30s' }, 'E_CONFIG', /every/],
  ['an interval', 'top', { every: '30 s' }, 'E_CONFIG', /every/],
  ['too short an interval', 'top', { every: 10 }, 'E_CONFIG', /from 100/],
  ['an event', 'top', { when: { counter: 'votes' } }, 'E_CONFIG', /\{ signal: 'name' \}/],
  ['an amount', 'top', { when: { counter: 'votes', by: 0 } }, 'E_CONFIG', /when/],
  ['a tag', 'top', { tags: [''] }, 'E_TAG', /tags/],
  ['a backoff', 'top', { every: '1s', backoff: { from: '2s', to: '1s' } }, 'E_CONFIG', /backoff.from to be at most/],
  ['no values', 'top', { every: '1s', params: { n: [] } }, 'E_CONFIG', /params.n of the view top/],
  ['a value', 'top', { every: '1s', params: { n: [null] } }, 'E_CONFIG', /texts, numbers/],
  ['values of one text', 'top', { every: '1s', params: { n: [1, '1'] } }, 'E_CONFIG', /once, as text too, got "1"/],
  ['a name of a parameter', 'top', { every: '1s', params: { 'a&b': [1] } }, 'E_CONFIG', /parameter of top/],
  [
    'too many combinations',
    'top',
    { every: '1s', params: { a: Array.from({ length: 101 }, (_, n) => n), b: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] } },
    'E_CONFIG',
    /at most 1000 combinations .* got 1010/,
  ],
])('%s', async (_, name, options, code, message) => {
  const error = await errorOf(() => view(name, { compute, ...options } as ViewOptions<ViewParameters, number>));
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
});

test('parameters outside the declared values are told what is declared', async () => {
  const views = createViews([view('top', { params: { limit: [10, 20] }, compute, every: '1h' })], {
    cache: createCache(),
  });
  const refused: [unknown, RegExp][] = [
    [{ limit: 30 }, /^expected limit of the view top to be one of 10, 20, got 30$/],
    [{ limit: '010' }, /one of 10, 20, got "010"/],
    [{}, /one of 10, 20, got nothing/],
    [{ limit: 10, offset: 3 }, /a parameter of the view top: limit, got "offset"/],
    [null, /an object of parameters/],
  ];
  for (const [params, message] of refused) {
    const error = await errorOf(() => views.get('top', params as never));
    expect(error.code).toBe('E_VIEW');
    expect(error.message).toMatch(message);
  }
  expect((await errorOf(() => views.get('tpo'))).message).toMatch(/a view among top, got "tpo".*"?top"?/);
  await views.close();
});

test('different combinations have different keys, whatever their texts', () => {
  const declared = { a: 'text', b: 'text' } as const;
  const keyOf = (a: string, b: string) => combinationKey('v', combinationOf('v', declared, { a, b }));
  const texts = ['x', 'x&b=y', 'y', 'ä', '%', '=', '%26', 'x y', ':'];
  const keys = texts.flatMap((a) => texts.map((b) => keyOf(a, b)));
  expect(new Set(keys).size).toBe(keys.length);
  expect(() => keyOf('\ud800', 'x')).toThrow(/a text of 1 to 200/);
  expect(() => keyOf('x'.repeat(201), 'x')).toThrow(/a text of 1 to 200/);
  expect(combinationOf('v', { n: 'number' }, { n: '1e1' })).toEqual({ n: 10 });
  expect(() => combinationOf('v', { n: 'number' }, { n: ' ' })).toThrow(/to be a number/);
  expect(() => combinationOf('v', { n: 'number' }, { n: 'Infinity' })).toThrow(/to be a number/);
});

test('a value that cannot be kept is a failure that says why', async () => {
  const world = viewWorld();
  const none = view('none', { compute: () => undefined, every: '1h' });
  const odd = view('odd', { compute: () => ({ run: () => 1 }), every: '1h' });
  const views = world.open([none, odd]);
  expect((await errorOf(() => views.get(none, {}))).message).toMatch(/null where there is nothing/);
  expect((await errorOf(() => views.get(odd, {}))).message).toMatch(
    /got 1 in a row that failed, the last with: .*function/,
  );
});

test('createViews wants views and a cache', async () => {
  const cache = createCache();
  const top = view('top', { compute, every: '1h' });
  expect((await errorOf(() => createViews([{ name: 'top' } as never], { cache }))).message).toMatch(
    /what view\(\) made/,
  );
  expect((await errorOf(() => createViews([top, top], { cache }))).message).toMatch(
    /names of their own, got "top, top"/,
  );
  expect((await errorOf(() => createViews([top], { cache: {} as never }))).code).toBe('E_CONFIG');
});

test('values and parameters are typed', () => {
  const top = view('top', {
    params: { window: ['1h', '24h'], limit: [10, 20], user: 'text' },
    compute: ({ params }) => {
      expectTypeOf(params).toEqualTypeOf<{
        readonly window: '1h' | '24h';
        readonly limit: 10 | 20;
        readonly user: string;
      }>();
      return { count: params.limit as number };
    },
    every: '30s',
  });
  const views = createViews([top], { cache: createCache() });
  const read = async () => (await views.get(top, { window: '1h', limit: '10', user: 'ada' })).value;
  expectTypeOf(read).returns.resolves.toEqualTypeOf<{ count: number }>();
});
