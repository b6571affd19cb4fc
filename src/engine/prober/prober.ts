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
import { invalidateBy } from '../invalidating.ts';
import { itemOfKey, type PopulateItem } from '../populate/item.ts';
import { type Asked, askOrigin, contentOf, isSame, MAX_COMPARED_BYTES } from './asking.ts';
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

/** Hits that are judged at once. Each holds up to three contents of `MAX_COMPARED_BYTES`, one of them while it waits. */
const MAX_JUDGING = 32;
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
  #judging = 0;
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
    if (this.#judging >= MAX_JUDGING || !this.#sampler.take()) return this.#count('skipped');
    this.#judging++;
    const { clock } = this.#context;
    const servedAtMs = clock.now();
    const ageMs = currentAgeMs(entry.bornMs, servedAtMs);
    const hit = { entry, request: asked, weight, ageMs, servedAtMs, servedMs: clock.monotonic() };
    // First the client gets its answer.
    this.#context.tasks.soon(() => {
      void this.#judge(hit)
        .catch(this.#context.fault)
        .finally(() => this.#judging--);
    });
  }

  async #judge(hit: Sampled): Promise<void> {
    const { entry, request } = hit;
    const other = await this.#differing(hit);
    if (other === undefined) return;
    await this.#pause(SETTLE_MS);
    const last = await this.#ask(request);
    if (last !== undefined && isSame(contentOf(entry), last)) return this.#varies(request);
    if (!other.isConfirmed || last === undefined || this.#isTold(entry)) return this.#weigh('undecided', hit);
    this.#weigh('outdated', hit, partBefore(hit, other));
    await this.#mend(hit, other);
  }

  /** Asks up to twice at once: what the origin has in place of what was served. Undefined: the hit is judged. */
  async #differing(hit: Sampled): Promise<Differing | undefined> {
    const { entry, request } = hit;
    const first = await this.#ask(request);
    if (first === undefined) return void this.#count('failed');
    if (isSame(contentOf(entry), first)) return void this.#weigh('same', hit);
    if (this.#unstable.get(request.uri)) return void this.#count('unstable');
    const second = await this.#ask(request);
    if (second !== undefined && !isSame(first, second)) return void this.#varies(request);
    const { status, headMs, statedAgeMs } = first;
    return { status, headMs, statedAgeMs, isConfirmed: second !== undefined };
  }

  /** Somebody has told the gate of a change, and it was not this prober. */
  #isTold(entry: StoredResponse): boolean {
    return !this.#context.ledger.isCurrent(entry) && this.#mended.get(entry.key) !== entry.stamp;
  }

  #ask(request: GateRequest): Promise<Asked | undefined> {
    this.#counts.asks++;
    return askOrigin(request, this.#context.clock);
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

  async #mend({ entry, servedAtMs, servedMs, ageMs }: Sampled, { status, headMs }: Differing): Promise<void> {
    const { rehydrator, tiers } = this.#context;
    const { uri } = keyParts(entry.key);
    const invalidated = this.#parts.settings.onOutdated === 'invalidate';
    const example = {
      ...{ url: uri, filledAtMs: servedAtMs - ageMs, servedAtMs, differedAtMs: servedAtMs + headMs - servedMs },
      ...{ status: { served: entry.status, origin: status }, invalidated },
    };
    this.#examples.unshift(example);
    this.#examples.length = Math.min(this.#examples.length, MAX_EXAMPLES);
    this.#parts.found(example);
    if (!invalidated) return;
    this.#mended.set(entry.key, entry.stamp);
    const selector = { kind: 'url', uri } as const;
    await invalidateBy(this.#context, 'prober', [selector]);
    rehydrator?.invalidated([selector], tiers);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#context.tasks.later(ms, resolve));
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends number ? number : Mutable<T[Key]> };

/** The origin's other answer, without its content: many may wait to be confirmed. */
interface Differing extends Pick<Asked, 'status' | 'headMs' | 'statedAgeMs'> {
  /** Another ask got the same. */
  readonly isConfirmed: boolean;
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
function partBefore({ ageMs, servedMs }: Sampled, { headMs, statedAgeMs }: Differing): number {
  const afterMs = headMs - servedMs;
  if (statedAgeMs !== undefined && statedAgeMs >= afterMs) return 1;
  return ageMs + afterMs === 0 ? 0 : ageMs / (ageMs + afterMs);
}
