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
  /**
   * An answer is read from the body, which counts from now on unless it is stored in memory: then from the moment it is no
   * longer. `key`: under which it may be stored. Over when the result is called.
   */
  hold(body: Uint8Array, key?: string): () => void;
}

/** For whoever has no bound. */
export const UNBOUNDED: MemoryBudget = {
  reserve: () => true,
  take: () => {},
  release: () => {},
  whenShort: () => {},
  hold: () => () => {},
};

/** The entries that share a budget. */
export interface SharingEntries {
  /** They may take so many bytes at most. */
  bound(maxBytes: number): void;
  /** Whether an entry of this key has these very bytes. */
  has(key: string, bytes: ArrayBufferLike): boolean;
}

/** What is held besides the entries, and its counts since the start. */
export interface HeldStats {
  readonly maxBytes: number;
  readonly bytes: { readonly [kind in HeldKind]: number };
  /** Reservations that did not fit. */
  readonly refused: { readonly [kind in HeldKind]: number };
}

/** Bytes that may be held beside `maxBytes`. */
export const WORKING_BYTES = 16 * 1024 * 1024;

/** Beyond them, for intents alone: slow readers may hold all else, and a write is not refused for it. */
const INTENTS_BYTES = 1024 * 1024;

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
  #entries: SharingEntries = { bound: () => {}, has: () => false };
  /** What the entries last heard that they do without. */
  #told = 0;
  /** Bodies that answers are read from. */
  readonly #bodies = new Map<ArrayBufferLike, { readers: number; isCounted: boolean }>();

  constructor(maxBytes: number) {
    this.#entriesMaxBytes = maxBytes;
    this.#maxHeldBytes = WORKING_BYTES + Math.floor(maxBytes * (1 - KEPT_PART));
  }

  shareWith(entries: SharingEntries): void {
    this.#entries = entries;
  }

  hold({ buffer }: Uint8Array, key?: string): () => void {
    let body = this.#bodies.get(buffer);
    if (body === undefined) {
      body = { readers: 0, isCounted: key === undefined || !this.#entries.has(key, buffer) };
      this.#bodies.set(buffer, body);
      if (body.isCounted) this.take('answers', buffer.byteLength);
    }
    body.readers++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--body.readers > 0) return;
      this.#bodies.delete(buffer);
      if (body.isCounted) this.release('answers', buffer.byteLength);
    };
  }

  /** An entry with these bytes is stored no longer. The entries make room at the next change: they are changing now. */
  left({ buffer }: Uint8Array): void {
    const body = this.#bodies.size === 0 ? undefined : this.#bodies.get(buffer);
    if (body === undefined || body.isCounted) return;
    body.isCounted = true;
    this.#bytes.answers += buffer.byteLength;
    this.#held += buffer.byteLength;
  }

  reserve(kind: HeldKind, bytes: number): boolean {
    const always = kind === 'intents' && this.#bytes.intents + bytes <= INTENTS_BYTES;
    if (!always && !this.#fits(bytes) && !this.#getBack(bytes)) {
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
    this.#held += bytes;
    const taken = this.#taken;
    if (taken === this.#told) return;
    this.#told = taken;
    this.#entries.bound(this.#entriesMaxBytes - taken);
  }

  /** Bytes that the entries do without. */
  get #taken(): number {
    const most = this.#maxHeldBytes - WORKING_BYTES;
    return Math.min(most, Math.max(0, this.#held - WORKING_BYTES));
  }
}
