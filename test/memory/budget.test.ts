import { describe, expect, it } from 'vitest';
import { SharedBudget, WORKING_BYTES } from '../../src/memory/budget.ts';
import { paceOf, type Taker } from '../../src/memory/takers.ts';
import { createMemoryStore, entryCost } from '../../src/store/memory.ts';
import { getKey, storedResponse } from '../contract/store-contract.ts';

const MAX_BYTES = 1_000_000;
/** What may be held at most: the working bytes, and half of the entries' room. */
const MOST = WORKING_BYTES + MAX_BYTES / 2;

function filled() {
  const budget = new SharedBudget(MAX_BYTES);
  const store = createMemoryStore({ maxBytes: MAX_BYTES, budget });
  for (let at = 0; store.stats().evictions === 0; at++) {
    store.put(storedResponse(getKey(`http://h/${at}`), 'x'.repeat(10_000)));
  }
  return { budget, store };
}

describe('the memory budget', () => {
  it('takes nothing from the entries for ordinary traffic', () => {
    const { budget, store } = filled();
    const before = store.bytes();
    expect(budget.reserve('fills', WORKING_BYTES)).toBe(true);
    expect(store.bytes()).toBe(before);
  });

  it('has room for a write when all else is taken', () => {
    const budget = new SharedBudget(MAX_BYTES);
    budget.take('answers', 2 * MOST);
    expect([budget.reserve('uploads', 1_000), budget.reserve('intents', 1_000)]).toEqual([false, true]);
  });

  it('has the entries make room for what is held beyond that, and gives the room back', () => {
    const { budget, store } = filled();
    expect(budget.reserve('fills', WORKING_BYTES + 300_000)).toBe(true);
    expect(store.bytes()).toBeLessThanOrEqual(700_000);
    expect(store.bytes()).toBeGreaterThan(600_000);
    const entry = storedResponse(getKey('http://h/new'), 'x'.repeat(10_000));
    store.put(entry);
    expect(store.get(entry.key)).toBe(entry);
    expect(store.bytes()).toBeLessThanOrEqual(700_000);
    budget.release('fills', WORKING_BYTES + 300_000);
    while (store.bytes() + entryCost(entry) <= MAX_BYTES) {
      const evictions = store.stats().evictions;
      store.put(storedResponse(getKey(`http://h/again-${store.stats().entries}`), 'x'.repeat(10_000)));
      expect(store.stats().evictions).toBe(evictions);
    }
  });

  it('leaves the entries half of their room, whatever is held', () => {
    const { budget, store } = filled();
    expect(budget.reserve('uploads', MOST)).toBe(true);
    expect(budget.reserve('uploads', 1)).toBe(false);
    budget.take('answers', 5_000_000);
    expect(store.bytes()).toBeGreaterThan(MAX_BYTES / 2 - 12_000);
    expect(store.bytes()).toBeLessThanOrEqual(MAX_BYTES / 2);
  });

  it('asks those for bytes back who can give some, in their order, and no more often than need be', () => {
    const budget = new SharedBudget(MAX_BYTES);
    const asked: string[] = [];
    const giver = (name: string, parts: number) => () => {
      if (parts-- <= 0) return false;
      asked.push(name);
      budget.release('fills', 1_000);
      return true;
    };
    budget.whenShort(giver('first', 2));
    budget.whenShort(giver('second', 5));
    expect(budget.reserve('fills', MOST)).toBe(true);
    expect(asked).toEqual([]);
    expect(budget.reserve('uploads', 2_500)).toBe(true);
    expect(asked).toEqual(['first', 'first', 'second']);
    expect(budget.reserve('uploads', 50_000)).toBe(false);
    expect(asked).toHaveLength(7);
    expect(budget.stats().bytes).toMatchObject({ fills: MOST - 7_000, uploads: 2_500 });
  });

  it('asks nobody for what could never fit', () => {
    const budget = new SharedBudget(MAX_BYTES);
    let asked = 0;
    budget.whenShort(() => ++asked < 3);
    expect(budget.reserve('fills', MOST + 1)).toBe(false);
    expect(asked).toBe(0);
  });

  it('counts what is held and what did not fit, by kind', () => {
    const { budget, store } = filled();
    budget.take('answers', 2 * MOST);
    expect(budget.reserve('codings', 1)).toBe(false);
    expect(budget.reserve('codings', 1)).toBe(false);
    expect(store.stats().held).toEqual({
      maxBytes: MOST,
      uncollected: 0,
      bytes: { fills: 0, answers: 2 * MOST, uploads: 0, intents: 0, codings: 0, connections: 0 },
      refused: { fills: 0, answers: 0, uploads: 0, intents: 0, codings: 2, connections: 0 },
    });
  });

  it('shows the estimate of what waits for the garbage collector', () => {
    const budget = new SharedBudget(4_000_000, 1_000_000);
    budget.take('answers', 1_000);
    expect(budget.stats().uncollected).toBe(500);
    budget.take('answers', 10_000_000);
    expect(budget.stats().uncollected).toBe(1_000_000);
  });
});

describe('a body that answers are read from', () => {
  const entry = storedResponse(getKey('http://h/read'), 'x'.repeat(300_000));
  const taker: Taker = { pace: undefined, cut: () => {} };

  it('counts once it is stored no longer, until the last reader is done', () => {
    const budget = new SharedBudget(4_000_000);
    const store = createMemoryStore({ maxBytes: 4_000_000, budget });
    store.put(entry);
    const stored = store.get(entry.key) as typeof entry;
    const [one, two] = [
      budget.hold(stored.bytes, { key: entry.key, taker }),
      budget.hold(stored.bytes, { key: entry.key, taker }),
    ];
    expect(budget.stats().bytes.answers).toBe(0);
    store.delete([entry.key]);
    expect(budget.stats().bytes.answers).toBe(stored.bytes.buffer.byteLength);
    one();
    one();
    expect(budget.stats().bytes.answers).toBe(stored.bytes.buffer.byteLength);
    two();
    expect(budget.stats().bytes.answers).toBe(0);
    store.put(storedResponse(entry.key, 'y'));
    store.delete([entry.key]);
    expect(budget.stats().bytes.answers).toBe(0);
  });

  it('counts at once where it was made for one answer, or another is stored under its key', () => {
    const budget = new SharedBudget(4_000_000);
    const store = createMemoryStore({ maxBytes: 4_000_000, budget });
    store.put(entry);
    const made = new Uint8Array(5_000);
    const releases = [budget.hold(made, { taker }), budget.hold(new Uint8Array(6_000), { key: entry.key, taker })];
    expect(budget.stats().bytes.answers).toBe(11_000);
    for (const release of releases) release();
    expect(budget.stats().bytes.answers).toBe(0);
  });

  it('takes room from the entries at the next change', () => {
    const maxBytes = 4 * WORKING_BYTES;
    const budget = new SharedBudget(maxBytes);
    const store = createMemoryStore({ maxBytes, budget });
    const keys = [0, 1, 2, 3].map((at) => getKey(`http://h/${at}`));
    for (const key of keys) store.put(storedResponse(key, 'x'.repeat(WORKING_BYTES - 10_000)));
    const [first, second] = keys.map((key) => budget.hold((store.get(key) as typeof entry).bytes, { key, taker }));
    store.delete(keys.slice(0, 2));
    expect(store.bytes()).toBeGreaterThan(WORKING_BYTES);
    budget.take('fills', WORKING_BYTES);
    expect(store.bytes() + 3 * WORKING_BYTES).toBeLessThanOrEqual(maxBytes + WORKING_BYTES);
    first?.();
    second?.();
    expect(budget.stats().bytes).toMatchObject({ answers: 0, fills: WORKING_BYTES });
  });
});

describe('takers of answers, where memory is short', () => {
  const PART = MOST / 4;
  const body = (takers: readonly (Taker & { isCut?: true })[], budget: SharedBudget) => {
    const bytes = new Uint8Array(PART);
    for (const taker of takers) budget.hold(bytes, { taker });
  };
  const takerOf = (pace: number | undefined) => {
    const taker = { pace, cuts: 0, cut: () => void taker.cuts++ };
    return taker;
  };

  it('the slowest are cut, as many as needed', () => {
    const budget = new SharedBudget(MAX_BYTES);
    const takers = [30, 10, undefined, 20].map(takerOf);
    for (const taker of takers) body([taker], budget);
    expect(takers.map(({ cuts }) => cuts)).toEqual([0, 0, 0, 0]);
    expect(budget.reserve('fills', PART)).toBe(true);
    expect(takers.map(({ cuts }) => cuts)).toEqual([0, 1, 0, 0]);
    expect(budget.reserve('fills', 2 * PART)).toBe(true);
    expect(takers.map(({ cuts }) => cuts)).toEqual([1, 1, 0, 1]);
    expect(budget.stats().bytes.answers).toBe(PART);
  });

  it('each reservation that does not fit costs about the same, however many bodies are held', () => {
    const budget = new SharedBudget(MAX_BYTES);
    let [asked, cuts] = [0, 0];
    let pace: number | undefined;
    const taker: Taker = {
      get pace() {
        asked++;
        return pace;
      },
      cut: () => void cuts++,
    };
    for (let at = 0; at < 10_000; at++) budget.hold(new Uint8Array(1), { taker });
    budget.take('fills', MOST - 10_000);
    for (let at = 0; at < 1_000; at++) expect(budget.reserve('fills', 1)).toBe(false);
    expect(asked).toBeLessThan(1_000 * 150);
    [asked, pace] = [0, 0];
    for (let at = 0; at < 1_000; at++) budget.reserve('fills', 1);
    expect(cuts).toBeGreaterThan(800);
    expect(asked).toBeLessThan(1_000 * 150);
  });

  it('one that is over is not cut, nor one that has caught up since', () => {
    const budget = new SharedBudget(MAX_BYTES);
    const takers = [1, 2, 3, 4].map(takerOf);
    const overs = takers.map((taker) => budget.hold(new Uint8Array(PART), { taker }));
    expect(budget.reserve('fills', 1)).toBe(true);
    overs[1]?.();
    Object.assign(takers[2] as object, { pace: undefined });
    expect(budget.reserve('fills', 2 * PART)).toBe(true);
    expect(takers.map(({ cuts }) => cuts)).toEqual([1, 0, 0, 1]);
  });

  it('nobody is cut for bytes that someone else takes as fast as he should', () => {
    const budget = new SharedBudget(MAX_BYTES);
    const [slow, fast, stored] = [takerOf(0), takerOf(undefined), takerOf(0)];
    body([slow, fast], budget);
    budget.take('fills', MOST - PART);
    const store = createMemoryStore({ maxBytes: MAX_BYTES, budget });
    const entry = storedResponse(getKey('http://h/stored'), 'x'.repeat(1_000));
    store.put(entry);
    budget.hold((store.get(entry.key) as typeof entry).bytes, { key: entry.key, taker: stored });
    expect(budget.reserve('fills', 1)).toBe(false);
    expect([slow.cuts, fast.cuts, stored.cuts]).toEqual([0, 0, 0]);
    expect([paceOf([slow, stored]), paceOf([slow, undefined]), paceOf([])]).toEqual([0, undefined, undefined]);
  });
});

describe('buffers that wait for the garbage collector', () => {
  const MIB = 1024 * 1024;
  const UNCOLLECTED = 8 * MIB;
  const ENTRIES = 64 * MIB;
  const HELD = WORKING_BYTES + ENTRIES / 2;

  function withGarbage() {
    const budget = new SharedBudget(ENTRIES, UNCOLLECTED);
    return { budget, store: createMemoryStore({ maxBytes: ENTRIES, budget }) };
  }

  it('take room from what is held, as half of it and up to a bound', () => {
    const { budget } = withGarbage();
    expect(budget.reserve('fills', HELD - UNCOLLECTED + 1)).toBe(false);
    expect(budget.reserve('fills', HELD - UNCOLLECTED)).toBe(true);
    budget.release('fills', HELD - UNCOLLECTED);
    budget.take('connections', HELD - 12 * MIB);
    expect([budget.reserve('answers', 8 * MIB + 1), budget.reserve('answers', 8 * MIB)]).toEqual([false, true]);
  });

  it('take room from the entries, those of stored bodies in pieces as well', () => {
    const { budget, store } = withGarbage();
    const pieces = [new Uint8Array(6 * MIB), new Uint8Array(6 * MIB)];
    const inPieces = {
      ...storedResponse(getKey('http://h/pieces'), ''),
      large: { id: '', bytes: 12 * MIB, pieces },
    };
    store.put(inPieces);
    expect(store.bytes()).toBe(entryCost(inPieces));
    expect(store.bytes()).toBeGreaterThan(12 * MIB);
    for (let at = 0; store.stats().evictions === 0; at++) {
      store.put(storedResponse(getKey(`http://h/${at}`), 'x'.repeat(MIB)));
      store.get(inPieces.key);
    }
    budget.take('fills', WORKING_BYTES - 2 * MIB);
    expect(store.bytes()).toBeLessThanOrEqual(ENTRIES - 6 * MIB);
    expect(store.bytes()).toBeGreaterThan(ENTRIES - 8 * MIB);
    store.delete([inPieces.key]);
    budget.take('fills', 1);
    for (let at = 0; at < 20; at++) store.put(storedResponse(getKey(`http://h/more-${at}`), 'x'.repeat(MIB)));
    expect(store.bytes()).toBeLessThanOrEqual(ENTRIES - 5 * MIB);
    expect(store.bytes()).toBeGreaterThan(ENTRIES - 7 * MIB);
  });
});
