import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { derivationOf, derived, shapeOf } from '../../src/prediction/shape.ts';

const shape = (path: string) => shapeOf(`http://example.org${path}`)!;

/** The URI that follows from `from` as `to` followed from `before`. */
const followedBy = (before: string, to: string, from: string) =>
  derived(derivationOf(shape(before), shape(to))!, shape(from))?.replace('http://example.org', '');

describe('a shape', () => {
  test.each([
    ['/product/7', ['7']],
    ['/product/7/reviews', ['7']],
    ['/posts/hello-world/3f2a', ['hello-world', '3f2a']],
    ['/about', []],
    ['/', []],
    ['/list?page=2&sort=name&flag', ['2', 'name']],
    ['/api/v2/users', ['v2']],
    [`/${'x'.repeat(30)}`, ['x'.repeat(30)]],
  ])('of %s has the parameters %j', (path, parameters) => {
    expect(shape(path).parameters).toEqual(parameters);
  });

  test('is the same template for URIs that differ in parameters alone', () => {
    expect(shape('/product/7?page=1').template).toBe(shape('/product/1234?page=9').template);
    expect(shape('/product/7').template).not.toBe(shape('/order/7').template);
  });

  test('is none of what is too long, or has too many parameters', () => {
    expect(shapeOf(`http://example.org/${'1'.repeat(2_000)}`)).toBeUndefined();
    expect(shapeOf(`http://example.org/${'1/'.repeat(9)}`)).toBeUndefined();
    expect(shapeOf(`http://example.org/${'1/'.repeat(8)}`)?.parameters).toHaveLength(8);
  });
});

describe('what follows', () => {
  test.each([
    ['/product/7', '/product/7/reviews', '/product/8', '/product/8/reviews'],
    ['/product/7', '/api/reviews?of=7', '/product/8', '/api/reviews?of=8'],
    ['/list?page=1', '/list?page=2', '/list?page=8', '/list?page=9'],
    ['/product/7', '/menu', '/product/8', '/menu'],
    ['/product/7', '/banner/31', '/product/8', '/banner/31'],
    ['/user/5/post/6', '/post/6/by/5', '/user/1/post/2', '/post/2/by/1'],
    ['/list?page=1', '/list?page=2', '/list?page=x', undefined],
  ])('%s then %s: of %s follows %s', (before, to, from, expected) => {
    expect(followedBy(before, to, from)).toBe(expected);
  });

  const part = fc.oneof(fc.nat(99).map(String), fc.constantFrom('a', 'b', 'a-b', 'c~1', ''));
  const uri = fc
    .tuple(fc.array(part, { maxLength: 4 }), fc.array(fc.tuple(fc.constantFrom('x', 'y'), part), { maxLength: 3 }))
    .map(([path, query]) => {
      const pairs = query.map(([name, value]) => `${name}=${value}`).join('&');
      return `http://example.org/${path.join('/')}${pairs === '' ? '' : `?${pairs}`}`;
    });

  test('what one URI follows from another by gives that URI back', () => {
    fc.assert(
      fc.property(uri, uri, (from, to) => {
        const [before, after] = [shapeOf(from)!, shapeOf(to)!];
        const derivation = derivationOf(before, after);
        if (from === to) expect(derivation).toBeUndefined();
        else expect(derived(derivation!, before)).toBe(to);
      }),
    );
  });
});
