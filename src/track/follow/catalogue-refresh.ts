// Reads the catalogue again after the schema may have changed, until it has been read without another change coming.

import type { Cancel, Tasks } from '../../ports.ts';

export interface CatalogueRefreshParts {
  readonly tasks: Tasks;
  readonly read: () => Promise<void>;
  /** Called after each reading. */
  readonly done: () => void;
  readonly onFault: (error: unknown) => void;
}

const RETRY_MS = 200;

export class CatalogueRefresh {
  readonly #parts: CatalogueRefreshParts;
  #isDue = false;
  /** The schema may have changed since the reading under way began. */
  #isStale = false;
  #isStopped = false;
  #cancel: Cancel | undefined;

  constructor(parts: CatalogueRefreshParts) {
    this.#parts = parts;
  }

  /** The catalogue that is known may not be the database's. */
  get isDue(): boolean {
    return this.#isDue;
  }

  /** Called as soon as a change of the schema may have come; `begin` follows. */
  expect(): void {
    this.#isDue = true;
    // A reading under way may have been made before it.
    this.#isStale = true;
  }

  begin(): void {
    this.#isStale = true;
    if (this.#cancel === undefined) this.#cancel = this.#parts.tasks.later(0, () => this.#run());
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }

  #run(): void {
    this.#isStale = false;
    this.#parts.read().then(
      () => {
        this.#cancel = undefined;
        if (this.#isStale) this.begin();
        else this.#isDue = false;
        this.#parts.done();
      },
      (error: unknown) => {
        this.#parts.onFault(error);
        if (!this.#isStopped) this.#cancel = this.#parts.tasks.later(RETRY_MS, () => this.#run());
      },
    );
  }
}
