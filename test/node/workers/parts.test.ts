// The parts of a gate of several workers that need no process.

import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { GateStats } from '../../../src/engine/contract.ts';
import { workerCount } from '../../../src/node/cli.ts';
import { resolveConfig } from '../../../src/node/config/config.ts';
import { Totals } from '../../../src/node/workers/totals.ts';
import { Restarts, workerConfig } from '../../../src/node/workers/worker-pool.ts';
import { gateBench } from '../../kit/gate-bench.ts';

const ORIGINS = { app: { url: 'http://127.0.0.1:9', connections: 10 } };

describe('workers', () => {
  test.each([
    [undefined, 'linux', 1],
    [3, 'linux', 3],
    ['auto', 'linux', availableParallelism()],
    ['auto', 'darwin', 1],
    [1, 'win32', 1],
  ] as const)('%s on %s: %s', (workers, system, count) => {
    expect(workerCount(resolveConfig({ origins: ORIGINS, workers }), system)).toBe(count);
  });

  test('several are refused where they cannot share a port', () => {
    const config = resolveConfig({ origins: ORIGINS, workers: 2 });
    expect(() => workerCount(config, 'darwin')).toThrow(
      'workers: expected 1 on darwin, where processes cannot share a port, got 2',
    );
  });

  test.each([0, 257, 1.5, 'many'])('%s is refused', (workers) => {
    expect(() => resolveConfig({ origins: ORIGINS, workers })).toThrow(
      'workers: expected an integer from 1 to 256, or "auto"',
    );
  });

  test('what is filled on a schedule needs the disk that they share', () => {
    const schedule = [{ every: 60_000, urls: ['http://a.example/'] }];
    expect(() => resolveConfig({ origins: ORIGINS, workers: 2, schedule })).toThrow('disk: expected a disk tier');
    expect(resolveConfig({ origins: ORIGINS, workers: 2, schedule, disk: { path: 'disk' } }).workers).toBe(2);
    expect(resolveConfig({ origins: ORIGINS, schedule }).workers).toBe(1);
  });

  test('each has its part of what is given to all', () => {
    const config = resolveConfig({ origins: ORIGINS, memory: { maxBytes: 100 }, limits: { maxConnections: 9 } });
    const { memory, limits, origins, routes } = workerConfig(config, 4);
    expect([memory.maxBytes, limits.maxConnections, origins.app?.connections]).toEqual([25, 3, 3]);
    expect(routes).toEqual(config.routes);
    const populate = { concurrency: 1, ratePerSecond: 25, rehydrate: { maxEntries: 25 } };
    expect(workerConfig(config, 4).populate).toEqual({ ...config.populate, ...populate });
    expect(workerConfig(config, 4).prober).toEqual({ ...config.prober, ratePerSecond: 0.25 });
  });
});

describe('a worker that dies', () => {
  test('after it has served is replaced at once, however often', () => {
    const restarts = new Restarts();
    for (let atMs = 0; atMs < 20_000; atMs += 1_000) {
      expect(restarts.died(atMs, 1_000)).toBe(0);
    }
  });

  test('early is replaced ever later, and not after the fifth time within ten seconds', () => {
    const restarts = new Restarts();
    const pauses = [0, 1, 2, 3, 4].map((atMs) => restarts.died(atMs, 999));
    expect(pauses).toEqual([0, 100, 200, 400, undefined]);
  });

  test('early, but long after the last that did, is replaced at once', () => {
    const restarts = new Restarts();
    for (let atMs = 0; atMs < 100_000; atMs += 10_000) {
      expect(restarts.died(atMs, 0)).toBe(0);
    }
  });
});

describe('totals', () => {
  const figures = (change: Partial<GateStats>, bytes = 0) => {
    const { gate } = gateBench();
    const counted = { stats: { ...gate.stats(), ...change }, counts: { ...gate.counts(), bytes } };
    return { ...counted, origins: [], tenants: {}, measured: [] };
  };
  const memory = { entries: 1, bytes: 10, maxBytes: 100, evictions: 2, declined: 3 };

  test('are sums, but for what all have in common', () => {
    const totals = new Totals();
    const own = figures({ position: 7, intentsOpen: 1, purges: 1 });
    const one = figures({ position: 6, intentsOpen: 2, stores: 3, memory, refusedStores: { a: 1 } }, 5);
    const other = figures({ position: 7, intentsOpen: 2, stores: 4, memory, refusedStores: { a: 2, b: 1 } }, 6);
    totals.update(own, [one, other]);
    expect(totals.stats).toMatchObject({
      position: 7,
      intentsOpen: 2,
      stores: 7,
      purges: 1,
      refusedStores: { a: 3, b: 1 },
    });
    expect(totals.stats.memory.entries).toBe(own.stats.memory.entries + 2);
    expect(totals.counts.bytes).toBe(11);
  });

  test('do not go back when a worker is gone, but what it held is gone', () => {
    const totals = new Totals();
    const own = figures({});
    const one = figures({ stores: 3, memory, fillsInFlight: 1 }, 5);
    totals.retire(one);
    totals.retire(one);
    totals.update(own, []);
    expect(totals.stats).toMatchObject({ stores: 6, fillsInFlight: 0, memory: { entries: 0, evictions: 4 } });
    expect(totals.stats.memory.bytes).toBe(own.stats.memory.bytes);
    expect(totals.counts.bytes).toBe(10);
  });

  test('have what came of predictions, also of a worker that is gone', () => {
    const totals = new Totals();
    const predicted = { observed: 9, predicted: 4, spared: 0, hits: 1, joined: 1, unused: 0, open: 2 };
    const prediction = { ...predicted, precision: 1, threshold: 0.5 };
    totals.retire({ ...figures({}), prediction });
    totals.update(figures({}), [{ ...figures({}), prediction: { ...prediction, threshold: 0.25 } }, figures({})]);
    const sum = { observed: 18, predicted: 8, spared: 0, hits: 2, joined: 2, unused: 2, open: 2 };
    expect(totals.prediction).toEqual({ ...sum, precision: 4 / 6, threshold: 0.25 });
    totals.update(figures({}), []);
    expect(totals.prediction).toMatchObject({ hits: 1, unused: 2, open: 0 });
  });

  test('what a worker measured counts once, also if another goes while that is added up', async () => {
    const totals = new Totals();
    for (let worker = 0; worker < 2; worker++) totals.retire({ ...figures({}), measured: forwards(1) });
    const first = totals.measured([]);
    const second = totals.measured([]);
    totals.retire({ ...figures({}), measured: forwards(5) });
    expect([await first, await second].map(countOf)).toEqual([2, 2]);
    expect(countOf(await totals.measured([]))).toBe(7);
    expect(countOf(await totals.measured([]))).toBe(7);
  });
});

const ORIGIN_SECONDS = 'tidegate_origin_seconds';

/** As prom-client gives them, of so many forwards. */
const forwards = (count: number) => [
  {
    name: ORIGIN_SECONDS,
    help: 'Time.',
    type: 'histogram',
    aggregator: 'sum',
    values: [{ metricName: `${ORIGIN_SECONDS}_count`, labels: {}, value: count }],
  },
];

const countOf = (measured: readonly (readonly object[])[]) =>
  (measured as readonly ReturnType<typeof forwards>[])
    .flat()
    .flatMap(({ values }) => values)
    .reduce((count, { value }) => count + value, 0);
