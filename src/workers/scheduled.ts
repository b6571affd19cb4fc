// A cron trigger of the Worker: fills what a schedule names, with no client waiting, within the subrequests that one run has.
//
// What does not fit into one run is filled by the next: the place where a run stopped is kept in the shard's object. It is
// written down before the fills of a portion begin, so that a URL that ends the run is not begun with time and again. Written beside
// it is when the run began: what would expire before the next one is filled by this one, so that nobody waits for it.

import type { PopulateResult } from '../engine/contract.ts';
import { messageOf, TidegateError } from '../errors.ts';
import { sitemapParts } from './sitemap.ts';

/** One repeated fill: exactly one source. */
export interface Schedule {
  readonly name: string;
  readonly cron: string;
  readonly urls?: readonly string[] | undefined;
  readonly sitemap?: string | undefined;
  /** True: what is asked for most. */
  readonly manifest?: boolean | undefined;
}

export interface ScheduleParts {
  /** Fills one URL, unless what is stored is fresh until then; undefined: no route takes it. */
  readonly fill: (url: string, freshUntilMs: number) => Promise<PopulateResult | undefined>;
  /** Asks the origin of a sitemap; undefined: no route takes it. */
  readonly fetch: (url: string) => Promise<Response | undefined>;
  /** The URLs asked for most, at most so many. */
  readonly mostUsed: (count: number) => Promise<readonly string[]>;
  /** Where the last run of a schedule stopped. */
  readonly place: { get(name: string): Promise<string | undefined>; set(name: string, text: string): Promise<void> };
  /** Fills that one run has subrequests for. */
  readonly maxFills: number;
  /** Fills under way at once. */
  readonly concurrency: number;
  /** Ms since the Unix epoch. */
  readonly now: number;
  readonly fault: (error: unknown) => void;
}

/** What a run has done. `more`: the next one goes on where this one stopped. */
export interface ScheduleRun {
  readonly name: string;
  readonly results: { readonly [kind in PopulateResult['kind'] | 'no-route']: number };
  readonly more: boolean;
}

/** Sitemaps behind one index that a run reads at most; the rest is for the next. */
const MAX_SITEMAPS = 20;

/** Rejects when the source cannot be read. */
export async function runSchedule(schedule: Schedule, parts: ScheduleParts): Promise<ScheduleRun> {
  const results = { fresh: 0, stored: 0, refused: 0, failed: 0, 'no-route': 0 };
  const { from, beganMs } = noteOf(await parts.place.get(schedule.name));
  const { urls, next } = await portion(schedule, from, parts);
  await parts.place.set(schedule.name, [...(next ?? BEGINNING), parts.now].join(' '));
  const freshUntilMs = freshUntil(beganMs, parts.now);
  const waiting = urls.values();
  const fillNext = async () => {
    for (const url of waiting) {
      const result = await parts.fill(url, freshUntilMs).catch((error: unknown) => {
        parts.fault(error);
        return { kind: 'failed' } as const;
      });
      results[result?.kind ?? 'no-route']++;
    }
  };
  await Promise.all(Array.from({ length: parts.concurrency }, fillNext));
  return { name: schedule.name, results, more: next !== undefined };
}

/** Of an index the sitemap, and within a list the URL, with which a run begins. */
type Place = readonly [sitemap: number, url: number];

const BEGINNING: Place = [0, 0];

/** `beganMs`: when the last run began. */
function noteOf(text = ''): { readonly from: Place; readonly beganMs?: number } {
  const match = /^(\d{1,9}) (\d{1,9}) (\d{1,16})$/.exec(text);
  if (match === null) return { from: BEGINNING };
  const [, page, url, beganMs] = match.map(Number) as [number, number, number, number];
  return { from: [page, url], beganMs };
}

/** Triggers are late by some seconds, and a fill takes its time. */
const LATE_MS = 15_000;
/** After a longer pause the time to the next run is not known. */
const LONGEST_MS = 86_400_000;

/** When the next run has come, where runs come as far apart as this one from the last. */
function freshUntil(beganMs: number | undefined, now: number): number {
  const apartMs = now - (beganMs ?? now);
  return apartMs <= 0 || apartMs > LONGEST_MS ? now : now + apartMs + LATE_MS;
}

interface Portion {
  readonly urls: readonly string[];
  /** Undefined: this portion ends with the last URL, and the next run begins anew. */
  readonly next: Place | undefined;
}

async function portion({ urls, sitemap }: Schedule, from: Place, parts: ScheduleParts): Promise<Portion> {
  const { maxFills, mostUsed } = parts;
  if (sitemap !== undefined) return fromSitemap(sitemap, from, parts);
  if (urls === undefined) return { urls: await mostUsed(maxFills), next: undefined };
  // The list may have become shorter.
  const at = from[1] < urls.length ? from[1] : 0;
  const end = at + maxFills;
  return { urls: urls.slice(at, end), next: end < urls.length ? [0, end] : undefined };
}

async function fromSitemap(url: string, [page, at]: Place, parts: ScheduleParts): Promise<Portion> {
  const found = await locationsOf(url, page === 0 ? at : 0, parts);
  if (found.kind === 'page') return { urls: found.urls, next: found.isWhole ? undefined : [0, at + found.urls.length] };
  const urls: string[] = [];
  let start = at;
  for (let read = 0; page + read < found.urls.length && urls.length < parts.maxFills; read++, start = 0) {
    if (read === MAX_SITEMAPS) return { urls, next: [page + read, 0] };
    const room = { ...parts, maxFills: parts.maxFills - urls.length };
    const inner = await locationsOf(found.urls[page + read] as string, start, room);
    if (inner.kind === 'index') continue;
    urls.push(...inner.urls);
    if (!inner.isWhole) return { urls, next: [page + read, start + inner.urls.length] };
    if (urls.length === parts.maxFills && page + read + 1 < found.urls.length)
      return { urls, next: [page + read + 1, 0] };
  }
  return { urls, next: undefined };
}

/** Of a page the URLs from `at` on, as many as a run may fill; of an index all. */
async function locationsOf(
  url: string,
  at: number,
  { fetch, maxFills }: ScheduleParts,
): Promise<{ readonly kind: 'page' | 'index'; readonly urls: readonly string[]; readonly isWhole: boolean }> {
  const urls: string[] = [];
  let kind: 'page' | 'index' = 'page';
  let seen = 0;
  for await (const part of sitemapParts(await bodyOf(url, fetch))) {
    ({ kind } = part);
    for (const location of part.locations) {
      if (kind === 'page' && urls.length === maxFills) return { kind, urls, isWhole: false };
      if (kind === 'index' || seen++ >= at) urls.push(location);
    }
  }
  return { kind, urls, isWhole: true };
}

async function bodyOf(url: string, fetch: ScheduleParts['fetch']): Promise<AsyncIterable<Uint8Array>> {
  const response = await fetch(url).catch((error: unknown) => {
    throw new TidegateError('E_POPULATE', `expected the sitemap ${url}, got ${messageOf(error)}`, { cause: error });
  });
  if (response === undefined) {
    throw new TidegateError('E_POPULATE', `expected a sitemap that a route takes, got ${url}`);
  }
  if (!response.ok || response.body === null) {
    throw new TidegateError('E_POPULATE', `expected the sitemap ${url}, got ${response.status}`);
  }
  const isPacked = new URL(url).pathname.endsWith('.gz') && !response.headers.has('content-encoding');
  const body = isPacked ? response.body.pipeThrough(new DecompressionStream('gzip')) : response.body;
  return body as unknown as AsyncIterable<Uint8Array>;
}
