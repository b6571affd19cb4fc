// The admin API as a function from a plain request to a plain response. A listener stands around it (node/),
// reads the body, and writes the answer; for HEAD it leaves the body out.
//
// Wrong input is refused loudly. A misspelt query key or a body on `clear` would otherwise quietly do more, or less,
// than the operator meant.

import type { EntrySummary, Explanation, Gate, GateRequest, GateStats, ListQuery } from '../engine/contract.ts';
import { summed } from '../engine/summary.ts';
import { tagForms } from '../entry/selectors.ts';
import { parseUri, prefixForms } from '../entry/uri-forms.ts';
import { expected } from '../errors.ts';
import type { Eventually } from '../ports.ts';
import { type Fields, NO_FIELDS, trimOws } from '../semantics/fields.ts';
import {
  type AdminResponse,
  type AdminRoute,
  bearerToken,
  failure,
  json,
  ofError,
  parseJson,
  unauthorized,
} from './answers.ts';
import { change } from './changes.ts';
import { answerDeps, DEPS_KEYS, dependenciesOf } from './deps-api.ts';
import { type PopulateApi, populateRoutes } from './populate-api.ts';
import { type SourceApi, sourceRoutes } from './sources-api.ts';
import { type TierApi, tierRoutes } from './tiers-api.ts';

export interface AdminRequest {
  readonly method: string;
  /** Path of the target, e.g. `/entries`. */
  readonly path: string;
  /** The query after the `?`, or ''. */
  readonly query: string;
  readonly fields: Fields;
  /** '' when there is none. */
  readonly bodyText: string;
}

export type AdminApi = (request: AdminRequest) => Promise<AdminResponse>;

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** A request as the engine explains it. */
export type ExplainRequest = Pick<GateRequest, 'route' | 'method' | 'uri' | 'fields' | 'bypass'>;

export interface AdminDeps {
  readonly gate: Pick<Gate, 'invalidate' | 'purge' | 'list' | 'explain'> & { stats(): Eventually<GateStats> };
  isReady(): Readiness;
  /** Routes and normalises as the front would; returns undefined when no route has the URI. */
  explainRequest(request: Pick<ExplainRequest, 'method' | 'uri' | 'fields'>): ExplainRequest | undefined;
  /** Fills entries while no client waits. */
  readonly populate: PopulateApi;
  readonly tiers: TierApi;
  readonly sources: SourceApi;
  /** Names of the configured origins. */
  originNames(): readonly string[];
  /** Everything in the text format of Prometheus. */
  metricsText(): Promise<string>;
  /** For a listener that does not check tokens itself; must compare in constant time. */
  readonly tokenMatches?: (token: string) => boolean | Promise<boolean>;
}

/** The path that answers without a token, whatever the query: probes ask it. */
export const HEALTH_PATH = '/health';

/** The one query key that may be repeated. */
const REPEATABLE = 'header';
const EXPLAIN_KEYS = ['url', 'method', REPEATABLE, 'deps'];

export function createAdminApi(deps: AdminDeps): AdminApi {
  const routes = [
    ...readingRoutes(deps),
    ...changingRoutes(deps),
    ...populateRoutes(deps.populate),
    ...tierRoutes(deps.tiers),
    ...sourceRoutes(deps.sources),
  ];
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

function dispatch(routes: readonly AdminRoute[], request: AdminRequest): AdminResponse | Promise<AdminResponse> {
  const there = routes.filter(({ path }) => path === request.path);
  if (there.length === 0) return unknownPath(routes, request.path);
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  const route = there.find((one) => one.method === method);
  if (route === undefined) {
    const allow = there.map((one) => (one.method === 'GET' ? 'GET, HEAD' : one.method)).join(', ');
    const message = `expected ${allow} for ${request.path}, got ${request.method}`;
    return failure({ status: 405, message, fields: ['allow', allow] });
  }
  const query = new URLSearchParams(request.query);
  const wrong = route.path === HEALTH_PATH ? undefined : refusedKey(route, query);
  return wrong ?? route.answer(query, request.bodyText);
}

function unknownPath(routes: readonly AdminRoute[], path: string): AdminResponse {
  const known = routes.map((route) => `${route.method} ${route.path}`);
  return json(404, {
    error: { code: 'E_ADMIN', message: `expected one of ${known.join(', ')}; got ${path}` },
    routes: known,
  });
}

function refusedKey(route: AdminRoute, query: URLSearchParams): AdminResponse | undefined {
  for (const key of new Set(query.keys())) {
    if (!route.keys.includes(key)) {
      const known = route.keys.length === 0 ? 'no query' : `only the query keys ${route.keys.join(', ')}`;
      return failure({ status: 400, message: `expected ${known} for ${route.path}, got ${JSON.stringify(key)}` });
    }
    if (key !== REPEATABLE && query.getAll(key).length > 1) {
      return failure({ status: 400, message: `expected one ${key}, got ${query.getAll(key).length}` });
    }
  }
  return undefined;
}

function readingRoutes(deps: AdminDeps): AdminRoute[] {
  return [
    { method: 'GET', path: HEALTH_PATH, keys: [], answer: async () => json(200, { status: 'alive' }) },
    {
      method: 'GET',
      path: '/ready',
      keys: [],
      answer: async () => {
        const readiness = deps.isReady();
        return json(readiness.ready ? 200 : 503, readiness);
      },
    },
    { method: 'GET', path: '/stats', keys: [], answer: async () => json(200, await deps.gate.stats()) },
    {
      method: 'GET',
      path: '/metrics',
      keys: [],
      answer: async () => ({
        status: 200,
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
        fields: NO_FIELDS,
        body: await deps.metricsText(),
      }),
    },
    {
      method: 'GET',
      path: '/entries',
      keys: ['prefix', 'tag', 'tier', 'after', 'limit'],
      answer: async (query) => {
        const page = await deps.gate.list(listQuery(query));
        return json(200, { ...page, entries: page.entries.map(withoutSecrets) });
      },
    },
    ...explainingRoutes(deps),
  ];
}

function explainingRoutes(deps: AdminDeps): AdminRoute[] {
  return [
    { method: 'GET', path: '/explain', keys: EXPLAIN_KEYS, answer: (query) => explain(deps, query) },
    {
      method: 'GET',
      path: '/deps',
      keys: [...DEPS_KEYS, REPEATABLE],
      answer: (query) =>
        answerDeps(
          { ...deps, list: (asked) => deps.gate.list(asked), explain: (asked) => explained(deps, asked) },
          query,
        ),
    },
  ];
}

function changingRoutes(deps: AdminDeps): AdminRoute[] {
  const route = (path: string, answer: (bodyText: string) => Promise<AdminResponse>): AdminRoute => ({
    method: 'POST',
    path,
    keys: [],
    answer: (_query, bodyText) => answer(bodyText),
  });
  return [
    route('/invalidate', (bodyText) => change(deps, parseJson(bodyText), (one) => deps.gate.invalidate(one))),
    route('/purge', (bodyText) => change(deps, parseJson(bodyText), (one) => deps.gate.purge(one))),
    route('/clear', async (bodyText) => {
      // A selector here was meant for /purge, and obeying half of it would cost the whole cache.
      if (bodyText.trim() !== '' && bodyText.trim() !== '{}')
        expected('E_SELECTOR', 'no content, since clear purges all', bodyText);
      return json(200, summed([await deps.gate.purge({ kind: 'all' })]));
    }),
  ];
}

function listQuery(query: URLSearchParams): ListQuery {
  const [prefix, tag, tier, after, limit] = ['prefix', 'tag', 'tier', 'after', 'limit'].map((key) => query.get(key));
  return {
    ...(tier != null && { tier }),
    ...(prefix != null && { prefix: prefixForms(prefix)[0] as string }),
    ...(tag != null && { tag: tagForms(tag)[0] as string }),
    ...(after != null && { after }),
    ...(limit != null && { limit: parseLimit(limit) }),
  };
}

function parseLimit(text: string): number {
  const limit = Number(text);
  return /^[0-9]{1,4}$/.test(text) && limit >= 1 && limit <= 1000
    ? limit
    : expected('E_SELECTOR', 'a limit of 1 to 1000', text);
}

async function explain(deps: AdminDeps, query: URLSearchParams): Promise<AdminResponse> {
  const explanation = await explained(deps, query);
  if (explanation === undefined) {
    return failure({ status: 404, message: `expected a URL that a route takes, got ${query.get('url')}` });
  }
  const { variantKey, entry } = explanation;
  const shown: Explanation = {
    ...explanation,
    ...(variantKey !== undefined && { variantKey: redactKey(variantKey) }),
    ...(entry !== undefined && { entry: withoutSecrets(entry) }),
  };
  const wantsDeps = query.get('deps') ?? '0';
  if (wantsDeps === '0') return json(200, shown);
  if (wantsDeps !== '1') return expected('E_SELECTOR', 'deps=1', wantsDeps);
  return json(200, { ...shown, dependencies: await dependenciesOf(deps.sources, explanation) });
}

/** Returns undefined when no route takes the URL. */
async function explained(deps: AdminDeps, query: URLSearchParams): Promise<Explanation | undefined> {
  const uri = parseUri(query.get('url') ?? expected('E_SELECTOR', 'the query key url', undefined));
  const method = query.get('method') ?? 'GET';
  const fields = query.getAll(REPEATABLE).flatMap(parseField);
  const request = deps.explainRequest({ method, uri, fields });
  return request && deps.gate.explain(request);
}

function parseField(line: string): [string, string] {
  const colon = line.indexOf(':');
  const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
  const value = trimOws(line.slice(colon + 1));
  const isField = /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name) && /^[\t -~\u0080-\u00ff]*$/.test(value);
  if (name === 'host') return expected('E_SELECTOR', 'no header Host, since the URL names the host', line);
  // The value may be a secret, so an error repeats only the name.
  return isField ? [name, value] : expected('E_SELECTOR', 'a header as "Name: value"', colon < 0 ? line : `${name}: …`);
}

const SECRET_FIELD = /\n(authorization|proxy-authorization|cookie|set-cookie):[^\n]*/g;

/** A variant's key holds the values of the selecting header fields; the values of credentials are hidden. */
function redactKey(key: string): string {
  return key.replace(SECRET_FIELD, '\n$1:(redacted)');
}

function withoutSecrets(entry: EntrySummary): EntrySummary {
  return { ...entry, key: redactKey(entry.key) };
}
