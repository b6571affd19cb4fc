// The Workers Cache in a gate: the tier before the origin of each request, and what the cached entrypoint answers.
//
// The entrypoint has the tiers that come after the Workers Cache. With them it needs a part in the log, and so a lease of its
// own; what they give is as new as what it has heard of. Without them it asks the origin and needs none.

import { purge } from '../engine/operations.ts';
import { TidegateError } from '../errors.ts';
import type { Stamp } from '../ledger/ledger.ts';
import type { Selector } from '../ledger/selector.ts';
import type { LeasedLog } from '../log/lease/member.ts';
import type { Origin } from '../ports.ts';
import type { SiteRoute } from '../site/router.ts';
import type { ResolvedWorkersConfig, ResolvedWorkersOrigin } from '../site/workers-config.ts';
import type { AddTags } from '../web/handler-origin.ts';
import type { CachedEntrypoint } from './cache-forward.ts';
import { platformTag } from './cached-answer.ts';
import {
  answerCached,
  CALLER_PROPS,
  type EntrypointBase,
  entrypointClass,
  type InnerAnswer,
  type OpenedRequest,
} from './cached-entrypoint.ts';
import type { ForwardedCall, WorkersGate } from './gate.ts';
import type { Bindings, ExecutionContext, Passage } from './platform.ts';
import { EVERYTHING, PlatformPurges, type PurgedCache, type PurgeStats } from './platform-purges.ts';
import { routed } from './requests.ts';
import type { ReadyShard } from './shard.ts';
import type { Shards } from './shards.ts';
import { rulesName } from './tiers.ts';
import { WorkersCache, type WorkersCacheStats } from './workers-cache.ts';

/** Under this name the Worker exports the cached entrypoint. */
const ENTRYPOINT = 'TidegateStored';

/** The tier in one gate. */
export interface CacheOfGate {
  /** The origin with the tier before it. */
  before(origin: Origin, call: ForwardedCall): Origin;
  /** What the cached entrypoint answers. */
  answer(request: Request, env: Bindings, context: ExecutionContext): Promise<Response>;
  /** Purges what the selector names from all that stands behind the tiers of the shard's engine. */
  purge(selector: Selector, shard: string, passage: Omit<Passage, 'request'>): Promise<void>;
  stats(): {
    readonly shards: Readonly<Record<string, WorkersCacheStats>>;
    readonly purges: PurgeStats | undefined;
  };
}

/** The tier `workers-cache` as a part of `createGate`. */
export interface WorkersCachePart {
  /** `behind`: the tiers after the Workers Cache; undefined: there are none. */
  of(gate: CacheGate, behind: Shards | undefined): CacheOfGate;
  /** The class that the Worker exports as `TidegateStored`. */
  stored(Base: EntrypointBase, cache: CacheOfGate): ReturnType<typeof entrypointClass>;
}

/** For the tier `workers-cache`. */
export const workersCache: WorkersCachePart = {
  of: (gate, behind) => new CacheSide(gate, behind),
  stored: (Base, cache) => entrypointClass(Base, (...call) => cache.answer(...call)),
};

/** The gate, as far as the tier and the entrypoint need it. */
type CacheGate = Pick<WorkersGate, 'settings' | 'router' | 'platform' | 'past' | 'shardName' | 'shard' | 'ask'>;

class CacheSide implements CacheOfGate {
  readonly #gate: CacheGate;
  readonly #behind: Shards | undefined;
  readonly #tiers = new Map<string, { readonly log: LeasedLog; readonly tier: WorkersCache }>();
  #purges: PlatformPurges | undefined;
  #isMissed = false;

  constructor(gate: CacheGate, behind: Shards | undefined) {
    this.#gate = gate;
    this.#behind = behind;
  }

  before(origin: Origin, call: ForwardedCall): Origin {
    const { platform, past } = this.#gate;
    const { shard, log, context, asked, ...timeouts } = call;
    const entrypoint = this.#entrypoint(context);
    if (entrypoint === undefined) return origin;
    const host = { ...platform, ...timeouts, failed: (error: TidegateError) => past.fault(error) };
    const waitUntil = (work: Promise<unknown>) => context.waitUntil(work);
    if (this.#purges?.stats().waiting) waitUntil(this.#purges.flush(entrypoint));
    return this.#tierOf(shard, log).origin({ asked, host, origin, entrypoint, waitUntil });
  }

  answer(request: Request, env: Bindings, context: ExecutionContext): Promise<Response> {
    const open = (given: Request) => this.#open({ request: given, env, context });
    return answerCached(request, context.props, { clock: this.#gate.platform.clock, open });
  }

  async purge(selector: Selector, shard: string, passage: Omit<Passage, 'request'>): Promise<void> {
    const behind = await this.#behind?.ready(shard, passage);
    if (behind !== undefined) await purge(behind.served.engine.context, selector);
    await this.#purgeAtPlatform(selector, passage.context);
  }

  /** Now, or when the platform takes the call, of which its operator is told. */
  async #purgeAtPlatform(selector: Selector, context: ExecutionContext): Promise<void> {
    const { settings, past, platform } = this.#gate;
    const entrypoint = this.#entrypoint(context);
    if (entrypoint === undefined) return;
    this.#purges ??= new PlatformPurges({ clock: platform.clock, answerMs: longestAnswerMs(settings) });
    const outcome = await this.#purges.purge(entrypoint, platformTags(selector));
    if (outcome.kind === 'purged') return;
    const what = `expected the platform to take a purge, got none taken (${outcome.reason}): it waits for the next call`;
    past.fault(new TidegateError('E_PURGE', what));
  }

  stats(): ReturnType<CacheOfGate['stats']> {
    const shards = Object.fromEntries([...this.#tiers].map(([shard, { tier }]) => [shard, tier.stats()]));
    return { shards, purges: this.#purges?.stats() };
  }

  /** Where there is none the Worker does without, and its operator is told once. */
  #entrypoint({ exports }: ExecutionContext): (CachedEntrypoint & PurgedCache) | undefined {
    const entrypoint = exports?.[ENTRYPOINT];
    if (typeof entrypoint === 'function') return entrypoint({ props: CALLER_PROPS });
    const what = `expected the Worker to export ${ENTRYPOINT}, for the tier workers-cache, got nothing`;
    if (!this.#isMissed) this.#gate.past.fault(new TidegateError('E_CONFIG', what));
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
    const { settings } = this.#gate;
    return [rulesName(settings), settings.environment, shard].join(' ');
  }

  async #open(passage: Passage): Promise<OpenedRequest | undefined> {
    const { router } = this.#gate;
    const { request, env, context } = passage;
    const found = routed(request, router);
    if (found.kind === 'refused' || found.asked === undefined) return undefined;
    const { site, asked } = found;
    const shard = this.#gate.shardName(request, site);
    const answer = (given: Request, heard: Stamp) =>
      this.#answerBelow({ request: given, env, context }, { site, shard, heard });
    return { route: site.route, uri: asked.uri, shard: this.#nameOf(shard), answer };
  }

  /** Undefined: there is nothing behind, or nothing that may be asked now. */
  async #readyBehind(shard: string, passage: Passage): Promise<ReadyShard | undefined> {
    return this.#behind?.ready(shard, passage).catch((error: unknown) => {
      this.#gate.past.fault(error);
      return undefined;
    });
  }

  /** What a handler throws is thrown on, so that the gate asks it itself; unless it has written, which it must not do twice. */
  async #answerBelow(
    passage: Passage,
    { site, shard, heard }: { readonly site: SiteRoute; readonly shard: string; readonly heard: Stamp },
  ): Promise<InnerAnswer> {
    const gate = this.#gate;
    const { settings, router, past } = gate;
    const { request, context } = passage;
    let hasWritten = false;
    const hearing = () => {
      hasWritten = true;
      return gate.shard(shard, passage);
    };
    const found = routed(request, router);
    if (found.kind !== 'routed' || found.asked === undefined) throw new TypeError('expected the same route, got none');
    const ready = await this.#readyBehind(shard, passage);
    const stamp = ready && (await stampOf(ready.log, heard));
    const { headTimeoutMs, bodyTimeoutMs } = settings.origins[site.route.originName] as ResolvedWorkersOrigin;
    const serving = {
      ...{ request, timeoutMs: headTimeoutMs, bodyTimeoutMs },
      // The answer is for the gate, which says itself what those outside may do with it.
      route: { ...site.route, showTags: true, outward: undefined },
      asked: ready === undefined ? { ...found.asked, bypass: true } : found.asked,
      handle: (forwarded: Request, addTags: AddTags) =>
        gate.ask(passage, site, { request: forwarded, addTags, shard: hearing }),
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
