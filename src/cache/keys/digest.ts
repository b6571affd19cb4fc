// Digests of texts and of values: SHA-256 at once and on every platform, since what the platforms offer is either
// asynchronous or Node's alone; and one text for each value, the same for equal values, and never for two that differ.
//
// The digest is of UTF-16 code units, two bytes each, highest first. In UTF-8 all lone
// surrogates become one character, and two texts would have one digest.

import { TidegateError } from '../../errors.ts';

const ROUND_CONSTANTS = new Uint32Array(64);
const START = new Uint32Array(8);
fillConstants();

/** 128 bits in hex. It is a cut SHA-256, so nobody can make two texts that share it (2^64 tries, FIPS 180-4). */
export function digest128(text: string): string {
  const state = START.slice();
  const schedule = new Uint32Array(64);
  const blocks = (text.length * 2 + 9 + 63) >>> 6;
  for (let block = 0; block < blocks; block++) {
    for (let word = 0; word < 16; word++) schedule[word] = wordAt(text, block * 16 + word, blocks * 16);
    compress(state, schedule);
  }
  let hex = '';
  for (let at = 0; at < 4; at++) hex += (state[at] as number).toString(16).padStart(8, '0');
  return hex;
}

/** The word of the padded message: two code units, then one bit, zeros, and the length in bits. */
function wordAt(text: string, index: number, words: number): number {
  const at = index * 2;
  if (at + 1 < text.length) return (text.charCodeAt(at) << 16) | text.charCodeAt(at + 1);
  if (at < text.length) return (text.charCodeAt(at) << 16) | 0x8000;
  if (index === words - 1) return text.length * 16;
  if (index === words - 2) return Math.floor((text.length * 16) / 2 ** 32);
  return at === text.length ? 0x80000000 : 0;
}

function compress(state: Uint32Array, schedule: Uint32Array): void {
  for (let at = 16; at < 64; at++) {
    const early = schedule[at - 15] as number;
    const late = schedule[at - 2] as number;
    const mixedEarly = turned(early, 7) ^ turned(early, 18) ^ (early >>> 3);
    const mixedLate = turned(late, 17) ^ turned(late, 19) ^ (late >>> 10);
    schedule[at] = (schedule[at - 16] as number) + mixedEarly + (schedule[at - 7] as number) + mixedLate;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let at = 0; at < 64; at++) {
    const chosen = (e & f) ^ (~e & g);
    const mixedE = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
    const first = (h + mixedE + chosen + (ROUND_CONSTANTS[at] as number) + (schedule[at] as number)) | 0;
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const second = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + majority) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  const added = [a, b, c, d, e, f, g, h];
  for (let at = 0; at < 8; at++) state[at] = (state[at] as number) + (added[at] as number);
}

function turned(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by));
}

/** The first 32 bits of the fractional parts of the roots of the first primes (FIPS 180-4, 4.2.2 and 5.3.3). */
function fillConstants(): void {
  const primes: number[] = [];
  for (let candidate = 2; primes.length < 64; candidate++) {
    if (primes.every((prime) => candidate % prime !== 0)) primes.push(candidate);
  }
  primes.forEach((prime, at) => {
    ROUND_CONSTANTS[at] = (Math.cbrt(prime) % 1) * 2 ** 32;
    if (at < 8) START[at] = (Math.sqrt(prime) % 1) * 2 ** 32;
  });
}

/** Deeper values are refused; a value that contains itself is one of them. */
const MAX_DEPTH = 64;

/**
 * One text for each value. Every part says its type and where it ends, so that no text in a value can look like the end of
 * one: `1`, `'1'` and `[1]` differ, and so do `['a,b']` and `['a', 'b']`. Names of objects are sorted, properties that are
 * undefined left out. Throws what `refuse` makes of the reason.
 */
export function canonical(value: unknown, refuse: (reason: string) => Error): string {
  return written(value, { refuse, path: '', depth: 0 });
}

/**
 * A strong entity tag (RFC 9110, section 8.8.3) of what the value contains: the same for equal values, whatever the order of their properties, and
 * in every process. It takes about as long as writing the value as JSON a few times. Throws E_VALUE for what is no plain
 * data.
 */
export function etagOf(value: unknown): string {
  return `"${digest128(canonical(value, (reason) => new TidegateError('E_VALUE', reason)))}"`;
}

interface Place {
  readonly refuse: (reason: string) => Error;
  readonly path: string;
  readonly depth: number;
}

function written(value: unknown, place: Place): string {
  switch (typeof value) {
    case 'string':
      return text(value);
    case 'number':
      // 0 and -0 are the same to a program that compares them.
      return `n${value === 0 ? 0 : value};`;
    case 'boolean':
      return value ? 't' : 'f';
    case 'bigint':
      return `i${value};`;
    case 'undefined':
      return 'u';
    case 'object':
      return value === null ? '0' : writtenObject(value, place);
    default:
      throw refusal(place, `a ${typeof value}`);
  }
}

function text(value: string): string {
  return `s${value.length}:${value}`;
}

function writtenObject(value: object, place: Place): string {
  if (place.depth >= MAX_DEPTH) throw refusal(place, `more than ${MAX_DEPTH} levels, or a value that contains itself`);
  if (Array.isArray(value)) return `[${value.map((item, at) => written(item, within(place, at))).join('')}]`;
  if (value instanceof Date) {
    if (Number.isNaN(value.getTime())) throw refusal(place, 'an invalid Date');
    return `d${value.getTime()};`;
  }
  // Which comes first matters neither in a Map nor in a Set.
  if (value instanceof Map) {
    const pairs = [...value].map(
      ([key, item], at) => written(key, within(place, at)) + written(item, within(place, at)),
    );
    return `M${pairs.sort().join('')}]`;
  }
  if (value instanceof Set) {
    return `S${[...value]
      .map((item, at) => written(item, within(place, at)))
      .sort()
      .join('')}]`;
  }
  if (ArrayBuffer.isView(value)) return writtenBytes(value);
  if (value instanceof ArrayBuffer) return writtenBytes(new Uint8Array(value));
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw refusal(place, 'an instance of a class');
  const properties = value as Readonly<Record<string, unknown>>;
  const given = Object.keys(value)
    .sort()
    .filter((name) => properties[name] !== undefined);
  return `{${given.map((name) => text(name) + written(properties[name], within(place, name))).join('')}}`;
}

function writtenBytes(view: ArrayBufferView): string {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return `b${view.constructor.name}:${hex};`;
}

function within(place: Place, name: string | number): Place {
  return { refuse: place.refuse, path: `${place.path}.${name}`, depth: place.depth + 1 };
}

function refusal({ refuse, path }: Place, got: string): Error {
  const at = path === '' ? '' : ` at ${path.slice(1)}`;
  return refuse(`expected plain data (null, text, numbers, booleans, dates, bytes, arrays, objects)${at}, got ${got}`);
}
