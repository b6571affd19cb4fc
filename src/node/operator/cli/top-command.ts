// The command `top`: what a running gate does now, on one screen that is drawn again and again. Rates are those between two looks
// at `/v1/stats`; times are those of the last minute, or since the start where the gate keeps no history.

import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestFigures, StatsDocument, StatsFigures, TopUrls } from '../../../admin/stats-contract.ts';
import { platformClock } from '../../../cache/platform.ts';
import { expected } from '../../../errors.ts';
import { msOf } from '../../../options/durations.ts';
import { callAdmin } from './admin-client.ts';
import { COMMON_OPTIONS, type CommonOptions, get } from './admin-commands.ts';
import { coloured, outcomeColoured } from './colours.ts';
import type { Call, CommandRow } from './commands.ts';
import { numberText, percentText, printable, progressBar, sizeText, table } from './text.ts';

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
  readonly stats: StatsDocument;
}

/** Of one interval. Rates are by second. */
export interface TopFigures {
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly bytesPerSecond: number;
  /** Of hits and misses together; null: there were none. */
  readonly hitRatio: number | null;
  readonly hitRatioSinceStart: number | null;
  readonly outcomes: Counts;
  /** Until an answer was handed to its connection, in ms. */
  readonly latency: StatsFigures['latency'];
  readonly originPerSecond: number;
  /** To the head of the origins' answers, on the average; null: none was asked. */
  readonly originMs: number | null;
  readonly invalidationsPerSecond: number;
  readonly notStored: Counts;
  /** Most requests first. */
  readonly routes: readonly RouteLine[];
  /** Of the last five to ten minutes; null: the gate counts none. */
  readonly urls: TopUrls | null;
}

interface RouteLine {
  readonly route: string;
  readonly origin: string;
  readonly requestsPerSecond: number;
  readonly hitRatio: number | null;
}

async function top({ io, options }: Call<TopOptions>): Promise<void> {
  const isScreen = options.once !== true && options.json !== true && process.stdout.isTTY === true;
  const pauseMs = msOf(options.interval) as number;
  let before = await look(options);
  for (;;) {
    await sleep(pauseMs);
    const now = await look(options);
    const figures = figuresOf(before, now);
    const { memory, disk } = now.stats.gate;
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
  const stats = (await callAdmin(options, get('/v1/stats'))) as StatsDocument;
  return { atMs: platformClock.monotonic(), stats };
}

/** A gate that has started anew between the two looks counts from 0. */
export function figuresOf(before: Look, now: Look): TopFigures {
  const seconds = (now.atMs - before.atMs) / 1000;
  const [old, { total, lastMinute, gate }] = [before.stats, now.stats];
  const grown = grownIn(old.total, total);
  return {
    seconds: Math.round(seconds * 1000) / 1000,
    requestsPerSecond: grown.requests / seconds,
    bytesPerSecond: Math.max(0, total.bytes - old.total.bytes) / seconds,
    hitRatio: ratioOf(grown),
    hitRatioSinceStart: total.hitRatio,
    outcomes: grownEach(old.total.outcomes, total.outcomes),
    latency: (lastMinute ?? total).latency,
    originPerSecond: grown.originRequests / seconds,
    originMs: grown.originRequests === 0 ? null : grown.originMs / grown.originRequests,
    invalidationsPerSecond: Math.max(0, total.invalidations.count - old.total.invalidations.count) / seconds,
    notStored: grownEach(old.gate.refusedStores, gate.refusedStores),
    routes: routesOf(old.total, total, seconds),
    urls: now.stats.urls,
  };
}

const GROWING = ['requests', 'hits', 'misses', 'originRequests', 'originMs'] as const;
type Grown = Readonly<Record<(typeof GROWING)[number], number>>;

function grownIn(before: RequestFigures | undefined, now: RequestFigures): Grown {
  const grown = GROWING.map((name) => [name, Math.max(0, now[name] - (before?.[name] ?? 0))] as const);
  return Object.fromEntries(grown) as Grown;
}

function ratioOf({ hits, misses }: Grown): number | null {
  return hits + misses === 0 ? null : hits / (hits + misses);
}

function routesOf(before: StatsFigures, now: StatsFigures, seconds: number): RouteLine[] {
  const named = ({ tenant, origin, route }: StatsFigures['routes'][number]) => JSON.stringify([tenant, origin, route]);
  const old = new Map(before.routes.map((one) => [named(one), one]));
  return now.routes
    .map((one) => {
      const grown = grownIn(old.get(named(one)), one);
      const { route, origin } = one;
      return { route, origin, requestsPerSecond: grown.requests / seconds, hitRatio: ratioOf(grown) };
    })
    .filter(({ requestsPerSecond }) => requestsPerSecond > 0)
    .sort((one, other) => other.requestsPerSecond - one.requestsPerSecond);
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

function screenText(figures: TopFigures, { gate }: StatsDocument): string {
  const { memory, disk, fillsInFlight, intentsOpen, position } = gate;
  const { latency, originMs } = figures;
  const times = ({ p50, p99 }: { readonly p50: number | null; readonly p99: number | null }) =>
    `p50 ${msText(p50)}, p99 ${msText(p99)}`;
  const rows = [
    ['requests', `${rate(figures.requestsPerSecond)}, ${sizeText(figures.bytesPerSecond)}/s`],
    ['hit ratio', `${ratio(figures.hitRatio)} now, ${ratio(figures.hitRatioSinceStart)} since the start`],
    ['answered in', `hits ${times(latency.hits)}; misses ${times(latency.misses)}`],
    ['origins', `${rate(figures.originPerSecond)}, ${msText(originMs)} each`],
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
    ...routeLines(figures.routes),
    ...urlLines(figures.urls),
    ...countLines('outcomes', figures.outcomes),
    ...countLines('not stored', figures.notStored),
  ].join('\n');
}

function routeLines(routes: readonly RouteLine[]): string[] {
  if (routes.length === 0) return [];
  const lines = routes.slice(0, MAX_LINES).map(({ route, origin, requestsPerSecond, hitRatio }) => {
    const name = printable(`${route}, ${origin}`);
    return `  ${name.padEnd(28)} ${rate(requestsPerSecond).padStart(9)}  ${ratio(hitRatio).padStart(7)} hits`;
  });
  return [coloured('bold', 'routes'), ...lines];
}

function urlLines(urls: TopUrls | null): string[] {
  if (urls === null || urls.urls.length === 0) return [];
  const lines = urls.urls.slice(0, MAX_LINES).map(({ url, hits, misses, passes, waitedMs }) => {
    const all = hits + misses + passes;
    const name = printable(url).slice(0, 60);
    return `  ${name.padEnd(60)} ${numberText(all).padStart(9)}  ${ratio(hits / all).padStart(7)} hits  ${msText(waitedMs)} waited`;
  });
  return [coloured('bold', `URLs, last ${Math.max(1, Math.round(urls.sinceMs / 60_000))} min`), ...lines];
}

function msText(ms: number | null): string {
  return ms === null ? '-' : `${ms < 10 ? ms.toFixed(2) : numberText(Math.round(ms))} ms`;
}

function rate(perSecond: number): string {
  return `${perSecond >= 100 ? numberText(Math.round(perSecond)) : perSecond.toFixed(1)}/s`;
}

function ratio(part: number | null): string {
  return part === null ? '-' : percentText(part);
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
