// The combinations that are kept: all of a view with declared values, and of any other those asked for last.

import { expected, TidegateError } from '../../errors.ts';
import { unknownName } from '../../options/kit.ts';
import { combinationKey, combinationOf } from './combinations.ts';
import { newSlot, type Slot } from './slot.ts';
import { type ViewCounts, type ViewStats, viewStats } from './stats.ts';
import type { ViewPlan } from './view.ts';

export interface SlotRules<Stamp> {
  /** Throws E_TAG where its tags cannot be used. */
  check(slot: Slot<Stamp>): void;
  forgotten(slot: Slot<Stamp>): void;
}

export class ViewSlots<Stamp> {
  readonly #views: ReadonlyMap<string, ViewPlan>;
  readonly #counts: ReadonlyMap<string, ViewCounts>;
  /** Of those with parameters of any value the first is the one that nobody has asked for longest. */
  readonly #slots = new Map<string, Slot<Stamp>>();
  /** By what readers gave before, so that it need not be looked at again. */
  readonly #given = new Map<string, Slot<Stamp>>();
  readonly #rules: SlotRules<Stamp>;

  /** Throws E_CONFIG: two views of one name. */
  constructor(views: readonly ViewPlan[], rules: SlotRules<Stamp>) {
    this.#rules = rules;
    this.#views = new Map(views.map((view) => [view.name, view]));
    if (this.#views.size < views.length) {
      expected('E_CONFIG', 'views with names of their own', views.map(({ name }) => name).join(', '));
    }
    this.#counts = new Map(views.map(({ name }) => [name, { computed: 0, failed: 0, answered: 0, waited: 0 }]));
    for (const view of views) for (const params of view.combinations) this.#add(newSlot(view, params));
  }

  all(): readonly Slot<Stamp>[] {
    return [...this.#slots.values()];
  }

  counts({ view }: Slot<Stamp>): ViewCounts {
    return this.#counts.get(view.name) as ViewCounts;
  }

  has(slot: Slot<Stamp>): boolean {
    return this.#slots.get(slot.key) === slot;
  }

  /** The one that a reader asks for. Throws E_VIEW, E_TAG. */
  find(name: string, given: unknown): Slot<Stamp> {
    const view = this.#views.get(name);
    if (view !== undefined) {
      const text = view.combinations.length > 0 ? textOf(name, given) : undefined;
      const before = text === undefined ? undefined : this.#given.get(text);
      if (before !== undefined) return before;
      const slot = this.#ofView(view, given);
      if (text !== undefined && this.#given.size < MAX_GIVEN) this.#given.set(text, slot);
      return slot;
    }
    const known = [...this.#views.keys()].join(', ');
    throw new TidegateError('E_VIEW', unknownName(`a view among ${known}`, name, [...this.#views.keys()]).message);
  }

  /** The one that was kept under that view and those parameters. Undefined: it is not declared any more. */
  kept(name: string, given: unknown): Slot<Stamp> | undefined {
    try {
      return this.find(name, given);
    } catch (error) {
      if (error instanceof TidegateError && error.code === 'E_VIEW') return undefined;
      throw error;
    }
  }

  forget(slot: Slot<Stamp>): void {
    this.#slots.delete(slot.key);
    this.#rules.forgotten(slot);
  }

  stats(now: number, isOutdated: (slot: Slot<Stamp>) => boolean): ViewStats[] {
    const all = this.all();
    return [...this.#views.values()].map((view) => {
      const slots = all.filter((slot) => slot.view === view);
      return viewStats(view, this.#counts.get(view.name) as ViewCounts, { now, slots, isOutdated });
    });
  }

  #ofView(view: ViewPlan, given: unknown): Slot<Stamp> {
    const params = combinationOf(view.name, view.params, given);
    const key = combinationKey(view.name, params);
    const known = this.#slots.get(key);
    if (view.combinations.length > 0) return known as Slot<Stamp>;
    const slot = known ?? newSlot<Stamp>(view, params);
    if (known === undefined) this.#rules.check(slot);
    // It moves to the end.
    this.#slots.delete(key);
    this.#add(slot);
    const ofView = this.all().filter((one) => one.view === view);
    if (ofView.length > view.maxOpen) this.forget(ofView[0] as Slot<Stamp>);
    return slot;
  }

  #add(slot: Slot<Stamp>): void {
    this.#slots.set(slot.key, slot);
  }
}

/** Spellings of declared combinations: orders of names, texts for numbers. */
const MAX_GIVEN = 10_000;

/** Different for parameters that differ; undefined where that is not certain. */
function textOf(name: string, given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  for (const value of Object.values(given)) {
    if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  }
  return name + JSON.stringify(given);
}
