// Figures as OpenTelemetry metrics, and each fill as a span.

import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createCache } from 'tidegate';
import { instrumentCaches } from 'tidegate/otel';

// A program has exporters that send; these keep what they are given, so that it can be shown.
const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter: metrics });
const meters = new MeterProvider({ readers: [reader] });
const spans = new InMemorySpanExporter();
const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });

const cache = createCache({ name: 'shop' });
const stop = instrumentCaches({ shop: cache }, { meter: meters.getMeter('app'), tracer: tracers.getTracer('app') });

await cache.getOrSet('lamp', () => 40);
await cache.getOrSet('lamp', () => 40);
try {
  await cache.getOrSet('rug', (fill) => fill.fail('no connection'));
} catch {
  console.log('the rug is not there');
}

for (const { name, attributes, status } of spans.getFinishedSpans()) {
  console.log(name, attributes['tidegate.cache.key'], attributes['tidegate.cache.result'], status.message ?? '');
}

await reader.forceFlush();
for (const { descriptor, dataPoints } of metrics.getMetrics()[0]?.scopeMetrics[0]?.metrics ?? []) {
  if (!/requests$|fills$|duration$/.test(descriptor.name)) continue;
  console.log(`${descriptor.name} (${descriptor.unit})`);
  for (const { attributes, value } of dataPoints) {
    console.log(' ', attributes, typeof value === 'number' ? value : `${value.count} measured`);
  }
}

stop();
await meters.shutdown();
