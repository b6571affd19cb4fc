/// <reference lib="esnext.temporal" />
import { deepStrictEqual } from 'node:assert';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_DEPTH, ownValue, readOwned } from '../../src/entry/owned-value.ts';
import { anyValue, Money, moneyClass, nested } from '../kit/values.ts';

/** What a reader gets. */
function kept(value: unknown): unknown {
  return readOwned(ownValue(value));
}

/** Whether every plain object and array in it is frozen. */
function isFrozenThroughout(value: unknown, seen = new Set<unknown>()): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return true;
  seen.add(value);
  if (value instanceof Map)
    return [...value].every(([key, of]) => isFrozenThroughout(key, seen) && isFrozenThroughout(of, seen));
  if (value instanceof Set) return [...value].every((member) => isFrozenThroughout(member, seen));
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return true;
  return Object.isFrozen(value) && Object.values(value).every((part) => isFrozenThroughout(part, seen));
}

/** Changes whatever can be changed in it. */
function spoil(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value !== 'object' || value === null || seen.has(value)) return;
  seen.add(value);
  if (value instanceof Date) value.setTime(1);
  else if (ArrayBuffer.isView(value)) new Uint8Array(value.buffer, value.byteOffset, value.byteLength).fill(1);
  else if (value instanceof ArrayBuffer) new Uint8Array(value).fill(1);
  else if (value instanceof RegExp) value.lastIndex = 3;
  else {
    const parts = value instanceof Map ? [...value].flat() : value instanceof Set ? [...value] : Object.values(value);
    for (const part of parts) spoil(part, seen);
    if (value instanceof Map || value instanceof Set) value.clear();
    else for (const name of Reflect.ownKeys(value)) Reflect.deleteProperty(value, name);
  }
}

describe('what is kept', () => {
  test('comes back as it was put in', () => {
    fc.assert(fc.property(anyValue, (value) => deepStrictEqual(kept(value), value)));
  });

  test('is frozen where it is a plain object or an array', () => {
    fc.assert(fc.property(anyValue, (value) => isFrozenThroughout(kept(value))));
  });

  test('is not changed by who put it in, nor by who read it', () => {
    const built = fc.clone(anyValue, 2);
    const property = fc.property(built, ([value, same]) => {
      const owned = ownValue(value);
      spoil(value);
      const first = readOwned(owned);
      deepStrictEqual(first, same);
      spoil(first);
      deepStrictEqual(readOwned(owned), same);
    });
    fc.assert(property);
  });

  test('is handed out as it is only where it is frozen throughout', () => {
    const plain = ownValue({ rows: [{ id: 1 }, { id: 2n }], none: undefined });
    expect(plain.copy).toBe(undefined);
    expect(readOwned(plain)).toBe(readOwned(plain));
    for (const part of [new Date(0), new Map(), new Set(), new Uint8Array(1), new ArrayBuffer(1), /a/]) {
      const owned = ownValue({ part });
      expect(owned.copy).toBeDefined();
      const [one, other] = [readOwned(owned), readOwned(owned)] as { part: unknown }[];
      expect(one!.part).not.toBe(other!.part);
    }
  });

  test('is copied by one plan for all rows with the same properties', () => {
    const [one, other] = [ownValue({ id: 1, at: new Date(1) }), ownValue({ id: null, at: new Date(2) })];
    expect(one.copy).toBe(other.copy);
    expect([readOwned(one), readOwned(other)]).toStrictEqual([
      { id: 1, at: new Date(1) },
      { id: null, at: new Date(2) },
    ]);
    expect(ownValue({ at: new Date(1), id: 1 }).copy).not.toBe(one.copy);
    expect(ownValue({ id: new Date(1), at: 1 }).copy).not.toBe(one.copy);
  });

  test('has each row of a list with its own properties in their order', () => {
    const rows = [
      { id: 1, at: new Date(1) },
      { at: new Date(2), 7: 'seven', more: { at: new Date(3), none: undefined } },
      { id: 3, at: null },
      { ['__proto__']: 'own', at: new Date(4) },
    ];
    const copy = kept(rows);
    expect(copy).toStrictEqual(rows);
    expect(JSON.stringify(copy)).toBe(JSON.stringify(rows));
  });

  test('shares its frozen parts between readers', () => {
    const owned = ownValue({ at: new Date(0), frozen: { large: [1, 2, 3] } });
    const [one, other] = [readOwned(owned), readOwned(owned)] as { frozen: unknown }[];
    expect(one!.frozen).toBe(other!.frozen);
  });

  test('keeps what is reached twice and what contains itself', () => {
    const date = new Date(5);
    const loop: Record<string, unknown> = { n: 1 };
    loop.self = [loop];
    const map = new Map<unknown, unknown>();
    map.set('map', map).set('dates', [date, date]).set('loop', loop);
    const copy = kept(map) as Map<string, Record<number | string, unknown>>;
    expect(copy.get('map')).toBe(copy);
    expect(copy.get('dates')?.[0]).toBe(copy.get('dates')?.[1]);
    expect(copy.get('dates')?.[0]).toEqual(date);
    expect(copy.get('loop')?.self).toEqual([copy.get('loop')]);
    expect(Object.values(copy.get('loop')?.self ?? {})[0]).toBe(copy.get('loop'));
    const plain = ownValue(loop);
    expect(plain.copy).toBe(undefined);
    expect(isFrozenThroughout(readOwned(plain))).toBe(true);
  });

  test('is of the same kind: a Buffer, a view of its own bytes, an array with holes', () => {
    const withHole: unknown[] = [1];
    withHole[2] = new Date(3);
    const pooled = Buffer.from('pool');
    const buffer = kept(pooled) as Buffer;
    expect(Buffer.isBuffer(buffer)).toBe(true);
    expect(buffer.buffer).not.toBe(pooled.buffer);
    expect((kept(new Uint8Array(100).subarray(10, 12)) as Uint8Array).buffer.byteLength).toBe(2);
    expect(Object.keys(kept(withHole) as unknown[])).toEqual(['0', '2']);
  });

  test('may be an array of any length with few members, at their cost', () => {
    for (const member of [1, new Date(1)]) {
      const array: unknown[] = [];
      array[4_000_000_000] = member;
      const copy = kept(array) as unknown[];
      expect(copy.length).toBe(4_000_000_001);
      expect(Object.keys(copy)).toEqual(['4000000000']);
      expect(ownValue(array).bytes).toBeLessThan(1000);
    }
  });

  test('has no prototype from a key named __proto__', () => {
    const copy = kept(JSON.parse('{"__proto__":{"isAdmin":true},"at":{"__proto__":[1]}}')) as Record<string, unknown>;
    expect(copy.isAdmin).toBe(undefined);
    expect(Object.hasOwn(copy, '__proto__')).toBe(true);
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).isAdmin).toBe(undefined);
  });

  test('may be plain in another realm', () => {
    const copy = kept(runInNewContext('({ list: [{ a: 1 }] })'));
    deepStrictEqual(copy, { list: [{ a: 1 }] });
  });

  test('costs nothing to put in again, alone or as a part', () => {
    const first = ownValue({ text: 'x'.repeat(2000) });
    expect(ownValue(first.value)).toBe(first);
    const around = ownValue({ inner: first.value });
    expect((around.value as { inner: unknown }).inner).toBe(first.value);
    expect(around.bytes).toBeGreaterThan(first.bytes);
  });
});

describe('rows with dates', () => {
  const row = (id: number, deletedAt: unknown) => ({ id, at: new Date(id), deletedAt, meta: { seen: [new Date(7)] } });

  test.each([
    ['one after the other', [row(1, null), row(2, new Date(3)), row(3, undefined)]],
    ['with another kind in the same column', [row(1, new Date(1)), row(2, new Set([1])), row(3, { a: 1 })]],
    ['beside what has none', [row(1, null), null, 5, { id: 1 }, [new Date(4)]]],
    ['with a hole', Object.assign(Array(3), { 1: row(1, null) })],
    ['within an object without a prototype', [Object.assign(Object.create(null), row(1, null))]],
  ])('%s come back equal, each reader with dates of its own', (_, rows) => {
    const owned = ownValue(rows);
    const [one, other] = [readOwned(owned), readOwned(owned)];
    deepStrictEqual(one, rows);
    spoil(one);
    deepStrictEqual(other, rows);
    deepStrictEqual(readOwned(owned), rows);
    expect(isFrozenThroughout(other)).toBe(true);
  });
});

describe('a Temporal value', () => {
  const values = [
    Temporal.Instant.fromEpochMilliseconds(5),
    Temporal.PlainDate.from('2026-11-23'),
    Temporal.PlainTime.from('01:02:03'),
    Temporal.PlainDateTime.from('2026-11-23T01:02:03'),
    Temporal.PlainYearMonth.from('2026-11'),
    Temporal.PlainMonthDay.from('11-23'),
    Temporal.ZonedDateTime.from('2026-11-23T01:02:03[Europe/Berlin]'),
    Temporal.Duration.from({ hours: 5 }),
  ];

  test.each(values.map((value) => [String(value), value] as const))('%s is kept, and shared', (text, value) => {
    const owned = ownValue({ list: [value] });
    const { list } = readOwned(owned) as { list: readonly object[] };
    expect([String(list[0]), Object.getPrototypeOf(list[0])]).toEqual([text, Object.getPrototypeOf(value)]);
    expect([owned.copy, Object.isFrozen(list[0])]).toEqual([undefined, true]);
    // A property that its owner hangs on it is no part of it.
    Object.assign(value, { note: 1 });
    expect(Object.keys(list[0] as object)).toEqual([]);
  });
});

describe('properties that are not listed', () => {
  test('are kept as they are, also where each reader has a copy', () => {
    for (const part of ['a', new Date(5)]) {
      const given = Object.defineProperty({ name: part }, '0', { value: part });
      const copy = kept({ given }) as { given: Record<string, unknown> };
      expect([copy.given[0], copy.given.name]).toEqual([part, part]);
      expect(Object.keys(copy.given)).toEqual(['name']);
      expect(Object.isFrozen(copy.given)).toBe(true);
    }
  });

  test('are refused where they cannot be kept', () => {
    const method = Object.defineProperty({}, 'save', { value: () => 1 });
    const getter = Object.defineProperty({}, 'lazy', { get: () => 1 });
    expect(() => ownValue({ method })).toThrow(/got a function at .method.save/);
    expect(() => ownValue([getter])).toThrow(/got an accessor at \[0\].lazy/);
  });
});

describe('what is refused', () => {
  class Secret {
    #key = 1;
    key = () => this.#key;
  }
  class Days extends Date {}
  const match = /(a)/.exec('a');
  const cases: readonly (readonly [string, unknown, string])[] = [
    ['undefined', undefined, 'got undefined'],
    ['a function', () => 1, 'got a function'],
    ['a function within', { user: { save() {} } }, 'got a function at .user.save'],
    ['a symbol', [{ 'odd key': Symbol('a') }], 'got a symbol at [0]["odd key"]'],
    ['a symbol as key', { a: { [Symbol('s')]: 1 } }, 'got an object with a symbol as key at .a'],
    [
      'a getter',
      {
        a: {
          get b() {
            throw new Error('ran');
          },
        },
      },
      'got an accessor at .a.b',
    ],
    ['a setter', { set a(_: unknown) {} }, 'got an accessor at .a'],
    ['an instance', { list: [new Secret()] }, 'got an instance of Secret at .list[0]'],
    ['an instance of a subclass', new Map([['k', new Days(1)]]), 'got an instance of Days at .k'],
    ['an instance in a Set', new Set([1, new Secret()]), 'got an instance of Secret at [1]'],
    ['an error', { e: new TypeError('x') }, 'got an instance of TypeError at .e'],
    ['a promise', Promise.resolve(), 'got an instance of Promise'],
    ['a URL', new URL('http://h/'), 'got an instance of URL'],
    ['a boxed primitive', Object(1), 'got an instance of Number'],
    ['an array with a property', { match }, 'got an array with a property at .match.groups'],
    ['shared memory', new SharedArrayBuffer(1), 'got an instance of SharedArrayBuffer'],
  ];

  test.each(cases)('%s', (_, value, message) => {
    const refused = expect.objectContaining({ code: 'E_VALUE', message: expect.stringContaining(message) });
    expect(() => ownValue(value)).toThrow(refused);
  });

  test('what is deeper than a bound; what is as deep is kept', () => {
    deepStrictEqual(kept(nested(MAX_DEPTH)), nested(MAX_DEPTH));
    expect(() => ownValue(nested(MAX_DEPTH + 1))).toThrow(/more than 500 levels/);
    expect(() => ownValue(nested(100_000))).toThrow(/more than 500 levels/);
  });
});

describe('an instance of a declared class', () => {
  const classes = [moneyClass];

  test('is made anew for each reader', () => {
    const owned = ownValue({ price: new Money(5, new Date(7)) }, { classes });
    const [one, other] = [readOwned(owned), readOwned(owned)] as { price: Money }[];
    expect(one!.price).toStrictEqual(new Money(5, new Date(7)));
    one!.price.since.setTime(0);
    expect(other!.price.since.getTime()).toBe(7);
    expect(owned.copy).toBeDefined();
  });

  test('is refused where its plain form cannot be kept', () => {
    const broken = { ...moneyClass, toPlain: (value: object) => ({ value }) };
    const endless = { ...moneyClass, toPlain: () => new Money(1, new Date(1)) };
    const none = { ...moneyClass, toPlain: () => undefined };
    const money = new Money(1, new Date(1));
    expect(() => ownValue([money], { classes: [broken] })).toThrow(/contains itself at \[0\]\.<Money>\.value/);
    expect(() => ownValue(money, { classes: [endless] })).toThrow(/more than 500 levels/);
    expect(() => ownValue(money, { classes: [none] })).toThrow(/no plain form of an instance of Money/);
  });
});
