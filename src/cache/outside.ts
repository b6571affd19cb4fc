// Which namespaces have entries that were stored from outside: the cache itself stored `a:1`, which lies in the namespace
// a, but has none of a's tags. A namespace's invalidations reach such entries by other, coarser means.
//
// It may forget nothing, and must not grow. So it is a table of bits by hash: a collision makes an
// invalidation coarser, never too narrow.

const BITS = 2 ** 15;

export class OutsideKeys {
  /** True: there are entries of which nothing is known, such as those of a slower tier from before the start. */
  readonly #isUnknown: boolean;
  readonly #bits = new Uint32Array(BITS / 32);

  constructor(isUnknown: boolean) {
    this.#isUnknown = isUnknown;
  }

  /** An entry is stored by a namespace with this prefix: it lies in all that its key might name after that. */
  note(prefix: string, key: string): void {
    if (this.#isUnknown || !key.includes(':')) return;
    let hash = added(SEED, prefix);
    for (let at = 0; at < key.length; at++) {
      const code = key.charCodeAt(at);
      hash = Math.imul(hash ^ code, PRIME);
      if (code === COLON) this.#mark(hash);
    }
  }

  /** False: nothing with this prefix was stored from outside. */
  mayHave(prefix: string): boolean {
    if (this.#isUnknown) return true;
    const bit = bitOf(added(SEED, prefix));
    return ((this.#bits[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
  }

  #mark(hash: number): void {
    const bit = bitOf(hash);
    this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] as number) | (1 << (bit & 31));
  }
}

const COLON = 58;
const SEED = 0x811c9dc5;
const PRIME = 0x01000193;

/** FNV-1a over UTF-16 code units. */
function added(hash: number, text: string): number {
  let mixed = hash;
  for (let at = 0; at < text.length; at++) mixed = Math.imul(mixed ^ text.charCodeAt(at), PRIME);
  return mixed;
}

function bitOf(hash: number): number {
  return (hash ^ (hash >>> 15)) & (BITS - 1);
}
