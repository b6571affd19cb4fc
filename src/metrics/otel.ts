// `tidegate/otel`: the figures of data caches as OpenTelemetry metrics, and their fills as spans.
//
// A cache knows nothing of OpenTelemetry. Figures are read from its stats when they are collected,
// and fills are heard of on the diagnostics channel when they are over; a span is then made with the times that were.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type Meter, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { platformClock } from '../cache/platform.ts';
import { CACHE_CHANNEL, type CacheMessage } from '../cache/watching.ts';
import { MEASURES, type NamedCaches, seriesOfCaches } from './measures.ts';

export type { NamedCaches };

export interface InstrumentOptions {
  readonly meter?: Meter;
  readonly tracer?: Tracer;
}

/**
 * Metrics `tidegate.cache.…` of these caches, and for every cache of the process a span `cache.fill` for each fill, with
 * `tidegate.cache.fill.duration` in seconds. Returns how to end it.
 */
export function instrumentCaches(caches: NamedCaches, { meter, tracer }: InstrumentOptions): () => void {
  const stop = meter === undefined ? () => {} : observe(meter, caches);
  const duration = meter?.createHistogram('tidegate.cache.fill.duration', {
    description: 'Time that fills took.',
    unit: 's',
    advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] },
  });
  const hear = (heard: unknown) => {
    const message = heard as CacheMessage;
    if (message.kind !== 'fill') return;
    duration?.record(message.durationMs / 1000, { cache: message.cache, result: message.result });
    if (tracer !== undefined) span(tracer, message);
  };
  subscribe(CACHE_CHANNEL, hear);
  return () => {
    unsubscribe(CACHE_CHANNEL, hear);
    stop();
  };
}

function observe(meter: Meter, caches: NamedCaches): () => void {
  const stops = MEASURES.map((measure) => {
    const name = `tidegate.cache.${measure.name.join('.')}`;
    const options = { description: measure.help, unit: measure.unit };
    const instrument =
      measure.kind === 'counter'
        ? meter.createObservableCounter(name, options)
        : meter.createObservableGauge(name, options);
    const read: Parameters<typeof instrument.addCallback>[0] = (result) => {
      for (const { labels, value } of seriesOfCaches(measure, caches)) result.observe(value, labels);
    };
    instrument.addCallback(read);
    return () => instrument.removeCallback(read);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

function span(tracer: Tracer, { cache, key, result, durationMs, error }: CacheMessage & { kind: 'fill' }): void {
  const endTime = platformClock.now();
  const attributes = { 'tidegate.cache.name': cache, 'tidegate.cache.key': key, 'tidegate.cache.result': result };
  const made = tracer.startSpan('cache.fill', {
    kind: SpanKind.INTERNAL,
    startTime: endTime - durationMs,
    attributes,
  });
  if (error !== undefined) {
    made.recordException(error as Error);
    made.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
  }
  made.end(endTime);
}
