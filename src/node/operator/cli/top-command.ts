// The command `top`: what a running gate does now, on one screen that is drawn again and again. Rates are those between two looks
// at `/stats` and `/metrics`.

import { setTimeout as sleep } from 'node:timers/promises';
import { platformClock } from '../../../cache/platform.ts';
import type { GateStats } from '../../../engine/contract.ts';
import { expected } from '../../../errors.ts';
import { msOf } from '../../../options/durations.ts';
import { callAdmin, textOfAdmin } from './admin-client.ts';
import { COMMON_OPTIONS, type CommonOptions, get } from './admin-commands.ts';
import { coloured, outcomeColoured } from './colours.ts';
import type { Call, CommandRow } from './commands.ts';
import { numberText, percentText, progressBar, sizeText, table } from './text.ts';

interface TopOptions extends CommonOptions {
  readonly interval: string;
  readonly once?: true;
}

export const TOP: CommandRow = {
  name: 'top',
  help: 'show what a running gate does now, on a screen that follows it',
  options: [
    ...COMMON_OPTIONS.slice(0, 2),
    ['--interval <duration>', 'time between two looks, at least 250ms', { read: interval, fallback: '2s' }],
    ['--once', 'print the figures of one interval and end; it does so where the output is no terminal'],
    ['--json', 'print the figures of one interval as JSON'],
  ],
  ends: 'Ctrl-C ends it, with 0. Ends with 1 when the gate cannot be reached.',
  run: top,
};

function interval(text: string): string {
  const ms = msOf(text);
  return ms !== undefined && ms >= 250 && ms <= 3_600_000
    ? text
    : expected('E_CONFIG', 'a duration of at least 250ms', text);
}

interface Look {
  readonly atMs: number;
  readonly stats: GateStats;
  readonly clientBytes: number;
  /** Answers of origins so far, by the seconds that they took at most. */
  readonly buckets: ReadonlyMap<number, number>;
}

/** Of one interval. Rates are by second. */
export interface TopFigures {
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Undefined: there were no requests. */
  readonly hitRatio: number | undefined;
  readonly hitRatioSinceStart: number | undefined;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly originPerSecond: number;
  /** Time to the head of the origins' answers, in ms, as the bounds of the histogram tell it. */
  readonly originMs: {
    readonly p50: number | undefined;
    readonly p95: number | undefined;
    readonly p99: number | undefined;
  };
  readonly invalidationsPerSecond: number;
  readonly notStored: Readonly<Record<string, number>>;
}

async function top({ io, options }: Call<TopOptions>): Promise<void> {
  const isScreen = options.once !== true && options.json !== true && process.stdout.isTTY === true;
  const pauseMs = msOf(options.interval) as number;
  let before = await look(options);
  for (;;) {
    await sleep(pauseMs);
    const now = await look(options);
    const figures = figuresOf(before, now);
    const { memory, disk } = now.stats;
    if (options.json === true)
      return io.print(JSON.stringify({ ...figures, memory, ...(disk !== undefined && { disk }) }));
    const text = screenText(figures, now.stats);
    if (!isScreen) return io.print(text);
    io.print(`${CLEAR}${coloured('bold', `tidegate top  ${options.admin}`)}\n\n${text}\n\nCtrl-C ends`);
    before = now;
  }
}

/** Puts the cursor to the top, and clears what is below. */
const CLEAR = '\u001b[H\u001b[J';

async function look(options: CommonOptions): Promise<Look> {
  const [stats, metrics] = await Promise.all([
    callAdmin(options, get('/stats')) as Promise<GateStats>,
    textOfAdmin(options, get('/metrics')),
  ]);
  const atMs = platformClock.monotonic();
  return { atMs, stats, ...metricsIn(metrics) };
}

function metricsIn(text: string): Pick<Look, 'clientBytes' | 'buckets'> {
  const buckets = new Map<number, number>();
  for (const [, bound, count] of text.matchAll(/^tidegate_origin_seconds_bucket\{[^}]*le="([^"]+)"[^}]*\} (\S+)$/gm)) {
    const seconds = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound);
    buckets.set(seconds, (buckets.get(seconds) ?? 0) + Number(count));
  }
  return { clientBytes: Number(/^tidegate_client_bytes_total (\S+)$/m.exec(text)?.[1] ?? 0), buckets };
}

/** A gate that has started anew between the two looks counts from 0. */
export function figuresOf(before: Look, now: Look): TopFigures {
  const seconds = (now.atMs - before.atMs) / 1000;
  const grown = (read: (look: Look) => number) => Math.max(0, read(now) - read(before));
  const outcomes = grownEach(before.stats.requests, now.stats.requests);
  const all = total(outcomes);
  const invalidations = grownEach(before.stats.invalidations, now.stats.invalidations);
  return {
    seconds: Math.round(seconds * 1000) / 1000,
    requestsPerSecond: all / seconds,
    bytesPerSecond: grown(({ clientBytes }) => clientBytes) / seconds,
    hitRatio: hitRatio(outcomes),
    hitRatioSinceStart: hitRatio(now.stats.requests),
    outcomes,
    originPerSecond: total(grownEach(before.stats.forwards, now.stats.forwards)) / seconds,
    originMs: quantiles(before.buckets, now.buckets),
    invalidationsPerSecond: total(invalidations) / seconds,
    notStored: grownEach(before.stats.refusedStores, now.stats.refusedStores),
  };
}

type Counts = Readonly<Record<string, number>>;

function grownEach(before: Counts, now: Counts): Counts {
  return Object.fromEntries(
    Object.entries(now).map(([name, count]) => [name, Math.max(0, count - (before[name] ?? 0))]),
  );
}

function total(counts: Counts): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/** Answered without a request of its own to the origin. */
function hitRatio(outcomes: Counts): number | undefined {
  const all = total(outcomes);
  return all === 0 ? undefined : ((outcomes.hit ?? 0) + (outcomes.stale ?? 0) + (outcomes.collapsed ?? 0)) / all;
}

/** The upper bounds of the buckets in which they lie. */
function quantiles(before: Look['buckets'], now: Look['buckets']): TopFigures['originMs'] {
  const grown = [...now].map(([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const);
  grown.sort(([one], [other]) => one - other);
  const all = grown.at(-1)?.[1] ?? 0;
  const at = (part: number) => {
    if (all <= 0) return undefined;
    const [bound] = grown.find(([, count]) => count >= part * all) as readonly [number, number];
    return Number.isFinite(bound) ? bound * 1000 : undefined;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function screenText(figures: TopFigures, { memory, disk, fillsInFlight, intentsOpen, position }: GateStats): string {
  const { originMs } = figures;
  const ms = (value: number | undefined) => (value === undefined ? '-' : `<= ${numberText(value)} ms`);
  const rows = [
    ['requests', `${rate(figures.requestsPerSecond)}, ${sizeText(figures.bytesPerSecond)}/s`],
    ['hit ratio', `${ratio(figures.hitRatio)} now, ${ratio(figures.hitRatioSinceStart)} since the start`],
    [
      'origins',
      `${rate(figures.originPerSecond)}; p50 ${ms(originMs.p50)}, p95 ${ms(originMs.p95)}, p99 ${ms(originMs.p99)}`,
    ],
    ['under way', `${fillsInFlight} fills, ${intentsOpen} writes`],
    ['invalidations', `${rate(figures.invalidationsPerSecond)}, position ${position}`],
    ['memory', `${fill(memory.bytes, memory.maxBytes)}, ${numberText(memory.entries)} entries`],
    ...(disk === undefined
      ? []
      : [['disk', `${fill(disk.bytes, disk.maxBytes)}, ${numberText(disk.entries)} entries`]]),
  ];
  return [
    table(rows),
    '',
    ...countLines('outcomes', figures.outcomes),
    ...countLines('not stored', figures.notStored),
  ].join('\n');
}

function rate(perSecond: number): string {
  return `${perSecond >= 100 ? numberText(Math.round(perSecond)) : perSecond.toFixed(1)}/s`;
}

function ratio(part: number | undefined): string {
  return part === undefined ? '-' : percentText(part);
}

function fill(bytes: number, maxBytes: number): string {
  return `${progressBar(maxBytes === 0 ? 0 : bytes / maxBytes)} of ${sizeText(maxBytes)}`;
}

const MAX_LINES = 8;

/** The most frequent first. */
function countLines(title: string, counts: Counts): string[] {
  const some = Object.entries(counts).filter(([, count]) => count > 0);
  if (some.length === 0) return [];
  some.sort(([, one], [, other]) => other - one);
  const all = total(counts);
  const lines = some.slice(0, MAX_LINES).map(([name, count]) => {
    const shown = `  ${name.padEnd(28)} ${numberText(count).padStart(9)}  ${percentText(count / all).padStart(7)}`;
    return outcomeColoured(name, shown);
  });
  return [coloured('bold', title), ...lines];
}
