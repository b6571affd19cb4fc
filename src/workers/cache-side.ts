// The Workers Cache in a gate: the tier before the origin of each request, and what the cached entrypoint answers.
//
// The entrypoint has the tiers that come after the Workers Cache. With them it needs a part in the log, and so a lease of its
// own; what they give is as new as what it has heard of. Without them it asks the origin and needs none.

import { TidegateError } from '../errors.ts';
import type { Stamp } from '../ledger/ledger.ts';
import type { Selector } from '../ledger/selector.ts';
import type { LeasedLog } from '../log/lease/member.ts';
import type { Origin } from '../ports.ts';
import type { HostRouter, SiteRoute } from '../site/router.ts';
import type { ResolvedWorkersConfig, ResolvedWorkersOrigin } from '../site/workers-config.ts';
import type { HandlerGate } from '../web/handler-gate.ts';
import type { AddTags } from '../web/handler-origin.ts';
import type { CacheCall, CachedEntrypoint } from './cache-forward.ts';
import { platformTag } from './cached-answer.ts';
import { answerCached, CALLER_PROPS, type InnerAnswer, type OpenedRequest } from './cached-entrypoint.ts';
import type { ShardOfCall } from './handler-context.ts';
import type { Bindings, ExecutionContext, WorkersPlatform } from './platform.ts';
import { EVERYTHING, PlatformPurges, type PurgedCache, type PurgeStats } from './platform-purges.ts';
import { routed } from './requests.ts';
import type { ReadyShard } from './shard.ts';
import { rulesName } from './tiers.ts';
import { WorkersCache, type WorkersCacheStats } from './workers-cache.ts';

/** Under this name the Worker exports the cached entrypoint. */
const ENTRYPOINT = 'TidegateStored';

/** A request, and what the platform gives with it. */
export interface Passage {
  readonly request: Request;
  readonly env: Bindings;
  readonly context: ExecutionContext;
}

/** The gate, as far as the entrypoint needs it. */
export interface CacheSideParts {
  readonly settings: ResolvedWorkersConfig;
  readonly router: HostRouter;
  readonly platform: WorkersPlatform;
  /** An engine that stores nothing. */
  readonly past: HandlerGate;
  readonly shardName: (request: Pick<Request, 'url'>, site: SiteRoute) => string;
  /** The tiers after the Workers Cache; undefined: there are none, or none that may be asked now. */
  readonly below: (passage: Passage, shard: string) => Promise<ReadyShard | undefined>;
  /** The shard, for what a handler invalidates. Rejects with E_LOG. */
  readonly joined: (passage: Passage, shard: string) => Promise<ReadyShard>;
  readonly ask: (
    passage: Passage,
    site: SiteRoute,
    call: { readonly request: Request; readonly addTags: AddTags; readonly shard: ShardOfCall },
  ) => Response | Promise<Response>;
}

/** One request before its origin. */
export interface SideCall extends Pick<CacheCall, 'asked'>, Pick<CacheCall['host'], 'timeoutMs' | 'bodyTimeoutMs'> {
  /** Name of the shard. */
  readonly shard: string;
  readonly log: LeasedLog;
  readonly context: ExecutionContext;
}

export class CacheSide {
  readonly #parts: CacheSideParts;
  readonly #tiers = new Map<string, { readonly log: LeasedLog; readonly tier: WorkersCache }>();
  #purges: PlatformPurges | undefined;
  #isMissed = false;

  constructor(parts: CacheSideParts) {
    this.#parts = parts;
  }

  /** The origin with the tier before it, where the configuration has it. */
  before(origin: Origin, call: SideCall): Origin {
    const { settings, platform, past } = this.#parts;
    const { shard, log, context, asked, ...timeouts } = call;
    if (!settings.tiers.includes('workers-cache')) return origin;
    const entrypoint = this.#entrypoint(context);
    if (entrypoint === undefined) return origin;
    const host = { ...platform, ...timeouts, failed: (error: TidegateError) => past.fault(error) };
    const waitUntil = (work: Promise<unknown>) => context.waitUntil(work);
    if (this.#purges?.stats().waiting) waitUntil(this.#purges.flush(entrypoint));
    return this.#tierOf(shard, log).origin({ asked, host, origin, entrypoint, waitUntil });
  }

  /** What the cached entrypoint answers. */
  answer(request: Request, env: Bindings, context: ExecutionContext): Promise<Response> {
    const open = (given: Request) => this.#open({ request: given, env, context });
    return answerCached(request, context.props, { clock: this.#parts.platform.clock, open });
  }

  /** Purges at the platform what the selector names: now, or when the platform takes the call, of which its operator is told. */
  async purge(selector: Selector, context: ExecutionContext): Promise<void> {
    const { settings, past, platform } = this.#parts;
    const entrypoint = settings.tiers.includes('workers-cache') ? this.#entrypoint(context) : undefined;
    if (entrypoint === undefined) return;
    this.#purges ??= new PlatformPurges({ clock: platform.clock, answerMs: longestAnswerMs(settings) });
    const outcome = await this.#purges.purge(entrypoint, platformTags(selector));
    if (outcome.kind === 'purged') return;
    const what = `expected the platform to take a purge, got none taken (${outcome.reason}): it waits for the next call`;
    past.fault(new TidegateError('E_PURGE', what));
  }

  stats(): {
    readonly shards: Readonly<Record<string, WorkersCacheStats>>;
    readonly purges: PurgeStats | undefined;
  } {
    const shards = Object.fromEntries([...this.#tiers].map(([shard, { tier }]) => [shard, tier.stats()]));
    return { shards, purges: this.#purges?.stats() };
  }

  /** Where there is none the Worker does without, and its operator is told once. */
  #entrypoint({ exports }: ExecutionContext): (CachedEntrypoint & PurgedCache) | undefined {
    const entrypoint = exports?.[ENTRYPOINT];
    if (typeof entrypoint === 'function') return entrypoint({ props: CALLER_PROPS });
    const what = `expected the Worker to export ${ENTRYPOINT}, for the tier workers-cache, got nothing`;
    if (!this.#isMissed) this.#parts.past.fault(new TidegateError('E_CONFIG', what));
    this.#isMissed = true;
    return undefined;
  }

  /** A log that began anew has other positions. */
  #tierOf(shard: string, log: LeasedLog): WorkersCache {
    const known = this.#tiers.get(shard);
    if (known?.log === log) return known.tier;
    const tier = new WorkersCache(this.#nameOf(shard), log.history().invalidations);
    this.#tiers.delete(shard);
    if (this.#tiers.size >= MAX_TIERS) this.#tiers.delete(this.#tiers.keys().next().value as string);
    this.#tiers.set(shard, { log, tier });
    return tier;
  }

  /** The shard's name in names of entries: other rules and other surroundings have entries of their own. */
  #nameOf(shard: string): string {
    const { settings } = this.#parts;
    return [rulesName(settings), settings.environment, shard].join(' ');
  }

  async #open(passage: Passage): Promise<OpenedRequest | undefined> {
    const { router, shardName } = this.#parts;
    const { request, env, context } = passage;
    const found = routed(request, router);
    if (found.kind === 'refused' || found.asked === undefined) return undefined;
    const { site, asked } = found;
    const shard = shardName(request, site);
    const answer = (given: Request, heard: Stamp) =>
      this.#answerBelow({ request: given, env, context }, { site, shard, heard });
    return { route: site.route, uri: asked.uri, shard: this.#nameOf(shard), answer };
  }

  /** What a handler throws is thrown on, so that the gate asks it itself; unless it has written, which it must not do twice. */
  async #answerBelow(
    passage: Passage,
    { site, shard, heard }: { readonly site: SiteRoute; readonly shard: string; readonly heard: Stamp },
  ): Promise<InnerAnswer> {
    const { settings, router, past, below, joined, ask } = this.#parts;
    const { request, context } = passage;
    let hasWritten = false;
    const hearing = () => {
      hasWritten = true;
      return joined(passage, shard);
    };
    const found = routed(request, router);
    if (found.kind !== 'routed' || found.asked === undefined) throw new TypeError('expected the same route, got none');
    const ready = await below(passage, shard);
    const stamp = ready && (await stampOf(ready.log, heard));
    const { headTimeoutMs, bodyTimeoutMs } = settings.origins[site.route.originName] as ResolvedWorkersOrigin;
    const serving = {
      ...{ request, timeoutMs: headTimeoutMs, bodyTimeoutMs },
      // The answer is for the gate, which says itself what those outside may do with it.
      route: { ...site.route, showTags: true, outward: undefined },
      asked: ready === undefined ? { ...found.asked, bypass: true } : found.asked,
      handle: (forwarded: Request, addTags: AddTags) =>
        ask(passage, site, { request: forwarded, addTags, shard: hearing }),
      waitUntil: (work: Promise<unknown>) => context.waitUntil(work),
    };
    const response = await (ready?.served ?? past).serve(serving).catch((error: unknown) => {
      if (!hasWritten) throw error;
      past.fault(error);
      return new Response(HALF_DONE, { status: 500, headers: { 'cache-control': 'no-store' } });
    });
    return { response: withoutOutcome(response), tags: [], ...(stamp && { stamp }) };
  }
}

const HALF_DONE = 'The handler failed after it had written.\n';

/** Tags of the platform that name what the selector names; it knows no patterns of URLs. */
function platformTags(selector: Selector): readonly string[] {
  if (selector.kind === 'tag') return [platformTag('tag', selector.tag)];
  return [selector.kind === 'url' ? platformTag('url', selector.uri) : EVERYTHING];
}

/** Time within which an answer that is being made has ended; an endless body is never kept. */
function longestAnswerMs({ origins }: ResolvedWorkersConfig): number {
  const timeouts = Object.values(origins).map(({ headTimeoutMs, bodyTimeoutMs }) => headTimeoutMs + bodyTimeoutMs);
  return Math.max(0, ...timeouts);
}

/** As many as shards that one isolate is a member of. */
const MAX_TIERS = 64;

/** Where the log stands here, before the tiers are asked: what they give is valid there. Renewed where that is too early. */
async function stampOf(log: LeasedLog, heard: Stamp): Promise<Stamp> {
  const { epoch, applied } = log.history().invalidations;
  // Where it cannot be renewed, the answer says that it is older than its name, and is not kept.
  if (epoch === heard.epoch && applied < heard.position) await log.renew().catch(() => undefined);
  const { invalidations } = log.history();
  return { epoch: invalidations.epoch, position: invalidations.applied };
}

/** Cache-Status is the gate's affair, and of a stored answer it would tell what was once. */
function withoutOutcome(response: Response): Response {
  response.headers.delete('cache-status');
  return response;
}
