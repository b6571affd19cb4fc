// Things that a tracker cannot see, each told once with its mend: to `onFault`, and in `status()` from then on.

import { TidegateError } from '../errors.ts';

/** Paths of strangers are among the names. */
const MAX_PROBLEMS = 100;

export class Problems {
  readonly #onFault: (error: unknown) => void;
  readonly #told = new Map<string, string>();

  constructor(onFault: (error: unknown) => void) {
    this.#onFault = onFault;
  }

  get all(): readonly string[] {
    return [...this.#told.values()];
  }

  /** `about`: one problem has one such name. */
  tell(about: string, message: string): void {
    if (this.#told.has(about) || this.#told.size >= MAX_PROBLEMS) return;
    this.#told.set(about, message);
    this.#onFault(new TidegateError('E_UNSEEN', message));
  }
}
