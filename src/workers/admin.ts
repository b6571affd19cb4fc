// The admin API on a route of the Worker: the calls and answers of Node's, behind the token.
//
// An isolate shows its own memory and counters; what it invalidates and purges is in force everywhere. Some calls are not
// there: a job of `populate` would end with its request, and a tracker's lease would be known to one isolate alone.

import { apiOf, coreRoutes, EXPLAIN_KEYS, value } from '../admin/calls.ts';
import { type AdminResponse, type CoreDeps, failure } from '../admin/contract.ts';
import { explained, shownOf } from '../admin/explain.ts';
import type { Explanation } from '../engine/contract.ts';
import { expected } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import type { HostRouter } from '../site/router.ts';
import { fieldsOf, headersOf } from '../web/request.ts';
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
    if (path === undefined || !new URL(url).pathname.startsWith(`${path}/`)) return undefined;
    return answerAdmin(passage.request, new URL(url).pathname.slice(path.length), partsOf(passage, beside));
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
      const found = url === undefined ? undefined : routed(new Request(url), gate.router);
      const named = found?.kind === 'routed' ? gate.shardName({ url: url as string }, found.site) : undefined;
      const name = coherence.shard === 'one' ? 'one' : (shard ?? named);
      return gate.shard(
        name ?? expected('E_SELECTOR', `the query key shard, one ${coherence.shard}`, undefined),
        passage,
      );
    },
  };
}

export interface WorkersAdminParts {
  readonly router: HostRouter;
  readonly originNames: readonly string[];
  /** The secret that calls come with; undefined: there is none, and every call is refused. */
  readonly token: string | undefined;
  /** The shard whose name a call gives, or that of the URL that it asks about. Rejects with E_LOG. */
  readonly shard: (named: {
    readonly shard?: string | undefined;
    readonly url?: string | undefined;
  }) => Promise<ReadyShard>;
  /** Purges what stands behind the tiers of the shard's engine. */
  readonly purged: (selector: Selector, shard: ReadyShard) => Promise<void>;
  /** Further figures of this isolate. */
  readonly figures: () => Readonly<Record<string, unknown>>;
}

/** Content of a call. */
const MAX_BODY_BYTES = 1024 * 1024;

/** `path`: that of the call, without the prefix under which the API stands. */
export async function answerAdmin(request: Request, path: string, parts: WorkersAdminParts): Promise<Response> {
  const query = new URL(request.url).searchParams;
  const shard = query.get('shard') ?? undefined;
  query.delete('shard');
  const bodyText = await textOf(request);
  if (bodyText === undefined) return responseOf(failure(413, `expected at most ${MAX_BODY_BYTES} bytes of content`));
  const deps = depsOf(parts, () => parts.shard({ shard, url: query.get('url') ?? undefined }));
  const tagsOf = value(async (asked) => ({ url: asked.get('url'), ...dependenciesOf(await explained(deps, asked)) }));
  const explaining = value(async (asked) => {
    const explanation = await explained(deps, asked);
    const shown = shownOf(explanation);
    return asked.get('deps') === '1' ? { ...shown, dependencies: dependenciesOf(explanation) } : shown;
  });
  const routes = [
    ...coreRoutes(deps).filter(([call]) => call !== 'GET /explain'),
    ['GET /explain', [...EXPLAIN_KEYS, 'deps'], explaining] as const,
    ['GET /deps', ['url', 'header'], tagsOf] as const,
  ];
  const answer = await apiOf(
    routes,
    deps.tokenMatches,
  )({
    ...{ method: request.method, path, query: query.toString() },
    ...{ fields: fieldsOf(request.headers), bodyText },
  });
  return responseOf(answer, request.method);
}

function depsOf(parts: WorkersAdminParts, shard: () => Promise<ReadyShard>): CoreDeps {
  const { router, token, originNames, figures, purged } = parts;
  const gate = async () => (await shard()).served.gate;
  return {
    gate: {
      invalidate: async (selector) => (await gate()).invalidate(selector),
      purge: async (selector) => {
        const ready = await shard();
        const result = await ready.served.gate.purge(selector);
        await purged(selector, ready);
        return result;
      },
      list: async (query) => (await gate()).list(query),
      explain: async (request) => (await gate()).explain(request),
      stats: async () => ({ ...(await gate()).stats(), ...figures() }),
    },
    isReady: () => ({ ready: true }),
    explainRequest: ({ method, uri, fields }) => {
      const found = routed(new Request(uri, { method, headers: headersOf(fields) }), router);
      if (found.kind !== 'routed' || found.asked === undefined) return undefined;
      return { ...found.asked, route: found.site.route };
    },
    originNames: () => originNames,
    metricsText: async () => metricsOf('tidegate', { ...(await gate()).stats(), ...figures() }).join(''),
    tokenMatches: async (given) => token !== undefined && (await sameText(given, token)),
  };
}

/** No tracker reports to a Worker, so tags are all there is to be told. */
function dependenciesOf({ entry, lastRefusal }: Explanation): object {
  const why = lastRefusal === undefined ? '' : ` The last answer was refused: ${lastRefusal.reason}`;
  const note = entry === undefined ? `Nothing is stored in this isolate.${why}` : undefined;
  return { ...(note !== undefined && { note }), sources: [], rows: [], otherTags: entry?.tags ?? [] };
}

/** Digests have one length, so the comparison does not tell that of the token; nor does it end early. */
async function sameText(one: string, other: string): Promise<boolean> {
  const digest = async (text: string) =>
    new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
  const [left, right] = await Promise.all([digest(one), digest(other)]);
  return left.reduce((differing, byte, at) => differing | (byte ^ (right[at] as number)), 0) === 0;
}

/** Every number of the figures, as a gauge named by its path (text format of Prometheus). */
function metricsOf(name: string, figures: object): string[] {
  return Object.entries(figures).flatMap(([key, value]) => {
    const path = `${name}_${key.replace(/[^a-zA-Z0-9]+/g, '_').replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`)}`;
    if (typeof value === 'number') return [`${path} ${value}\n`];
    return typeof value === 'object' && value !== null ? metricsOf(path, value) : [];
  });
}

/** Undefined: it is too long. No more than that is read, for the token of the call has not been looked at. */
async function textOf({ body }: Request): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = '';
  const reader = body?.getReader();
  for (let read = await reader?.read(); read?.value !== undefined; read = await reader?.read()) {
    bytes += read.value.length;
    if (bytes > MAX_BODY_BYTES) {
      await reader?.cancel();
      return undefined;
    }
    text += decoder.decode(read.value, { stream: true });
  }
  return text + decoder.decode();
}

function responseOf({ status, contentType, fields, body }: AdminResponse, method = 'GET'): Response {
  const headers = headersOf(fields);
  headers.set('content-type', contentType);
  headers.set('cache-control', 'no-store');
  headers.set('x-content-type-options', 'nosniff');
  return new Response(method === 'HEAD' ? null : body, { status, headers });
}
