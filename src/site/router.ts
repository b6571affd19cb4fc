// The way from a request to its route, and the parts of its target that count.
//
// Matching runs for every request, so it must not allocate: the routes that can apply to a host are remembered by the host;
// clients choose the hosts, so the memory is bounded. An origin may read a path otherwise than it is written (path-readings.ts):
// a request that other routes may also mean gets what all of them permit.

import { editFields, sharedRequest } from '../engine/answers/edits.ts';
import type { FieldEdits, GateRequest, Route } from '../engine/contract.ts';
import { normalPath, normalTarget } from '../entry/key.ts';
import { foldPath, otherReadings, type PathRules } from '../entry/path-readings.ts';
import { type Fields, fieldLines, filterFields } from '../semantics/fields.ts';
import type { PathTest } from './path-tests.ts';
import type { TenantBounds } from './resolved.ts';

/** Whether a query parameter stays in the key, and so in the forwarded request; undefined: all do. */
export type QueryRule = ((name: string) => boolean) | undefined;

/** The front's changes to a request before the engine sees it. */
export interface RequestRules {
  readonly query: QueryRule;
  /** Whether to order parameters by name, stably; off by default, since some origins give the order a meaning. */
  readonly sortQuery: boolean;
  /** Of the forwarded request, so of every field that may change an origin's answer. */
  readonly fields: FieldEdits;
  /** Other than false: the request goes to the origin without the cache. */
  readonly bypass: (method: string, path: string, fields: Fields) => boolean | 'ambiguous-path';
  /** How the origin may read paths. */
  readonly paths: PathRules;
  /** Those that are forwarded; undefined: all. */
  readonly methods: ReadonlySet<string> | undefined;
  /** Whether to forward a body on GET or HEAD, never cached; otherwise 400 refuses it. */
  readonly bodyOnGet: boolean;
  /** Whether the origin gets the content of a request as it comes, which holds one of its connections. */
  readonly streamRequests: boolean;
  /** Host sent to the origin; undefined means the client's. */
  readonly originHost: string | undefined;
  /** Whether to tunnel `Upgrade` requests to the origin; otherwise they get 501. */
  readonly upgrade: boolean;
  /** Of the provisioned tenant whose route it is. Default: none. */
  readonly bounds?: TenantBounds | undefined;
}

export interface SiteRoute {
  readonly name: string;
  readonly route: Route;
  readonly request: RequestRules;
}

/** Finds the route of a request; undefined means no route: 404, or 421 when no route has the host. */
export interface Router {
  match(host: string, path: string): SiteRoute | undefined;
  knowsHost(host: string): boolean;
}

/** A request that has found its route; `bypass`: it goes past the cache whatever the route says. */
type Arrived = Pick<GateRequest, 'method' | 'target' | 'fields' | 'bypass'>;

/**
 * Chooses the part of a request that is forwarded, and whether it goes past the cache. The target goes into the key as well; so equal keys
 * forward equal requests. `isTrusted`: whether this client's cache directives are obeyed whatever the route says.
 */
export function requestOnRoute(
  { method, target: given, fields, bypass }: Arrived,
  { request: rules, route }: SiteRoute,
  isTrusted: () => boolean,
): Pick<GateRequest, 'target' | 'fields' | 'bypass'> {
  const target = normaliseTarget(given, rules);
  const edited = editFields(fields, rules.fields);
  const goesBy = bypass || rules.bypass(method, target, edited);
  return { target, ...sharedRequest({ method, fields: edited, bypass: goesBy }, route.policy, isTrusted) };
}

/** The methods that the route takes, as in Allow (RFC 9110 §10.2.1), where it does not take this one. */
export function allowedInstead(method: string, { request: { methods } }: SiteRoute): string | undefined {
  return methods === undefined || methods.has(method) ? undefined : [...methods].join(', ');
}

interface Candidate {
  readonly site: SiteRoute;
  /** Undefined: it takes any path. */
  readonly paths: PathTest | undefined;
}

/** Routes in the order of the configuration. */
type Bucket = readonly Candidate[];

const REMEMBERED_HOSTS = 256;

/** Longer than any name of the DNS (RFC 1035 §2.3.4): nothing is worked out for such a host. */
const MAX_HOST_CHARS = 261;

/** Routes by host: first those of this host and port, then those of the host, of a wildcard, of any host. */
export class HostRouter implements Router {
  /** By host, `*.host`, and either with `:port`. */
  readonly #byHost = new Map<string, Candidate[]>();
  readonly #anyHost: Candidate[] = [];
  readonly #onlyAnyHost: readonly Bucket[] = [this.#anyHost];
  readonly #remembered = new Map<string, readonly Bucket[]>();
  readonly #sites: SiteRoute[] = [];
  /** What routes that one path may mean permit together, by their places in `#sites`. */
  readonly #common = new Map<string, SiteRoute>();
  #hasPaths = false;
  #hasCapitals = false;
  #retires: (owner: string | undefined) => boolean = () => false;
  #successor: HostRouter | undefined;

  add(candidate: Candidate, hosts: readonly string[]): void {
    this.#sites.push(candidate.site);
    this.#hasPaths ||= candidate.paths !== undefined;
    this.#hasCapitals ||= candidate.paths?.hasCapitals === true;
    if (hosts.length === 0) this.#anyHost.push(candidate);
    for (const host of new Set(hosts.flatMap(bucketNames))) {
      const bucket = this.#byHost.get(host);
      if (bucket === undefined) this.#byHost.set(host, [candidate]);
      else bucket.push(candidate);
    }
  }

  /** Another site replaces this one: a fill that still runs for an owner with other rules there is not stored. */
  retire(successor: HostRouter, hasOtherRules: (owner: string | undefined) => boolean): void {
    this.#retires = hasOtherRules;
    this.#successor = successor;
  }

  isRetired(owner: string | undefined): boolean {
    return this.#retires(owner) || this.#successor?.isRetired(owner) === true;
  }

  match(host: string, path: string): SiteRoute | undefined {
    const matchable = normalPath(path);
    const buckets = this.#bucketsOf(host);
    const site = find(buckets, matchable, 'matches');
    return site === undefined || !this.#hasPaths ? site : this.#narrowed(site, buckets, matchable);
  }

  /** The route with what every reading of the path permits; undefined where one has no route. */
  #narrowed(site: SiteRoute, buckets: readonly Bucket[], path: string): SiteRoute | undefined {
    const { paths } = site.request;
    const readings = otherReadings(path, paths);
    const isFolded = paths.caseInsensitive && (this.#hasCapitals || /[A-Z]/.test(path));
    if (readings.length === 0 && !isFolded) return site;
    const found = readings.map((reading) => find(buckets, reading, 'matches'));
    // A route that is written in capitals is the only one that knows them.
    const folded = isFolded ? [path, ...readings].map((one) => find(buckets, foldPath(one), 'matchesFolded')) : [];
    const sites = new Set<SiteRoute | undefined>([site, ...found, ...folded]);
    if (sites.size === 1) return site;
    return sites.has(undefined) ? undefined : this.#commonOf([...sites] as SiteRoute[]);
  }

  /** One object for each such set of routes: bounds count by it. */
  #commonOf(sites: readonly SiteRoute[]): SiteRoute {
    const places = sites.map((site) => this.#sites.indexOf(site)).join();
    const common = this.#common.get(places) ?? permittedByAll(sites);
    this.#common.set(places, common);
    return common;
  }

  knowsHost(host: string): boolean {
    return this.#bucketsOf(host).some((bucket) => bucket.length > 0);
  }

  /** The host as routes name it: itself, else the wildcard that it falls under, else `*`. So there are as many as routes name. */
  hostPattern(host: string): string {
    return (host.length > MAX_HOST_CHARS ? undefined : this.#namesOf(host)[0]) ?? '*';
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

  /** The provisioned tenant that has the host, by the most exact name that routes give it. */
  ownerOf(host: string): string | undefined {
    return this.#bucketsOf(host)[0]?.[0]?.site.route.owner;
  }

  /** A host belongs to one owner: where its routes take nothing, no route of another does. */
  #findBuckets(host: string): Bucket[] {
    const buckets = [...this.#namesOf(host).map((name) => this.#byHost.get(name) as Bucket), this.#anyHost];
    const owner = buckets[0]?.[0]?.site.route.owner;
    return buckets.filter(([first]) => first?.site.route.owner === owner);
  }

  /** What routes name of the host, the most exact first. */
  #namesOf(host: string): string[] {
    const { name, port } = splitPort(host);
    const names = patternsOf(name).flatMap((pattern) => [`${pattern}:${port}`, pattern]);
    return names.filter((one) => this.#byHost.has(one));
  }
}

function find(buckets: readonly Bucket[], path: string, by: 'matches' | 'matchesFolded'): SiteRoute | undefined {
  for (const bucket of buckets) {
    for (const { site, paths } of bucket) if (paths === undefined || paths[by](path)) return site;
  }
  return undefined;
}

const passes = () => 'ambiguous-path' as const;

/** The first route with what all of them permit. What only one of them stores may be what another keeps private. */
function permittedByAll(sites: readonly SiteRoute[]): SiteRoute {
  const [site] = sites as readonly [SiteRoute];
  const [all, routes] = [sites.map(({ request }) => request), sites.map(({ route }) => route)];
  const lists = all.flatMap(({ methods }) => (methods === undefined ? [] : [methods]));
  const [first] = lists;
  const request: RequestRules = {
    ...site.request,
    query: all.some(({ query }) => query) ? (name) => all.every(({ query }) => query?.(name) !== false) : undefined,
    fields: commonEdits(all.map(({ fields }) => fields)),
    bypass: passes,
    methods: first && new Set([...first].filter((method) => lists.every((list) => list.has(method)))),
    upgrade: all.every(({ upgrade }) => upgrade),
    bodyOnGet: all.every(({ bodyOnGet }) => bodyOnGet),
  };
  const responseFields = commonEdits(routes.map((route) => route.responseFields));
  const showTags = routes.every((route) => route.showTags);
  return Object.freeze({ name: site.name, route: { ...site.route, responseFields, showTags }, request });
}

/** Takes off what any of them takes off, and adds what each of them adds. */
function commonEdits(edits: readonly FieldEdits[]): FieldEdits {
  const [{ set }] = edits as readonly [FieldEdits];
  const isCommon = (name: string) => new Set(edits.map((one) => fieldLines(one.set, name).join('\n'))).size === 1;
  return { remove: new Set(edits.flatMap(({ remove }) => [...remove])), set: filterFields(set, isCommon) };
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

/**
 * The target (path and query) with its query parameters kept, dropped and ordered as the rules say. The text made here is
 * both forwarded and used in the cache key, so two requests with one key cannot differ in what the origin sees.
 *
 * Origins decode parameter names, and a dropped name must be gone however it is spelt; names are therefore compared
 * decoded, while the kept part of the query is left as it is.
 */
export function normaliseTarget(target: string, rules: Pick<RequestRules, 'query' | 'sortQuery'>): string {
  const { query, sortQuery } = rules;
  const normal = normalTarget(target);
  const mark = normal.indexOf('?');
  if (mark < 0 || (query === undefined && !sortQuery)) return normal;
  const path = normal.slice(0, mark);
  const parameters: { readonly name: string; readonly text: string }[] = [];
  // `;` separates nothing (WHATWG URL, application/x-www-form-urlencoded). Empty parameters have no meaning and are
  // dropped.
  for (const text of normal.slice(mark + 1).split('&')) {
    if (text === '') continue;
    const name = parameterName(text);
    if (query === undefined || query(name)) parameters.push({ name, text });
  }
  // In code units, so that the order is the same everywhere; the sort is stable, so equal names keep their order.
  if (sortQuery) parameters.sort(({ name: one }, { name: other }) => (one === other ? 0 : one < other ? -1 : 1));
  return parameters.length === 0 ? path : `${path}?${parameters.map(({ text }) => text).join('&')}`;
}

/**
 * The decoded name of a parameter: `+` is a space, `%` with two hexadecimal digits a byte of UTF-8, any other `%`
 * itself. Bytes that are not UTF-8 become U+FFFD; this makes two such names equal, but only a rule that names U+FFFD
 * notices.
 */
function parameterName(parameter: string): string {
  const end = parameter.indexOf('=');
  const raw = end < 0 ? parameter : parameter.slice(0, end);
  if (!/[%+\u0080-\uffff]/.test(raw)) return raw;
  // What is not escaped is whole UTF-8, so each run of escapes stands for itself.
  return raw
    .replaceAll('+', ' ')
    .toWellFormed()
    .replace(/(?:%[0-9a-f]{2})+/gi, (escapes) =>
      UTF8.decode(Uint8Array.from(escapes.slice(1).split('%'), (hex) => Number.parseInt(hex, 16))),
    );
}

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
