// Bytes that kept values take in memory, as V8 lays them out (`npm run bench -- data` compares both).
//
// Objects with the same names in the same order share one description of them; each object
// with names of its own, such as a dictionary by id, has a description and the names besides, several times its slots. So
// the cache remembers which lists of names it has seen of late: the first object of a list is counted with its names.

import { textBytes } from './own-text.ts';

const ARRAY_BYTES = 32;
const OBJECT_BYTES = 24;
/** Of the table behind an array, a dictionary or a collection. */
const TABLE_BYTES = 16;
const SLOT_BYTES = 8;
/** Slots that some objects have and do not use, on average. */
const SPARE_BYTES = 8;
/** A number that is no small integer, in a slot that any value may take. */
const NUMBER_BYTES = 16;
/** Of a name's part in the description that objects share. */
const DESCRIBED_BYTES = 56;
/** Of a table that is looked up by hash: key, value and their attributes. */
const ROW_BYTES = 24;
const COLLECTION_BYTES = 72;
const DATE_BYTES = 96;
/** What stands behind the object is outside of V8's heap. */
const TEMPORAL_BYTES = 96;
const BUFFER_BYTES = 96;
const VIEW_BYTES = 200;
export const INSTANCE_BYTES = 96;

/** What a primitive takes besides its slot. */
export function primitiveBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return textBytes(value);
    case 'number':
      return (value | 0) === value ? 0 : NUMBER_BYTES;
    case 'bigint':
      return NUMBER_BYTES + bigintBytes(value);
    default:
      return 0;
  }
}

function bigintBytes(value: bigint): number {
  return BigInt.asIntN(64, value) === value ? SLOT_BYTES : Math.ceil(value.toString(16).length / 16) * SLOT_BYTES;
}

/** An array without what it holds. `isDense`: it has no holes. */
export function arrayBytes(slots: number, isDense: boolean): number {
  if (slots === 0) return ARRAY_BYTES;
  return ARRAY_BYTES + (isDense ? TABLE_BYTES + slots * SLOT_BYTES : hashedBytes(slots));
}

/** A table by hash is kept at most two thirds full, and doubles. */
function hashedBytes(rows: number): number {
  return COLLECTION_BYTES + ROW_BYTES * powerOfTwo(rows + (rows >> 1));
}

/** A Map or Set of this size, without what it holds. */
export function mapBytes(size: number): number {
  return COLLECTION_BYTES + 28 * powerOfTwo(size);
}

export function setBytes(size: number): number {
  return COLLECTION_BYTES + 20 * powerOfTwo(size);
}

function powerOfTwo(least: number): number {
  return least <= 4 ? 4 : 2 ** (32 - Math.clz32(least - 1));
}

/** Of what `leafCopy` copies. */
export function leafBytes(value: object): number {
  if (value instanceof ArrayBuffer) return BUFFER_BYTES + value.byteLength;
  if (ArrayBuffer.isView(value)) return VIEW_BYTES + value.byteLength;
  if (value instanceof RegExp) return INSTANCE_BYTES + textBytes(value.source);
  return value instanceof Date ? DATE_BYTES : TEMPORAL_BYTES;
}

/** Objects with more names than this, that are not known, are kept as tables by hash, which is what they are used as. */
const MOST_DESCRIBED = 64;
/** V8 describes no more for objects to share. */
const MOST_SHARED = 1000;

/** For so many a table of names has room from the beginning. */
const LEAST_NAMES = 5;

/** How an object is kept, and its bytes without what it holds. */
export interface ObjectCost {
  readonly bytes: number;
  readonly isTable: boolean;
}

/** `hasPrototype`: without one it is a table, always. */
export function objectCost(names: readonly string[], hasPrototype: boolean): ObjectCost {
  const indices = indicesIn(names);
  const elements = indices === 0 ? 0 : elementBytes(names, indices);
  const named = names.length - indices;
  if (named === 0) {
    const spare = hasPrototype ? 4 * SLOT_BYTES : hashedBytes(LEAST_NAMES);
    return { bytes: OBJECT_BYTES + spare + elements, isTable: !hasPrototype };
  }
  const isKnown = seen.has(names, indices);
  const isTable = !hasPrototype || named > (isKnown ? MOST_SHARED : MOST_DESCRIBED);
  let bytes =
    OBJECT_BYTES + elements + (isTable ? hashedBytes(Math.max(named, LEAST_NAMES)) : named * SLOT_BYTES + SPARE_BYTES);
  if (!isKnown) for (let at = indices; at < names.length; at++) bytes += textBytes(names[at] as string);
  if (!isKnown && !isTable) bytes += named * DESCRIBED_BYTES;
  return { bytes, isTable };
}

/** They come first, in ascending order. */
function indicesIn(names: readonly string[]): number {
  let count = 0;
  while (count < names.length && isIndex(names[count] as string)) count++;
  return count;
}

function isIndex(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= 48 && first <= 57 && String(Number(name) >>> 0) === name;
}

/** Most gaps that V8 leaves empty rather than make a table by hash. */
const MOST_GAPS = 3;

function elementBytes(names: readonly string[], indices: number): number {
  const slots = Number(names[indices - 1]) + 1;
  return slots <= indices * MOST_GAPS ? TABLE_BYTES + slots * SLOT_BYTES : hashedBytes(indices);
}

/** Lists of names, by a few of each. When it is full the older half goes: those are counted with their names once more. */
class SeenNames {
  #recent = new Set<string>();
  #older = new Set<string>();
  #last: readonly string[] = [];

  /** And remembers it. */
  has(names: readonly string[], start: number): boolean {
    if (isSame(names, this.#last)) return true;
    if (names.length <= MOST_DESCRIBED) this.#last = names;
    const sample = sampled(names, start);
    if (this.#recent.has(sample)) return true;
    const isKnown = this.#older.has(sample);
    if (this.#recent.size >= MOST_LISTS) {
      this.#older = this.#recent;
      this.#recent = new Set();
    }
    this.#recent.add(sample);
    return isKnown;
  }
}

const MOST_LISTS = 256;
const MOST_SAMPLES = 16;
const LONGEST_SAMPLE = 64;

/** Most lists of one length are alike throughout if they are alike in these. */
function sampled(names: readonly string[], start: number): string {
  const step = Math.max(1, Math.floor((names.length - start) / MOST_SAMPLES));
  let sample = String(names.length - start);
  for (let at = start; at < names.length; at += step) sample += `\0${(names[at] as string).slice(0, LONGEST_SAMPLE)}`;
  return sample;
}

function isSame(names: readonly string[], others: readonly string[]): boolean {
  if (names.length !== others.length) return false;
  for (let at = 0; at < names.length; at++) if (names[at] !== others[at]) return false;
  return true;
}

const seen = new SeenNames();
