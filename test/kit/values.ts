// Values of every kind that the data cache keeps, made at random.

import fc from 'fast-check';

/** Any code units, lone surrogates among them. */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 6 })
  .map((units) => String.fromCharCode(...units));

const key = fc.oneof(
  anyText,
  fc.constantFrom('__proto__', '~__proto__', '~~__proto__', 'constructor', 'toString', '', '0', '7'),
);

const primitive = fc.oneof(
  anyText,
  fc.double(),
  fc.integer(),
  fc.bigInt(),
  fc.boolean(),
  fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2n ** 64n),
);

const bytes = fc.uint8Array({ maxLength: 9 });

const leaf = fc.oneof(
  fc.date({ noInvalidDate: false }),
  fc.constantFrom('giu', '').map((flags) => new RegExp('a/b\\n[x]', flags)),
  bytes,
  bytes.map((from) => Buffer.from(from)),
  bytes.map((from) => from.buffer.slice()),
  bytes.map((from) => new DataView(from.buffer.slice())),
  fc.int16Array(),
  fc.float32Array(),
  fc.float64Array(),
  fc.bigInt64Array(),
  fc.uint8ClampedArray(),
);

function objectOf(entries: readonly (readonly [string, unknown])[], prototype: object | null): object {
  const object = Object.create(prototype) as object;
  const options = { writable: true, enumerable: true, configurable: true };
  for (const [name, value] of entries) Object.defineProperty(object, name, { value, ...options });
  return object;
}

function sparse(values: readonly unknown[], holes: readonly number[]): unknown[] {
  const array = [...values];
  for (const at of holes) if (at < array.length) delete array[at];
  return array;
}

/** A value of any kind; its top is not undefined. */
export const anyValue: fc.Arbitrary<unknown> = fc
  .letrec((tie) => {
    const values = fc.array(tie('value'), { maxLength: 4 });
    const entries = fc.array(fc.tuple(key, tie('value')), { maxLength: 4 });
    return {
      value: fc.oneof({ depthSize: 'small' }, primitive, leaf, tie('container')),
      container: fc.oneof(
        fc.tuple(entries, fc.constantFrom(Object.prototype, null)).map(([of, prototype]) => objectOf(of, prototype)),
        values,
        fc.tuple(values, fc.array(fc.nat(3), { maxLength: 2 })).map(([of, holes]) => sparse(of, holes)),
        fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 3 }).map((of) => new Map(of)),
        values.map((of) => new Set(of)),
        tie('value').map((shared) => ({ one: shared, other: [shared] })),
      ),
    };
  })
  .value.filter((value) => value !== undefined);

/** An object as deep as this, its top among the levels. */
export function nested(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? { value } : [value];
  return value;
}

/** A class of the program's own, and how its instances are kept. */
export class Money {
  readonly cents: number;
  readonly since: Date;

  constructor(cents: number, since: Date) {
    this.cents = cents;
    this.since = since;
  }
}

export const moneyClass = {
  name: 'Money',
  matches: (value: object) => value instanceof Money,
  toPlain: (value: object) => ({ ...(value as Money) }),
  fromPlain(plain: unknown) {
    const { cents, since } = plain as Money;
    return new Money(cents, since);
  },
};
