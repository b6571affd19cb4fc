// What names mean in the database, as far as it is known. After the schema may have changed the catalogue is read again,
// until it has been read without another change coming.

import type { Cancel, Tasks } from '../../ports.ts';
import { Templates } from '../../sql/analyse.ts';
import type { Catalogue } from '../../sql/ast.ts';
import type { OpenDatabase } from './open-database.ts';

export interface KnownCatalogueParts {
  readonly database: OpenDatabase;
  readonly maxTemplates?: number | undefined;
  readonly tasks: Tasks;
  /** Called after each reading. */
  readonly moved?: (() => void) | undefined;
  readonly onFault: (error: unknown) => void;
}

const RETRY_MS = 200;

export class KnownCatalogue {
  readonly #parts: KnownCatalogueParts;
  readonly templates: Templates;
  /** That of `generation`, which differs once statements may mean something else. */
  current: Catalogue;
  generation = 0;
  /** The catalogue that is known may not be the database's. */
  isDue = false;
  /** The schema may have changed since the reading under way began. */
  #isStale = false;
  #isStopped = false;
  #cancel: Cancel | undefined;

  constructor(parts: KnownCatalogueParts) {
    this.#parts = parts;
    this.current = parts.database.parts.catalogue;
    this.templates = new Templates(parts.database.parts, parts);
  }

  /** Called as soon as a change of the schema may have come; `begin` follows. */
  expect(): void {
    this.isDue = true;
    // A reading under way may have been made before it.
    this.#isStale = true;
  }

  begin(): void {
    this.#isStale = true;
    this.#cancel ??= this.#parts.tasks.later(0, () => this.#run());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #run(): void {
    this.#isStale = false;
    this.#read().then(
      () => {
        this.#cancel = undefined;
        if (this.#isStale) this.begin();
        else this.isDue = false;
        this.#parts.moved?.();
      },
      (error: unknown) => {
        this.#parts.onFault(error);
        if (!this.#isStopped) this.#cancel = this.#parts.tasks.later(RETRY_MS, () => this.#run());
      },
    );
  }

  async #read(): Promise<void> {
    const catalogue = await this.#parts.database.refresh();
    // Also where it is as it was: between two readings it may have been another.
    this.generation++;
    if (catalogue === undefined) return;
    this.current = catalogue;
    this.templates.replaceCatalogue(catalogue);
  }
}
