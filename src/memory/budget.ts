// One bound on the memory of a gate: entries, and what the gate holds for requests under way, share `maxBytes`.
//
// The first WORKING_BYTES of what is held cost the entries nothing, so that ordinary traffic evicts no entry; any further byte
// takes room from the entries, up to half of `maxBytes`, so that a flood of requests under way cannot push out all that is
// stored. Beyond that a reservation fails, after all who can give bytes back were asked to. Buffers that nobody has any more stay
// in memory until the garbage collector runs: they count with what is held, as a part of the buffers that come and go.

import { AllLent, HeldBody, type Lent, type Taker } from './takers.ts';

/**
 * Why a gate holds bytes besides its entries: bodies on their way from an origin, answers that wait for slow clients,
 * requests' content, writes under way, what bodies become in a content coding, and clients' connections.
 */
export type HeldKind = 'fills' | 'answers' | 'uploads' | 'intents' | 'codings' | 'connections';

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
  hold(body: Content, reading: { readonly key?: string | undefined; readonly taker: Taker }): () => void;
  /** While bytes are held for takers. The result ends it. */
  lend(lent: Lent): () => void;
}

/** Memory that answers are read from. A view counts with its whole buffer, a body in pieces with all its pieces. */
export type Content = Uint8Array | { readonly bytes: number };

/** Identifies the memory: two readers of one body get one object. */
export function memoryOf(content: Content): object {
  return 'buffer' in content ? content.buffer : content;
}

function bytesOf(content: Content): number {
  return 'buffer' in content ? content.buffer.byteLength : content.bytes;
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
  /** Whether an entry of this key is in this very memory. */
  has(key: string, memory: object): boolean;
}

/** What is held besides the entries, and its counts since the start. */
export interface HeldStats {
  readonly maxBytes: number;
  readonly bytes: { readonly [kind in HeldKind]: number };
  /** Bytes that wait for the garbage collector, by an estimate; they count in `maxBytes`. */
  readonly uncollected: number;
  /** Reservations that did not fit. */
  readonly refused: { readonly [kind in HeldKind]: number };
}

/** Bytes that may be held beside `maxBytes`. */
export const WORKING_BYTES = 16 * 1024 * 1024;

/** Overhead of a chunk of a body, in bytes beside its own. */
export const CHUNK_BYTES = 256;

/** Beyond them, for intents alone: slow readers may hold all else, and a write is not refused for it. */
const INTENTS_BYTES = 1024 * 1024;

/** The part of `maxBytes` that entries always keep. */
const KEPT_PART = 1 / 2;

/** An estimate: this part of the buffers in use waits for the garbage collector besides. */
const UNCOLLECTED_PART = 1 / 2;

const HELD_KINDS: readonly HeldKind[] = ['fills', 'answers', 'uploads', 'intents', 'codings', 'connections'];

export function nothingHeld(): Record<HeldKind, number> {
  return Object.fromEntries(HELD_KINDS.map((kind) => [kind, 0])) as Record<HeldKind, number>;
}

export class SharedBudget implements MemoryBudget {
  readonly #most: { readonly entries: number; readonly uncollected: number };
  readonly maxBytes: number;
  readonly #bytes = nothingHeld();
  readonly #refused = nothingHeld();
  readonly #givers: (() => boolean)[] = [];
  #held = 0;
  #asking = false;
  /** Bytes of stored bodies in pieces. */
  #pieceBytes = 0;
  #entries: SharingEntries = { bound: () => {}, has: () => false };
  /** What the entries last heard that they do without. */
  #told = 0;
  /** Bodies that answers are read from. */
  readonly #bodies = new Map<object, HeldBody>();
  readonly #lent = new AllLent();

  /** `mostUncollected`: of bytes that are held no longer, as much is still in memory until the garbage collector has run. */
  constructor(maxBytes: number, mostUncollected = 0) {
    this.#most = { entries: maxBytes, uncollected: mostUncollected };
    this.maxBytes = WORKING_BYTES + Math.floor(maxBytes * (1 - KEPT_PART));
  }

  shareWith(entries: SharingEntries): void {
    this.#entries = entries;
  }

  hold(content: Content, { key, taker }: { readonly key?: string | undefined; readonly taker: Taker }): () => void {
    const [memory, bytes] = [memoryOf(content), bytesOf(content)];
    let body = this.#bodies.get(memory);
    if (body === undefined) {
      const forget = (isCounted: boolean) => {
        this.#bodies.delete(memory);
        unlend();
        if (isCounted) this.release('answers', bytes);
      };
      body = new HeldBody(key === undefined || !this.#entries.has(key, memory), forget);
      this.#bodies.set(memory, body);
      const unlend = this.lend(body);
      if (body.isCounted) this.take('answers', bytes);
    }
    return body.read(taker);
  }

  lend(lent: Lent): () => void {
    return this.#lent.add(lent);
  }

  /**
   * An entry with this content is stored, or no longer: after a validation another one has it. The entries make room at the next
   * change: they are changing now.
   */
  stored(content: Content, isStored: boolean): void {
    if (!('buffer' in content)) this.#pieceBytes += isStored ? content.bytes : -content.bytes;
    const body = this.#bodies.size === 0 ? undefined : this.#bodies.get(memoryOf(content));
    if (body === undefined || body.isCounted !== isStored) return;
    body.isCounted = !isStored;
    const bytes = isStored ? -bytesOf(content) : bytesOf(content);
    this.#bytes.answers += bytes;
    this.#held += bytes;
  }

  reserve(kind: HeldKind, bytes: number): boolean {
    const always = kind === 'intents' && this.#bytes.intents + bytes <= INTENTS_BYTES;
    if (!always && this.#heldWith(bytes) > this.maxBytes && !this.#getBack(bytes)) {
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
    const uncollected = this.#heldWith(0) - this.#held;
    return { maxBytes: this.maxBytes, bytes: { ...this.#bytes }, uncollected, refused: { ...this.#refused } };
  }

  /**
   * Bytes held, with so many more, and what then waits for the garbage collector. Connections leave no buffers behind.
   */
  #heldWith(bytes: number): number {
    const held = this.#held + bytes;
    const passing = held - this.#bytes.connections + this.#pieceBytes;
    return held + Math.min(this.#most.uncollected, Math.floor(passing * UNCOLLECTED_PART));
  }

  /** Asks for bytes back, until so many fit. */
  #getBack(bytes: number): boolean {
    // Who gives back may be about to reserve something smaller instead.
    if (this.#asking || bytes > this.maxBytes) return false;
    this.#asking = true;
    try {
      return [...this.#givers, () => this.#lent.cutSlowest()].some((give) => {
        while (this.#heldWith(bytes) > this.maxBytes && give());
        return this.#heldWith(bytes) <= this.maxBytes;
      });
    } finally {
      this.#asking = false;
    }
  }

  #change(bytes: number): void {
    this.#held += bytes;
    const taken = Math.max(0, Math.min(this.maxBytes, this.#heldWith(0)) - WORKING_BYTES);
    if (taken === this.#told) return;
    this.#told = taken;
    this.#entries.bound(this.#most.entries - taken);
  }
}
