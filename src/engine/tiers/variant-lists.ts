// Which variants of a URL are kept: at most MAX_VARIANTS, for a client makes field values up as it likes. One that clients use
// outlasts made-up ones (second chance: Corbató, A Paging Experiment with the Multics System, 1968).

import { MAX_VARIANTS, type VariantList } from '../../entry/stored-response.ts';

/** Lists whose uses are remembered; of more, the one used least recently goes by age again. */
const MAX_LISTS = 128;

/** Variants from which on uses are noted: a list that fills at once has to know who was there before. */
const MIN_COUNTED = MAX_VARIANTS / 2;

interface Added {
  /** The plain key. */
  readonly key: string;
  readonly names: readonly string[];
  readonly variant: string;
}

export class VariantLists {
  /** Variants used since they were passed over, by plain key; only of lists from MIN_COUNTED on. */
  readonly #used = new Map<string, Set<string>>();
  #dropped = 0;

  /** How many variants made room for others. */
  get dropped(): number {
    return this.#dropped;
  }

  /** A request has found the variant. Costs nothing as long as the list has few. */
  use({ key, variantKeys }: VariantList, variant: string): void {
    if (variantKeys.length < MIN_COUNTED) return;
    const used = this.#used.get(key) ?? new Set();
    used.add(variant);
    this.#used.delete(key);
    this.#used.set(key, used);
    if (this.#used.size > MAX_LISTS) this.#used.delete(this.#used.keys().next().value as string);
  }

  /** The list with one more variant; a list of other selecting fields is begun anew, for its keys are made otherwise. */
  with(old: VariantList | undefined, { key, names, variant }: Added): VariantList {
    const isSame = old !== undefined && old.names.length === names.length && old.names.join() === names.join();
    if (!isSame) this.#used.delete(key);
    const others = isSame ? old.variantKeys.filter((one) => one !== variant) : [];
    const kept = others.length < MAX_VARIANTS ? others : this.#withoutOne(key, others);
    return { kind: 'variants', key, names, variantKeys: [...kept, variant] };
  }

  /** Without the oldest that nobody used; those that it passes over go to the end, and have to be used again. */
  #withoutOne(key: string, variants: readonly string[]): readonly string[] {
    const used = this.#used.get(key);
    const at = Math.max(0, used === undefined ? 0 : variants.findIndex((one) => !used.has(one)));
    for (const passed of variants.slice(0, at)) used?.delete(passed);
    // All were used, and all have lost their chance.
    if (used?.has(variants[at] as string)) this.#used.delete(key);
    this.#dropped++;
    return [...variants.slice(at + 1), ...variants.slice(0, at)];
  }
}
