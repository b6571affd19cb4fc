// Copies for readers, of values that hold what cannot be frozen; see owned-value.ts.

import { isPlainObject, leafCopy } from './value-kinds.ts';

/** How instances of a class are kept: as a plain value, from which each reader's instance is made. */
export interface ValueClass {
  /** For stored bytes: never to be changed while they live. */
  readonly name: string;
  /** Asked of whatever is neither a primitive nor a plain object or array. */
  matches(value: object): boolean;
  toPlain(value: object): unknown;
  fromPlain(plain: unknown): unknown;
}

/** An instance of a declared class, as it is kept. `plain` is undefined while it is being made. */
export class KeptInstance {
  readonly valueClass: ValueClass;
  plain: unknown;

  constructor(valueClass: ValueClass) {
    this.valueClass = valueClass;
  }
}

/** True of what cannot be taken as it is: it is copied, or refused. */
export function isPart(value: unknown): boolean {
  return typeof value === 'object' ? value !== null : typeof value === 'function' || typeof value === 'symbol';
}

/** With the holes. The length alone must not cost memory: `[-1 >>> 0]` may have been all there was in some bytes. */
export function sparseCopy(source: readonly unknown[], keys: readonly string[]): unknown[] {
  const copy: unknown[] = [];
  // After this the elements are a table, and the length is just a number.
  copy[0xffff_fffe] = undefined;
  copy.length = 0;
  copy.length = source.length;
  for (const key of keys) copy[Number(key)] = source[Number(key)];
  return copy;
}

/** A plain object's own keys and values in one that has its shape; `__proto__` is a key like any other. */
export function spreadOf(source: object): Record<string, unknown> {
  return Object.getPrototypeOf(source) === null ? { __proto__: null, ...source } : { ...source };
}

/** Arrays up to this length are copied whole, holes and all. */
const WHOLE_LENGTH = 10_000;

/** What a reader is given of what is kept. `made`: the copies so far, where a part may be reached more than once. */
export function copyOf(kept: unknown, made: Map<object, unknown> | undefined): unknown {
  if (typeof kept !== 'object' || kept === null || Object.isFrozen(kept)) return kept;
  const known = made?.get(kept);
  if (known !== undefined) return known;
  if (Array.isArray(kept)) {
    const keys = kept.length > WHOLE_LENGTH ? Object.keys(kept) : [];
    const isWhole = kept.length <= WHOLE_LENGTH || keys.length === kept.length;
    const copy: unknown[] = isWhole ? kept.slice() : sparseCopy(kept, keys);
    made?.set(kept, copy);
    if (isWhole) for (let at = 0; at < copy.length; at++) if (isPart(copy[at])) copy[at] = copyOf(copy[at], made);
    if (!isWhole) for (const key of keys) copy[Number(key)] = copyOf(copy[Number(key)], made);
    return Object.freeze(copy);
  }
  return isPlainObject(kept) ? copyOfObject(kept, made) : copyOfOther(kept, made);
}

function copyOfObject(kept: object, made: Map<object, unknown> | undefined): object {
  const copy = spreadOf(kept);
  made?.set(kept, copy);
  for (const key of Object.keys(copy)) if (isPart(copy[key])) copy[key] = copyOf(copy[key], made);
  return Object.freeze(copy);
}

function copyOfOther(kept: object, made: Map<object, unknown> | undefined): unknown {
  if (kept instanceof Map) {
    const copy = new Map<unknown, unknown>();
    made?.set(kept, copy);
    for (const [key, value] of kept) copy.set(copyOf(key, made), copyOf(value, made));
    return copy;
  }
  if (kept instanceof Set) {
    const copy = new Set<unknown>();
    made?.set(kept, copy);
    for (const member of kept) copy.add(copyOf(member, made));
    return copy;
  }
  const copy = kept instanceof KeptInstance ? kept.valueClass.fromPlain(copyOf(kept.plain, made)) : leafCopy(kept);
  made?.set(kept, copy);
  return copy;
}
