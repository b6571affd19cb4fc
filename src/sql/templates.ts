// Templates by text: each is parsed and analysed once, as long as the catalogue is the same.
//
// The one complication: the bound is on texts, whoever makes them up. The one used longest ago goes; it costs another
// parse and nothing else.

import type { Template } from '../dependency/template.ts';
import { analyse } from './analyse.ts';
import type { Catalogue } from './ast.ts';
import type { StatementParts } from './writes.ts';

const DEFAULT_MAX_TEMPLATES = 2_000;

export class Templates {
  readonly #byText = new Map<string, Template>();
  readonly #maxTemplates: number;
  #parts: StatementParts;

  constructor(
    parts: StatementParts,
    { maxTemplates = DEFAULT_MAX_TEMPLATES }: { readonly maxTemplates?: number } = {},
  ) {
    this.#parts = parts;
    this.#maxTemplates = maxTemplates;
  }

  get size(): number {
    return this.#byText.size;
  }

  get(text: string): Template {
    const known = this.#byText.get(text);
    const template = known ?? analyse(text, this.#parts);
    // A Map keeps the order of insertion: the first is the one used longest ago.
    if (known !== undefined) this.#byText.delete(text);
    else if (this.#byText.size >= this.#maxTemplates) this.#byText.delete(this.#byText.keys().next().value as string);
    this.#byText.set(text, template);
    return template;
  }

  /** The schema has changed: nothing that was analysed before holds. */
  replaceCatalogue(catalogue: Catalogue): void {
    this.#parts = { ...this.#parts, catalogue };
    this.#byText.clear();
  }
}
