// Asks origins again for a sample of the hits that are served, and counts how many of them were outdated: the product's own figure of
// how far its answers can be believed.
//
// That an origin has something else now does not show that it had it before the hit: it may have changed while it was asked. So
// - it is asked as the hit is served, which leaves a change little room after the hit, and delays nobody;
// - it is asked again at once, and once more after a while: one that varies, or goes back, says nothing about the hit;
// - a change that the gate is told of in that while is left open, since an origin that tells was about to;
// - any other change came at some moment between fill and answer, none likelier than another. Of the hit counts the part of this
//   time that lies before it: 0.996 where the fill is 5 s old and the answer takes 20 ms.

import { keyParts } from '../../entry/key.ts';
import { bodyBytesOf, type StoredResponse } from '../../entry/stored-response.ts';
import type { Position } from '../../ledger/log.ts';
import { RecentMap } from '../../memory/recent-map.ts';
import { hasField } from '../../semantics/fields.ts';
import { currentAgeMs } from '../../semantics/reuse.ts';
import type { Context } from '../context.ts';
import type { GateRequest } from '../contract.ts';
import { itemOfKey, type PopulateItem } from '../populate/item.ts';
import { type Asked, askOrigin, type Content, contentOf, isSame, MAX_COMPARED_BYTES } from './asking.ts';
import { noCounts, type ProberCounts, type ProbeVerdict } from './counts.ts';
import { Sampler, type SamplingLimits } from './sampler.ts';

export interface ProberSettings extends SamplingLimits {
  /** What is done with an outdated answer that was found. */
  readonly onOutdated: 'report' | 'invalidate';
}

/** An outdated answer that was found. Times in ms since the Unix epoch. */
export interface Outdated {
  readonly url: string;
  readonly filledAtMs: number;
  readonly servedAtMs: number;
  /** The origin had given something else by then. */
  readonly differedAtMs: number;
  readonly status: { readonly served: number; readonly origin: number };
  readonly invalidated: boolean;
}

export interface ProberParts {
  readonly settings: ProberSettings;
  /** As the front would hand it to the engine; undefined when no route takes it. */
  readonly requestOf: (item: PopulateItem) => GateRequest | undefined;
  /** Told of each outdated answer. */
  readonly found: (outdated: Outdated) => void;
}

/** A hit that was chosen, while it is asked about. */
interface Sampled {
  readonly entry: StoredResponse;
  /** As the gate itself asks: with the fields that select the variant, and nothing else of a client. */
  readonly request: GateRequest;
  readonly weight: number;
  /** Time since its fill. */
  readonly ageMs: number;
  readonly servedAtMs: number;
  /** Monotonic. */
  readonly servedMs: number;
}

/** Hits that are asked about at once. */
const MAX_ASKING = 4;
/** Within it a gate hears of a change, where anyone tells it. */
const SETTLE_MS = 1_000;
const SECOND_MS = 1_000;
/** URLs remembered whose origin answers unlike from one ask to the next. */
const UNSTABLE_URLS = 1_000;
const MENDED_ENTRIES = 1_000;
const MAX_EXAMPLES = 20;

const CREDENTIALS = ['cookie', 'authorization', 'proxy-authorization'] as const;

export class Prober {
  readonly #context: Context;
  readonly #parts: ProberParts;
  readonly #sampler: Sampler;
  readonly #counts = noCounts() as Mutable<ProberCounts>;
  readonly #unstable = new RecentMap<true>(UNSTABLE_URLS);
  /** By the key of entries that were invalidated here: their stamp. */
  readonly #mended = new RecentMap<Position>(MENDED_ENTRIES);
  readonly #examples: Outdated[] = [];
  #asking = 0;
  #stopped = false;

  constructor(context: Context, parts: ProberParts) {
    this.#context = context;
    this.#parts = parts;
    this.#sampler = new Sampler(parts.settings, context.random);
    this.#tick();
  }

  /** A stored response is served as a hit. */
  served(request: GateRequest, entry: StoredResponse): void {
    const weight = this.#sampler.next();
    if (weight > 0 && !this.#stopped) this.#chosen(request, entry, weight);
  }

  counts(): ProberCounts {
    const { verdicts, weights, asks } = this.#counts;
    return { hits: this.#sampler.hits, asks, verdicts: { ...verdicts }, weights: { ...weights } };
  }

  /** The last ones found, the newest first. */
  examples(): readonly Outdated[] {
    return this.#examples;
  }

  stop(): void {
    this.#stopped = true;
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#context.tasks.later(SECOND_MS, () => {
      this.#sampler.secondOver();
      this.#tick();
    });
  }

  #chosen(request: GateRequest, entry: StoredResponse, weight: number): void {
    const asked = isComparable(entry) && !hasCredentials(request) ? requestFor(entry, this.#parts) : undefined;
    if (asked === undefined) return this.#count('ineligible');
    if (this.#asking >= MAX_ASKING || !this.#sampler.take()) return this.#count('skipped');
    const { clock } = this.#context;
    const servedAtMs = clock.now();
    const ageMs = currentAgeMs(entry.bornMs, servedAtMs);
    const hit = { entry, request: asked, weight, ageMs, servedAtMs, servedMs: clock.monotonic() };
    // First the client gets its answer.
    this.#context.tasks.soon(() => void this.#judge(hit).catch(this.#context.fault));
  }

  async #judge(hit: Sampled): Promise<void> {
    const { entry, request } = hit;
    const served = contentOf(entry);
    const first = await this.#ask(request);
    if (first === undefined) return this.#count('failed');
    if (isSame(served, first)) return this.#weigh('same', hit);
    if (this.#unstable.get(request.uri)) return this.#count('unstable');
    const second = await this.#ask(request);
    if (second !== undefined && !isSame(first, second)) return this.#varies(request);
    await this.#pause(SETTLE_MS);
    const third = await this.#ask(request);
    if (third !== undefined && isSame(served, third)) return this.#varies(request);
    const isOpen = second === undefined || third === undefined || this.#isTold(entry);
    if (isOpen) return this.#weigh('undecided', hit);
    this.#weigh('outdated', hit, partBefore(hit, first));
    await this.#mend(hit, { served, first, differedAtMs: hit.servedAtMs + first.headMs - hit.servedMs });
  }

  /** Somebody has told the gate of a change, and it was not this prober. */
  #isTold(entry: StoredResponse): boolean {
    return !this.#context.ledger.isCurrent(entry) && this.#mended.get(entry.key) !== entry.stamp;
  }

  async #ask(request: GateRequest): Promise<Asked | undefined> {
    this.#asking++;
    this.#counts.asks++;
    try {
      return await askOrigin(request, this.#context.clock);
    } finally {
      this.#asking--;
    }
  }

  #varies({ uri }: GateRequest): void {
    this.#unstable.set(uri, true);
    this.#count('unstable');
  }

  #count(verdict: ProbeVerdict): void {
    this.#counts.verdicts[verdict]++;
  }

  /** `part`: how much of the hit counts as outdated. */
  #weigh(verdict: 'same' | 'outdated' | 'undecided', { weight }: Sampled, part = 1): void {
    this.#count(verdict);
    const { weights } = this.#counts;
    weights.judged += weight;
    weights.squares += weight ** 2;
    if (verdict !== 'same') weights[verdict] += weight * part;
  }

  async #mend({ entry, servedAtMs, ageMs }: Sampled, seen: Seen): Promise<void> {
    const { invalidator, rehydrator, tiers } = this.#context;
    const { uri } = keyParts(entry.key);
    const invalidated = this.#parts.settings.onOutdated === 'invalidate';
    const { served, first, differedAtMs } = seen;
    const status = { served: served.status, origin: first.status };
    const example = { url: uri, filledAtMs: servedAtMs - ageMs, servedAtMs, differedAtMs, status, invalidated };
    this.#examples.unshift(example);
    this.#examples.length = Math.min(this.#examples.length, MAX_EXAMPLES);
    this.#parts.found(example);
    if (!invalidated) return;
    this.#mended.set(entry.key, entry.stamp);
    const selector = { kind: 'url', uri } as const;
    await invalidator.invalidate(selector);
    rehydrator?.invalidated([selector], tiers);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#context.tasks.later(ms, resolve));
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends number ? number : Mutable<T[Key]> };

interface Seen {
  readonly served: Content;
  readonly first: Content;
  readonly differedAtMs: number;
}

/** Whole, in memory, and not large. */
export function isComparable(entry: StoredResponse): boolean {
  const { large, status } = entry;
  return (
    status !== 206 && (large === undefined || large.pieces !== undefined) && bodyBytesOf(entry) <= MAX_COMPARED_BYTES
  );
}

/** As the gate itself asks for the entry; undefined: it does not, or not of everyone. */
function requestFor({ key }: StoredResponse, { requestOf }: Pick<ProberParts, 'requestOf'>): GateRequest | undefined {
  const item = itemOfKey(key);
  const request = item && requestOf(item);
  return request === undefined || request.bypass || hasCredentials(request) ? undefined : request;
}

/** Of the client; a route may send some of its own. */
function hasCredentials({ fields, route }: GateRequest): boolean {
  return CREDENTIALS.some((name) => hasField(fields, name) && !route.policy.ownRequestFields.has(name));
}

/** The part of the time in which the origin changed that lies before the hit. */
function partBefore({ ageMs, servedMs }: Sampled, { headMs, statedAgeMs }: Asked): number {
  const afterMs = headMs - servedMs;
  if (statedAgeMs !== undefined && statedAgeMs >= afterMs) return 1;
  return ageMs + afterMs === 0 ? 0 : ageMs / (ageMs + afterMs);
}
