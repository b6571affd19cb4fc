// What a program's fill is given, over the engine's; and a fill that is run without the cache.

import type { ValueFillContext } from '../engine/value-contract.ts';
import { TidegateError } from '../errors.ts';
import type { Tasks } from '../ports.ts';
import type { Fill, FillContext } from './contract.ts';
import { type Duration, toMs } from './duration.ts';
import { shown } from './keys.ts';
import { checkValidator, type GivenNames, type Resolved, type Terms } from './options.ts';
import { checkedTags } from './tags.ts';

export interface FillCall {
  /** As the caller's namespace calls it. */
  readonly key: string;
  readonly resolved: Resolved;
  readonly maker: Terms;
}

/** Runs a program's fill for the engine. */
export function runFill(fill: Fill<unknown>, context: ValueFillContext, call: FillCall): unknown {
  const { key, resolved, maker } = call;
  if (resolved.kind !== undefined) context.change({ tags: maker.tagsOf(resolved, key) });
  return fill(new CacheFillContext(context, call));
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
    this.#context.change({ ttlMs: toMs(ttl, 'ttl') });
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

  notModified(): unknown {
    return this.#context.notModified();
  }

  skip(value: unknown): unknown {
    return this.#context.skip(value);
  }

  fail(reason: string | Error): never {
    throw reason instanceof Error ? reason : new Error(reason);
  }
}

/** Runs a fill whose result is not stored: where the cache is off, or the key not in the part that is cached. */
export async function runUncached(fill: Fill<unknown>, call: FillCall, tasks: Tasks): Promise<unknown> {
  const { terms } = call.resolved;
  const abort = new AbortController();
  const { promise, reject } = Promise.withResolvers<never>();
  // Either of the two may lose the race; that is no fault.
  promise.catch(() => undefined);
  const leave = () => reject(terms.signal?.reason);
  if (terms.signal?.aborted === true) leave();
  terms.signal?.addEventListener('abort', leave, { once: true });
  const isLimited = terms.hardMs !== Number.POSITIVE_INFINITY;
  const cancel = isLimited ? tasks.later(terms.hardMs, () => reject(late(call, abort))) : undefined;
  try {
    return await Promise.race([promise, filled(fill, call, abort.signal)]);
  } finally {
    cancel?.();
    terms.signal?.removeEventListener('abort', leave);
  }
}

async function filled(fill: Fill<unknown>, { key, resolved, maker }: FillCall, signal: AbortSignal): Promise<unknown> {
  try {
    const value = await fill(new CacheFillContext(uncachedContext(key, resolved, signal), { key, resolved, maker }));
    if (value !== undefined) return value;
    throw new TidegateError('E_FILL', `expected a value from the fill of ${shown(key)}, got undefined`);
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    const got = error instanceof Error ? error.message : String(error);
    throw new TidegateError('E_FILL', `expected a value from the fill of ${shown(key)}, got ${got}`, { cause: error });
  }
}

function uncachedContext(key: string, { terms }: Resolved, signal: AbortSignal): ValueFillContext {
  return {
    key,
    signal,
    terms,
    previous: undefined,
    change: () => undefined,
    setValidator: () => undefined,
    skip: (value) => value,
    notModified: () => {
      throw new TidegateError('E_FILL', `expected a stored value of ${shown(key)} to keep, got none`);
    },
  };
}

function late({ key, resolved }: FillCall, abort: AbortController): TidegateError {
  const { hardMs } = resolved.terms;
  const message = `expected the fill of ${shown(key)} to end within ${hardMs} ms, got no end`;
  const error = new TidegateError('E_FILL_TIMEOUT', message);
  abort.abort(error);
  return error;
}
