// Whether a response may be stored, by what was recorded while it was made.

export class Verdict {
  readonly #reasons = new Set<string>();
  /** Reasons that the application may overrule. */
  readonly #doubts = new Set<string>();
  #isAllowed = false;
  /** It was given: later reasons come too late. */
  isFinal = false;
  /** A read was recorded. */
  isSeen = false;
  /** No read is to be expected. */
  isStatic = false;

  get isRefused(): boolean {
    return this.#reasons.size > 0 || (this.#doubts.size > 0 && !this.#isAllowed);
  }

  get whyNot(): readonly string[] {
    return [...this.#reasons, ...(this.#isAllowed ? [] : this.#doubts)];
  }

  allow(): void {
    this.#isAllowed = true;
  }

  refuse(reason: string): void {
    if (!this.isFinal) this.#reasons.add(reason);
  }

  doubt(reason: string): void {
    this.#doubts.add(reason);
  }

  /** Takes over the reasons of work that the response shows. */
  join(other: Verdict): void {
    for (const reason of other.#reasons) this.refuse(reason);
    if (!other.#isAllowed) for (const doubt of other.#doubts) this.#doubts.add(doubt);
  }
}
