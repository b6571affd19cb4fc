// The admin API on a route of the Worker: the calls and answers of Node's, behind the token.
//
// An isolate shows its own memory and counters; what it invalidates and purges is in force everywhere. Some calls are not
// there: a job of `populate` would end with its request, and a tracker's lease would be known to one isolate alone.

import { type AdminRoute, apiOf, coreRoutes, body as ofBody, value } from '../admin/calls.ts';
import { type CoreDeps, failure } from '../admin/contract.ts';
import { explained, nothingStored } from '../admin/explain.ts';
import { answerArrival, headOf, tokenGuard } from '../admin/listener.ts';
import { previewChange } from '../admin/preview-api.ts';
import { statsDocument } from '../admin/stats.ts';
import type { StatsDocument } from '../admin/stats-contract.ts';
import type { Explanation } from '../engine/contract.ts';
import { operationsOf } from '../engine/operations.ts';
import { expected, messageOf } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import type { HostRouter } from '../site/router.ts';
import type { ResolvedWorkersConfig } from '../site/workers-config.ts';
import { fieldsOf, headersOf, urlParts } from '../web/request.ts';
import { billOf } from './bill.ts';
import type { CacheOfGate } from './cache-side.ts';
import type { Counters } from './counters.ts';
import type { WorkersGate } from './gate.ts';
import type { Passage } from './platform.ts';
import { routed } from './requests.ts';
import type { ReadyShard } from './shard.ts';

/** The admin API as a part of `createGate`. */
export interface AdminApiPart {
  /** Answers a call of the API; undefined: the request is none. */
  answer(passage: Passage, beside: AdminSide): Promise<Response> | undefined;
}

/** For `admin` of the configuration. */
export const adminApi: AdminApiPart = {
  answer: (passage, beside) => {
    const { url } = passage.request;
    const { path } = beside.gate.settings.admin ?? {};
    if (path === undefined) return undefined;
    const [asked = ''] = urlParts(url).target.split('?', 1);
    if (!asked.startsWith(`${path}/`)) return undefined;
    return answerAdmin(passage.request, asked.slice(path.length), partsOf(passage, beside));
  },
};

/** The gate that a call is about, and what it has beside it. */
export interface AdminSide {
  readonly gate: Pick<WorkersGate, 'settings' | 'router' | 'shardName' | 'shard'>;
  readonly counters: Counters;
  /** Undefined: the Worker has no tier `workers-cache`. */
  readonly cache: Pick<CacheOfGate, 'purge' | 'stats'> | undefined;
}

function partsOf(passage: Passage, { gate, counters, cache }: AdminSide): WorkersAdminParts {
  const { origins, admin, coherence } = gate.settings;
  const token = admin === undefined ? undefined : passage.env[admin.token];
  return {
    router: gate.router,
    originNames: Object.keys(origins),
    token: typeof token === 'string' && token !== '' ? token : undefined,
    figures: () => ({ bill: billOf(counters.counts()), ...(cache && { workersCache: cache.stats() }) }),
    purged: async (selector, { name }) => cache?.purge(selector, name, passage),
    shard: ({ shard, url }) => {
      const asked = url === undefined ? undefined : new Request(url);
      const found = asked && routed(asked, gate.router);
      const ofUrl = found?.kind === 'routed' ? gate.shardName(asked as Request, found.site) : undefined;
      const given = shard === undefined ? onlyShard(gate.settings) : shardNamed(gate, shard);
      if (ofUrl !== undefined && given !== undefined && ofUrl !== given)
        expected('E_SELECTOR', `the shard of ${url}, ${ofUrl}, or none`, shard);
      const name = ofUrl ?? given;
      return gate.shard(
        name ?? expected('E_SELECTOR', `the query key shard, one ${coherence.shard}`, undefined),
        passage,
      );
    },
  };
}

function onlyShard({ coherence }: Pick<ResolvedWorkersConfig, 'coherence'>): string | undefined {
  return coherence.shard === 'one' ? 'one' : undefined;
}

/** What is invalidated in a log that no request goes by would be in force nowhere, so its name is refused. */
function shardNamed({ settings, router }: AdminSide['gate'], given: string): string {
  const { shard } = settings.coherence;
  if (shard === 'host') {
    const host = given.toLowerCase();
    return router.knowsHost(host) ? router.hostPattern(host) : expected('E_SELECTOR', 'a host that a route has', given);
  }
  const names = shard === 'one' ? ['one'] : [...new Set(settings.routes.map(({ tenant }) => tenant))];
  return names.includes(given) ? given : expected('E_SELECTOR', `a shard among ${names.join(', ')}`, given);
}

export interface WorkersAdminParts {
  readonly router: HostRouter;
  readonly originNames: readonly string[];
  /** The secret that calls come with; undefined: there is none, and every call is refused. */
  readonly token: string | undefined;
  /** The shard whose name a call gives, or that of the URL that it is about. Rejects with E_LOG, and with E_SELECTOR where they differ. */
  readonly shard: (named: {
    readonly shard?: string | undefined;
    readonly url?: string | undefined;
  }) => Promise<ReadyShard>;
  /** Purges what stands behind the tiers of the shard's engine. */
  readonly purged: (selector: Selector, shard: ReadyShard) => Promise<void>;
  /** Further figures of this isolate. */
  readonly figures: () => Readonly<Record<string, unknown>>;
}

/** `path`: that of the call, without the prefix under which the API stands. */
export async function answerAdmin(request: Request, path: string, parts: WorkersAdminParts): Promise<Response> {
  const query = new URL(request.url).searchParams;
  const shard = query.get('shard') ?? undefined;
  query.delete('shard');
  const shardOf = (about?: Selector) => {
    const url = about?.kind === 'url' ? about.uri : query.get('url');
    return parts.shard({ shard, url: url ?? undefined });
  };
  const deps = depsOf(parts, shardOf);
  const routes: readonly AdminRoute[] = [
    ...coreRoutes(deps, { of: dependenciesOf, asked: (about) => tagsOf(deps, about) }),
    ['GET /v1/stats', [], value(async () => statistics(deps, await shardOf()))],
    ['POST /preview', [], ofBody((asked) => previewChange(deps, asked))],
    ...ELSEWHERE.map(([call, why]): AdminRoute => [call, ['job', 'follow'], () => failure(404, why)]),
  ];
  const { method, headers, body } = request;
  const asked = { method, path, query: query.toString(), fields: fieldsOf(headers), content: body ?? [] };
  const answer = await answerArrival(asked, tokenGuard(parts.token), apiOf(routes));
  const { status } = answer;
  return new Response(method === 'HEAD' ? null : answer.body, { status, headers: headersOf(headOf(answer)) });
}

const NO_HISTORY =
  'expected a call that a Worker takes, got one of the history that a gate on Node keeps: GET /v1/stats has the counts';
const NO_JOBS =
  'expected a call that a Worker takes, got one of jobs, which would end with their request: schedule fills';
const NO_TIERS = 'expected a call that a Worker takes, got one of the tiers of Node: GET /entries?tier=kv lists a tier';
const NO_SOURCES = 'expected a call that a Worker takes, got one of trackers: they report to gates on Node';

/** Calls of Node alone. */
const ELSEWHERE: readonly (readonly [call: string, why: string])[] = [
  ['GET /v1/stats/history', NO_HISTORY],
  ['GET /populate', NO_JOBS],
  ['POST /populate', NO_JOBS],
  ['POST /populate/cancel', NO_JOBS],
  ['GET /tiers', NO_TIERS],
  ['GET /tiers/check', NO_TIERS],
  ['POST /tiers/clear', NO_TIERS],
  ['GET /sources', NO_SOURCES],
  ['POST /sources', NO_SOURCES],
];

function depsOf(parts: WorkersAdminParts, shard: (about?: Selector) => Promise<ReadyShard>): CoreDeps {
  const { router, originNames, figures, purged } = parts;
  const operations = async (about?: Selector) => operationsOf((await shard(about)).served.engine.context);
  const stats = async () => {
    const { served, log } = await shard();
    return { ...operationsOf(served.engine.context).stats(), sharedIntents: log.sharedIntents, ...figures() };
  };
  return {
    gate: {
      invalidate: async (selector) => (await shard(selector)).served.engine.invalidate(selector),
      purge: async (selector) => {
        const ready = await shard(selector);
        const result = await operationsOf(ready.served.engine.context).purge(selector);
        await purged(selector, ready);
        return result;
      },
      list: async (query) => (await operations(query.selector)).list(query),
      explain: async (request) => (await operations()).explain(request),
      stats,
      counts: async () => (await operations()).counts(),
    },
    isReady: () => ({ ready: true }),
    explainRequest: (request) => {
      const found = routed(requestFor(request), router);
      if (found.kind !== 'routed' || found.asked === undefined) return undefined;
      return { ...found.asked, route: found.site.route };
    },
    originNames: () => originNames,
    metricsText: async () => metricsOf('tidegate', await stats()).join(''),
  };
}

/** Of this isolate, and so without windows: it may end at any time. */
async function statistics({ gate }: CoreDeps, { served }: ReadyShard): Promise<StatsDocument> {
  const { startedMs, clock } = served.engine.context;
  const whole = { fromMs: startedMs, toMs: clock.now(), counts: await gate.counts() };
  return statsDocument(whole, { gate: await gate.stats() });
}

function requestFor({ method, uri, fields }: Parameters<CoreDeps['explainRequest']>[0]): Request {
  try {
    return new Request(uri, { method, headers: headersOf(fields) });
  } catch (error) {
    // Such as TRACE, which no Worker is asked either.
    return expected('E_SELECTOR', 'a method and headers that a Request can have', messageOf(error));
  }
}

function dependenciesOf(explanation: Explanation): object {
  const note = nothingStored(explanation) ?? 'No tracker reports to a Worker, so tags are all that is known.';
  return { note, sources: [], rows: [], otherTags: explanation.entry?.tags ?? [] };
}

async function tagsOf(deps: CoreDeps, asked: URLSearchParams): Promise<object> {
  const other = ['table', 'record', 'source'].find((key) => asked.has(key));
  if (other !== undefined) return expected('E_SELECTOR', TAGS_ALONE, other);
  return { url: asked.get('url'), ...dependenciesOf(await explained(deps, asked)) };
}

const TAGS_ALONE =
  'a url alone, since no tracker reports to a Worker and tells what was read from a table or a record (deps URL shows the tags of an entry, list --tag TAG the entries of a tag)';

/** Every number of the figures, as a gauge named by its path (text format of Prometheus). */
function metricsOf(name: string, figures: object): string[] {
  return Object.entries(figures).flatMap(([key, value]) => {
    const path = `${name}_${key.replace(/[^a-zA-Z0-9]+/g, '_').replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)}`;
    if (typeof value === 'number') return [`${path} ${value}\n`];
    return typeof value === 'object' && value !== null ? metricsOf(path, value) : [];
  });
}
