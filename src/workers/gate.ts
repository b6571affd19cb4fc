// The gate on Workers: from a Request to its route and shard, and through the shard's engine to the Response.
//
// Without a lease nothing stored may be served, and nothing that is read may be stored. A read then goes past the cache. A
// write is refused before it is sent, because nobody would hear of what it changes.

import { expected } from '../errors.ts';
import type { LeasedLog } from '../log/lease/member.ts';
import { afterIntents } from '../log/member-log.ts';
import type { Origin } from '../ports.ts';
import { isSafeMethod } from '../semantics/invalidation.ts';
import { compileSite } from '../site/compile-site.ts';
import type { HostRouter, SiteRoute } from '../site/router.ts';
import type { ResolvedWorkersConfig, ResolvedWorkersOrigin } from '../site/workers-config.ts';
import type { WorkersTier } from '../site/workers-types.ts';
import { createMemoryStore, LARGEST_PART, type MemoryStore } from '../store/memory.ts';
import { HandlerGate, type Serving } from '../web/handler-gate.ts';
import type { AddTags } from '../web/handler-origin.ts';
import type { UnroutedRequest } from '../web/request.ts';
import { answerAdmin, type WorkersAdminParts } from './admin.ts';
import { billOf, type Counters, type Dataset } from './bill.ts';
import { CacheSide, type Passage } from './cache-side.ts';
import { contextOf, type ShardOfCall } from './handler-context.ts';
import { type AskOrigin, askerOf } from './origins.ts';
import { tellPosition, wantedPosition } from './own-position.ts';
import type { Bindings, ExecutionContext, WorkersPlatform } from './platform.ts';
import { routed } from './requests.ts';
import type { ScheduleRun } from './scheduled.ts';
import { fillsOf, Schedules } from './schedules.ts';
import { type ReadyShard, Shard } from './shard.ts';
import type { NamedTier } from './tiers.ts';

/** What an isolate has beside its configuration. */
export interface WorkersParts {
  readonly platform: WorkersPlatform;
  /** Of the operations that the platform charges for. */
  readonly counters: Counters;
  /** A new member of the log of a shard. */
  readonly join: (env: Bindings, shard: string) => LeasedLog;
  /** The tiers behind the memory, fastest first. */
  readonly tiers: (env: Bindings) => readonly NamedTier[];
}

/** A request with its route and its shard. */
interface Asking {
  readonly site: SiteRoute;
  readonly asked: UnroutedRequest;
  readonly name: string;
  /** Undefined: it cannot be asked now. */
  readonly shard: ReadyShard | undefined;
}

export class WorkersGate {
  readonly settings: ResolvedWorkersConfig;
  readonly router: HostRouter;
  readonly #parts: WorkersParts;
  readonly #askers: ReadonlyMap<string, AskOrigin>;
  readonly #shards = new Map<string, Shard>();
  readonly #memory: MemoryStore;
  /** For what goes past the cache. */
  readonly #past: HandlerGate;
  /** Of the platform's Workers Cache. */
  readonly cached: CacheSide;
  readonly #schedules: Schedules;

  constructor(settings: ResolvedWorkersConfig, parts: WorkersParts) {
    this.settings = settings;
    this.#parts = parts;
    const origins = Object.entries(settings.origins);
    this.#askers = new Map(origins.map(([name, origin]) => [name, askerOf(origin, parts.platform)]));
    // The origin of each request is made with it.
    this.router = compileSite(settings, new Map(origins.map(([name]) => [name, NO_ORIGIN])), {
      most: Math.floor(settings.memory.maxBytes * LARGEST_PART),
    });
    this.#memory = createMemoryStore({ maxBytes: settings.memory.maxBytes });
    this.#schedules = new Schedules({
      ...{ schedules: settings.schedule, binding: settings.coherence.binding, clock: parts.platform.clock },
      concurrency: settings.populate.concurrency,
      maxFills: fillsOf(settings),
      fault: (error) => this.#past.fault(error),
    });
    const memoryStats = () => this.#memory.stats();
    this.#past = this.#served(() => ({ stores: [], memoryStats, buckets: 1 }));
    this.cached = new CacheSide({
      ...{ settings, router: this.router, platform: parts.platform, past: this.#past },
      shardName: (request, site) => this.shardName(request, site),
      below: (passage, name) => this.#below(passage, name),
      joined: (passage, name) => this.shard(name, passage),
      ask: (passage, site, call) => this.#ask(passage, site, call),
    });
  }

  async fetch(request: Request, env: Bindings, context: ExecutionContext): Promise<Response> {
    this.#count(env);
    const call = this.#adminPath(request);
    if (call !== undefined) return answerAdmin(request, call, this.#adminParts({ env, context }));
    const found = routed(request, this.router);
    if (found.kind === 'refused') return plain(found.status, found.text);
    const { site, asked } = found;
    const passage = { request, env, context };
    if (asked === undefined) {
      if (!site.request.upgrade) return plain(501, 'The route does not take upgrades.\n');
      return this.#ask(passage, site, { request, addTags: () => undefined });
    }
    const name = this.shardName(request, site);
    const shard = await this.#ready(passage, name);
    if (shard === undefined && !isSafeMethod(request.method)) return plain(503, UNLOGGED);
    const serving = this.#serving(passage, { site, asked, name, shard });
    if (request.method === 'GET') this.#schedules.used(asked.uri, env, context);
    if (shard === undefined) return this.#past.serve({ ...serving, asked: { ...asked, bypass: 'no-lease' } });
    const answer = await shard.served.serve(serving);
    const tells = this.#isBounded && !isSafeMethod(request.method) && shard.log.ended === undefined;
    if (tells) tellPosition(answer.headers, shard.log.position());
    return answer;
  }

  #count(env: Bindings): void {
    const { counters, platform } = this.#parts;
    const { analytics, cacheName } = this.settings;
    counters.add('requests');
    if (analytics === undefined) return;
    counters.tellDue(env[analytics.binding] as Dataset, cacheName, platform.clock.monotonic());
  }

  /** Fills what the schedules of the cron expression name. Rejects with E_POPULATE where a source cannot be read. */
  scheduled(cron: string, env: Bindings, context: ExecutionContext): Promise<readonly ScheduleRun[]> {
    const at = (url: string) => ({ env, context, request: new Request(url) });
    return this.#schedules.run(cron, env, {
      fetch: async (url) => {
        const passage = at(url);
        const found = routed(passage.request, this.router);
        if (found.kind === 'refused') return undefined;
        return this.#ask(passage, found.site, { request: passage.request, addTags: () => undefined });
      },
      fill: async (url) => {
        const passage = at(url);
        const found = routed(passage.request, this.router);
        if (found.kind === 'refused' || found.asked === undefined) return undefined;
        const { site, asked } = found;
        const name = this.shardName(passage.request, site);
        const shard = await this.shard(name, passage);
        return shard.served.populate(this.#serving(passage, { site, asked, name, shard }));
      },
    });
  }

  #serving(passage: Passage, { site, asked, name, shard }: Asking): Serving {
    const { route } = site;
    const { headTimeoutMs, bodyTimeoutMs, kind } = this.settings.origins[route.originName] as ResolvedWorkersOrigin;
    const timeouts = { timeoutMs: headTimeoutMs, bodyTimeoutMs };
    const before = (origin: Origin, { log }: ReadyShard) => {
      const of = { route: { ...route, origin }, uri: asked.uri, bypass: asked.bypass };
      const call = { shard: name, log, context: passage.context, asked: of, ...timeouts };
      return this.cached.before(
        afterIntents(origin, () => log.opened(), true),
        call,
      );
    };
    return {
      ...{ request: passage.request, route, asked, ...timeouts },
      handle: (request, addTags) => this.#ask(passage, site, { request, addTags, shard: () => shard }),
      waitUntil: (work) => passage.context.waitUntil(work),
      onFailure: kind === 'handler' ? 'throw' : 'answer',
      ...(shard !== undefined && { before: (origin) => before(origin, shard) }),
    };
  }

  /** The path of a call of the admin API; undefined: the request is none. */
  #adminPath({ url }: Request): string | undefined {
    const { path } = this.settings.admin ?? {};
    if (path === undefined || !new URL(url).pathname.startsWith(`${path}/`)) return undefined;
    return new URL(url).pathname.slice(path.length);
  }

  #adminParts(passage: Omit<Passage, 'request'>): WorkersAdminParts {
    const { origins, admin, coherence } = this.settings;
    const token = admin === undefined ? undefined : passage.env[admin.token];
    return {
      router: this.router,
      originNames: Object.keys(origins),
      token: typeof token === 'string' && token !== '' ? token : undefined,
      figures: () => ({ bill: billOf(this.#parts.counters.counts()), workersCache: this.cached.stats() }),
      purged: async (selector, ready) => {
        if (this.#hasBelow) await (await this.shard(ready.name + BELOW, passage)).served.gate.purge(selector);
        await this.cached.purge(selector, passage.context);
      },
      shard: ({ shard, url }) => {
        const found = url === undefined ? undefined : routed(new Request(url), this.router);
        const named = found?.kind === 'routed' ? this.shardName({ url: url as string }, found.site) : undefined;
        const name = coherence.shard === 'one' ? 'one' : (shard ?? named);
        return this.shard(
          name ?? expected('E_SELECTOR', `the query key shard, one ${coherence.shard}`, undefined),
          passage,
        );
      },
    };
  }

  /** Which log and which block of positions the request goes by. */
  shardName(request: Pick<Request, 'url'>, { route }: SiteRoute): string {
    const { shard } = this.settings.coherence;
    if (shard === 'tenant') return route.tenant;
    return shard === 'host' ? new URL(request.url).host : 'one';
  }

  /** The shard, once it may be asked; rejects with E_LOG. For operators, whose calls are no requests of clients. */
  shard(name: string, { env, context }: Omit<Passage, 'request'>, wanted?: string): Promise<ReadyShard> {
    const shard = this.#shards.get(name) ?? this.#newShard(name, env);
    return shard.ready((work) => context.waitUntil(work), wanted);
  }

  get #isBounded(): boolean {
    return this.settings.coherence.mode === 'bounded';
  }

  /** Undefined: no lease is to be had, of which the operator is told. */
  async #ready(passage: Passage, name: string): Promise<ReadyShard | undefined> {
    try {
      const { method, headers } = passage.request;
      const wanted = this.#isBounded && isSafeMethod(method) ? wantedPosition(headers) : undefined;
      if (wanted !== undefined && this.#shards.get(name)?.isInVain(wanted)) return undefined;
      return await this.shard(name, passage, wanted);
    } catch (error) {
      this.#past.fault(error);
      return undefined;
    }
  }

  /** True: some tiers stand behind the Workers Cache. */
  get #hasBelow(): boolean {
    const { tiers } = this.settings;
    return tiers.includes('workers-cache') && tiers.at(-1) !== 'workers-cache';
  }

  /** Those tiers, as a member of the log of their own. */
  #below(passage: Passage, name: string): Promise<ReadyShard | undefined> {
    return this.#hasBelow ? this.#ready(passage, name + BELOW) : Promise.resolve(undefined);
  }

  #newShard(name: string, env: Bindings): Shard {
    const { join, tiers, platform } = this.#parts;
    const isBelow = name.endsWith(BELOW);
    const shard = new Shard({
      name,
      platform,
      onFault: this.settings.onFault,
      join: () => join(env, isBelow ? name.slice(0, -BELOW.length) : name),
      options: (log) => {
        const memory = { name: 'memory', store: this.#memory };
        const behind = isBelow ? tiers(env) : [memory, ...(this.#hasBelow ? [] : tiers(env))];
        const asked = behind.filter((tier) => this.settings.tiers.includes(tier.name as WorkersTier));
        return {
          stores: asked.map(({ store }) => store),
          tierNames: asked.map((tier) => tier.name),
          memoryStats: () => this.#memory.stats(),
          history: log.history(),
          answersUnlogged: false,
          joins: false,
          // A list of KV is paid for by its keys, and a write waits for it.
          mostCounted: 0,
        };
      },
    });
    if (this.#shards.size >= MAX_SHARDS) this.#shards.delete(this.#shards.keys().next().value as string);
    this.#shards.set(name, shard);
    return shard;
  }

  #served(options: ConstructorParameters<typeof HandlerGate>[0]['options']): HandlerGate {
    return new HandlerGate({ platform: this.#parts.platform, onFault: this.settings.onFault, options });
  }

  #ask(
    passage: Passage,
    site: SiteRoute,
    call: { readonly request: Request; readonly addTags: AddTags; readonly shard?: ShardOfCall },
  ): Response | Promise<Response> {
    const ask = this.#askers.get(site.route.originName) as AskOrigin;
    const shard = () => this.shard(this.shardName(passage.request, site), passage);
    return ask(call.request, { env: passage.env, context: contextOf(passage.context, { shard, ...call }) });
  }
}

/** After the name of a shard, which has no space. */
const BELOW = ' below';

/** Shards that one isolate is a member of at once; the one that joined first leaves. */
const MAX_SHARDS = 64;

const UNLOGGED = 'The write was not sent: E_LOG, expected the log of invalidations to be in reach, got no answer.\n';

const NO_ORIGIN: Origin = {
  forward: () => {
    throw new TypeError('expected an origin of the request, got the one of its route');
  },
};

function plain(status: number, text: string): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  return new Response(text, { status, headers });
}
