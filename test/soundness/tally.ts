// What was judged: by feature, how often the index named a query, and how often its answer had changed.

import type { Template } from '../../src/dependency/template.ts';
import type { Query } from './queries.ts';

export interface Missed {
  readonly seed: number;
  readonly query: Query;
  readonly writes: readonly { readonly text: string; readonly parameters: readonly unknown[] }[];
  readonly before: string;
  readonly after: string;
}

export interface FeatureFigures {
  templates: number;
  /** Of them: followed exactly or more coarsely; not followed at all, since their tables cannot be told or answers vary. */
  tracked: number;
  judged: number;
  changed: number;
  affected: number;
  /** Named, and its answer had not changed. */
  needless: number;
  missed: number;
}

const MAX_TOLD = 20;

export class Tally {
  readonly features = new Map<string, FeatureFigures>();
  readonly fallbacks = new Map<string, number>();
  readonly misses: Missed[] = [];

  analysed({ feature, text }: Query, template: Template): void {
    const figures = this.#of(feature);
    figures.templates++;
    if (template.kind === 'tracked') {
      figures.tracked++;
      for (const { fallback } of template.fallbacks) this.#count(fallback);
    } else if (template.kind === 'write') throw new TypeError(`expected a query, got a write: ${text}`);
    else this.#count(`uncacheable: ${template.reason}`);
  }

  /** A read of a tracker: whether it may be stored, or why not. */
  read(feature: string, reasons: readonly string[]): void {
    const figures = this.#of(feature);
    figures.templates++;
    if (reasons.length === 0) figures.tracked++;
    for (const reason of reasons) this.#count(`not stored: ${reason}`);
  }

  judged({ feature }: Query, { isAffected, hasChanged }: { isAffected: boolean; hasChanged: boolean }): void {
    const figures = this.#of(feature);
    figures.judged++;
    if (isAffected) figures.affected++;
    if (hasChanged) figures.changed++;
    if (isAffected && !hasChanged) figures.needless++;
  }

  missed(missed: Missed): void {
    this.#of(missed.query.feature).missed++;
    if (this.misses.length < MAX_TOLD) this.misses.push(missed);
  }

  total(): FeatureFigures {
    const total = zero();
    for (const figures of this.features.values()) {
      for (const name of Object.keys(total) as (keyof FeatureFigures)[]) total[name] += figures[name];
    }
    return total;
  }

  #count(name: string): void {
    this.fallbacks.set(name, (this.fallbacks.get(name) ?? 0) + 1);
  }

  #of(feature: string): FeatureFigures {
    const known = this.features.get(feature);
    if (known !== undefined) return known;
    const made = zero();
    this.features.set(feature, made);
    return made;
  }
}

function zero(): FeatureFigures {
  return { templates: 0, tracked: 0, judged: 0, changed: 0, affected: 0, needless: 0, missed: 0 };
}
