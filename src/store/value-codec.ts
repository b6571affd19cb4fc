// The default codec for slower tiers: devalue, which writes JSON text without losing what JSON lacks (undefined, -0, NaN,
// bigint, Date, Map, Set, RegExp, binary data, holes, shared and cyclic references). The reason for this choice:
// docs/decisions.md, D39. It runs on Workers, and evaluates no code.
//
// It refuses `__proto__` as a key, so such a key is written as `~__proto__`, and a key of that form with one more `~`. A
// Buffer, an instance of a declared class and an object with unlisted properties are written with names.

import { defaultStringifyOperations, type ParseOperations, parse, type StringifyOperations, stringify } from 'devalue';
import { spreadOf } from '../entry/owned-copies.ts';
import type { ValueClass } from '../entry/owned-value.ts';
import type { OwnedCodec } from '../entry/stored-value.ts';
import { hiddenNames, isPlainObject, withHidden } from '../entry/value-kinds.ts';
import { TidegateError } from '../errors.ts';

/** A named value as written: its name, and the plain value to make it from. */
type Named = readonly [name: string, plain: unknown];

/** No class may have these names. */
const BUFFER = 'Buffer';
const HIDDEN = 'Hidden';

const toText = new TextEncoder();
const fromText = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Encodes whatever `ownValue` keeps. `classes`: those given to `ownValue`. */
export function createValueCodec({ classes = [] }: { readonly classes?: readonly ValueClass[] } = {}): OwnedCodec {
  const byName = new Map(classes.map((each) => [each.name, each]));
  if (byName.size < classes.length || byName.has(BUFFER) || byName.has(HIDDEN)) {
    throw new TidegateError(
      'E_VALUE',
      `expected classes with names of their own other than ${BUFFER} and ${HIDDEN}, got ${[...classes.map((each) => each.name)].join(', ')}`,
    );
  }
  const reducers = { N: (value: unknown) => namedForm(value, classes) };
  const revivers = { N: (form: unknown) => revived(form, byName) };
  return {
    name: 'devalue-1',
    encode: (value) => toText.encode(stringify(value, reducers, { operations: taking })),
    decode: (bytes) => parse(fromText.decode(bytes), revivers, { operations: making }),
  };
}

function namedForm(value: unknown, classes: readonly ValueClass[]): Named | false {
  if (typeof value !== 'object' || value === null) return false;
  // devalue copies the bytes of a Buffer, which may share a pool's memory.
  if (ArrayBuffer.isView(value)) return isBuffer(value) && [BUFFER, new Uint8Array(value)];
  if (Array.isArray(value)) return false;
  if (isPlainObject(value)) return hiddenForm(value);
  const found = classes.find((each) => each.matches(value));
  return found !== undefined && [found.name, found.toPlain(value)];
}

/** An object with unlisted properties, as its listed and its unlisted part. False when it has none. */
function hiddenForm(value: object): Named | false {
  const hidden = hiddenNames(value, Object.keys(value));
  if (hidden.length === 0) return false;
  const parts = value as Readonly<Record<string, unknown>>;
  return [HIDDEN, [spreadOf(value), Object.fromEntries(hidden.map((name) => [name, parts[name]]))]];
}

function revived(form: unknown, byName: ReadonlyMap<string, ValueClass>): unknown {
  if (!Array.isArray(form) || form.length !== 2) throw new Error('expected a name and a value, got something else');
  const [name, plain] = form as unknown as Named;
  if (name === BUFFER && plain instanceof Uint8Array) {
    // Where the platform has no Buffers, the plain bytes.
    return typeof Buffer === 'undefined' ? plain : Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
  }
  if (name === HIDDEN) return withHidden(...(plain as readonly [object, Record<string, unknown>]));
  const found = byName.get(name);
  if (found === undefined) throw new Error(`expected the name of a declared class, got ${String(name)}`);
  return found.fromPlain(plain);
}

function isBuffer(value: ArrayBufferView): value is Buffer {
  return typeof Buffer !== 'undefined' && Buffer.isBuffer(value);
}

const PROTO = '__proto__';
/** `__proto__` behind any number of tildes. */
const ESCAPABLE = /^~*__proto__$/;

function read(key: string): string {
  return key.endsWith(PROTO) && key.startsWith('~') && ESCAPABLE.test(key) ? key.slice(1) : key;
}

/** Takes a value apart for devalue. */
const taking: Partial<StringifyOperations> = {
  isThenable: () => false,
  shapeOf(value) {
    const shape = defaultStringifyOperations.shapeOf(value);
    if (!('keys' in shape) || !shape.keys.some((key) => key.endsWith(PROTO))) return shape;
    return { ...shape, keys: shape.keys.map((key) => (ESCAPABLE.test(key) ? `~${key}` : key)) };
  },
  get: (value, key) => value[typeof key === 'string' ? read(key) : key],
};

/** Makes a value for devalue. Anyone may have written the bytes, so it makes only values that could have been kept. */
const making: Partial<ParseOperations> = {
  fromStringValue: refuse,
  box: refuse,
  set(target, key, value) {
    const name = typeof key === 'string' ? read(key) : key;
    if (name !== PROTO) target[name] = value;
    else Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  },
};

function refuse(): never {
  throw new Error('expected a kind of value that can be stored, got another');
}
