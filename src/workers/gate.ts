// The gate on Workers: from a Request to its route and shard, and through the shard's engine to the Response.
//
// Without a lease nothing stored may be served, and nothing that is read may be stored. A read then goes past the cache. A
// write is refused before it is sent, because nobody would hear of what it changes.

import { messageOf, TidegateError } from '../errors.ts';
import type { LeasedLog } from '../log/lease/member.ts';
import { afterIntents } from '../log/member-log.ts';
import type { Store } from '../ports.ts';
import { isSafeMethod } from '../semantics/invalidation.ts';
import { compileSite } from '../site/compile-site.ts';
import type { HostRouter, SiteRoute } from '../site/router.ts';
import { createMemoryStore, type MemoryStore } from '../store/memory.ts';
import { HandlerGate, type Serving } from '../web/handler-gate.ts';
import type { AddTags } from '../web/handler-origin.ts';
import { type AskOrigin, askerOf, type GateExecutionContext } from './origins.ts';
import type { Bindings, ExecutionContext, WorkersPlatform } from './platform.ts';
import { routed } from './requests.ts';
import type { WorkersSettings } from './settings.ts';
import { type ReadyShard, Shard } from './shard.ts';

/** What an isolate has beside its configuration. */
export interface WorkersParts {
  readonly platform: WorkersPlatform;
  /** A new member of the log of a shard. */
  readonly join: (env: Bindings, shard: string) => LeasedLog;
  /** The slower tiers of a shard, fastest first. */
  readonly tiers: (env: Bindings, shard: string) => readonly { readonly name: string; readonly store: Store }[];
}

/** One request on its way through. */
interface Passage {
  readonly request: Request;
  readonly env: Bindings;
  readonly context: ExecutionContext;
}

/** A field by which a client says which change it has seen, and which a write is answered with: `epoch.number`. */
export const POSITION_FIELD = 'tidegate-log-position';

/** One mebibyte of them. A collision invalidates too much, never too little. */
const INVALIDATION_BUCKETS = 2 ** 17;

export class WorkersGate {
  readonly settings: WorkersSettings;
  readonly router: HostRouter;
  readonly #parts: WorkersParts;
  readonly #askers: ReadonlyMap<string, AskOrigin>;
  readonly #shards = new Map<string, Shard>();
  readonly #memory: MemoryStore;
  /** For what goes past the cache. */
  readonly #past: HandlerGate;

  constructor(settings: WorkersSettings, parts: WorkersParts) {
    this.settings = settings;
    this.#parts = parts;
    const origins = Object.entries(settings.origins);
    this.#askers = new Map(origins.map(([name, origin]) => [name, askerOf(origin, parts.platform)]));
    // The origin of each request is made with it.
    this.router = compileSite(settings, new Map(origins.map(([name]) => [name, NO_ORIGIN])));
    this.#memory = createMemoryStore({ maxBytes: settings.maxBytes });
    const memoryStats = () => this.#memory.stats();
    this.#past = this.#served(() => ({ stores: [], memoryStats, buckets: 1 }));
  }

  async fetch(request: Request, env: Bindings, context: ExecutionContext): Promise<Response> {
    const found = routed(request, this.router);
    if (found.kind === 'refused') return plain(found.status, found.text);
    const { site, asked } = found;
    const passage = { request, env, context };
    if (asked === undefined) return this.#ask(passage, site, { request, addTags: () => undefined });
    const shard = await this.#ready(passage, this.shardName(request, site));
    if (shard === undefined && !isSafeMethod(request.method)) return plain(503, UNLOGGED);
    const route = site.route;
    const { timeoutMs, kind } = this.settings.origins[route.originName] as WorkersSettings['origins'][string];
    const serving: Serving = {
      ...{ request, route, timeoutMs, asked },
      handle: (forwarded, addTags) => this.#ask(passage, site, { request: forwarded, addTags, shard }),
      waitUntil: (work) => context.waitUntil(work),
      onFailure: kind === 'handler' ? 'throw' : 'answer',
    };
    if (shard === undefined) return this.#past.serve({ ...serving, asked: { ...asked, bypass: 'no-lease' } });
    const { log, served } = shard;
    const answer = await served.serve({ ...serving, before: (origin) => afterIntents(origin, () => log.opened(), true) });
    if (!isSafeMethod(request.method)) answer.headers.set(POSITION_FIELD, log.position());
    return answer;
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

  /** Undefined: no lease is to be had, of which the operator is told. */
  async #ready(passage: Passage, name: string): Promise<ReadyShard | undefined> {
    const wanted = passage.request.headers.get(POSITION_FIELD) ?? undefined;
    try {
      return await this.shard(name, passage, wanted);
    } catch (error) {
      this.#past.fault(error);
      return undefined;
    }
  }

  #newShard(name: string, env: Bindings): Shard {
    const { join, tiers, platform } = this.#parts;
    const shard = new Shard({
      platform,
      onFault: this.settings.onFault,
      join: () => join(env, name),
      options: (log) => {
        const slower = tiers(env, name);
        return {
          stores: [this.#memory, ...slower.map(({ store }) => store)],
          tierNames: ['memory', ...slower.map((tier) => tier.name)],
          memoryStats: () => this.#memory.stats(),
          buckets: INVALIDATION_BUCKETS,
          history: log.history(),
          answersUnlogged: false,
          joins: false,
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
    { env, context }: Passage,
    { route }: SiteRoute,
    call: { readonly request: Request; readonly addTags: AddTags; readonly shard?: ReadyShard | undefined },
  ): Response | Promise<Response> {
    const ask = this.#askers.get(route.originName) as AskOrigin;
    return ask(call.request, { env, context: contextOf(context, call) });
  }
}

/** Shards that one isolate is a member of at once; the one that joined first leaves. */
const MAX_SHARDS = 64;

const UNLOGGED = 'The write was not sent: E_LOG, expected the log of invalidations to be in reach, got no answer.\n';

const NO_ORIGIN: Origin = {
  forward: () => {
    throw new TypeError('expected an origin of the request, got the one of its route');
  },
};

/** Methods of the platform's own object work on that object alone. */
function contextOf(
  context: ExecutionContext,
  { addTags, shard }: { readonly addTags: AddTags; readonly shard?: ReadyShard | undefined },
): GateExecutionContext {
  const { props, exports } = context;
  return {
    ...{ props, exports: exports ?? {} },
    waitUntil: (work) => context.waitUntil(work),
    passThroughOnException: () => context.passThroughOnException?.(),
    tidegate: {
      tags: (...tags) => addTags(tags),
      invalidate: async (selection) => {
        if (shard === undefined) throw new TidegateError('E_LOG', NOBODY_HEARS);
        const selectors = parseSelectors(selection);
        return summed(await Promise.all(selectors.map((selector) => shard.served.gate.invalidate(selector))));
      },
    },
  };
}

const NOBODY_HEARS = 'expected the log of invalidations to be in reach, got no answer: nothing is invalidated';

function plain(status: number, text: string): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' };
  return new Response(text, { status, headers });
}
