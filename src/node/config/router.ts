// Routes and request rules, made once from the configuration, and the way from a request to its route.
//
// Matching runs for every request, so it must not allocate. Patterns are compiled, and the routes that can apply to a
// host are remembered by the host; clients choose the hosts, so the memory is bounded.

import { cookieRules } from '../../engine/answers/shared-request.ts';
import type { Route } from '../../engine/contract.ts';
import { TidegateError } from '../../errors.ts';
import { globMatcher } from '../../ledger/glob.ts';
import type { Origin } from '../../ports.ts';
import { type CodingRules, isCompressibleType } from '../../semantics/coded-representation.ts';
import { codingChooser } from '../../semantics/content-coding.ts';
import type { Fields } from '../../semantics/fields.ts';
import { type CachePolicy, CONFORMANCE_POLICY, SAFE_POLICY } from '../../semantics/policy.ts';
import { normalPath } from '../../semantics/target.ts';
import type { FrontLimits, QueryRule, RequestRules, Router, SiteRoute } from '../site.ts';
import { compileBypass, compilePaths } from './bypass.ts';
import type { ResolvedConfig, ResolvedRoute } from './config.ts';
import { codingSchema } from './config-schema.ts';
import { normaliseUri } from './target.ts';

/** Makes the routes of a configuration; `origins` holds each of its origins by name. */
export function compileSite(config: ResolvedConfig, origins: ReadonlyMap<string, Origin>): CompiledSite {
  const router = new HostRouter();
  let retired = false;
  for (const route of config.routes) {
    const origin = origins.get(route.origin);
    if (origin === undefined) throw new TidegateError('E_CONFIG', `route ${route.name}: no origin ${route.origin}`);
    const request = compileRequestRules(route, config);
    const site: SiteRoute = Object.freeze({
      name: route.name,
      route: {
        ...compileRoute(route, origin, config),
        cacheUri: (uri: string) => cacheUri(router, uri, request),
        retired: () => retired,
      },
      request,
    });
    router.add({ site, matches: compilePaths(route.match.path) }, asList(route.match.host));
  }
  return {
    router,
    limits: config.limits,
    retire: () => {
      retired = true;
    },
  };
}

interface CompiledSite {
  readonly router: Router;
  readonly limits: FrontLimits;
  /** Another site replaces this one: a fill still running for this one is not stored. */
  readonly retire: () => void;
}

/** A URI named in an answer, under the rules of the route that its requests take. */
function cacheUri(router: Router, uri: string, own: RequestRules): string {
  const { host, pathname } = new URL(uri);
  return normaliseUri(uri, router.match(host, pathname)?.request ?? own);
}

type SiteNames = Pick<ResolvedConfig, 'cacheName' | 'targetedFields'>;

function compileRoute(config: ResolvedRoute, origin: Origin, site: SiteNames): Omit<Route, 'cacheUri' | 'retired'> {
  return Object.freeze({
    tenant: config.tenant,
    originName: config.origin,
    origin,
    policy: compilePolicy(config, site),
    responseFields: compileEdits(config.response),
    showTags: config.showTags,
    compress: compileCoding(config.compress),
  });
}

function compilePolicy(route: ResolvedRoute, { cacheName, targetedFields }: SiteNames): CachePolicy {
  const base = route.profile === 'safe' ? SAFE_POLICY : CONFORMANCE_POLICY;
  return Object.freeze({
    ...base,
    cacheName,
    targetedFields: Object.freeze([...targetedFields]),
    ttlMs: route.ttlMs,
    defaultTtlMs: route.defaultTtlMs,
    staleWhileRevalidateMs: route.staleWhileRevalidateMs,
    staleIfErrorMs: route.staleIfErrorMs,
    graceMs: route.graceMs ?? base.graceMs,
    negativeTtlMs: route.negativeTtlMs,
    editsFreshness: editedNames(route.response).some((name) => saysFreshness(name, targetedFields)),
    ownRequestFields: new Set(Object.keys(route.request.set).map((name) => name.toLowerCase())),
    cookies: route.cookies && cookieRules(route.cookies),
    clientDirectives: route.clientDirectives ?? base.clientDirectives,
    maxBodyBytes: route.maxBodyBytes,
  });
}

function saysFreshness(field: string, targetedFields: readonly string[]): boolean {
  return ['cache-control', 'expires', 'last-modified', 'vary', ...targetedFields].includes(field);
}

function compileRequestRules(route: ResolvedRoute, { origins }: Pick<ResolvedConfig, 'origins'>): RequestRules {
  return Object.freeze({
    query: compileQuery(route.query),
    sortQuery: route.sortQuery,
    fields: compileEdits(route.request),
    bypass: compileBypass(route.bypass),
    bodyOnGet: route.bodyOnGet,
    originHost: route.originHost ?? origins[route.origin]?.hostHeader,
    upgrade: route.upgrade,
  });
}

function compileCoding(compress: ResolvedRoute['compress']): CodingRules | undefined {
  if (compress === false) return undefined;
  const { codings, minBytes, types } = compress === true ? codingSchema.parse({}) : compress;
  const matchers = types?.map((type) => globMatcher(type.toLowerCase()));
  return Object.freeze({
    accepted: codingChooser(codings),
    minBytes,
    takesType: matchers === undefined ? isCompressibleType : (type) => matchers.some((matches) => matches(type)),
  });
}

function compileQuery(query: ResolvedRoute['query']): QueryRule {
  if (query === 'all') return { kind: 'all' };
  if ('keep' in query) return { kind: 'keep', names: new Set(query.keep) };
  return query.drop.length === 0 ? { kind: 'all' } : { kind: 'drop', names: new Set(query.drop) };
}

/** A set field replaces all fields of its name, so its name is among the removed ones. */
function compileEdits(edits: FieldEdits): { readonly remove: ReadonlySet<string>; readonly set: Fields } {
  const set = Object.entries(edits.set).flatMap(([name, value]) => [name.toLowerCase(), value]);
  return Object.freeze({ remove: new Set(editedNames(edits)), set: Object.freeze(set) });
}

type FieldEdits = ResolvedRoute['request'];

function editedNames({ set, remove }: FieldEdits): readonly string[] {
  return [...remove, ...Object.keys(set)].map((name) => name.toLowerCase());
}

function asList(values: string | readonly string[] | undefined): readonly string[] {
  if (values === undefined) return [];
  return typeof values === 'string' ? [values] : values;
}

interface Candidate {
  readonly site: SiteRoute;
  readonly matches: (path: string) => boolean;
}

/** Routes in the order of the configuration. */
type Bucket = readonly Candidate[];

const REMEMBERED_HOSTS = 256;

/** Longer than any name of the DNS (RFC 1035 §2.3.4): nothing is worked out for such a host. */
const MAX_HOST_CHARS = 261;

/** Routes by host: first those of this host and port, then those of the host, of a wildcard, of any host. */
class HostRouter implements Router {
  /** By host, `*.host`, and either with `:port`. */
  readonly #byHost = new Map<string, Candidate[]>();
  readonly #anyHost: Candidate[] = [];
  readonly #onlyAnyHost: readonly Bucket[] = [this.#anyHost];
  readonly #remembered = new Map<string, readonly Bucket[]>();

  add(candidate: Candidate, hosts: readonly string[]): void {
    if (hosts.length === 0) this.#anyHost.push(candidate);
    for (const host of new Set(hosts.flatMap(bucketNames))) {
      const bucket = this.#byHost.get(host);
      if (bucket === undefined) this.#byHost.set(host, [candidate]);
      else bucket.push(candidate);
    }
  }

  match(host: string, path: string): SiteRoute | undefined {
    const matchable = normalPath(path);
    for (const bucket of this.#bucketsOf(host)) {
      for (const candidate of bucket) if (candidate.matches(matchable)) return candidate.site;
    }
    return undefined;
  }

  knowsHost(host: string): boolean {
    return this.#bucketsOf(host).some((bucket) => bucket.length > 0);
  }

  #bucketsOf(host: string): readonly Bucket[] {
    if (this.#byHost.size === 0 || host.length > MAX_HOST_CHARS) return this.#onlyAnyHost;
    const known = this.#remembered.get(host);
    if (known !== undefined) return known;
    const buckets = this.#findBuckets(host);
    if (this.#remembered.size >= REMEMBERED_HOSTS) this.#remembered.clear();
    this.#remembered.set(host, buckets);
    return buckets;
  }

  #findBuckets(host: string): Bucket[] {
    const buckets: Bucket[] = [];
    const { name, port } = splitPort(host);
    for (const pattern of patternsOf(name)) {
      const withPort = this.#byHost.get(`${pattern}:${port}`);
      const anyPort = this.#byHost.get(pattern);
      if (withPort !== undefined) buckets.push(withPort);
      if (anyPort !== undefined) buckets.push(anyPort);
    }
    if (this.#anyHost.length > 0) buckets.push(this.#anyHost);
    return buckets;
  }
}

/** The host itself, then every wildcard it falls under, the longest first. */
function patternsOf(name: string): string[] {
  const patterns = [name];
  if (name.startsWith('[')) return patterns;
  for (let dot = name.indexOf('.'); dot > 0; dot = name.indexOf('.', dot + 1)) patterns.push(`*${name.slice(dot)}`);
  return patterns;
}

/** A default port, which a request need not name, is also written as no port at all: `host:`. */
function bucketNames(pattern: string): string[] {
  const { name, port } = splitPort(pattern.toLowerCase());
  if (port === '') return [name];
  const named = `${name}:${Number(port)}`;
  return named === `${name}:80` || named === `${name}:443` ? [named, `${name}:`] : [named];
}

/** `port` is empty when absent. */
function splitPort(host: string): { readonly name: string; readonly port: string } {
  const colon = host.lastIndexOf(':');
  if (colon < 0 || host.endsWith(']')) return { name: host, port: '' };
  return { name: host.slice(0, colon), port: host.slice(colon + 1) };
}
