// One fill of the data cache: the program's function under way, those who wait for it, and what may come of it.
//
// Who may have the result. Whoever began the fill may: the read began after they asked. Those who
// joined may only if nothing that affects it was invalidated between its beginning and their arrival, and what affects
// it is known for sure only at the end, when its tags are. What those who joined call it counts as well: they will ask for
// it to be invalidated by their names.

import { type OwnedValue, readOwned } from '../../entry/owned-value.ts';
import type { StoredValue } from '../../entry/stored-value.ts';
import { TidegateError } from '../../errors.ts';
import type { Arrival, Fill } from '../../ledger/ledger.ts';
import type { Cancel, Tasks } from '../../ports.ts';
import type { ManyFill, ValueFillContext, ValueTerms } from './value-contract.ts';

export type ValueLanding =
  | {
      readonly kind: 'filled';
      readonly owned: OwnedValue;
      readonly terms: ValueTerms;
      readonly validator: string | undefined;
    }
  /** For its callers alone. */
  | { readonly kind: 'skipped'; readonly value: unknown }
  | { readonly kind: 'failed'; readonly error: TidegateError };

/** One call that wants a value filled. */
export interface AskedFill extends ManyFill {
  readonly key: string;
  /** The moment of the call and its monotonic time, where that is not now. */
  readonly arrival?: Arrival;
  readonly askedMs?: number;
  /** True: it has waited for another fill already, which it may not have. */
  readonly isAgain?: boolean;
}

export interface FlightPlan extends ManyFill {
  readonly key: string;
  /** The stored value that it may build upon. */
  readonly previous: StoredValue | undefined;
  /** Monotonic. */
  readonly startedMs: number;
  /** See ValueFlight. */
  readonly replaces: boolean;
}

/** An entry takes over so many of other calls: as many as eight may have. */
export const MAX_TAGS = 1024;

export class ValueFlight implements ValueFillContext {
  readonly plan: FlightPlan;
  readonly fill: Fill<ValueFlight>;
  /** Does not reject. A fill that is given up has landed; see `whenLate`. */
  readonly landed: Promise<ValueLanding>;
  /** Told once the program's function has ended after all, if it was given up before. */
  whenLate: ((landing: ValueLanding) => void) | undefined;
  readonly #land: (landing: ValueLanding) => void;
  /** True: its result may take the place of what is current. */
  replaces: boolean;
  /** Its callers wait for it once it has landed; does not reject. */
  settled: Promise<unknown> | undefined;
  /** Callers that have not left. */
  waiting = 0;
  /** Tags of those who joined, but for those that the first call has as well. */
  readonly #joined = new Set<string>();
  /** True: somebody was told of its failure otherwise than by a call. */
  isTold = false;
  /** The terms of the options, with the changes so far. */
  terms: ValueTerms;
  #hasOwnTtl = false;
  #validator: string | undefined;
  /** Results of `notModified` and `skip`; the fill may still return something else. */
  #kept: { readonly value: unknown } | undefined;
  #skipped: { readonly value: unknown } | undefined;
  /** Made when somebody looks: most fills do not. */
  #abort: AbortController | undefined;
  #isOver = false;
  /** True: its time ran out. What it gives is for nobody, and is stored if nothing newer is known. */
  isOverdue = false;

  constructor(plan: FlightPlan, begin: (flight: ValueFlight) => Fill<ValueFlight>) {
    this.plan = plan;
    this.fill = begin(this);
    this.replaces = plan.replaces;
    this.terms = plan.terms;
    const { promise, resolve } = Promise.withResolvers<ValueLanding>();
    this.landed = promise;
    this.#land = resolve;
  }

  get key(): string {
    return this.plan.key;
  }

  /** Somebody joins it who calls its result by these tags. */
  join(tags: readonly string[]): void {
    const own = tagsOf(this.plan);
    if (tags === own) return;
    for (const tag of tags) if (!own.includes(tag)) this.#joined.add(tag);
  }

  /** The tags, and those of whoever joined. */
  joinedTo(tags: readonly string[]): readonly string[] {
    return this.#joined.size === 0 ? tags : union([...this.#joined], tags);
  }

  /** True: to keep the result would cost more than it is worth. */
  get hasTooManyTags(): boolean {
    return this.#joined.size > MAX_TAGS;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  get previous(): ValueFillContext['previous'] {
    const { previous } = this.plan;
    return previous === undefined ? undefined : { value: readOwned(previous), validator: previous.validator };
  }

  change(terms: Partial<ValueTerms>): void {
    this.terms = { ...this.terms, ...terms };
    if (terms.ttlMs !== undefined) this.#hasOwnTtl = true;
  }

  setValidator(validator: string): void {
    this.#validator = validator;
  }

  notModified(): unknown {
    const { previous, key } = this.plan;
    if (previous === undefined) {
      throw new TidegateError(
        'E_FILL',
        `expected a stored value of ${key} to keep, got none: look at \`previous\` first`,
      );
    }
    this.#kept = { value: readOwned(previous) };
    return this.#kept.value;
  }

  skip(value: unknown): unknown {
    this.#skipped = { value };
    return value;
  }

  /** Calls the program's function; once. */
  start(tasks: Tasks, own: (value: unknown) => OwnedValue): void {
    const cancel = this.#limit(tasks);
    void this.#run(own).then((landing) => {
      this.#isOver = true;
      cancel();
      this.#land(landing);
      if (this.isOverdue) this.whenLate?.(landing);
    });
  }

  /** Tells the program's function that its result is not wanted any more. */
  abort(reason: unknown): void {
    this.#abort ??= new AbortController();
    this.#abort.abort(reason);
  }

  /** Gives up when the hard timeout has run out. */
  #limit(tasks: Tasks): Cancel {
    const { key, terms } = this.plan;
    if (terms.hardMs === Number.POSITIVE_INFINITY) return () => {};
    return tasks.later(terms.hardMs, () => {
      if (this.#isOver) return;
      this.isOverdue = true;
      const error = overdue(key, terms.hardMs);
      this.#land({ kind: 'failed', error });
      this.abort(error);
    });
  }

  async #run(own: (value: unknown) => OwnedValue): Promise<ValueLanding> {
    try {
      const { fill } = this.plan;
      const value = await (typeof fill === 'function' ? fill(this) : fill.run(this));
      if (isSame(this.#skipped, value)) return { kind: 'skipped', value };
      const { previous } = this.plan;
      const keeps = previous !== undefined && isSame(this.#kept, value);
      if (value === undefined && !keeps) throw nothingFilled(this.key);
      const owned = keeps ? previous : own(value);
      const stated = value === null ? this.#termsOfNull() : this.terms;
      const terms = keeps ? { ...stated, tags: union(previous.tags, stated.tags) } : stated;
      return { kind: 'filled', owned, terms, validator: this.#validator ?? (keeps ? previous.validator : undefined) };
    } catch (error) {
      return { kind: 'failed', error: fillFailure(this.key, error) };
    }
  }

  /** The fill's own words come first. */
  #termsOfNull(): ValueTerms {
    const { terms } = this.plan;
    return this.#hasOwnTtl ? this.terms : { ...this.terms, ttlMs: terms.nullTtlMs };
  }
}

function isSame(given: { readonly value: unknown } | undefined, value: unknown): boolean {
  return given !== undefined && Object.is(given.value, value);
}

/** The tags of a call, before its fill has added more. */
export function tagsOf({ fill, terms }: ManyFill): readonly string[] {
  return typeof fill === 'function' ? terms.tags : fill.tags();
}

function union(some: readonly string[], others: readonly string[]): readonly string[] {
  return some.every((tag) => others.includes(tag)) ? others : [...new Set([...some, ...others])];
}

/** `key`: as the message names it. */
export function fillFailure(key: string, error: unknown): TidegateError {
  if (error instanceof TidegateError) return error;
  const got = error instanceof Error ? error.message || `an ${error.name} without a message` : String(error);
  return new TidegateError('E_FILL', `expected a value from the fill of ${key}, got ${got}`, { cause: error });
}

export function nothingFilled(key: string): TidegateError {
  return new TidegateError(
    'E_FILL',
    `expected a value from the fill of ${key}, got undefined; null stands for nothing`,
  );
}

/** For a fill that is given up. */
export function overdue(key: string, hardMs: number): TidegateError {
  return new TidegateError('E_FILL_TIMEOUT', `expected the fill of ${key} to end within ${hardMs} ms, got no end`);
}
