// One bound on the memory of a gate: entries, and what the gate holds for requests under way, share `maxBytes`.
//
// The first WORKING_BYTES of what is held cost the entries nothing, so that ordinary traffic evicts no entry; any further byte
// takes room from the entries, up to half of `maxBytes`, so that a flood of requests under way cannot push out all that is
// stored. Beyond that a reservation fails, after all who can give bytes back were asked to.

/**
 * Why a gate holds bytes besides its entries: bodies on their way from an origin, answers that wait for slow clients,
 * requests' content, writes under way, what bodies become in a content coding, and clients' connections.
 */
export type HeldKind = 'fills' | 'answers' | 'uploads' | 'intents' | 'codings' | 'connections';

/** Bytes, known by their buffer; of what stands in several, an object that says how many. */
type Body = { readonly buffer: { readonly byteLength: number } };

/** One bound on the bytes that a gate holds in memory for what is under way. */
export interface MemoryBudget {
  /** So many bytes may be held. */
  readonly maxBytes: number;
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
   * longer. `key`: under which it may be stored. `taker`: who takes the answer. Over when the result is called.
   */
  hold(body: Body, reading: { readonly key?: string | undefined; readonly taker: Taker }): () => void;
  /** While bytes are held for takers. The result ends it. */
  lend(lent: Lent): () => void;
}

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

/** For whoever has no bound. */
export const UNBOUNDED: MemoryBudget = {
  maxBytes: Number.POSITIVE_INFINITY,
  reserve: () => true,
  take: () => {},
  release: () => {},
  whenShort: () => {},
  hold: () => () => {},
  lend: () => () => {},
};

/** The entries that share a budget. */
export interface SharingEntries {
  /** They may take so many bytes at most. */
  bound(maxBytes: number): void;
  /** Whether an entry of this key has these very bytes. */
  has(key: string, bytes: Body['buffer']): boolean;
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

/** To look at so many costs less than a request does. */
const LOOKED_AT = 100;

const HELD_KINDS: readonly HeldKind[] = ['fills', 'answers', 'uploads', 'intents', 'codings', 'connections'];

export function nothingHeld(): Record<HeldKind, number> {
  return Object.fromEntries(HELD_KINDS.map((kind) => [kind, 0])) as Record<HeldKind, number>;
}

/** A body that answers are read from. */
class HeldBody implements Lent {
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
class AllLent {
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

export class SharedBudget implements MemoryBudget {
  readonly #entriesMaxBytes: number;
  readonly maxBytes: number;
  readonly #bytes = nothingHeld();
  readonly #refused = nothingHeld();
  readonly #givers: (() => boolean)[] = [];
  #held = 0;
  #asking = false;
  #entries: SharingEntries = { bound: () => {}, has: () => false };
  /** What the entries last heard that they do without. */
  #told = 0;
  /** Bodies that answers are read from. */
  readonly #bodies = new Map<Body['buffer'], HeldBody>();
  readonly #lent = new AllLent();

  constructor(maxBytes: number) {
    this.#entriesMaxBytes = maxBytes;
    this.maxBytes = WORKING_BYTES + Math.floor(maxBytes * (1 - KEPT_PART));
  }

  shareWith(entries: SharingEntries): void {
    this.#entries = entries;
  }

  hold({ buffer }: Body, { key, taker }: { readonly key?: string | undefined; readonly taker: Taker }): () => void {
    let body = this.#bodies.get(buffer);
    if (body === undefined) {
      const forget = (isCounted: boolean) => {
        this.#bodies.delete(buffer);
        unlend();
        if (isCounted) this.release('answers', buffer.byteLength);
      };
      body = new HeldBody(key === undefined || !this.#entries.has(key, buffer), forget);
      this.#bodies.set(buffer, body);
      const unlend = this.lend(body);
      if (body.isCounted) this.take('answers', buffer.byteLength);
    }
    return body.read(taker);
  }

  lend(lent: Lent): () => void {
    return this.#lent.add(lent);
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
    return { maxBytes: this.maxBytes, bytes: { ...this.#bytes }, refused: { ...this.#refused } };
  }

  #fits(bytes: number): boolean {
    return this.#held + bytes <= this.maxBytes;
  }

  /** Asks for bytes back, until so many fit. */
  #getBack(bytes: number): boolean {
    // Who gives back may be about to reserve something smaller instead.
    if (this.#asking || bytes > this.maxBytes) return false;
    this.#asking = true;
    try {
      return [...this.#givers, () => this.#lent.cutSlowest()].some((give) => {
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
    const most = this.maxBytes - WORKING_BYTES;
    return Math.min(most, Math.max(0, this.#held - WORKING_BYTES));
  }
}
