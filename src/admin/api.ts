// The admin API as a function from a plain request to a plain response. A listener stands around it (node/),
// reads the body, and writes the answer; for HEAD it leaves the body out.
//
// Wrong input is refused loudly. A misspelt query key or a body on `clear` would otherwise quietly do more, or less,
// than the operator meant.

import { summed } from '../engine/summary.ts';
import { expected } from '../errors.ts';
import type { Eventually } from '../ports.ts';
import { NO_FIELDS } from '../semantics/fields.ts';
import { change } from './changes.ts';
import {
  type AdminApi,
  type AdminDeps,
  type AdminRequest,
  type AdminResponse,
  bearerToken,
  CLEARABLE,
  failure,
  json,
  ofError,
  parseJson,
  type TierApi,
  unauthorized,
} from './contract.ts';
import { answerDeps, DEPS_KEYS, explain, LIST_KEYS, listEntries } from './explain.ts';
import { cancelPopulate, showPopulate, startPopulate } from './populate-api.ts';
import { reportSource } from './sources-api.ts';

/** The path that answers without a token, whatever the query: probes ask it. */
export const HEALTH_PATH = '/health';

/** The one query key that may be repeated. */
const REPEATABLE = 'header';

/** One call of the API: its method and path, the query keys it takes, and its answer. */
type Route = readonly [call: string, keys: readonly string[], answer: Answer];
type Answer = (query: URLSearchParams, bodyText: string) => Eventually<AdminResponse>;

function routesOf(deps: AdminDeps): readonly Route[] {
  const { gate, populate, tiers, sources } = deps;
  const readiness = () => {
    const found = deps.isReady();
    return json(found.ready ? 200 : 503, found);
  };
  const contentType = 'text/plain; version=0.0.4; charset=utf-8';
  const metrics = async () => ({ status: 200, contentType, fields: NO_FIELDS, body: await deps.metricsText() });
  return [
    [`GET ${HEALTH_PATH}`, [], value(() => ({ status: 'alive' }))],
    ['GET /ready', [], readiness],
    ['GET /stats', [], value(() => gate.stats())],
    ['GET /metrics', [], metrics],
    ['GET /entries', LIST_KEYS, value((query) => listEntries(deps, query))],
    ['GET /explain', ['url', 'method', REPEATABLE, 'deps'], value((query) => explain(deps, query))],
    ['GET /deps', DEPS_KEYS, value((query) => answerDeps(deps, query))],
    ['POST /invalidate', [], body((named) => change(deps, named, (one) => gate.invalidate(one)))],
    ['POST /purge', [], body((named) => change(deps, named, (one) => gate.purge(one)))],
    ['POST /clear', [], value((_query, bodyText) => clear(gate, bodyText))],
    ['GET /populate', ['job', 'follow'], (query) => showPopulate(populate, query)],
    ['POST /populate', [], (_, text) => json(202, startPopulate(populate, parseJson(text, WHAT_TO_FILL)))],
    ['POST /populate/cancel', [], body((asked) => cancelPopulate(populate, asked), WHAT_TO_FILL)],
    ['GET /tiers', [], value(() => tiers.holdings())],
    ['GET /tiers/check', [], value(() => tiers.check())],
    ['POST /tiers/clear', [], value((_query, bodyText) => clearTier(tiers, bodyText))],
    ['GET /sources', [], value(() => ({ sources: sources.sources() }))],
    ['POST /sources', [], value((_query, bodyText) => reportSource(sources, bodyText))],
  ];
}

const WHAT_TO_FILL = 'what to fill';

function value(find: (query: URLSearchParams, bodyText: string) => unknown): Answer {
  return async (query, bodyText) => json(200, await find(query, bodyText));
}

/** The answer to the JSON of the content; `what` names in errors what is expected there. */
function body(find: (content: unknown) => unknown, what?: string): Answer {
  return value((_query, bodyText) => find(parseJson(bodyText, what)));
}

export function createAdminApi(deps: AdminDeps): AdminApi {
  const routes = routesOf(deps);
  return async (request) => {
    try {
      if (deps.tokenMatches !== undefined && request.path !== HEALTH_PATH) {
        const token = bearerToken(request.fields);
        if (token === undefined || !(await deps.tokenMatches(token))) return unauthorized();
      }
      return await dispatch(routes, request);
    } catch (error) {
      return ofError(error);
    }
  };
}

function dispatch(
  routes: readonly Route[],
  { method, path, query, bodyText }: AdminRequest,
): Eventually<AdminResponse> {
  const known = routes.map(([call]) => call);
  const methods = known.filter((call) => call.endsWith(` ${path}`)).map((call) => call.split(' ', 1)[0] as string);
  if (methods.length === 0) {
    const message = `expected one of ${known.join(', ')}; got ${path}`;
    return json(404, { error: { code: 'E_ADMIN', message }, routes: known });
  }
  const route = routes.find(([call]) => call === `${method === 'HEAD' ? 'GET' : method} ${path}`);
  if (route === undefined) {
    const allow = methods.map((one) => (one === 'GET' ? 'GET, HEAD' : one)).join(', ');
    return { ...failure(405, `expected ${allow} for ${path}, got ${method}`), fields: ['allow', allow] };
  }
  const [, keys, answer] = route;
  const parameters = new URLSearchParams(query);
  const wrong = path === HEALTH_PATH ? undefined : wrongKey(path, keys, parameters);
  return wrong === undefined ? answer(parameters, bodyText) : failure(400, wrong);
}

function wrongKey(path: string, keys: readonly string[], query: URLSearchParams): string | undefined {
  for (const key of new Set(query.keys())) {
    if (!keys.includes(key)) {
      const known = keys.length === 0 ? 'no query' : `only the query keys ${keys.join(', ')}`;
      return `expected ${known} for ${path}, got ${JSON.stringify(key)}`;
    }
    const { length } = query.getAll(key);
    if (key !== REPEATABLE && length > 1) return `expected one ${key}, got ${length}`;
  }
  return undefined;
}

async function clear(gate: AdminDeps['gate'], bodyText: string): Promise<object> {
  // A selector here was meant for /purge, and obeying half of it would cost the whole cache.
  if (bodyText.trim() !== '' && bodyText.trim() !== '{}')
    expected('E_SELECTOR', 'no content, since clear purges all', bodyText);
  return summed([await gate.purge({ kind: 'all' })]);
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
