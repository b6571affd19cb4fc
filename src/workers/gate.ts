// The gate on Workers: from a Request to its route and shard, and through the shard's engine to the Response.
//
// Without a lease nothing stored may be served, and nothing that is read may be stored. A read then goes past the cache. A
// write is refused before it is sent, because nobody would hear of what it changes.

import type { GateRequest } from '../engine/contract.ts';
import type { LeasedLog } from '../log/lease/member.ts';
import type { Origin } from '../ports.ts';
import { isSafeMethod } from '../semantics/invalidation.ts';
import { compileSite } from '../site/compile-site.ts';
import type { HostRouter, SiteRoute } from '../site/router.ts';
import type { ResolvedWorkersConfig, ResolvedWorkersOrigin } from '../site/workers-config.ts';
import { LARGEST_PART } from '../store/memory.ts';
import { HandlerGate, type Serving } from '../web/handler-gate.ts';
import type { AddTags } from '../web/handler-origin.ts';
import { type UnroutedRequest, urlParts } from '../web/request.ts';
import { contextOf, type ShardOfCall } from './handler-context.ts';
import { type AskOrigin, askerOf } from './origins.ts';
import { ownCookie, wantedPositions } from './own-position.ts';
import type { Bindings, ExecutionContext, Passage, WorkersPlatform } from './platform.ts';
import { routed } from './requests.ts';
import type { ReadyShard } from './shard.ts';
import type { Shards } from './shards.ts';

/** What a gate has beside its configuration. */
export interface WorkersParts {
  readonly platform: WorkersPlatform;
  readonly shards: Shards;
  /** Stands before the origin of each request that a shard answers. Default: nothing does. */
  readonly before?: (origin: Origin, call: ForwardedCall) => Origin;
  /** Told of each GET for a URI. */
  readonly used?: (uri: string, passage: Passage) => void;
}

/** One request before its origin. */
export interface ForwardedCall {
  readonly asked: Pick<GateRequest, 'route' | 'uri' | 'bypass'>;
  /** Name of the shard. */
  readonly shard: string;
  readonly log: LeasedLog;
  readonly context: ExecutionContext;
  readonly timeoutMs: number;
  readonly bodyTimeoutMs: number;
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
  readonly platform: WorkersPlatform;
  /** For what goes past the cache. */
  readonly past: HandlerGate;
  readonly #parts: WorkersParts;
  readonly #askers: ReadonlyMap<string, AskOrigin>;

  constructor(settings: ResolvedWorkersConfig, parts: WorkersParts) {
    this.settings = settings;
    this.#parts = parts;
    const { platform, shards } = parts;
    this.platform = platform;
    const origins = Object.entries(settings.origins);
    this.#askers = new Map(origins.map(([name, origin]) => [name, askerOf(origin, platform)]));
    // The origin of each request is made with it.
    this.router = compileSite(settings, new Map(origins.map(([name]) => [name, NO_ORIGIN])), {
      most: Math.floor(settings.memory.maxBytes * LARGEST_PART),
    });
    const options = () => ({ stores: [], memoryStats: () => shards.memory.stats(), buckets: 1 });
    this.past = new HandlerGate({ platform, onFault: settings.onFault, options });
  }

  async fetch(request: Request, env: Bindings, context: ExecutionContext): Promise<Response> {
    const found = routed(request, this.router);
    if (found.kind === 'refused') {
      const { status, text, allow } = found;
      return plain(status, text, allow === undefined ? {} : { allow });
    }
    const { site, asked } = found;
    const passage = { request, env, context };
    if (asked === undefined) {
      if (!site.request.upgrade) return plain(501, 'The route does not take upgrades.\n');
      return this.ask(passage, site, { request, addTags: () => undefined });
    }
    const name = this.shardName(request, site);
    const shard = await this.#ready(passage, name);
    if (shard === undefined && !isSafeMethod(request.method)) return plain(503, UNLOGGED);
    const serving = this.serving(passage, { site, asked, name, shard });
    if (request.method === 'GET') this.#parts.used?.(asked.uri, passage);
    if (shard === undefined) return this.past.serve({ ...serving, asked: { ...asked, bypass: 'no-lease' } });
    const answer = await shard.served.serve(serving);
    const tells = this.#isBounded && !isSafeMethod(request.method) && shard.log.ended === undefined;
    if (tells) answer.headers.append('set-cookie', ownCookie(asked.uri, name, shard.log.position()));
    return answer;
  }

  /** What an engine is asked for a request. */
  serving(passage: Passage, { site, asked, name, shard }: Asking): Serving {
    const { route } = site;
    const { headTimeoutMs, bodyTimeoutMs, kind } = this.settings.origins[route.originName] as ResolvedWorkersOrigin;
    const timeouts = { timeoutMs: headTimeoutMs, bodyTimeoutMs };
    const before = (origin: Origin, { log }: ReadyShard) => {
      const of = { route: { ...route, origin }, uri: asked.uri, bypass: asked.bypass };
      const call = { shard: name, log, context: passage.context, asked: of, ...timeouts };
      return this.#parts.before?.(origin, call) ?? origin;
    };
    return {
      ...{ request: passage.request, route, asked, ...timeouts },
      handle: (request, addTags) => this.ask(passage, site, { request, addTags, shard: () => shard }),
      waitUntil: (work) => passage.context.waitUntil(work),
      onFailure: kind === 'handler' ? 'throw' : 'answer',
      ...(shard !== undefined && { before: (origin) => before(origin, shard) }),
    };
  }

  /** Which log and which block of positions the request goes by. */
  shardName(request: Request, { route }: SiteRoute): string {
    const { shard } = this.settings.coherence;
    if (shard === 'tenant') return route.tenant;
    return shard === 'host' ? this.router.hostPattern(urlParts(request.url).host) : 'one';
  }

  /** The shard, once it may be asked; rejects with E_LOG. */
  shard(name: string, passage: Omit<Passage, 'request'>): Promise<ReadyShard> {
    return this.#parts.shards.ready(name, passage);
  }

  get #isBounded(): boolean {
    return this.settings.coherence.mode === 'bounded';
  }

  /** Undefined: no lease is to be had, of which the operator is told. */
  async #ready(passage: Passage, name: string): Promise<ReadyShard | undefined> {
    try {
      const { method, headers } = passage.request;
      const wanted = this.#isBounded && isSafeMethod(method) ? wantedPositions(headers, name) : [];
      return await this.#parts.shards.ready(name, passage, wanted);
    } catch (error) {
      this.past.fault(error);
      return undefined;
    }
  }

  /** Asks the origin of the route itself. */
  ask(
    passage: Passage,
    site: SiteRoute,
    call: { readonly request: Request; readonly addTags: AddTags; readonly shard?: ShardOfCall },
  ): Response | Promise<Response> {
    const ask = this.#askers.get(site.route.originName) as AskOrigin;
    const shard = () => this.shard(this.shardName(passage.request, site), passage);
    return ask(call.request, { env: passage.env, context: contextOf(passage.context, { shard, ...call }) });
  }
}

const UNLOGGED = 'The write was not sent: E_LOG, expected the log of invalidations to be in reach, got no answer.\n';

const NO_ORIGIN: Origin = {
  forward: () => {
    throw new TypeError('expected an origin of the request, got the one of its route');
  },
};

function plain(status: number, text: string, added: Readonly<Record<string, string>> = {}): Response {
  const headers = { ...added, 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  return new Response(text, { status, headers });
}
