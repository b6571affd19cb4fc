// The admin API as one tenant sees it: by its own names, of its own entries, as if it had a gate of its own.
//
// The ledger and the stores know no tenants. A tag, source or origin of a tenant has a name that nobody else can write, and a
// URL belongs to whoever has its host. So a selector of a tenant becomes selectors that reach nothing else. A glob could reach
// any host, so its host must be written out. Positions count what all tenants do, and are not shown.

import type { EntrySummary, InvalidationResult, ListPage, ListQuery } from '../engine/contract.ts';
import { summed } from '../engine/summary.ts';
import { DEFAULT_TENANT, ownedName, ownerOf, plainName } from '../entry/key.ts';
import { expected } from '../errors.ts';
import type { Selector } from '../ledger/selector.ts';
import { type AdminRoute, apiOf, coreRoutes, value } from './calls.ts';
import type { AdminApi, AdminDeps, AdminResponse, CoreDeps, SourceApi } from './contract.ts';
import { answerDeps, dependenciesOf } from './deps-api.ts';
import { reportSource } from './sources-api.ts';
import type { TenantScope } from './tenants-contract.ts';

/** The calls of a gate that a tenant may make, each for what it has. */
export const TENANT_CALLS: readonly string[] = [
  ...['GET /stats', 'GET /entries', 'GET /explain', 'GET /deps', 'GET /sources'],
  ...['POST /invalidate', 'POST /purge', 'POST /clear', 'POST /sources'],
];

export function tenantApi(deps: AdminDeps, scope: TenantScope): AdminApi {
  const own = narrowed(deps, scope);
  const { sources } = own;
  const routes: readonly AdminRoute[] = [
    ['GET /stats', [], value(async () => ({ ...(await scope.figures()) }))],
    ...coreRoutes(own, {
      of: (explanation) => dependenciesOf(sources, explanation),
      asked: (query) => answerDeps(own, query),
    }).filter(([call]) => TENANT_CALLS.includes(call) && call !== 'GET /stats'),
    ['GET /sources', [], value(() => ({ sources: sources.sources() }))],
    ['POST /sources', [], value((_query, bodyText) => reportSource(sources, bodyText))],
  ];
  return apiOf(
    routes.map(([call, keys, answer]) => [call, keys, async (...asked) => shown(call, await answer(...asked))]),
  );
}

/** The log's positions count what others do as well. */
function shown(call: string, response: AdminResponse): AdminResponse {
  if (call.endsWith('/sources') || response.status !== 200) return response;
  const content: unknown = JSON.parse(response.body);
  const hidden = JSON.stringify(content, (key, member) => (key === 'position' || key === 'stamp' ? undefined : member));
  return { ...response, body: `${hidden}\n` };
}

function narrowed(deps: AdminDeps, scope: TenantScope): AdminDeps {
  const { gate } = deps;
  return {
    ...deps,
    gate: {
      ...gate,
      invalidate: (selector) => each(selectorsOf(scope, selector), (one) => gate.invalidate(one)),
      purge: (selector) => each(selectorsOf(scope, selector), (one) => gate.purge(one)),
      list: (query) => list(gate, scope, query),
      explain: async (request) => {
        const explanation = await gate.explain(request);
        const { key, variantKey, entry } = explanation;
        return {
          ...explanation,
          key: plainKey(scope, key),
          ...(variantKey !== undefined && { variantKey: plainKey(scope, variantKey) }),
          ...(entry !== undefined && { entry: plainEntry(scope, entry) }),
        };
      },
    },
    sources: ownSources(deps.sources, scope.name),
    explainRequest: (request) => {
      const routed = deps.explainRequest(request);
      return routed?.route.owner === scope.name ? routed : undefined;
    },
    originNames: () => scope.originNames(),
  };
}

async function each(
  selectors: readonly Selector[],
  act: (selector: Selector) => Promise<InvalidationResult>,
): Promise<InvalidationResult> {
  return summed(await Promise.all(selectors.map(act)));
}

/** What the tenant's selector names in the whole gate. Throws E_SELECTOR. */
function selectorsOf(scope: TenantScope, selector: Selector): readonly Selector[] {
  switch (selector.kind) {
    case 'tag':
      return [{ kind: 'tag', tag: ownedName(selector.tag, scope.name) }];
    case 'origin':
      return [{ kind: 'origin', origin: scope.originOf(selector.origin) }];
    case 'all':
      return scope.originNames().map((name) => ({ kind: 'origin', origin: scope.originOf(name) }));
    case 'url':
      return [ofOwnHost(scope, selector, selector.uri)];
    case 'prefix':
      return [ofOwnHost(scope, selector, selector.prefix)];
    case 'pattern':
      return [ofOwnHost(scope, selector, selector.pattern)];
  }
}

function ofOwnHost(scope: TenantScope, selector: Selector, text: string): Selector {
  const host = /^https?:\/\/([^/?#*\\]+)\//.exec(text)?.[1];
  if (host !== undefined && scope.ownsHost(host)) return selector;
  return expected('E_SELECTOR', 'the whole scheme and host of this tenant, e.g. https://host/, at its beginning', text);
}

/** What keys of a lone gate begin with, in place of tenant and origin. */
function plainKey(scope: TenantScope, key: string): string {
  const [tenant = '', origin = ''] = key.split(' ', 2);
  return `${DEFAULT_TENANT} ${scope.plainOrigin(origin)}${key.slice(tenant.length + 1 + origin.length)}`;
}

function wholeKey(scope: TenantScope, plain: string): string {
  const [tenant = '', origin = ''] = plain.split(' ', 2);
  return `${scope.name} ${scope.originOf(origin)}${plain.slice(tenant.length + 1 + origin.length)}`;
}

function plainEntry(scope: TenantScope, entry: EntrySummary): EntrySummary {
  return {
    ...entry,
    key: plainKey(scope, entry.key),
    origin: scope.plainOrigin(entry.origin),
    tags: entry.tags.map(plainName),
  };
}

/** A tenant's keys stand together in their order: its list begins at the first, and ends at the first of another. */
async function list(gate: CoreDeps['gate'], scope: TenantScope, query: ListQuery): Promise<ListPage> {
  const { tag, after, limit = DEFAULT_LIMIT } = query;
  const beginning = `${scope.name} ${scope.originOf('')}`;
  // One more than asked for: whether anything follows is to be told of the tenant's own entries alone.
  const { entries } = await gate.list({
    ...query,
    ...(tag !== undefined && { tag: ownedName(tag, scope.name) }),
    limit: limit + 1,
    after: after === undefined ? beginning : wholeKey(scope, after),
  });
  const own = entries.filter(({ key }) => key.startsWith(beginning));
  const page = own.slice(0, limit).map((entry) => plainEntry(scope, entry));
  const last = page.at(-1);
  return own.length > limit && last !== undefined ? { entries: page, next: last.key } : { entries: page };
}

const DEFAULT_LIMIT = 100;

function ownSources(api: SourceApi, owner: string): SourceApi {
  return {
    reportSource: ({ source, tags, ...report }) =>
      api.reportSource({ ...report, source: ownedName(source, owner), tags: tags.map((tag) => ownedName(tag, owner)) }),
    sources: () =>
      api
        .sources()
        .filter(({ source }) => ownerOf(source) === owner)
        .map((state) => ({ ...state, source: plainName(state.source) })),
    askSource: (source, about) => api.askSource(ownedName(source, owner), about),
  };
}
