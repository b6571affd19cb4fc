// Bytes that kept values take in memory, as V8 lays them out (`npm run bench -- data` compares both).
//
// Objects with equal names in equal order share one description; each object with names of its own, such as a
// dictionary by id, has its own description and names, several times the size of its slots. So the cache remembers
// recent lists of names: the first object of a list is counted with its names.

import { textBytes } from './own-text.ts';

const ARRAY_BYTES = 32;
const OBJECT_BYTES = 24;
/** Bytes of the table behind an array, a dictionary or a collection. */
const TABLE_BYTES = 16;
const SLOT_BYTES = 8;
/** Unused slots of some objects, on average. */
const SPARE_BYTES = 8;
/** A number that is no small integer, in a general slot. */
const NUMBER_BYTES = 16;
/** A name in the description that objects share. */
const DESCRIBED_BYTES = 56;
/** A row of a hash table: key, value and their attributes. */
const ROW_BYTES = 24;
const COLLECTION_BYTES = 72;
const DATE_BYTES = 96;
/** The data behind the object lies outside V8's heap. */
const TEMPORAL_BYTES = 96;
const BUFFER_BYTES = 96;
const VIEW_BYTES = 200;
export const INSTANCE_BYTES = 96;

/** Bytes of a primitive besides its slot. */
export function primitiveBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return textBytes(value);
    case 'number':
      return (value | 0) === value ? 0 : NUMBER_BYTES;
    case 'bigint':
      return (
        NUMBER_BYTES + SLOT_BYTES * (BigInt.asIntN(64, value) === value ? 1 : Math.ceil(value.toString(16).length / 16))
      );
    default:
      return 0;
  }
}

/** An array without its elements. `isDense`: it has no holes. */
export function arrayBytes(slots: number, isDense: boolean): number {
  if (slots === 0) return ARRAY_BYTES;
  return ARRAY_BYTES + (isDense ? TABLE_BYTES + slots * SLOT_BYTES : hashedBytes(slots));
}

/** A hash table is at most two thirds full, and doubles. */
function hashedBytes(rows: number): number {
  return COLLECTION_BYTES + ROW_BYTES * powerOfTwo(rows + (rows >> 1));
}

/** A Map or Set of this size, without its contents. */
export function mapBytes(size: number): number {
  return COLLECTION_BYTES + 28 * powerOfTwo(size);
}

export function setBytes(size: number): number {
  return COLLECTION_BYTES + 20 * powerOfTwo(size);
}

function powerOfTwo(least: number): number {
  return least <= 4 ? 4 : 2 ** (32 - Math.clz32(least - 1));
}

/** Bytes of a value that `leafCopy` copies. */
export function leafBytes(value: object): number {
  if (value instanceof ArrayBuffer) return BUFFER_BYTES + value.byteLength;
  if (ArrayBuffer.isView(value)) return VIEW_BYTES + value.byteLength;
  if (value instanceof RegExp) return INSTANCE_BYTES + textBytes(value.source);
  return value instanceof Date ? DATE_BYTES : TEMPORAL_BYTES;
}

/** Objects of an unknown list with more names than this are kept as hash tables, since programs use them as such. */
const MOST_DESCRIBED = 64;
/** V8 shares no description with more names. */
const MOST_SHARED = 1000;

/** A table of names has room for this many from the beginning. */
const LEAST_NAMES = 5;

/** How V8 keeps an object, and its bytes without its contents. */
export interface ObjectCost {
  readonly bytes: number;
  readonly isTable: boolean;
}

/** `hasPrototype`: an object without one is always a table. */
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

/** Counts the index names, which come first, in ascending order. */
function indicesIn(names: readonly string[]): number {
  let count = 0;
  while (count < names.length && isIndex(names[count] as string)) count++;
  return count;
}

function isIndex(name: string): boolean {
  const first = name.charCodeAt(0);
  return first >= 48 && first <= 57 && String(Number(name) >>> 0) === name;
}

/** Most gaps that V8 leaves empty before it makes a hash table. */
const MOST_GAPS = 3;

function elementBytes(names: readonly string[], indices: number): number {
  const slots = Number(names[indices - 1]) + 1;
  return slots <= indices * MOST_GAPS ? TABLE_BYTES + slots * SLOT_BYTES : hashedBytes(indices);
}

/**
 * Recent lists of names, each by a sample. When full, it drops the older half: their names are then counted once more.
 */
class SeenNames {
  #recent = new Set<string>();
  #older = new Set<string>();
  #last: readonly string[] = [];

  /** Also remembers the list. */
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

/** Lists of one length that agree in these names mostly agree in all. */
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
