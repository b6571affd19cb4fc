// The admin API as a function from a plain request to a plain response. A listener stands around it, reads the body, and
// writes the answer; for HEAD it leaves the body out.
//
// Wrong input is refused loudly. A misspelt query key or a body on `clear` would otherwise quietly do more, or less,
// than the operator meant.

import { summed } from '../engine/summary.ts';
import { expected } from '../errors.ts';
import type { Eventually } from '../ports.ts';
import { NO_FIELDS } from '../semantics/fields.ts';
import { prepareChange } from './changes.ts';
import {
  type AdminApi,
  type AdminRequest,
  type AdminResponse,
  type CoreDeps,
  failure,
  json,
  ofError,
  parseJson,
} from './contract.ts';
import { type Dependencies, explain, LIST_KEYS, listEntries } from './explain.ts';

/** The path that answers without a token, whatever the query: probes ask it. */
export const HEALTH_PATH = '/health';

/** The one query key that may be repeated. */
const REPEATABLE = 'header';
const EXPLAIN_KEYS: readonly string[] = ['url', 'method', REPEATABLE, 'deps'];
const DEPS_KEYS: readonly string[] = ['url', 'table', 'record', 'source', REPEATABLE];

/** One call of the API: its method and path, the query keys it takes, and its answer. */
export type AdminRoute = readonly [call: string, keys: readonly string[], answer: Answer];
type Answer = (query: URLSearchParams, bodyText: string) => Eventually<AdminResponse>;

/** The calls that every gate takes. */
export function coreRoutes(deps: CoreDeps, dependencies: Dependencies): readonly AdminRoute[] {
  const { gate } = deps;
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
    ['GET /explain', EXPLAIN_KEYS, value((query) => explain(deps, query, dependencies))],
    ['GET /deps', DEPS_KEYS, value((query) => dependencies.asked(query))],
    ['POST /invalidate', [], body((named) => prepareChange(deps, named)((one) => gate.invalidate(one)))],
    ['POST /purge', [], body((named) => prepareChange(deps, named)((one) => gate.purge(one)))],
    ['POST /clear', [], value((_query, bodyText) => clear(gate, bodyText))],
  ];
}

export function value(find: (query: URLSearchParams, bodyText: string) => unknown): Answer {
  return async (query, bodyText) => json(200, await find(query, bodyText));
}

/** The answer to the JSON of the content; `what` names in errors what is expected there. */
export function body(find: (content: unknown) => unknown, what?: string): Answer {
  return value((_query, bodyText) => find(parseJson(bodyText, what)));
}

export function apiOf(routes: readonly AdminRoute[]): AdminApi {
  return async (request) => {
    try {
      return await dispatch(routes, request);
    } catch (error) {
      return ofError(error);
    }
  };
}

function dispatch(
  routes: readonly AdminRoute[],
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

async function clear(gate: CoreDeps['gate'], bodyText: string): Promise<object> {
  // A selector here was meant for /purge, and obeying half of it would cost the whole cache.
  if (bodyText.trim() !== '' && bodyText.trim() !== '{}')
    expected('E_SELECTOR', 'no content, since clear purges all', bodyText);
  return summed([await gate.purge({ kind: 'all' })]);
}
