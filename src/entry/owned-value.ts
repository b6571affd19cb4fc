// Values as the cache keeps them: its own copy, which no caller can change.
//
// The rule for what readers get: plain objects and arrays are frozen, always; a Date, Map, Set, RegExp or binary data is
// the reader's own copy, as is an instance of a declared class.
//
// The one complication: copies cost more than all else of a hit. So a value is copied once, when it comes in; whatever
// is frozen throughout is given to everyone as it is. In the copy that is kept, a container which holds something that
// cannot be frozen is itself left unfrozen: that is how a reading knows what to copy, and what to share.

import { TidegateError } from '../errors.ts';
import { copyOf, isPart, KeptInstance, sparseCopy, spreadOf, type ValueClass } from './owned-copies.ts';
import {
  collectionBytes,
  containerBytes,
  describe,
  INSTANCE_BYTES,
  isPlainArray,
  isPlainObject,
  leafBytes,
  leafCopy,
  pathText,
  primitiveBytes,
} from './value-kinds.ts';

export type { ValueClass } from './owned-copies.ts';

/** A value that belongs to the cache. */
export interface OwnedValue {
  readonly value: unknown;
  /** True: frozen throughout, and handed out as it is. False: to be copied for each reader. */
  readonly isShared: boolean;
  /** What it takes in memory, estimated. */
  readonly bytes: number;
  /** True: some part that is copied is reached in more than one way, and must be in the copy as well. */
  readonly hasRepeats?: boolean;
}

export interface OwnOptions {
  readonly classes?: readonly ValueClass[];
}

/** Levels of objects in objects; deeper values are refused. */
export const MAX_DEPTH = 500;

/** Frozen values smaller than this are copied faster than they are remembered. */
const REMEMBERED_BYTES = 1024;

/** What was frozen here and handed out: it may come back, alone or as a part. */
const remembered = new WeakMap<object, OwnedValue>();

const NO_OPTIONS: OwnOptions = Object.freeze({});

/** The cache's own copy of the value. Throws E_VALUE, naming the path of what cannot be kept. */
export function ownValue(value: unknown, options: OwnOptions = NO_OPTIONS): OwnedValue {
  if (value === null || (typeof value !== 'object' && isPrimitive(value))) {
    return { value, isShared: true, bytes: primitiveBytes(value), hasRepeats: false };
  }
  return rememberedValue(value) ?? new Owner(options.classes).own(value);
}

/** What a reader is given. */
export function readOwned(owned: OwnedValue): unknown {
  return owned.isShared ? owned.value : copyOf(owned.value, owned.hasRepeats === true ? new Map() : undefined);
}

function rememberedValue(value: unknown): OwnedValue | undefined {
  return Object.isFrozen(value) ? remembered.get(value as object) : undefined;
}

function isPrimitive(value: unknown): boolean {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol';
}

/** One walk over a value that comes in. */
class Owner {
  readonly #classes: readonly ValueClass[] | undefined;
  /** The copy of each object met, which keeps cycles and what is reached twice as they were. */
  readonly #copies = new Map<object, object>();
  readonly #path: (string | number)[] = [];
  #bytes = 0;
  #hasRepeats = false;
  /** Something in it cannot be frozen. */
  #hasMutable = false;

  constructor(classes: readonly ValueClass[] | undefined) {
    this.#classes = classes;
  }

  own(source: unknown): OwnedValue {
    const value = this.#copy(source);
    // If all could be frozen, only a cycle kept its parts from it: none of them was the first to be complete.
    if (!this.#hasMutable && !Object.isFrozen(value)) for (const copy of this.#copies.values()) Object.freeze(copy);
    const isShared = Object.isFrozen(value);
    const owned = { value, isShared, bytes: this.#bytes, hasRepeats: this.#hasRepeats };
    if (isShared && this.#bytes >= REMEMBERED_BYTES) remembered.set(value, owned);
    return owned;
  }

  /** The copy of a part of which the loops below know that it is no primitive they could take as it is. */
  #part(source: unknown, step: string | number): object {
    this.#path.push(step);
    if (this.#path.length >= MAX_DEPTH) this.#refuse(`more than ${MAX_DEPTH} levels`);
    const copy = this.#copy(source);
    this.#path.pop();
    return copy;
  }

  #copy(source: unknown): object {
    if (typeof source !== 'object') this.#refuse(source === undefined ? 'undefined' : `a ${typeof source}`);
    const object = source as object;
    const known = this.#copies.get(object);
    if (known !== undefined) return this.#repeated(known);
    const before = rememberedValue(object);
    if (before !== undefined) {
      this.#bytes += before.bytes;
      this.#copies.set(object, before.value as object);
      return before.value as object;
    }
    if (isPlainArray(object)) return this.#array(object);
    if (isPlainObject(object)) return this.#object(object);
    return this.#other(object);
  }

  #repeated(known: object): object {
    if (known instanceof KeptInstance && known.plain === undefined) this.#refuse('an instance that contains itself');
    if (!Object.isFrozen(known)) this.#hasRepeats = true;
    return known;
  }

  #object(source: object): object {
    if (Object.getOwnPropertySymbols(source).length > 0) this.#refuse('an object with a symbol as key');
    const keys = Object.keys(source);
    for (const key of keys) {
      // A getter would run the caller's code, and may give something else each time.
      const { get, set } = Object.getOwnPropertyDescriptor(source, key) as PropertyDescriptor;
      if (get !== undefined || set !== undefined) this.#refuse('an accessor', key);
    }
    const copy = spreadOf(source);
    this.#copies.set(source, copy);
    const values = Object.values(copy);
    let bytes = containerBytes(source, values.length);
    let isFrozen = true;
    for (let at = 0; at < values.length; at++) {
      const value = values[at];
      if (isPart(value)) {
        const part = this.#part(value, keys[at] as string);
        copy[keys[at] as string] = part;
        isFrozen &&= Object.isFrozen(part);
      } else {
        bytes += primitiveBytes(value);
      }
    }
    this.#bytes += bytes;
    return isFrozen ? Object.freeze(copy) : copy;
  }

  #array(source: readonly unknown[]): object {
    const keys = Object.keys(source);
    const last = keys.at(-1);
    // Indices come first, so all keys are indices if the last is.
    if (last !== undefined && String(Number(last) >>> 0) !== last) this.#refuse(`an array with a property`, last);
    if (Object.getOwnPropertySymbols(source).length > 0) this.#refuse('an array with a symbol as key');
    this.#bytes += containerBytes(source, keys.length);
    // Not its own `slice`, which would make an array of its own realm.
    const isDense = keys.length === source.length;
    const copy = isDense ? Array.prototype.slice.call(source) : sparseCopy(source, keys);
    this.#copies.set(source, copy);
    let isFrozen = true;
    for (let at = 0; at < keys.length; at++) {
      const index = isDense ? at : Number(keys[at]);
      const value: unknown = copy[index];
      if (!isPart(value)) {
        this.#bytes += primitiveBytes(value);
        continue;
      }
      const part = this.#part(value, index);
      copy[index] = part;
      isFrozen &&= Object.isFrozen(part);
    }
    return isFrozen ? Object.freeze(copy) : copy;
  }

  #other(source: object): object {
    this.#hasMutable = true;
    const valueClass = this.#classes?.find((each) => each.matches(source));
    if (valueClass !== undefined) return this.#instance(source, valueClass);
    const prototype: unknown = Object.getPrototypeOf(source);
    if (prototype === Map.prototype) return this.#map(source as Map<unknown, unknown>);
    if (prototype === Set.prototype) return this.#set(source as Set<unknown>);
    const copy = leafCopy(source);
    if (copy === undefined) return this.#refuse(describe(source));
    this.#bytes += leafBytes(source);
    this.#copies.set(source, copy);
    return copy;
  }

  #instance(source: object, valueClass: ValueClass): KeptInstance {
    const kept = new KeptInstance(valueClass);
    this.#copies.set(source, kept);
    this.#bytes += INSTANCE_BYTES;
    const plain = valueClass.toPlain(source);
    if (plain === undefined) this.#refuse(`no plain form of an instance of ${valueClass.name}`);
    kept.plain = this.#any(plain, `<${valueClass.name}>`);
    return kept;
  }

  #map(source: Map<unknown, unknown>): object {
    const copy = new Map<unknown, unknown>();
    this.#copies.set(source, copy);
    this.#bytes += collectionBytes(source.size);
    let at = 0;
    for (const [key, value] of source) {
      const step = typeof key === 'string' ? key : at;
      copy.set(this.#any(key, step), this.#any(value, step));
      at++;
    }
    return copy;
  }

  #set(source: Set<unknown>): object {
    const copy = new Set<unknown>();
    this.#copies.set(source, copy);
    this.#bytes += collectionBytes(source.size);
    let at = 0;
    for (const member of source) copy.add(this.#any(member, at++));
    return copy;
  }

  #any(value: unknown, step: string | number): unknown {
    if (isPart(value)) return this.#part(value, step);
    this.#bytes += primitiveBytes(value);
    return value;
  }

  #refuse(got: string, step?: string): never {
    const path = pathText(step === undefined ? this.#path : [...this.#path, step]);
    const where = path === '' ? '' : ` at ${path}`;
    throw new TidegateError('E_VALUE', `expected a value that can be stored, got ${got}${where}`);
  }
}
