// One bound on the memory of a gate: entries, and what the gate holds for requests under way, share `maxBytes`.
//
// The first WORKING_BYTES of what is held cost the entries nothing, so that ordinary traffic evicts no entry; any further byte
// takes room from the entries, up to half of `maxBytes`, so that a flood of requests under way cannot push out all that is
// stored. Beyond that a reservation fails, after all who can give bytes back were asked to.

/**
 * Why a gate holds bytes besides its entries: bodies on their way from an origin, answers that wait for slow clients,
 * requests' content, writes under way, and bodies that are put in a content coding.
 */
export type HeldKind = 'fills' | 'answers' | 'uploads' | 'intents' | 'codings';

/** One bound on the bytes that a gate holds in memory for what is under way. */
export interface MemoryBudget {
  /** Returns false, and reserves nothing, where that would go beyond the bound even after others gave back what they can. */
  reserve(kind: HeldKind, bytes: number): boolean;
  /** Counts bytes that are held in any case: their holder bounds them itself. */
  take(kind: HeldKind, bytes: number): void;
  release(kind: HeldKind, bytes: number): void;
  /**
   * `give` is called, again and again, while a reservation does not fit: it releases something and returns true, or has
   * nothing to release and returns false. Those told first are called first.
   */
  whenShort(give: () => boolean): void;
}

/** For whoever has no bound. */
export const UNBOUNDED: MemoryBudget = { reserve: () => true, take: () => {}, release: () => {}, whenShort: () => {} };

/** What is held besides the entries, and its counts since the start. */
export interface HeldStats {
  readonly maxBytes: number;
  readonly bytes: { readonly [kind in HeldKind]: number };
  /** Reservations that did not fit. */
  readonly refused: { readonly [kind in HeldKind]: number };
}

/** Bytes that may be held beside `maxBytes`. */
export const WORKING_BYTES = 16 * 1024 * 1024;

/** The part of `maxBytes` that entries always keep. */
const KEPT_PART = 1 / 2;

const HELD_KINDS: readonly HeldKind[] = ['fills', 'answers', 'uploads', 'intents', 'codings'];

export function nothingHeld(): Record<HeldKind, number> {
  return Object.fromEntries(HELD_KINDS.map((kind) => [kind, 0])) as Record<HeldKind, number>;
}

export class SharedBudget implements MemoryBudget {
  readonly #entriesMaxBytes: number;
  readonly #maxHeldBytes: number;
  readonly #bytes = nothingHeld();
  readonly #refused = nothingHeld();
  readonly #givers: (() => boolean)[] = [];
  #held = 0;
  #asking = false;
  #boundEntries: (maxBytes: number) => void = () => {};

  constructor(maxBytes: number) {
    this.#entriesMaxBytes = maxBytes;
    this.#maxHeldBytes = WORKING_BYTES + Math.floor(maxBytes * (1 - KEPT_PART));
  }

  /** `bound`: called when the entries may take another number of bytes than before. */
  shareWith(bound: (maxBytes: number) => void): void {
    this.#boundEntries = bound;
  }

  reserve(kind: HeldKind, bytes: number): boolean {
    if (!this.#fits(bytes) && !this.#getBack(bytes)) {
      this.#refused[kind]++;
      return false;
    }
    this.take(kind, bytes);
    return true;
  }

  take(kind: HeldKind, bytes: number): void {
    this.#bytes[kind] += bytes;
    this.#change(bytes);
  }

  release(kind: HeldKind, bytes: number): void {
    this.#bytes[kind] -= bytes;
    this.#change(-bytes);
  }

  whenShort(give: () => boolean): void {
    this.#givers.push(give);
  }

  stats(): HeldStats {
    return { maxBytes: this.#maxHeldBytes, bytes: { ...this.#bytes }, refused: { ...this.#refused } };
  }

  #fits(bytes: number): boolean {
    return this.#held + bytes <= this.#maxHeldBytes;
  }

  /** Asks for bytes back, until so many fit. */
  #getBack(bytes: number): boolean {
    // Who gives back may be about to reserve something smaller instead.
    if (this.#asking || bytes > this.#maxHeldBytes) return false;
    this.#asking = true;
    try {
      return this.#givers.some((give) => {
        while (!this.#fits(bytes) && give());
        return this.#fits(bytes);
      });
    } finally {
      this.#asking = false;
    }
  }

  #change(bytes: number): void {
    const before = this.#taken;
    this.#held += bytes;
    const taken = this.#taken;
    if (taken !== before) this.#boundEntries(this.#entriesMaxBytes - taken);
  }

  /** Bytes that the entries do without. */
  get #taken(): number {
    const most = this.#maxHeldBytes - WORKING_BYTES;
    return Math.min(most, Math.max(0, this.#held - WORKING_BYTES));
  }
}
