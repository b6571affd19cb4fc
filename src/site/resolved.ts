// The part of a checked configuration that every runtime compiles: its defaults are filled in, and durations are in ms.

import { DEFAULT_TENANT } from '../entry/key.ts';
import type { PathRules } from '../entry/path-readings.ts';
import { defaultRouteName } from './agreements.ts';
import { ROUTE_SECTION, type RouteGot } from './tables.ts';

/** At least one origin and one route. */
export interface ResolvedSite {
  readonly origins: { readonly [name: string]: SiteOrigin };
  readonly routes: readonly ResolvedRoute[];
  /** In lower case. */
  readonly targetedFields: readonly string[];
  readonly cacheName: string;
  /** Fields by which shared caches outside are told what they may hold (RFC 9213). Default: CDN-Cache-Control. */
  readonly outwardFields?: readonly string[];
}

interface SiteOrigin {
  readonly hostHeader?: string | undefined;
  /** Default: it may read a path in any of the ways. */
  readonly paths?: PathRules | undefined;
}

/** A route with its name, origin and tenant known. */
export type ResolvedRoute = RouteGot & { readonly [Known in 'name' | 'origin' | 'tenant']: string } & {
  /** The provisioned tenant whose route it is. Default: of the configuration file. */
  readonly owner?: string;
  /** See CachePolicy. */
  readonly trackedTtlMs?: number;
};

/** What a tenant's requests are held to. */
export interface TenantBounds {
  readonly isSuspended: boolean;
  /** Ms until there may be one more request of a client. */
  waitMs(): number;
  /** Counts one that goes on, or one that was refused. */
  count(goesOn: boolean): void;
}

/** `origins`: at least one. Without routes there is one for all requests. */
export function resolveRoutes(origins: object, routes: readonly RouteGot[]): ResolvedRoute[] {
  const onlyOrigin = Object.keys(origins)[0] as string;
  const stated = routes.length > 0 ? routes : [ROUTE_SECTION.read({})];
  return stated.map((route, at) => ({
    ...route,
    name: route.name ?? defaultRouteName(at),
    origin: route.origin ?? onlyOrigin,
    tenant: route.tenant ?? DEFAULT_TENANT,
  }));
}
