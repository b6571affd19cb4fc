// Templates by text: each is parsed and analysed once, as long as the catalogue is the same.
//
// The number of texts is bounded, because anyone may make them up. The least recently used goes; it costs another parse
// and nothing else.

import type { Template } from '../dependency/template.ts';
import { analyse } from './analyse.ts';
import type { Catalogue, Session } from './ast.ts';
import { within } from './catalogue.ts';
import type { StatementParts } from './writes.ts';

const DEFAULT_MAX_TEMPLATES = 2_000;

export class Templates {
  readonly #byText = new Map<string, Template>();
  readonly #maxTemplates: number;
  #parts: StatementParts;

  constructor(
    parts: StatementParts,
    { maxTemplates = DEFAULT_MAX_TEMPLATES }: { readonly maxTemplates?: number | undefined } = {},
  ) {
    this.#parts = parts;
    this.#maxTemplates = maxTemplates;
  }

  get size(): number {
    return this.#byText.size;
  }

  /**
   * `session` is that of the connection that runs it; when undefined, names mean what they mean to the catalogue's own
   * reader.
   */
  get(text: string, session?: Session): Template {
    const key = session === undefined ? text : `${session.path.join('\0')}\0\0${text}`;
    const known = this.#byText.get(key);
    const template = known ?? analyse(text, this.#partsFor(session));
    // A Map keeps the order of insertion: the first is the one used longest ago.
    if (known !== undefined) this.#byText.delete(key);
    else if (this.#byText.size >= this.#maxTemplates) this.#byText.delete(this.#byText.keys().next().value as string);
    this.#byText.set(key, template);
    return template;
  }

  #partsFor(session: Session | undefined): StatementParts {
    return session === undefined ? this.#parts : { ...this.#parts, catalogue: within(this.#parts.catalogue, session) };
  }

  /** The schema has changed: nothing that was analysed before holds. */
  replaceCatalogue(catalogue: Catalogue): void {
    this.#parts = { ...this.#parts, catalogue };
    this.#byText.clear();
  }
}
