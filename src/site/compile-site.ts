// Routes and request rules, made once from the configuration, for every runtime.

import { cookieRules } from '../engine/answers/edits.ts';
import type { FieldEdits, Route, RouteCoding } from '../engine/contract.ts';
import { ANY_READING } from '../entry/path-readings.ts';
import { TidegateError } from '../errors.ts';
import type { Origin } from '../ports.ts';
import type { OutwardRules } from '../semantics/outward.ts';
import { type CachePolicy, policyOf } from '../semantics/policy.ts';
import { compileBypass } from './bypass.ts';
import { compilePaths } from './path-tests.ts';
import type { ResolvedRoute, ResolvedSite, TenantBounds } from './resolved.ts';
import { HostRouter, normaliseTarget, type QueryRule, type RequestRules, type SiteRoute } from './router.ts';

export interface SiteParts {
  /** No tier takes a larger body, so none is gathered. Default: any is. */
  readonly most?: number;
  /** What a route that codes is to do. Default: none codes. */
  readonly codingOf?: (compress: ResolvedRoute['compress']) => RouteCoding | undefined;
  /** The bounds of a provisioned tenant. Default: it has none. */
  readonly boundsOf?: (owner: string) => TenantBounds | undefined;
}

/** Makes the routes of a configuration; `origins` holds each of its origins by name. */
export function compileSite(
  config: ResolvedSite,
  origins: ReadonlyMap<string, Origin>,
  { most = Number.POSITIVE_INFINITY, codingOf = () => undefined, boundsOf = () => undefined }: SiteParts = {},
): HostRouter {
  const router = new HostRouter();
  for (const route of config.routes) {
    const origin = origins.get(route.origin);
    if (origin === undefined) throw new TidegateError('E_CONFIG', `route ${route.name}: no origin ${route.origin}`);
    const { paths = ANY_READING, hostHeader } = config.origins[route.origin] ?? {};
    const request: RequestRules = Object.freeze({
      query: compileQuery(route.query),
      sortQuery: route.sortQuery,
      fields: compileEdits(route.request),
      bypass: compileBypass(route.bypass, paths),
      paths,
      methods: route.methods === 'all' ? undefined : new Set(route.methods),
      bodyOnGet: route.bodyOnGet,
      streamRequests: route.streamRequests,
      originHost: route.originHost ?? hostHeader,
      upgrade: route.upgrade,
      bounds: route.owner === undefined ? undefined : boundsOf(route.owner),
    });
    const compiled: Route = {
      name: route.name,
      tenant: route.tenant,
      owner: route.owner,
      originName: route.origin,
      origin,
      policy: compilePolicy({ ...route, maxBodyBytes: Math.min(route.maxBodyBytes, most) }, config),
      trackedTtlMs: route.trackedTtlMs,
      responseFields: compileEdits(route.response),
      showTags: route.showTags,
      outward: compileOutward(route.outward, config.outwardFields),
      compress: codingOf(route.compress),
      cacheUri: (uri: string) => cacheUri(router, uri, request),
      retired: () => router.isRetired(route.owner),
    };
    const site: SiteRoute = Object.freeze({ name: route.name, route: compiled, request });
    const { path, host = [] } = route.match;
    router.add({ site, paths: path === undefined ? undefined : compilePaths(path) }, [host].flat());
  }
  return router;
}

/** A URI named in an answer, under the rules of the route that its requests take. */
function cacheUri(router: HostRouter, uri: string, own: RequestRules): string {
  const { host, pathname } = new URL(uri);
  const pathAt = uri.indexOf('/', uri.indexOf('//') + 2);
  if (pathAt < 0) return uri;
  return uri.slice(0, pathAt) + normaliseTarget(uri.slice(pathAt), router.match(host, pathname)?.request ?? own);
}

function compilePolicy(
  route: ResolvedRoute,
  { cacheName, targetedFields }: Pick<ResolvedSite, 'cacheName' | 'targetedFields'>,
): CachePolicy {
  const sayFreshness = ['cache-control', 'expires', 'last-modified', 'vary', ...targetedFields];
  return policyOf({
    profile: route.profile,
    cacheName,
    targetedFields,
    ttlMs: route.ttlMs,
    defaultTtlMs: route.defaultTtlMs,
    staleWhileRevalidateMs: route.staleWhileRevalidateMs,
    staleIfErrorMs: route.staleIfErrorMs,
    graceMs: route.graceMs,
    negativeTtlMs: route.negativeTtlMs,
    editsFreshness: editedNames(route.response).some((name) => sayFreshness.includes(name)),
    ownRequestFields: new Set(Object.keys(route.request.set).map((name) => name.toLowerCase())),
    cookies: route.cookies && cookieRules(route.cookies),
    variants: route.variants,
    clientDirectives: route.clientDirectives,
    maxBodyBytes: route.maxBodyBytes,
  });
}

function compileOutward(
  outward: ResolvedRoute['outward'],
  targeted: readonly string[] = ['cdn-cache-control'],
): OutwardRules | undefined {
  if (outward === undefined) return undefined;
  const { maxAgeMs, sMaxageMs, staleWhileRevalidateMs } = outward;
  const [maxAge, sMaxage, staleWhileRevalidate] = [maxAgeMs, sMaxageMs, staleWhileRevalidateMs].map((ms) =>
    Math.floor(ms / 1000),
  ) as [number, number, number];
  return Object.freeze({ maxAge, sMaxage, staleWhileRevalidate, targeted });
}

function compileQuery(query: ResolvedRoute['query']): QueryRule {
  if (query === 'all') return undefined;
  const names = new Set('keep' in query ? query.keep : query.drop);
  if ('keep' in query) return (name) => names.has(name);
  return names.size === 0 ? undefined : (name) => !names.has(name);
}

function compileEdits(edits: ResolvedRoute['request']): FieldEdits {
  const set = Object.entries(edits.set).flatMap(([name, value]) => [name.toLowerCase(), value]);
  return Object.freeze({ remove: new Set(editedNames(edits)), set: Object.freeze(set) });
}

function editedNames({ set, remove }: ResolvedRoute['request']): readonly string[] {
  return [...remove, ...Object.keys(set)].map((name) => name.toLowerCase());
}
