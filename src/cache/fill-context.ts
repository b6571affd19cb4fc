// What a program's fill is given, over the engine's; and a fill that is run without the cache.

import { onAbort } from '../engine/abort-listeners.ts';
import type { NamedFill, ValueFillContext } from '../engine/values/value-contract.ts';
import { fillFailure, nothingFilled, overdue } from '../engine/values/value-flight.ts';
import { readOwned } from '../entry/owned-value.ts';
import { shown, TidegateError } from '../errors.ts';
import { type Duration, toMs } from '../options/durations.ts';
import type { Fill, FillContext } from './contract.ts';
import { checkedTags } from './keys/tags.ts';
import { checkValidator, type GivenNames, type Resolved, slidingWithin, type Terms } from './options/terms.ts';
import type { NamedCacheParts } from './shared.ts';

export interface FillCall {
  /** As the caller's namespace calls it. */
  readonly key: string;
  readonly resolved: Resolved;
  readonly maker: Terms;
}

export class ProgramFill implements NamedFill {
  readonly #fill: Fill<unknown>;
  readonly #call: FillCall;
  readonly #note: (key: string) => void;

  /** `note`: told of the key before anything is stored under it for this call, by this fill or by another's. */
  constructor(fill: Fill<unknown>, call: FillCall, note: (key: string) => void) {
    this.#fill = fill;
    this.#call = call;
    this.#note = note;
  }

  run(context: ValueFillContext): unknown {
    const { key, resolved, maker } = this.#call;
    this.noted();
    if (maker.areOfKey(resolved)) context.change({ tags: maker.tagsOf(resolved, key) });
    // Called on its own, so that it is not given this object.
    const fill = this.#fill;
    return fill(new CacheFillContext(context, this.#call));
  }

  tags(): readonly string[] {
    const { key, resolved, maker } = this.#call;
    return maker.tagsOf(resolved, key);
  }

  get naming(): object | undefined {
    const { resolved } = this.#call;
    return resolved.isKept ? resolved : undefined;
  }

  noted(): void {
    this.#note(this.#call.key);
  }
}

class CacheFillContext implements FillContext<unknown> {
  readonly #context: ValueFillContext;
  readonly #call: FillCall;
  #names: GivenNames;

  constructor(context: ValueFillContext, call: FillCall) {
    this.#context = context;
    this.#call = call;
    this.#names = call.resolved;
  }

  get key(): string {
    return this.#call.key;
  }

  get signal(): AbortSignal {
    return this.#context.signal;
  }

  get previous(): FillContext<unknown>['previous'] {
    return this.#context.previous;
  }

  setTtl(ttl: Duration): void {
    const ttlMs = toMs(ttl, 'ttl');
    slidingWithin({ ttlMs, nullTtlMs: undefined }, undefined, this.#call.resolved.terms.slidingMs);
    this.#context.change({ ttlMs });
  }

  setGrace(grace: Duration): void {
    this.#context.change({ graceMs: toMs(grace, 'grace') });
  }

  setTags(tags: readonly string[]): void {
    this.#name({ tags: checkedTags(tags, 'tags').slice(), tables: this.#names.tables });
  }

  addTags(tags: readonly string[]): void {
    const all = [...new Set([...this.#names.tags, ...checkedTags(tags, 'tags')])];
    this.#name({ tags: checkedTags(all, 'tags'), tables: this.#names.tables });
  }

  addTables(tables: readonly string[]): void {
    const all = [...new Set([...this.#names.tables, ...checkedTags(tables, 'tables')])];
    this.#name({ tags: this.#names.tags, tables: checkedTags(all, 'tables') });
  }

  #name(names: GivenNames): void {
    this.#names = names;
    const { maker, resolved, key } = this.#call;
    this.#context.change({ tags: maker.tagsOf(resolved, key, names) });
  }

  setValidator(validator: string): void {
    checkValidator(validator);
    this.#context.setValidator(validator);
  }

  notModified(): never {
    return this.#context.notModified() as never;
  }

  skip<V>(value: V): V {
    return this.#context.skip(value) as V;
  }

  fail(reason: string | Error): never {
    if (reason instanceof Error) throw reason;
    throw new Error(typeof reason === 'string' && reason !== '' ? reason : 'a failure without a reason');
  }
}

/**
 * Runs a fill whose result is not stored: where the cache is off, or the key not in the part that is cached. What may not
 * be stored is refused all the same, and what comes out is frozen: a program is not to notice.
 */
export async function runUncached(
  fill: Fill<unknown>,
  call: FillCall,
  { tasks, own }: Pick<NamedCacheParts, 'tasks' | 'own'>,
): Promise<unknown> {
  const { terms } = call.resolved;
  const abort = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  // Either of the two may lose the race; that is no fault.
  promise.catch(() => undefined);
  const leave = () => reject(terms.signal?.reason);
  if (terms.signal?.aborted === true) leave();
  const stopListening = terms.signal && onAbort(terms.signal, leave);
  const giveUp = () => {
    const error = overdue(shown(call.key), terms.hardMs);
    abort.abort(error);
    reject(error);
  };
  const cancel = terms.hardMs === Number.POSITIVE_INFINITY ? undefined : tasks.later(terms.hardMs, giveUp);
  try {
    return await Promise.race([promise, filled(fill, call, { own, signal: abort.signal })]);
  } finally {
    cancel?.();
    stopListening?.();
  }
}

async function filled(
  fill: Fill<unknown>,
  call: FillCall,
  { own, signal }: Pick<NamedCacheParts, 'own'> & { readonly signal: AbortSignal },
): Promise<unknown> {
  const { key, resolved } = call;
  let skipped: { readonly value: unknown } | undefined;
  const context: ValueFillContext = {
    ...{ key, signal, terms: resolved.terms, previous: undefined },
    change: () => undefined,
    setValidator: () => undefined,
    skip: (value) => {
      skipped = { value };
      return value;
    },
    notModified: () => {
      throw new TidegateError('E_FILL', `expected a stored value of ${shown(key)} to keep, got none`);
    },
  };
  try {
    const value = await fill(new CacheFillContext(context, call));
    if (skipped !== undefined && Object.is(skipped.value, value)) return value;
    if (value !== undefined) return readOwned(own(value));
    throw nothingFilled(shown(key));
  } catch (error) {
    throw fillFailure(shown(key), error);
  }
}
