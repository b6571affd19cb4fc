// Whole numbers of 32 bits in typed arrays: a list that grows, places handed out, and a table from keys to numbers. The index
// keeps millions of them, and an array of objects would be four times as large; a Map takes a third more time and memory.
//
// Most keys of the table are numbers of rows: 32-bit keys stand in one typed array, key beside number, where a look-up
// waits for memory once; the others stand in a Map. It uses open addressing, by steps of one. A removed key leaves no mark:
// the keys behind it, up to the next free place, move up as far as they may (Knuth, The Art of Computer Programming 3, 6.4,
// algorithm R). And keys may be chosen so that all begin at one place: a key that would be too many steps away goes to the
// Map too.

/** Stands for "there is none" among places. */
export const NONE = -1;

export class Numbers {
  #data: Int32Array = new Int32Array(8);

  get(at: number): number {
    return this.#data[at] as number;
  }

  set(at: number, value: number): void {
    if (at >= this.#data.length) this.#grow(at + 1);
    this.#data[at] = value;
  }

  /** `to` may lie within the copied range. */
  copyWithin(to: number, from: number, end: number): void {
    if (to + end - from > this.#data.length) this.#grow(to + end - from);
    this.#data.copyWithin(to, from, end);
  }

  #grow(least: number): void {
    const data = new Int32Array(Math.max(least, Math.ceil(this.#data.length * 1.5)));
    data.set(this.#data);
    this.#data = data;
  }
}

/** Hands out places 0, 1, 2 …, those given back first. */
export class Places {
  readonly #next = new Numbers();
  #free = NONE;
  #end = 0;
  #count = 0;

  /** Places in use. */
  get count(): number {
    return this.#count;
  }

  /** One more than the highest place ever in use. */
  get end(): number {
    return this.#end;
  }

  take(): number {
    this.#count++;
    const place = this.#free;
    if (place === NONE) return this.#end++;
    this.#free = this.#next.get(place);
    return place;
  }

  give(place: number): void {
    this.#count--;
    this.#next.set(place, this.#free);
    this.#free = place;
  }
}

export type Key = string | number;

const LEAST_ROOM = 8;
/** The most steps from where a key begins to where it stands. */
const MAX_STEPS = 64;
const KEY = 0;
const VALUE = 1;
const ENTRY = 2;

export class KeyTable {
  readonly #others = new Map<Key, number>();
  /** Numbers of 32 bits among the others. */
  #strayed = 0;
  #entries = emptyEntries(LEAST_ROOM);
  #mask = LEAST_ROOM - 1;
  #count = 0;

  get size(): number {
    return this.#count + this.#others.size;
  }

  /** NONE: it is not there. */
  get(key: Key): number {
    if (!isShort(key)) return this.#others.get(key) ?? NONE;
    const place = this.#placeOf(key);
    const value = place === NONE ? NONE : (this.#entries[ENTRY * place + VALUE] as number);
    return value === NONE && this.#strayed > 0 ? (this.#others.get(key) ?? NONE) : value;
  }

  /** `value`: a whole number of 32 bits; NONE takes the key out. */
  set(key: Key, value: number): void {
    if (!isShort(key)) {
      if (value === NONE) this.#others.delete(key);
      else this.#others.set(key, value);
    } else if (this.#strayed > 0 && this.#others.has(key)) {
      if (value !== NONE) this.#others.set(key, value);
      else if (this.#others.delete(key)) this.#strayed--;
    } else if (value === NONE) {
      this.#delete(key);
    } else {
      this.#insert(key, value);
    }
  }

  #insert(key: number, value: number): void {
    const place = this.#placeOf(key);
    if (place === NONE) {
      this.#others.set(key, value);
      this.#strayed++;
      return;
    }
    const isNew = this.#entries[ENTRY * place + VALUE] === NONE;
    this.#entries[ENTRY * place + KEY] = key;
    this.#entries[ENTRY * place + VALUE] = value;
    if (!isNew) return;
    this.#count++;
    const room = this.#mask + 1;
    if (3 * this.#count > 2 * room) this.#resize(2 * room);
  }

  #delete(key: number): void {
    let hole = this.#placeOf(key);
    if (hole === NONE || this.#entries[ENTRY * hole + VALUE] === NONE) return;
    this.#count--;
    for (let place = (hole + 1) & this.#mask; ; place = (place + 1) & this.#mask) {
      const value = this.#entries[ENTRY * place + VALUE] as number;
      // No key stands further from its beginning, so none behind may move here.
      if (value === NONE || ((place - hole) & this.#mask) >= MAX_STEPS) break;
      const other = this.#entries[ENTRY * place + KEY] as number;
      const steps = (place - hashOf(other)) & this.#mask;
      if (steps < ((place - hole) & this.#mask)) continue;
      this.#entries[ENTRY * hole + KEY] = other;
      this.#entries[ENTRY * hole + VALUE] = value;
      hole = place;
    }
    this.#entries[ENTRY * hole + VALUE] = NONE;
    const room = this.#mask + 1;
    if (room > LEAST_ROOM && 8 * this.#count < room) this.#resize(room >> 1);
  }

  /** The place of the key, or the free place where it would go; NONE when that is too far away. */
  #placeOf(key: number): number {
    let place = hashOf(key) & this.#mask;
    for (let step = 0; step < MAX_STEPS; step++) {
      if (this.#entries[ENTRY * place + VALUE] === NONE || this.#entries[ENTRY * place + KEY] === key) return place;
      place = (place + 1) & this.#mask;
    }
    return NONE;
  }

  #resize(room: number): void {
    const old = this.#entries;
    this.#entries = emptyEntries(room);
    this.#mask = room - 1;
    this.#count = 0;
    for (let at = 0; at < old.length; at += ENTRY) {
      if (old[at + VALUE] !== NONE) this.#insert(old[at + KEY] as number, old[at + VALUE] as number);
    }
  }
}

function emptyEntries(room: number): Int32Array {
  return new Int32Array(ENTRY * room).fill(NONE);
}

function isShort(key: Key): key is number {
  return typeof key === 'number' && (key | 0) === key;
}

/** A product with an odd number near the golden ratio of 2^32; its upper bits, which are mixed best, brought down. */
function hashOf(key: number): number {
  const product = Math.imul(key, 0x9e3779b1);
  return product ^ (product >>> 15);
}
