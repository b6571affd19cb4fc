// The disk policy's memory of entries that are gone: the hashes of their keys, until a set number of bytes of others have
// gone after them. A table of sets of eight in order of age: a new hash pushes the oldest of its set out. Six bytes each in
// typed arrays, which the garbage collector does not walk.
//
// The number of entries in those bytes is known only as they come. The table grows at once to the size that their mean size
// requires, and not step by step, since each step copies it.

const WAYS = 8;
const FIRST_SETS = 128;
/** A bound of some 100 MB. */
const MAX_SETS = 2 ** 21;
const MIN_GROWTH = 1.5;
/** The table grows when the valuable entries it lost exceed this part of its places. It always loses a few, by chance. */
const LOST_PART = 1 / 8;
/** Ages are counted in this part of the bytes, modulo 2^16: after 64 times as many bytes an old place may look new. */
const TICKS = 2 ** 10;
const TICK_MASK = 0xffff;

export class Ghost {
  readonly #maxBytes: number;
  /** Bytes of everything ever remembered. */
  #bytes = 0;
  #sets = 0;
  /** Since the last count: entries remembered, their bytes, and entries pushed out before their time. */
  #count = 0;
  #countedBytes = 0;
  #lost = 0;
  #hashes = new Uint32Array(0);
  /** Ticks at which the entries were remembered; 0 marks an empty place. */
  #born = new Uint16Array(0);

  constructor(maxBytes: number) {
    this.#maxBytes = Math.max(1, maxBytes);
    this.#resize(FIRST_SETS);
  }

  /** Bytes of the arrays. */
  get memoryBytes(): number {
    return this.#hashes.byteLength + this.#born.byteLength;
  }

  remember(hash: number, bytes: number): void {
    this.#bytes += bytes;
    if (this.#countedBytes > this.#maxBytes) this.#countAnew();
    this.#countedBytes += bytes;
    this.#count++;
    if (this.#isAlive(this.#firstOf(hash >>> 0) + WAYS - 1)) this.#lost++;
    if (this.#lost > LOST_PART * WAYS * this.#sets && this.#sets < MAX_SETS) this.#grow();
    this.#insert(hash >>> 0, this.#now());
  }

  /** Whether the hash is remembered; it is then forgotten. */
  recall(hash: number): boolean {
    const first = this.#firstOf(hash >>> 0);
    const end = first + WAYS;
    for (let at = first; at < end; at++) {
      if (this.#hashes[at] !== hash >>> 0 || !this.#isAlive(at)) continue;
      this.#hashes.copyWithin(at, at + 1, end);
      this.#born.copyWithin(at, at + 1, end);
      this.#born[end - 1] = 0;
      return true;
    }
    return false;
  }

  #now(): number {
    return Math.floor((this.#bytes / this.#maxBytes) * TICKS) % TICK_MASK || TICK_MASK;
  }

  #isAlive(at: number): boolean {
    const born = this.#born[at]!;
    const age = this.#now() - born;
    return born !== 0 && (age < 0 ? age + TICK_MASK : age) <= TICKS;
  }

  #insert(hash: number, born: number): void {
    const first = this.#firstOf(hash);
    this.#hashes.copyWithin(first + 1, first, first + WAYS - 1);
    this.#born.copyWithin(first + 1, first, first + WAYS - 1);
    this.#hashes[first] = hash;
    this.#born[first] = born;
  }

  #grow(): void {
    const expected = (this.#maxBytes * this.#count) / this.#countedBytes / WAYS;
    this.#resize(Math.min(MAX_SETS, Math.ceil(Math.max(MIN_GROWTH * this.#sets, expected))));
  }

  #countAnew(): void {
    this.#count = 0;
    this.#countedBytes = 0;
    this.#lost = 0;
  }

  #resize(sets: number): void {
    const hashes = this.#hashes;
    const born = this.#born;
    const alive = new Uint8Array(born.length).map((_, at) => (this.#isAlive(at) ? 1 : 0));
    this.#sets = sets;
    this.#countAnew();
    this.#hashes = new Uint32Array(sets * WAYS);
    this.#born = new Uint16Array(sets * WAYS);
    // Goes through each set from its oldest, so that the new sets are in order of age.
    for (let at = hashes.length - 1; at >= 0; at--) if (alive[at] === 1) this.#insert(hashes[at]!, born[at]!);
  }

  /** The hash scaled to the number of sets, which need not be a power of two. */
  #firstOf(hash: number): number {
    return Math.floor((hash / 0x1_0000_0000) * this.#sets) * WAYS;
  }
}
