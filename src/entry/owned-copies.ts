// Readers' copies of values with parts that cannot be frozen; see owned-value.ts.
//
// Hits pay for these copies. So a plan of the places to copy is made when the value comes in, and a reading visits
// only those. Rows of one list share a plan.

import { hiddenNames, isPlainObject, leafCopy, withHidden } from './value-kinds.ts';

/** How instances of a class are kept: as a plain value, from which each reader's instance is made. */
export interface ValueClass {
  /** For stored bytes: never change it while they live. */
  readonly name: string;
  /** Called for every value that is neither a primitive nor a plain object or array. */
  matches(value: object): boolean;
  toPlain(value: object): unknown;
  fromPlain(plain: unknown): unknown;
}

/** An instance of a declared class in its kept form. `plain` is undefined while it is being made. */
export class KeptInstance {
  readonly valueClass: ValueClass;
  plain: unknown;

  constructor(valueClass: ValueClass) {
    this.valueClass = valueClass;
  }
}

/** How to make a reader's copy of a kept value. */
export type CopyPlan =
  | { readonly kind: 'date' }
  /** Visits everything. `hasRepeats`: parts may be reached more than once. */
  | { readonly kind: 'walk'; readonly hasRepeats: boolean }
  /** An object with no hidden properties, of which these properties are copied. */
  | ObjectPlan
  /** A list with one plan for all elements. */
  | { readonly kind: 'list'; readonly each: CopyPlan };

interface ObjectPlan {
  readonly kind: 'object';
  readonly names: readonly string[];
  readonly plans: readonly CopyPlan[];
  /** A row of nulls in one block of memory; see `compacted`. A plan with a template copies Dates only. */
  readonly template?: object;
}

const DATE: CopyPlan = { kind: 'date' };
const WALK: CopyPlan = { kind: 'walk', hasRepeats: false };

/** The plan of a kept value that is not frozen. */
export function planOf(kept: object): CopyPlan {
  if (Array.isArray(kept)) return planOfList(kept);
  if (Object.getPrototypeOf(kept) === Date.prototype) return DATE;
  if (Object.getPrototypeOf(kept) !== Object.prototype) return WALK;
  const all = Object.keys(kept);
  if (hiddenNames(kept, all).length > 0) return WALK;
  const names = all.filter((name) => isToCopy((kept as Readonly<Record<string, unknown>>)[name]));
  // It is a property like any other, except when it is assigned.
  if (names.includes('__proto__')) return WALK;
  const plans = names.map((name) => planOf((kept as Readonly<Record<string, object>>)[name] as object));
  return plans.every((plan) => plan === DATE) ? rowPlan(all, names) : { kind: 'object', names, plans };
}

/** Plans of rows of which only Dates are copied, by their names. */
const rowPlans = new Map<string, ObjectPlan>();
const MAX_ROW_PLANS = 1_000;
const MAX_COLUMNS = 100;

/** One plan for all rows of a table: the processor's cache then has it at a hit. */
function rowPlan(all: readonly string[], dates: readonly string[]): ObjectPlan {
  const plan: ObjectPlan = { kind: 'object', names: dates, plans: dates.map(() => DATE) };
  if (all.length > MAX_COLUMNS) return plan;
  const key = JSON.stringify([all, dates]);
  const known = rowPlans.get(key);
  if (known !== undefined) return known;
  if (rowPlans.size >= MAX_ROW_PLANS) return plan;
  const shared = { ...plan, template: JSON.parse(`{${all.map((name) => `${JSON.stringify(name)}:null`).join()}}`) };
  rowPlans.set(key, shared);
  return shared;
}

/**
 * The kept value, laid out for copying. A hit waits above all for memory: V8 keeps the properties that were added to an
 * object in a block of their own, and clones both blocks; a clone of a template has one, with its Dates beside it.
 */
export function compacted(plan: CopyPlan, kept: object): object {
  if (plan.kind === 'list') {
    const list = kept as unknown[];
    for (const [at, part] of list.entries()) if (isToCopy(part)) list[at] = compacted(plan.each, part);
  }
  if (plan.kind !== 'object') return kept;
  const { names, plans, template } = plan;
  const row = (template === undefined ? kept : Object.assign({ ...template }, kept)) as Record<string, unknown>;
  for (const [at, name] of names.entries()) {
    const part = row[name];
    if (isToCopy(part)) row[name] = plans[at] === DATE ? copyBy(DATE, part) : compacted(plans[at] as CopyPlan, part);
  }
  return row;
}

function planOfList(kept: readonly unknown[]): CopyPlan {
  if (!isWhole(kept)) return WALK;
  let each: CopyPlan | undefined;
  for (const part of kept) {
    if (!isToCopy(part)) continue;
    const plan = planOf(part);
    each = each === undefined ? plan : joined(each, plan);
    if (each === WALK) return WALK;
  }
  return each === undefined ? WALK : { kind: 'list', each };
}

/** A plan for both: a property that only one of them copies is absent or frozen in the other. */
function joined(one: CopyPlan, other: CopyPlan): CopyPlan {
  if (one === other) return one;
  if (one.kind === 'list' && other.kind === 'list') {
    const each = joined(one.each, other.each);
    return each === WALK ? WALK : { kind: 'list', each };
  }
  if (one.kind !== 'object' || other.kind !== 'object') return WALK;
  const plans = new Map(one.names.map((name, at) => [name, one.plans[at] as CopyPlan]));
  for (const [at, name] of other.names.entries()) {
    const plan = other.plans[at] as CopyPlan;
    const known = plans.get(name);
    plans.set(name, known === undefined ? plan : joined(known, plan));
  }
  return { kind: 'object', names: [...plans.keys()], plans: [...plans.values()] };
}

function isToCopy(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Object.isFrozen(value);
}

/** A reader's copy of a kept value. */
export function copyBy(plan: CopyPlan, kept: object): unknown {
  switch (plan.kind) {
    case 'date':
      return new Date(kept as Date);
    case 'object': {
      const { names, plans } = plan;
      const copy: Record<string, unknown> = { ...kept };
      for (let at = 0; at < names.length; at++) {
        const name = names[at] as string;
        const part = copy[name];
        // `new Date(date)` saves V8 the allocation of a number. Neither branch asks a Date whether it is frozen: the
        // question costs half as much as the copy.
        if (plan.template !== undefined || (plans[at] === DATE && part instanceof Date))
          copy[name] = new Date(part as Date);
        else if (isToCopy(part)) copy[name] = copyBy(plans[at] as CopyPlan, part);
      }
      return Object.freeze(copy);
    }
    case 'list': {
      const copy: unknown[] = (kept as readonly unknown[]).slice();
      for (let at = 0; at < copy.length; at++) {
        const part = copy[at];
        if (isToCopy(part)) copy[at] = copyBy(plan.each, part);
      }
      return Object.freeze(copy);
    }
    case 'walk':
      return copyOf(kept, plan.hasRepeats ? new Map() : undefined);
  }
}

/** Whether a value cannot be taken as it is: it is copied, or refused. */
export function isPart(value: unknown): boolean {
  return typeof value === 'object' ? value !== null : typeof value === 'function' || typeof value === 'symbol';
}

/** A copy with its holes. The length alone must not cost memory: `[-1 >>> 0]` may come from a few bytes. */
export function sparseCopy(source: readonly unknown[], keys: readonly string[]): unknown[] {
  const copy: unknown[] = [];
  // After this the elements are a table, and the length is just a number.
  copy[0xffff_fffe] = undefined;
  copy.length = 0;
  copy.length = source.length;
  for (const key of keys) copy[Number(key)] = source[Number(key)];
  return copy;
}

/** A copy of a plain object's own keys and values that shares its shape; `__proto__` is a key like any other. */
export function spreadOf(source: object): Record<string, unknown> {
  return Object.getPrototypeOf(source) === null ? { __proto__: null, ...source } : { ...source };
}

/** An object kept as a hash table; setting its prototype does not change that. */
export function tableOf(source: object): Record<string, unknown> {
  const table = { __proto__: null, ...source };
  return Object.getPrototypeOf(source) === null ? table : Object.setPrototypeOf(table, Object.prototype);
}

/** Arrays up to this length are copied whole, holes and all. */
const WHOLE_LENGTH = 10_000;

/** Returns false for an array that may be mostly holes. */
function isWhole(kept: readonly unknown[]): boolean {
  return kept.length <= WHOLE_LENGTH || Object.keys(kept).length === kept.length;
}

/** `made`: the copies so far, where a part may be reached more than once. */
function copyOf(kept: unknown, made: Map<object, unknown> | undefined): unknown {
  if (typeof kept !== 'object' || kept === null || Object.isFrozen(kept)) return kept;
  const known = made?.get(kept);
  if (known !== undefined) return known;
  if (Array.isArray(kept)) return copyOfArray(kept, made);
  return isPlainObject(kept) ? copyOfObject(kept, made) : copyOfOther(kept, made);
}

function copyOfArray(kept: readonly unknown[], made: Map<object, unknown> | undefined): object {
  const keys = Object.keys(kept);
  const copy: unknown[] = isWhole(kept) ? kept.slice() : sparseCopy(kept, keys);
  made?.set(kept, copy);
  for (const key of keys) {
    const at = Number(key);
    if (isPart(copy[at])) copy[at] = copyOf(copy[at], made);
  }
  return Object.freeze(copy);
}

function copyOfObject(kept: object, made: Map<object, unknown> | undefined): object {
  const copy = spreadOf(kept);
  made?.set(kept, copy);
  const keys = Object.keys(copy);
  for (const key of keys) if (isPart(copy[key])) copy[key] = copyOf(copy[key], made);
  const parts = kept as Readonly<Record<string, unknown>>;
  const hidden = hiddenNames(kept, keys).map((name) => [name, copyOf(parts[name], made)]);
  return Object.freeze(withHidden(copy, Object.fromEntries(hidden)));
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
