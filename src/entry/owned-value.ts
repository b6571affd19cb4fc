// Values as the cache keeps them: its own copy, which no caller can change.
//
// The rule for what readers get: plain objects and arrays are frozen, always; a Date, Map, Set, RegExp or binary data is
// the reader's own copy, as is an instance of a declared class.
//
// Copies cost more than everything else in a hit. So a value is copied once, when it comes in; a value that is frozen
// throughout is handed to every reader. In the kept copy, a container with a part that cannot be frozen is itself left
// unfrozen: such containers are copied for each reader (owned-copies.ts).

import { TidegateError } from '../errors.ts';
import { isWhole, ownText } from './own-text.ts';
import {
  type CopyPlan,
  compacted,
  copyBy,
  isPart,
  KeptInstance,
  planOf,
  sparseCopy,
  spreadOf,
  tableOf,
  type ValueClass,
} from './owned-copies.ts';
import * as bytes from './value-bytes.ts';
import * as kinds from './value-kinds.ts';

export type { ValueClass } from './owned-copies.ts';

/** A value that belongs to the cache. */
export interface OwnedValue {
  readonly value: unknown;
  /** How to copy it for each reader; undefined when it is frozen throughout and handed out as it is. */
  readonly copy: CopyPlan | undefined;
  /** Estimated bytes in memory. */
  readonly bytes: number;
}

export interface OwnOptions {
  readonly classes?: readonly ValueClass[];
}

/** Levels of objects in objects; deeper values are refused. */
export const MAX_DEPTH = 500;

/** Frozen values smaller than this are copied faster than they are remembered. */
const REMEMBERED_BYTES = 1024;

/** Values frozen here and handed out: they may come back, alone or as a part. */
const remembered = new WeakMap<object, OwnedValue>();

const NO_OPTIONS: OwnOptions = Object.freeze({});

/** The cache's own copy of the value. Throws E_VALUE with the path of the part that cannot be kept. */
export function ownValue(value: unknown, options: OwnOptions = NO_OPTIONS): OwnedValue {
  if (value !== undefined && !isPart(value)) {
    const own = typeof value === 'string' ? ownText(value) : value;
    return { value: own, copy: undefined, bytes: bytes.primitiveBytes(own) };
  }
  return rememberedValue(value) ?? new Owner(options.classes).own(value);
}

/** The value for a reader. */
export function readOwned({ value, copy }: OwnedValue): unknown {
  return copy === undefined ? value : copyBy(copy, value as object);
}

function rememberedValue(value: unknown): OwnedValue | undefined {
  return Object.isFrozen(value) ? remembered.get(value as object) : undefined;
}

const NOTHING: readonly string[] = [];

/** One walk over a value that comes in. */
class Owner {
  readonly #classes: readonly ValueClass[] | undefined;
  /** The copy of each object met, which preserves cycles and repeated references. */
  readonly #copies = new Map<object, object>();
  readonly #texts = new Map<string, string>();
  readonly #path: (string | number)[] = [];
  #bytes = 0;
  #hasRepeats = false;
  /** Whether some part cannot be frozen. */
  #hasMutable = false;

  constructor(classes: readonly ValueClass[] | undefined) {
    this.#classes = classes;
  }

  own(source: unknown): OwnedValue {
    const value = this.#copy(source);
    // If all could be frozen, only a cycle kept its parts from it: none of them was the first to be complete.
    if (!this.#hasMutable && !Object.isFrozen(value)) for (const copy of this.#copies.values()) Object.freeze(copy);
    const walk = this.#hasRepeats ? ({ kind: 'walk', hasRepeats: true } as const) : undefined;
    const copy = Object.isFrozen(value) ? undefined : (walk ?? planOf(value));
    const owned = { value: copy === undefined ? value : compacted(copy, value), copy, bytes: this.#bytes };
    if (copy === undefined && this.#bytes >= REMEMBERED_BYTES) remembered.set(value, owned);
    return owned;
  }

  /** The copy of a part that the loops below know to be no primitive they could take as it is. */
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
      return this.#noted(object, before.value as object);
    }
    if (kinds.isPlainArray(object)) return this.#array(object);
    if (kinds.isPlainObject(object)) return this.#object(object);
    return this.#other(object);
  }

  #repeated(known: object): object {
    if (known instanceof KeptInstance && known.plain === undefined) this.#refuse('an instance that contains itself');
    if (!Object.isFrozen(known)) this.#hasRepeats = true;
    return known;
  }

  #object(source: object): object {
    const { names, hidden } = this.#namesOf(source);
    const cost = bytes.objectCost(names, Object.getPrototypeOf(source) !== null);
    this.#bytes += cost.bytes;
    const copy = cost.isTable ? tableOf(source) : spreadOf(source);
    this.#copies.set(source, copy);
    let isFrozen = true;
    for (const name of names) {
      const value = copy[name];
      if (!isPart(value) && typeof value !== 'string') {
        this.#bytes += bytes.primitiveBytes(value);
        continue;
      }
      const part = this.#any(value, name);
      copy[name] = part;
      isFrozen &&= Object.isFrozen(part);
    }
    if (hidden.length > 0) isFrozen = this.#hide(hidden, source, copy) && isFrozen;
    return isFrozen ? Object.freeze(copy) : copy;
  }

  /** Its own properties, enumerable and not. */
  #namesOf(source: object): { readonly names: readonly string[]; readonly hidden: readonly string[] } {
    const names: string[] = [];
    let hidden = NOTHING;
    for (const name of Reflect.ownKeys(source)) {
      if (typeof name === 'symbol') return this.#refuse('an object with a symbol as key');
      const { get, set, enumerable } = Object.getOwnPropertyDescriptor(source, name) as PropertyDescriptor;
      // A getter would run the caller's code, and may give something else each time.
      if (get !== undefined || set !== undefined) this.#refuse('an accessor', name);
      if (enumerable === true) names.push(name);
      else hidden = [...hidden, name];
    }
    return { names, hidden };
  }

  /** Returns true when all of them are frozen. */
  #hide(hidden: readonly string[], source: object, copy: object): boolean {
    this.#bytes += bytes.objectCost(hidden, false).bytes;
    const parts = source as Readonly<Record<string, unknown>>;
    const kept = hidden.map((name) => [name, this.#any(parts[name], name)] as const);
    kinds.withHidden(copy, Object.fromEntries(kept));
    return kept.every(([, part]) => Object.isFrozen(part));
  }

  #array(source: readonly unknown[]): object {
    const keys = Object.keys(source);
    const last = keys.at(-1);
    // Indices come first, so all keys are indices if the last is.
    if (last !== undefined && String(Number(last) >>> 0) !== last) this.#refuse(`an array with a property`, last);
    if (Object.getOwnPropertySymbols(source).length > 0) this.#refuse('an array with a symbol as key');
    // Not its own `slice`, which would make an array of its own realm.
    const isDense = keys.length === source.length;
    this.#bytes += bytes.arrayBytes(keys.length, isDense);
    const copy: unknown[] = isDense ? Array.prototype.slice.call(source) : sparseCopy(source, keys);
    this.#copies.set(source, copy);
    let isFrozen = true;
    for (let at = 0; at < keys.length; at++) {
      const index = isDense ? at : Number(keys[at]);
      const value = copy[index];
      if (!isPart(value) && typeof value !== 'string') {
        this.#bytes += bytes.primitiveBytes(value);
        continue;
      }
      const part = this.#any(value, index);
      copy[index] = part;
      isFrozen &&= Object.isFrozen(part);
    }
    return isFrozen ? Object.freeze(copy) : copy;
  }

  #other(source: object): object {
    const valueClass = this.#classes?.find((each) => each.matches(source));
    const result = valueClass === undefined ? kinds.plainResult(source) : undefined;
    if (result !== undefined) return this.#noted(source, this.#copy(result));
    const moment = kinds.temporalCopy(source);
    if (moment !== undefined) return this.#leaf(source, moment);
    this.#hasMutable = true;
    if (valueClass !== undefined) return this.#instance(source, valueClass);
    const prototype: unknown = Object.getPrototypeOf(source);
    if (prototype === Map.prototype) return this.#map(source as Map<unknown, unknown>);
    if (prototype === Set.prototype) return this.#set(source as Set<unknown>);
    const copy = kinds.leafCopy(source);
    return copy === undefined ? this.#refuse(kinds.describe(source)) : this.#leaf(source, copy);
  }

  #leaf(source: object, copy: object): object {
    this.#bytes += bytes.leafBytes(source);
    return this.#noted(source, copy);
  }

  #noted(source: object, copy: object): object {
    this.#copies.set(source, copy);
    return copy;
  }

  #instance(source: object, valueClass: ValueClass): KeptInstance {
    const kept = new KeptInstance(valueClass);
    this.#copies.set(source, kept);
    this.#bytes += bytes.INSTANCE_BYTES;
    const plain = valueClass.toPlain(source);
    if (plain === undefined) this.#refuse(`no plain form of an instance of ${valueClass.name}`);
    kept.plain = this.#any(plain, `<${valueClass.name}>`);
    return kept;
  }

  #map(source: Map<unknown, unknown>): object {
    const copy = new Map<unknown, unknown>();
    this.#copies.set(source, copy);
    this.#bytes += bytes.mapBytes(source.size);
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
    this.#bytes += bytes.setBytes(source.size);
    let at = 0;
    for (const member of source) copy.add(this.#any(member, at++));
    return copy;
  }

  #any(value: unknown, step: string | number): unknown {
    if (isPart(value)) return this.#part(value, step);
    if (typeof value === 'string' && isWhole(value)) return this.#shortText(value);
    const own = typeof value === 'string' ? ownText(value) : value;
    this.#bytes += bytes.primitiveBytes(own);
    return own;
  }

  /** Rows of a list often repeat a text, such as a state: it is kept once. */
  #shortText(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    this.#texts.set(text, text);
    this.#bytes += bytes.primitiveBytes(text);
    return text;
  }

  #refuse(got: string, step?: string): never {
    const path = kinds.pathText(step === undefined ? this.#path : [...this.#path, step]);
    throw new TidegateError('E_VALUE', `expected a value that can be stored, got ${got}${path && ` at ${path}`}`);
  }
}
