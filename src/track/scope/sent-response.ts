// A response whose fields have gone out. What its body reads from then on, the fields say nothing of: so the response
// becomes outdated by its own tag, and its body may not end whole before that is told.

import type { Tasks } from '../../ports.ts';
import type { RegistryClient } from '../follow/registry-client.ts';
import type { Tally } from '../tally.ts';
import { within } from '../timing.ts';

export interface SentResponseParts {
  readonly ownTag: string;
  readonly registry: RegistryClient | undefined;
  readonly tasks: Tasks;
  readonly tally: Tally;
}

/** How long the body's end waits, which is broken off then. */
const END_MS = 2_000;

export class SentResponse {
  readonly #parts: SentResponseParts;
  /** Whether the response's fields allow storing it. */
  isStorable = false;
  /** Its response has gone out whole. */
  isOver = false;
  #isLate = false;
  #isTold = false;

  constructor(parts: SentResponseParts) {
    this.#parts = parts;
  }

  /** A read that the fields say nothing of. */
  readLate(): void {
    if (this.isOver || this.#isLate || !this.isStorable) return;
    this.#isLate = true;
    const { tally, registry, ownTag } = this.#parts;
    tally.untracked('late');
    registry?.publish([ownTag]);
  }

  /** Whether late reads are known to outdate the response: if not, its body may not end whole. Undefined when it may. */
  told(): Promise<boolean> | undefined {
    if (!this.#isLate || this.#isTold) return undefined;
    const published = this.#parts.registry?.published() ?? false;
    // Tags that others publish later need no wait here.
    this.#isTold = published === true;
    return this.#isTold ? undefined : this.#waitFor(Promise.resolve(published));
  }

  async #waitFor(published: Promise<boolean>): Promise<boolean> {
    const isTold = (await within(this.#parts.tasks, END_MS, published)) === true;
    this.#isTold ||= isTold;
    return isTold;
  }
}
