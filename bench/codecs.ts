// `bench -- codecs`: what the ways to write values as bytes lose, and what they cost: the default codec beside the
// libraries it was chosen from, JSON, and the platform's own serializer, which Workers lack.
//
// Most of them lose something without a word. So each kind of value goes through alone, and counts
// only where it comes back as it was: same kind, same prototype, the same object where one was shared.

import { isDeepStrictEqual } from 'node:util';
import { deserialize, serialize } from 'node:v8';
import { ownValue, readOwned } from '../src/entry/owned-value.ts';
import { createValueCodec } from '../src/store/value-codec.ts';
import { installPeers } from '../test/race/peers/install.ts';
import { Absent, loadPeer } from '../test/race/peers/peer.ts';
import { printTable, type Report } from './report.ts';

interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

interface Candidate {
  readonly name: string;
  /** Undefined: not installed. */
  readonly codec: Codec | undefined;
  /** Kinds of values that did not come back as they were. */
  readonly lost: readonly string[];
}

/** Medians, in microseconds. */
interface Cost {
  readonly encodeUs: number;
  readonly decodeUs: number;
  readonly bytes: number;
}

const ROUNDS = 7;
const ROUND_MS = 15;

export async function run(): Promise<Report> {
  installPeers();
  const candidates = Object.entries(CANDIDATES).map(([name, make]) => candidateOf(name, make));
  console.log(`\nwhat does not come back as it was, of ${Object.keys(KINDS).length} kinds`);
  for (const { name, codec, lost } of candidates) {
    console.log(`  ${name}: ${codec === undefined ? 'not installed' : [lost.length, ...lost].join(', ')}`);
  }
  const costs = Object.entries(VALUES).map(([value, of]) => ({ value, costs: costsOf(candidates, of) }));
  printTable({
    title: 'encode / decode in microseconds, and bytes; medians of interleaved rounds',
    columns: ['codec', ...costs.map(({ value }) => value)],
    rows: candidates.map(({ name }) => [name, ...costs.map((each) => costText(each.costs.get(name)))]),
  });
  const owning = printOwning();
  const lost = candidates[0]?.lost.length ?? 0;
  const goal = { name: 'kinds of values that the default codec loses', bound: '0', got: String(lost), met: lost === 0 };
  const losses = candidates.map(({ name, codec, lost }) => ({ name, isInstalled: codec !== undefined, lost }));
  const figures = { losses, costs: costs.map((each) => ({ ...each, costs: Object.fromEntries(each.costs) })), owning };
  return { goals: [goal], figures };
}

function costText(cost: Cost | undefined): string {
  return cost === undefined ? '-' : `${cost.encodeUs.toFixed(1)} / ${cost.decodeUs.toFixed(1)}  ${cost.bytes} B`;
}

function candidateOf(name: string, make: () => Codec): Candidate {
  try {
    const codec = make();
    const lost = Object.entries(KINDS).filter(([, value]) => !comesBack(codec, value));
    return { name, codec, lost: lost.map(([kind]) => kind) };
  } catch (error) {
    if (error instanceof Absent) return { name, codec: undefined, lost: [] };
    throw error;
  }
}

function comesBack(codec: Codec, value: unknown): boolean {
  try {
    const copy = codec.decode(codec.encode(value));
    if (!isDeepStrictEqual(copy, value)) return false;
    // Where a part stands twice, it must do so in the copy.
    return !Array.isArray(value) || typeof value[0] !== 'object' || value[0] !== value[1] || isTwice(copy);
  } catch {
    return false;
  }
}

function isTwice(copy: unknown): boolean {
  return Array.isArray(copy) && copy[0] === copy[1];
}

/** By the candidate's name. */
function costsOf(candidates: readonly Candidate[], value: unknown): Map<string, Cost> {
  const works: { readonly name: string; readonly bytes: number; readonly works: readonly (() => unknown)[] }[] = [];
  for (const { name, codec } of candidates) {
    if (codec === undefined) continue;
    const bytes = codec.encode(value).slice();
    works.push({ name, bytes: bytes.length, works: [() => codec.encode(value), () => codec.decode(bytes)] });
  }
  const us = mediansUs(works.flatMap((each) => each.works));
  const costs = works.map(({ name, bytes }, at): [string, Cost] => {
    return [name, { encodeUs: us[2 * at] as number, decodeUs: us[2 * at + 1] as number, bytes }];
  });
  return new Map(costs);
}

/** Of each work, the median of rounds that are interleaved with those of the others. */
function mediansUs(works: readonly (() => unknown)[]): number[] {
  const rounds = Array.from({ length: ROUNDS }, () => works.map(roundUs));
  return works.map((_, at) => {
    const own = rounds.map((round) => round[at] as number).sort((one, other) => one - other);
    return own[ROUNDS >> 1] as number;
  });
}

function roundUs(work: () => unknown): number {
  let count = 0;
  const start = performance.now();
  while (performance.now() - start < ROUND_MS) {
    for (let at = 0; at < 16; at++) work();
    count += 16;
  }
  return ((performance.now() - start) * 1000) / count;
}

/** What the memory tier does instead, beside the platform's own copy. */
function printOwning(): unknown {
  const figures = Object.entries(VALUES).map(([value, of]) => {
    const owned = ownValue(of);
    return { value, us: mediansUs([() => ownValue(of), () => readOwned(owned), () => structuredClone(of)]) };
  });
  printTable({
    title: 'the memory tier: microseconds for a value to be taken in, and to be read; medians',
    columns: ['value', 'taken in', 'read', 'structuredClone'],
    rows: figures.map(({ value, us }) => [value, ...us.map((each) => each.toFixed(2))]),
  });
  return figures;
}

function textCodec(write: (value: unknown) => string, read: (text: string) => unknown): Codec {
  const toText = new TextEncoder();
  const fromText = new TextDecoder();
  return { encode: (value) => toText.encode(write(value)), decode: (bytes) => read(fromText.decode(bytes)) };
}

interface Text {
  stringify(value: unknown): string;
  parse(text: string): unknown;
}

interface Binary {
  encode(value: unknown, options?: object): Uint8Array;
  decode(bytes: Uint8Array, options?: object): unknown;
}

/** Each with the options under which it loses least. */
const CANDIDATES: Readonly<Record<string, () => Codec>> = {
  'default codec (devalue)': () => createValueCodec(),
  seroval() {
    const seroval = loadPeer<{ toJSON(value: unknown): unknown; fromJSON(json: unknown): unknown }>('seroval');
    return textCodec(
      (value) => JSON.stringify(seroval.toJSON(value)),
      (text) => seroval.fromJSON(JSON.parse(text)),
    );
  },
  superjson() {
    const { default: superjson } = loadPeer<{ default: Text }>('superjson');
    return textCodec(
      (value) => superjson.stringify(value),
      (text) => superjson.parse(text),
    );
  },
  msgpackr() {
    const { Packr } = loadPeer<{ Packr: new (options: object) => Binary }>('msgpackr');
    return new Packr({ structuredClone: true, moreTypes: true, useBigIntExtension: true });
  },
  'cbor-x'() {
    const { Encoder } = loadPeer<{ Encoder: new (options: object) => Binary }>('cbor-x');
    return new Encoder({ structuredClone: true });
  },
  cbor2() {
    const { encode, decode } = loadPeer<Binary>('cbor2');
    return { encode: (value) => encode(value), decode: (bytes) => decode(bytes) };
  },
  '@msgpack/msgpack'() {
    const { encode, decode } = loadPeer<Binary>('@msgpack/msgpack');
    const options = { useBigInt64: true };
    return { encode: (value) => encode(value, options), decode: (bytes) => decode(bytes, options) };
  },
  JSON: () => textCodec(JSON.stringify, JSON.parse),
  'node:v8 serialize': () => ({ encode: serialize, decode: deserialize }),
};

const date = new Date(5);
const loop: Record<string, unknown> = { n: 1 };
loop.self = loop;
const loopedMap = new Map<unknown, unknown>();
loopedMap.set('self', loopedMap);
const holes: unknown[] = [1];
holes[2] = 3;

const KINDS: Readonly<Record<string, unknown>> = {
  'undefined in an object': { a: undefined },
  '-0': [-0],
  'NaN and infinities': [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
  doubles: [1.5, 1e300, 2 ** 53, -(2 ** 31), 2 ** 32, 0.1],
  bigint: [2n ** 63n, 2n ** 70n, -5n, -(2n ** 64n), 0n],
  'lone surrogates': ['\ud800', { 'a\udc00b': 1 }],
  Date: [new Date(1.7e12 + 123), new Date(-1)],
  'invalid Date': [new Date(Number.NaN)],
  'Map with object keys': new Map<unknown, unknown>([
    ['a', 1],
    [{ k: 1 }, 2],
  ]),
  'Map with 1 and "1"': new Map<unknown, unknown>([
    [1, 'a'],
    ['1', 'b'],
  ]),
  Set: new Set([1, 'a', { b: 1 }]),
  RegExp: /a\/b/gi,
  Uint8Array: new Uint8Array([1, 2, 3]),
  Float64Array: new Float64Array([0.5, Number.NaN]),
  BigInt64Array: new BigInt64Array([1n, -1n]),
  ArrayBuffer: new Uint8Array([1, 2]).buffer,
  DataView: new DataView(new Uint8Array([1, 2, 3]).buffer),
  Buffer: Buffer.from('hi'),
  'shared object': [loop, loop],
  'shared Date': [date, date],
  'cyclic object': loop,
  'cyclic Map': loopedMap,
  'array with holes': holes,
  'key __proto__': JSON.parse('{"__proto__":{"x":1},"constructor":1}'),
  'no prototype': Object.assign(Object.create(null), { a: 1 }),
};

const COLUMN_VALUES = (at: number) => [at * 1000, `value of column ${at}`, at % 3 === 0, null, at / 7][at % 5];

const VALUES: Readonly<Record<string, unknown>> = {
  'row of 20 fields': JSON.parse(
    JSON.stringify(Object.fromEntries(Array.from({ length: 20 }, (_, at) => [`column_${at}`, COLUMN_VALUES(at)]))),
  ),
  '100 rows with dates': Array.from({ length: 100 }, (_, id) => ({
    id,
    name: `name ${id}`,
    email: `user${id}@example.com`,
    isActive: id % 2 === 0,
    score: id * 1.5,
    createdAt: new Date(1.7e12 + id * 1000),
    updatedAt: new Date(1.71e12 + id * 777),
  })),
  'nested configuration': {
    version: 3,
    features: Array.from({ length: 12 }, (_, at) => ({
      name: `feature${at}`,
      rollout: at / 12,
      groups: ['a', 'b', 'c'],
      limits: { perSecond: at * 10, burst: { max: at, window: '5m' } },
    })),
    origins: Array.from({ length: 5 }, (_, at) => ({
      url: `https://o${at}.example.com/path`,
      headers: { accept: '*/*', 'x-token': 't'.repeat(20) },
    })),
  },
};
