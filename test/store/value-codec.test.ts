import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_DEPTH, ownValue, readOwned } from '../../src/entry/owned-value.ts';
import { createValueCodec } from '../../src/store/value-codec.ts';
import { anyValue, Money, moneyClass, nested } from '../kit/values.ts';

const codec = createValueCodec();

function returned(value: unknown): unknown {
  return codec.decode(codec.encode(value));
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

describe('what is written is read', () => {
  test('of every kind that can be kept', () => {
    fc.assert(fc.property(anyValue, (value) => deepStrictEqual(returned(readOwned(ownValue(value))), value)));
  });

  test('with what is reached twice, and what contains itself', () => {
    const date = new Date(5);
    const loop: Record<string, unknown> = { dates: [date, date] };
    loop.self = loop;
    const copy = returned(loop) as { self: unknown; dates: Date[] };
    expect(copy.self).toBe(copy);
    expect(copy.dates[0]).toBe(copy.dates[1]);
  });

  test('as deep as values may be', () => {
    deepStrictEqual(returned(nested(MAX_DEPTH)), nested(MAX_DEPTH));
  });

  test('with keys like __proto__, and no prototype made of them', () => {
    const text = '{"__proto__":{"isAdmin":true},"~__proto__":1,"~~__proto__":2,"a__proto__":3,"~":4}';
    const copy = returned(JSON.parse(text)) as Record<string, unknown>;
    expect(JSON.stringify(copy)).toBe(text);
    expect(copy.isAdmin).toBe(undefined);
    expect(({} as Record<string, unknown>).isAdmin).toBe(undefined);
  });

  test('with only the bytes of a Buffer that shares its memory', () => {
    const encoded = codec.encode(Buffer.from('pooled'));
    expect(encoded.length).toBeLessThan(100);
    expect(Buffer.isBuffer(codec.decode(encoded))).toBe(true);
  });

  test('with instances of declared classes', () => {
    const withMoney = createValueCodec({ classes: [moneyClass] });
    const money = new Money(5, new Date(7));
    const encoded = withMoney.encode({ list: [money, money] });
    const copy = withMoney.decode(encoded) as { list: Money[] };
    expect(copy.list[0]).toStrictEqual(money);
    expect(copy.list[0]).toBe(copy.list[1]);
    expect(() => codec.decode(encoded)).toThrow(/name of a declared class, got Money/);
    expect(() => codec.encode(money)).toThrow(/non-POJO/);
  });

  test('classes have names of their own', () => {
    const expected = expect.objectContaining({ code: 'E_VALUE' });
    expect(() => createValueCodec({ classes: [moneyClass, moneyClass] })).toThrow(expected);
    expect(() => createValueCodec({ classes: [{ ...moneyClass, name: 'Buffer' }] })).toThrow(expected);
  });
});

describe('what was not written is not read', () => {
  const value = { a: [1, 2n, { b: 'text', at: new Date(5) }], m: new Map([['k', new Uint8Array([1, 2])]]) };

  test('cut short', () => {
    const whole = codec.encode(value);
    for (let length = 0; length < whole.length; length++) {
      expect(() => codec.decode(whole.subarray(0, length)), `${length} bytes`).toThrow();
    }
  });

  test('changed at random: it throws, or gives a value that can be kept', () => {
    const whole = codec.encode(value);
    const place = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
    const property = fc.property(fc.array(place, { minLength: 1, maxLength: 4 }), (changes) => {
      const bytes = whole.slice();
      for (const [at, byte] of changes) bytes[at] = byte;
      let decoded: unknown;
      try {
        decoded = codec.decode(bytes);
      } catch {
        return;
      }
      if (decoded !== undefined) ownValue(decoded);
    });
    fc.assert(property, { numRuns: 2000 });
  });

  test.each([
    ['nothing', ''],
    ['no JSON', 'alert(1)'],
    ['a reference beyond the end', '[[5]]'],
    ['an unknown kind', '[["Function","return 1"]]'],
    ['a kind of the platform', '[["URL","http://h/"]]'],
    ['a kind of a later platform', '[["Temporal.Instant","2020-01-01T00:00:00Z"]]'],
    ['a boxed primitive', '[["Object",1],5]'],
    ['a prototype', '[{"__proto__":1},{"isAdmin":2},true]'],
    ['a class nobody declared', '[["N",1],[2,3],"Money",{}]'],
    ['a name without a value', '[["N",1],5]'],
    ['a Buffer of a length', '[["N",1],[2,3],"Buffer",100000000]'],
    ['binary data of a length', '[["Uint8Array",1],100000000]'],
    ['a name that names itself', '[["N",0]]'],
    ['a depth beyond the stack', `[${Array.from({ length: 100_000 }, (_, at) => `[${at + 1}]`).join(',')},1]`],
  ])('%s', (_, text) => {
    expect(() => codec.decode(bytesOf(text))).toThrow();
  });

  test('bytes that are not UTF-8', () => {
    expect(() => codec.decode(new Uint8Array([0x5b, 0x22, 0xff, 0x22, 0x5d]))).toThrow();
  });

  test('little that says it is much costs little', () => {
    const few = codec.decode(bytesOf('[[-7,4294967295,4294967294,1],"x"]')) as unknown[];
    expect(ownValue(few).bytes).toBeLessThan(1000);
    // Each level holds the one below twice: 2^40 parts for one that does not know what it has seen.
    const levels = Array.from({ length: 40 }, (_, at) => `[${at + 1},${at + 1}]`);
    const doubled = codec.decode(bytesOf(`[${levels.join(',')},"x"]`));
    expect(ownValue(doubled).bytes).toBeLessThan(100_000);
  });
});
