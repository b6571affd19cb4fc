// `tidegate/otel`: the figures of data caches and of gates as OpenTelemetry metrics, and fills of data caches as spans.
//
// A cache knows nothing of OpenTelemetry. Figures are read from its stats when they are collected,
// and fills are heard of on the diagnostics channel when they are over; a span is then made with the times that were.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type Meter, SpanKind, SpanStatusCode, type Tracer } from '@opentelemetry/api';
import { platformClock } from '../cache/platform.ts';
import { CACHE_CHANNEL, type CacheMessage } from '../cache/watching.ts';
import type { GateCounts } from '../engine/statistics/counts.ts';
import type { Series } from './collected.ts';
import { GATE_MEASURES } from './gate-measures.ts';
import { MEASURES, type Measure, type NamedCaches, seriesOfCaches } from './measures.ts';

export type { NamedCaches };

/** Gates, as `startGate` of `tidegate/node` gives them, by the name they are told apart by. */
export interface NamedGates {
  readonly [name: string]: { readonly counts: () => GateCounts };
}

export interface InstrumentOptions {
  readonly meter?: Meter;
  readonly tracer?: Tracer;
}

/**
 * Metrics `tidegate.cache.…` of these caches, and for every cache of the process a span `cache.fill` for each fill, with
 * `tidegate.cache.fill.duration` in seconds. Returns how to end it.
 */
export function instrumentCaches(caches: NamedCaches, { meter, tracer }: InstrumentOptions): () => void {
  const stop = meter === undefined ? () => {} : observeCaches(meter, caches);
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

/** Metrics `tidegate.…` of these gates, each of one process. Returns how to end it. */
export function instrumentGates(gates: NamedGates, { meter }: { readonly meter: Meter }): () => void {
  const stops = GATE_MEASURES.map((measure) => {
    return observe(meter, `tidegate.${measure.name.join('.')}`, {
      ...measure,
      series: () =>
        Object.entries(gates).flatMap(([gate, one]) =>
          measure.read(one.counts()).map(({ labels, value }) => ({ labels: { gate, ...labels }, value })),
        ),
    });
  });
  return () => {
    for (const stop of stops) stop();
  };
}

function observeCaches(meter: Meter, caches: NamedCaches): () => void {
  const stops = MEASURES.map((measure) => {
    const series = () => seriesOfCaches(measure, caches);
    return observe(meter, `tidegate.cache.${measure.name.join('.')}`, { ...measure, series });
  });
  return () => {
    for (const stop of stops) stop();
  };
}

interface Observed extends Pick<Measure, 'kind' | 'help' | 'unit'> {
  readonly series: () => readonly Series[];
}

function observe(meter: Meter, name: string, { kind, help, unit, series }: Observed): () => void {
  const options = { description: help, unit };
  const instrument =
    kind === 'counter' ? meter.createObservableCounter(name, options) : meter.createObservableGauge(name, options);
  const read: Parameters<typeof instrument.addCallback>[0] = (result) => {
    for (const { labels, value } of series()) result.observe(value, labels);
  };
  instrument.addCallback(read);
  return () => instrument.removeCallback(read);
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
