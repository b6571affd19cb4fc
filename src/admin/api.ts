// The admin API of a gate that fills ahead of requests, has tiers of its own and hears of sources: that on Node.

import { expected } from '../errors.ts';
import { type AdminRoute, apiOf, body, coreRoutes, value } from './calls.ts';
import { clusterState } from './cluster-api.ts';
import { type AdminApi, type AdminDeps, CLEARABLE, json, ofError, parseJson, type TierApi } from './contract.ts';
import { answerDeps, dependenciesOf } from './deps-api.ts';
import { cancelPopulate, showPopulate, startPopulate } from './populate-api.ts';
import { preview } from './preview-api.ts';
import { proberState, prove } from './prober-api.ts';
import { hookNameOf, publish } from './publish-api.ts';
import { reportSource } from './sources-api.ts';
import { gateStatistics, statsHistory } from './stats.ts';
import { TAIL_KEYS, tail } from './tail-api.ts';

export function createAdminApi(deps: AdminDeps): AdminApi {
  const { populate, tiers, sources, tail: exchanges } = deps;
  const routes: readonly AdminRoute[] = [
    ...coreRoutes(deps, {
      of: (explanation) => dependenciesOf(sources, explanation),
      asked: (query) => answerDeps(deps, query),
    }),
    ['GET /v1/stats', [], value(() => gateStatistics(deps))],
    ['GET /v1/stats/history', [], value(() => statsHistory(deps))],
    ['GET /v1/cluster', [], value(() => clusterState(deps.cluster))],
    ['GET /populate', ['job', 'follow'], (query) => showPopulate(populate, query)],
    ['POST /populate', [], (_, text) => json(202, startPopulate(populate, parseJson(text, WHAT_TO_FILL)))],
    ['POST /populate/cancel', [], body((asked) => cancelPopulate(populate, asked), WHAT_TO_FILL)],
    ['GET /tiers', [], value(() => tiers.holdings())],
    ['GET /tiers/check', [], value(() => tiers.check())],
    ['POST /tiers/clear', [], value((_query, bodyText) => clearTier(tiers, bodyText))],
    ['GET /tail', TAIL_KEYS, (query) => tail(exchanges, query)],
    ['GET /sources', [], value(() => ({ sources: sources.sources() }))],
    ['POST /sources', [], value((_query, bodyText) => reportSource(sources, bodyText))],
    ['GET /invalidations', ['after'], value((query) => ({ invalidations: deps.recent.list(positionIn(query)) }))],
    ['POST /preview', [], body((asked) => preview(deps, asked))],
    ['GET /prober', [], value(() => proberState(deps))],
    ['POST /prove', ['url', 'header'], value((query) => prove(deps, query))],
  ];
  const api = apiOf(routes);
  return async (request) => {
    const name = hookNameOf(request.path);
    return name === undefined ? api(request) : publish(name, request, deps).catch(ofError);
  };
}

const WHAT_TO_FILL = 'what to fill';

function positionIn(query: URLSearchParams): number {
  const after = Number(query.get('after') ?? 0);
  return Number.isSafeInteger(after) ? after : expected('E_SELECTOR', 'a position as after', query.get('after'));
}

async function clearTier(tiers: TierApi, bodyText: string): Promise<object> {
  const content = parseJson(bodyText);
  const { tier, ...rest } = (typeof content === 'object' && content !== null ? content : {}) as { tier?: unknown };
  const what = CLEARABLE.find((name) => name === tier);
  if (what === undefined || Object.keys(rest).length > 0) {
    return expected('E_SELECTOR', `{"tier": one of ${CLEARABLE.join(', ')}}`, bodyText);
  }
  return { tier: what, removed: await tiers.clear(what) };
}
