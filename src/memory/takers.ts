// Who takes what the gate holds in memory. While it is short, the slowest are ended first, and only where that releases bytes.

/** One that takes an answer. */
export interface Taker {
  /** Bytes a second that it took lately; undefined unless it is behind. */
  readonly pace: number | undefined;
  /** Ends it, as memory is short. */
  cut(): void;
}

/** Bytes that are held for takers. */
export interface Lent {
  /** The pace of the fastest taker; undefined while one of them is not behind, or where a cut would release nothing. */
  readonly pace: number | undefined;
  /** Ends all takers, and releases the bytes. */
  cut(): void;
}

/** The pace of the fastest; undefined unless all are behind. */
export function paceOf(takers: Iterable<Taker | undefined>): number | undefined {
  let fastest: number | undefined;
  for (const taker of takers) {
    const pace = taker?.pace;
    if (pace === undefined) return undefined;
    fastest = Math.max(fastest ?? 0, pace);
  }
  return fastest;
}

/** To look at so many costs less than a request does. */
const LOOKED_AT = 100;

/** A body that answers are read from. */
export class HeldBody implements Lent {
  isCounted: boolean;
  readonly #forget: (isCounted: boolean) => void;
  /** By reading: one taker may read it for several answers in turn. */
  readonly #readings = new Map<object, Taker>();

  constructor(isCounted: boolean, forget: (isCounted: boolean) => void) {
    this.isCounted = isCounted;
    this.#forget = forget;
  }

  read(taker: Taker): () => void {
    const over = () => {
      if (this.#readings.delete(over) && this.#readings.size === 0) this.#forget(this.isCounted);
    };
    this.#readings.set(over, taker);
    return over;
  }

  get pace(): number | undefined {
    return this.isCounted ? paceOf(this.#readings.values()) : undefined;
  }

  cut(): void {
    const takers = [...this.#readings.values()];
    this.#readings.clear();
    this.#forget(this.isCounted);
    for (const taker of takers) taker.cut();
  }
}

/** All bytes that are held for takers. */
export class AllLent {
  readonly #all = new Set<Lent>();
  /** Whose takers were behind at the last look at all, the slowest first. */
  readonly #behind = new Set<Lent>();
  /** So many reservations have to fail before the next look. */
  #failuresToLook = 0;

  add(lent: Lent): () => void {
    this.#all.add(lent);
    return () => {
      this.#all.delete(lent);
      this.#behind.delete(lent);
    };
  }

  /** False: nobody is known to be behind. */
  cutSlowest(): boolean {
    if (this.#behind.size === 0) this.#look();
    for (const lent of this.#behind) {
      this.#behind.delete(lent);
      if (lent.pace === undefined) continue;
      lent.cut();
      return true;
    }
    return false;
  }

  #look(): void {
    if (this.#failuresToLook-- > 0) return;
    this.#failuresToLook = Math.floor(this.#all.size / LOOKED_AT);
    const behind: { readonly lent: Lent; readonly pace: number }[] = [];
    for (const lent of this.#all) {
      const { pace } = lent;
      if (pace !== undefined) behind.push({ lent, pace });
    }
    for (const { lent } of behind.sort((one, other) => one.pace - other.pace)) this.#behind.add(lent);
  }
}
