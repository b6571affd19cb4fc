import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Registry } from 'prom-client';
import { expect, onTestFinished, test } from 'vitest';
import { createCache } from '../../src/index.ts';
import { instrumentCaches, instrumentGates } from '../../src/metrics/otel.ts';
import { registerCacheMetrics } from '../../src/metrics/prometheus.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';

/** One hit, two misses, a fill that fails, an invalidation. */
async function usedCache(name: string) {
  const cache = createCache({ name });
  await cache.getOrSet('a', () => 1, { tags: ['red'] });
  await cache.get('a');
  await cache.getOrSet('b', () => Promise.reject(new Error('down'))).catch(() => {});
  await cache.invalidate({ tags: ['red'] });
  return cache;
}

test('Prometheus reads each cache at the scrape', async () => {
  const registry = new Registry();
  const users = await usedCache('users');
  registerCacheMetrics(registry, { users, orders: createCache({ name: 'orders' }) });
  const text = await registry.metrics();
  for (const line of [
    'tidegate_cache_requests_total{cache="users",result="hit"} 1',
    'tidegate_cache_requests_total{cache="users",result="miss"} 2',
    'tidegate_cache_requests_total{cache="orders",result="hit"} 0',
    'tidegate_cache_fill_failures_total{cache="users"} 1',
    'tidegate_cache_invalidations_total{cache="users"} 1',
    'tidegate_cache_tier_faults_total{cache="users",tier="memory"} 0',
    'tidegate_cache_entries{cache="users"} 1',
  ]) {
    expect(text).toContain(`${line}\n`);
  }
  await users.get('a');
  expect(await registry.metrics()).toContain('tidegate_cache_requests_total{cache="users",result="miss"} 3\n');
});

test('OpenTelemetry has the figures as metrics and the fills as spans', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter });
  const meters = new MeterProvider({ readers: [reader] });
  const spans = new InMemorySpanExporter();
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
  const caches: Record<string, ReturnType<typeof createCache>> = {};
  const stop = instrumentCaches(caches, { meter: meters.getMeter('t'), tracer: tracers.getTracer('t') });
  onTestFinished(stop);
  caches.users = await usedCache('users');
  await reader.forceFlush();
  const metrics = exporter.getMetrics()[0]?.scopeMetrics[0]?.metrics ?? [];
  const points = (name: string) =>
    metrics
      .find(({ descriptor }) => descriptor.name === name)
      ?.dataPoints.map(({ attributes, value }) => [attributes, value]);
  expect(points('tidegate.cache.requests')).toContainEqual([{ cache: 'users', result: 'hit' }, 1]);
  expect(points('tidegate.cache.fills')).toEqual([[{ cache: 'users' }, 2]]);
  expect(points('tidegate.cache.fill.duration')?.map(([attributes]) => attributes)).toEqual([
    { cache: 'users', result: 'stored' },
    { cache: 'users', result: 'failed' },
  ]);
  expect(spans.getFinishedSpans().map(({ name, attributes, status }) => [name, attributes, status.code])).toEqual([
    ['cache.fill', attributesOf('a', 'stored'), 0],
    ['cache.fill', attributesOf('b', 'failed'), 2],
  ]);
  stop();
  await caches.users.getOrSet('c', () => 1);
  expect(spans.getFinishedSpans()).toHaveLength(2);
});

const attributesOf = (key: string, result: string) => ({
  'tidegate.cache.name': 'users',
  'tidegate.cache.key': key,
  'tidegate.cache.result': result,
});

test('the diagnostics channel tells of everything, in its order', async () => {
  const heard: object[] = [];
  const hear = (message: unknown) => heard.push(message as object);
  subscribe('tidegate:cache', hear);
  onTestFinished(() => void unsubscribe('tidegate:cache', hear));
  await usedCache('users');
  expect(heard).toMatchObject([
    { cache: 'users', kind: 'miss', key: 'a' },
    { cache: 'users', kind: 'fill', key: 'a', result: 'stored' },
    { cache: 'users', kind: 'hit', key: 'a' },
    { cache: 'users', kind: 'miss', key: 'b' },
    { cache: 'users', kind: 'fill', key: 'b', result: 'failed', error: { code: 'E_FILL' } },
    { cache: 'users', kind: 'invalidate', selectors: [{ kind: 'tag', tag: 'red' }], soft: false },
  ]);
});

test('OpenTelemetry has the statistics of gates, as long as it is to', async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter });
  const meters = new MeterProvider({ readers: [reader] });
  onTestFinished(() => meters.shutdown());
  const { gate, get, origin } = gateBench();
  get('/a');
  origin.last.answer(200, [...FRESH], 'one');
  get('/a');
  let reads = 0;
  const counts = () => {
    reads++;
    return gate.counts();
  };
  const stop = instrumentGates({ shop: { counts } }, { meter: meters.getMeter('t') });
  await reader.forceFlush();
  const metrics = () => exporter.getMetrics().at(-1)?.scopeMetrics[0]?.metrics ?? [];
  const found = metrics().find(({ descriptor }) => descriptor.name === 'tidegate.route.requests');
  const labels = { gate: 'shop', tenant: '-', origin: 'api', route: 'api' };
  expect(found?.dataPoints.map(({ attributes, value }) => [attributes, value])).toEqual([
    [{ ...labels, outcome: 'hit' }, 1],
    [{ ...labels, outcome: 'miss' }, 1],
  ]);
  const readsBefore = reads;
  stop();
  await reader.forceFlush();
  expect([readsBefore > 0, reads]).toEqual([true, readsBefore]);
});
