// The bill: what counts of operations cost at the prices of the table.

import { describe, expect, test } from 'vitest';
import { billOf, PRICES } from '../../src/workers/bill.ts';
import { Counters, type Counts, type Dataset, KV_OPERATIONS, OPERATIONS } from '../../src/workers/counters.ts';

const NOTHING = new Counters().counts();

describe('the estimate', () => {
  test('adds what each operation costs for a million requests', () => {
    const counts: Counts = {
      ...NOTHING,
      requests: 2_000,
      cpuMs: 4_000,
      kvReads: 500,
      kvWrites: 20,
      objectRequests: 80,
    };
    const bill = billOf(counts);
    expect(bill.per1000Requests).toMatchObject({ requests: 1_000, cpuMs: 2_000, kvReads: 250, kvWrites: 10 });
    expect(bill.usdPerMillionRequests).toEqual({
      requests: 0.3,
      cpuMs: 0.04,
      kvReads: 0.125,
      kvWrites: 0.05,
      objectRequests: expect.closeTo(0.006),
    });
    expect(bill.totalUsdPerMillionRequests).toBeCloseTo(0.521);
    expect(bill).toMatchObject({ pricesAsOf: PRICES.asOf, source: PRICES.source });
  });

  test('agrees with the example of Cloudflare: 100 million requests of 7 ms cost $30 and $14 before what is included', () => {
    const bill = billOf({ ...NOTHING, requests: 100e6, cpuMs: 700e6 });
    expect(bill.totalUsdPerMillionRequests * 100).toBeCloseTo(44);
  });

  test('is zero without requests', () => {
    const bill = billOf({ ...NOTHING, kvWrites: 3 });
    expect(bill.totalUsdPerMillionRequests).toBe(0);
    expect(bill.usdPerMillionRequests).toEqual({});
  });
});

describe('the counters', () => {
  class Namespace {
    readonly #values = new Map([['a', 'one']]);
    get(key: string | readonly string[]) {
      return Promise.resolve(typeof key === 'string' ? this.#values.get(key) : key.map((one) => this.#values.get(one)));
    }
    put(key: string, value: string) {
      this.#values.set(key, value);
      return Promise.resolve();
    }
    list() {
      return Promise.resolve([...this.#values.keys()]);
    }
  }

  test('count the calls of a binding, and leave what it does as it is', async () => {
    const counters = new Counters();
    const kv = counters.counting(new Namespace(), KV_OPERATIONS);
    await kv.put('b', 'two');
    expect(await kv.get('b')).toBe('two');
    expect(await kv.get(['a', 'b', 'c'])).toEqual(['one', 'two', undefined]);
    expect(await kv.list()).toEqual(['a', 'b']);
    expect(counters.counts()).toEqual({ ...NOTHING, subrequests: 4, kvReads: 4, kvWrites: 1, kvLists: 1 });
  });

  test('are told to Analytics Engine as differences, in the order of OPERATIONS, and nothing twice', () => {
    const points: Parameters<Dataset['writeDataPoint']>[0][] = [];
    const dataset: Dataset = { writeDataPoint: (point) => void points.push(point) };
    const counters = new Counters();
    counters.tell(dataset, 'shop');
    expect(points).toEqual([]);
    counters.add('requests', 3);
    counters.tell(dataset, 'shop');
    counters.tell(dataset, 'shop');
    const first = points.at(0)?.doubles ?? [];
    expect(points.at(0)).toMatchObject({ indexes: ['shop'], blobs: ['shop'] });
    expect(first[OPERATIONS.indexOf('requests')]).toBe(3);
    expect(first[OPERATIONS.indexOf('dataPoints')]).toBe(1);
    expect(points).toHaveLength(1);
    counters.add('requests', 2);
    counters.tell(dataset, 'shop');
    expect(points.at(1)?.doubles[OPERATIONS.indexOf('requests')]).toBe(2);
    expect(OPERATIONS.length).toBeLessThanOrEqual(20);
  });

  test('a dataset is told about once a minute', () => {
    const points: unknown[] = [];
    const dataset: Dataset = { writeDataPoint: (point) => void points.push(point) };
    const counters = new Counters();
    for (const nowMs of [0, 59_999, 60_000, 60_001, 119_999, 120_000]) {
      counters.add('requests');
      counters.tellDue(dataset, 'shop', nowMs);
    }
    expect(points).toHaveLength(2);
  });
});
