import { Registry } from 'prom-client';
import { describe, expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { ExchangeReport, GateStats } from '../../src/engine/contract.ts';
import { createMetrics } from '../../src/node/operator/metrics.ts';
import { COUNTS, fakeGate, ROUTE, STATS } from '../admin/fake-gate.ts';

let stats: GateStats = STATS;
let reads = 0;
const QUEUE = { waiting: 1, queued: 3, refused: { full: 0, late: 2 } };
const metrics = createMetrics({
  stats: () => {
    reads++;
    return stats;
  },
  counts: () => COUNTS,
  queues: () =>
    new Map([
      ['shop', QUEUE],
      ['news', { ...QUEUE, waiting: 5 }],
    ]),
});

const forwarded = (forwardMs: number | undefined): ExchangeReport => ({
  request: {
    route: ROUTE,
    method: 'GET',
    uri: 'http://example.org/?q=CANARY',
    target: '/?q=CANARY',
    fields: ['authorization', 'CANARY', 'cookie', 'CANARY'],
    body: undefined,
    bypass: false,
  },
  outcome: { hit: false, forward: 'miss' },
  status: 200,
  forwardMs,
});

describe('a scrape', () => {
  test.each([
    'tidegate_requests_total{outcome="hit"} 40',
    'tidegate_requests_total{outcome="refused"} 7',
    'tidegate_forwards_total{reason="uri-miss"} 4',
    'tidegate_forwards_total{reason="partial"} 0',
    'tidegate_details_total{detail="invalidated-during-fill"} 8',
    'tidegate_collapsed_total 3',
    'tidegate_stores_total 13',
    'tidegate_refused_stores_total{reason="no-store"} 11',
    'tidegate_invalidations_total{kind="pattern"} 4',
    'tidegate_purges_total 14',
    'tidegate_evictions_total 21',
    'tidegate_declined_total 22',
    'tidegate_entries 18',
    'tidegate_memory_bytes 19000',
    'tidegate_memory_max_bytes 20000',
    'tidegate_held_bytes{kind="fills"} 23',
    'tidegate_held_bytes{kind="uncollected"} 26',
    'tidegate_held_max_bytes 24',
    'tidegate_held_refused_total{kind="uploads"} 25',
    'tidegate_position 17',
    'tidegate_intents_open 15',
    'tidegate_fills_in_flight 16',
    'tidegate_client_bytes_total 4096',
    'tidegate_route_requests_total{tenant="-",origin="demo",route="pages",outcome="hit"} 40',
    'tidegate_tier_hits_total{tier="disk"} 3',
    'tidegate_route_origin_requests_total{tenant="-",origin="demo",route="pages"} 12',
    'tidegate_route_origin_busy_seconds_total{tenant="-",origin="demo",route="pages"} 0.3',
    'tidegate_route_needless_refills_total{tenant="-",origin="demo",route="pages"} 2',
    'tidegate_invalidations_caused_total{cause="write"} 2',
    'tidegate_invalidated_entries_total{cause="call"} 9',
    'tidegate_origin_waiting{origin="news"} 5',
    'tidegate_origin_queued_total{origin="shop"} 3',
    'tidegate_origin_queue_refused_total{reason="late"} 4',
  ])('says %s', async (line) => {
    expect((await metrics.text()).split('\n')).toContain(line);
  });

  test('shows what the gate counts now, not the sum of scrapes', async () => {
    await metrics.text();
    stats = { ...STATS, stores: 14, refusedStores: { private: 1 } };
    const text = await metrics.text();
    stats = STATS;
    expect(text).toContain('tidegate_stores_total 14\n');
    expect(text).toContain('tidegate_refused_stores_total{reason="private"} 1\n');
    expect(text).not.toContain('reason="no-store"');
  });

  test('reads the gate once', async () => {
    const before = reads;
    await metrics.text();
    expect(reads).toBe(before + 1);
  });

  test('has the figures of the process', async () => {
    expect(await metrics.text()).toMatch(/^process_cpu_seconds_total \d/m);
  });
});

test('the time to the origin is observed for each forward, and only then', async () => {
  metrics.observeForward(forwarded(undefined));
  metrics.observeForward(forwarded(4));
  metrics.observeForward(forwarded(2000));
  const text = await metrics.text();
  expect(text).toContain('tidegate_origin_seconds_bucket{le="0.005",origin="demo"} 1\n');
  expect(text).toContain('tidegate_origin_seconds_sum{origin="demo"} 2.004\n');
  expect(text).toContain('tidegate_origin_seconds_count{origin="demo"} 2\n');
  expect(text).not.toContain('CANARY');
});

test('the admin API serves them as what they are', async () => {
  const api = createAdminApi(fakeGate({ metricsText: metrics.text }).deps);
  const answer = await api({ method: 'GET', path: '/metrics', query: '', fields: [], bodyText: '' });
  expect(answer.contentType).toBe(Registry.PROMETHEUS_CONTENT_TYPE);
  expect(answer.body).toContain('tidegate_entries 18\n');
});

test('the gate is not asked before the first scrape, so that it may be made later', () => {
  expect(() => createMetrics({ stats: () => expect.unreachable(), counts: () => expect.unreachable() })).not.toThrow();
});
