// What a tenant is told to be, checked, and what it adds to the configuration: origins and routes under names of its own.
//
// The engine, the log and the stores know no tenants. An origin `api` of the tenant `acme` is the origin `acme:api` to them,
// which no configuration file can name; the routes are those of its hosts alone (site/router.ts).

import { DEFAULT_TENANT } from '../../entry/key.ts';
import { shown } from '../../errors.ts';
import { isRecord, type UnknownRecord } from '../../options/kit.ts';
import {
  below,
  duration,
  type GotOf,
  integer,
  list,
  readWhole,
  refused,
  section,
  type Tell,
  table,
} from '../../options/sections.ts';
import { checkSite } from '../../site/agreements.ts';
import { entityName, hostPatterns } from '../../site/kinds.ts';
import { type ResolvedRoute, resolveRoutes } from '../../site/resolved.ts';
import { ROUTE_SECTION } from '../../site/tables.ts';
import type { ResolvedConfig } from '../config/config.ts';
import { originSchema } from '../config/config-schema.ts';

const TENANT = section({
  hosts: hostPatterns,
  origins: table(entityName, originSchema),
  routes: list(ROUTE_SECTION).default([]),
  defaultLifetime: duration().default('24h'),
  quotas: section({
    memoryBytes: integer(0).optional(),
    diskBytes: integer(0).optional(),
    requestsPerSecond: integer(1).optional(),
    originConcurrency: integer(1).optional(),
  }).default({}),
});

/** A tenant as it was given, and whether it is suspended. */
export interface TenantTerms {
  readonly name: string;
  readonly spec: UnknownRecord;
  readonly suspended: boolean;
}

type ResolvedTenant = Pick<TenantTerms, 'name' | 'suspended'> & GotOf<typeof TENANT>;

/** The name of a tenant's origin in the whole configuration. */
export function originOfTenant(tenant: string, origin: string): string {
  return `${tenant}:${origin}`;
}

/** The origin as the tenant calls it. */
export function plainOrigin(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** Throws E_CONFIG. */
export function checkTenantName(name: unknown): string {
  return readWhole('the tenant', (tell) => entityName.read(name, below(tell, 'name')));
}

/** Throws one E_CONFIG that names every problem. */
function resolveTenant({ name, spec, suspended }: TenantTerms): ResolvedTenant {
  const got = readWhole(`tenant ${name}`, (tell) => {
    const read = TENANT.read(spec, tell);
    checkSite(spec, tell);
    checkOwn(spec, tell);
    return read;
  });
  return { ...got, name, suspended };
}

/** A route is for hosts of its tenant, and names no tenant. A file name would be one of the gate's machine. */
function checkOwn(spec: UnknownRecord, tell: Tell): void {
  const hosts = [spec.hosts].flat().map((host) => String(host).toLowerCase());
  const routes: readonly unknown[] = Array.isArray(spec.routes) ? spec.routes : [];
  for (const [at, route] of routes.entries()) {
    if (!isRecord(route)) continue;
    if (route.tenant !== undefined) tell(`expected none, got ${shown(route.tenant)}`, ['routes', at, 'tenant']);
    const named = isRecord(route.match) && route.match.host !== undefined ? [route.match.host].flat() : [];
    const other = named.find((host) => !hosts.includes(String(host).toLowerCase()));
    if (other !== undefined)
      tell(`expected one of ${hosts.join(', ')}, got ${shown(other)}`, ['routes', at, 'match', 'host']);
  }
  for (const [name, origin] of Object.entries(isRecord(spec.origins) ? spec.origins : {})) {
    const { ca } = isRecord(origin) && isRecord(origin.tls) ? origin.tls : {};
    if (ca !== undefined && !String(ca).startsWith('/'))
      tell(`expected a file name from the root on, got ${shown(ca)}`, ['origins', name, 'tls', 'ca']);
  }
}

/** The configuration file with all tenants in it. Throws E_CONFIG where they cannot stand together. */
export function withTenants(file: ResolvedConfig, all: readonly TenantTerms[]): ResolvedConfig {
  if (all.length === 0) return file;
  const tenants = all.map(resolveTenant);
  const problems = conflicts(file, tenants);
  if (problems.length > 0) throw refused('the tenants', problems);
  const origins = tenants.flatMap((tenant) =>
    Object.entries(tenant.origins).map(([name, origin]) => [
      originOfTenant(tenant.name, name),
      bounded(tenant, origin),
    ]),
  );
  const terms = tenants.map(({ name, suspended, quotas }) => [name, { suspended, quotas }]);
  return {
    ...file,
    origins: { ...file.origins, ...Object.fromEntries(origins) },
    routes: [...file.routes, ...tenants.flatMap(routesOf)],
    tenants: Object.fromEntries(terms),
  };
}

function bounded({ origins, quotas }: ResolvedTenant, origin: ResolvedTenant['origins'][string]) {
  const { originConcurrency = Number.POSITIVE_INFINITY } = quotas;
  const share = Math.max(1, Math.floor(originConcurrency / Object.keys(origins).length));
  const { connections, url, tls } = origin;
  return { ...origin, url: new URL(url).origin, tls: { ca: tls.ca }, connections: Math.min(connections, share) };
}

function routesOf(tenant: ResolvedTenant): ResolvedRoute[] {
  const { name: owner } = tenant;
  return resolveRoutes(tenant.origins, tenant.routes).map((route) => ({
    ...route,
    name: originOfTenant(owner, route.name),
    origin: originOfTenant(owner, route.origin),
    tenant: owner,
    owner,
    ...(tenant.defaultLifetimeMs > 0 && { trackedTtlMs: tenant.defaultLifetimeMs }),
    match: { ...route.match, host: route.match.host ?? tenant.hosts },
  }));
}

function conflicts({ routes }: ResolvedConfig, tenants: readonly ResolvedTenant[]): string[] {
  const owners = new Map<string, string>();
  const names = new Set<string>([DEFAULT_TENANT, ...routes.map(({ tenant }) => tenant)]);
  for (const { name, match } of routes)
    for (const host of [match.host ?? []].flat())
      owners.set(host.toLowerCase(), `route ${name} of the configuration file`);
  return tenants.flatMap(({ name, hosts }) => {
    const taken = names.has(name) ? [`expected a name of its own, got ${name}, which a route has as its tenant`] : [];
    for (const host of [hosts].flat().map((one) => one.toLowerCase())) {
      const owner = owners.get(host);
      if (owner !== undefined && owner !== `tenant ${name}`)
        taken.push(`tenant ${name}: expected hosts of its own, got ${host}, which ${owner} has`);
      owners.set(host, `tenant ${name}`);
    }
    return taken;
  });
}

/** Of one process of several, which have the traffic in about equal parts. */
export function boundsOfWorker(tenants: NonNullable<ResolvedConfig['tenants']>, part: (whole: number) => number) {
  const all = Object.entries(tenants).map(([name, { suspended, quotas }]) => {
    const { memoryBytes, requestsPerSecond } = quotas;
    const shares = {
      ...(memoryBytes !== undefined && { memoryBytes: part(memoryBytes) }),
      ...(requestsPerSecond !== undefined && { requestsPerSecond: part(requestsPerSecond) }),
    };
    return [name, { suspended, quotas: { ...quotas, ...shares } }];
  });
  return Object.fromEntries(all) as NonNullable<ResolvedConfig['tenants']>;
}
