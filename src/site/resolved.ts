// The part of a checked configuration that every runtime compiles: its defaults are filled in, and durations are in ms.

import { CODINGS } from '../semantics/content-coding.ts';
import type { Profile } from '../semantics/policy.ts';
import type { BypassRuleConfig, RouteConfig } from './route-types.ts';

/** At least one origin and one route. */
export interface ResolvedSite {
  readonly origins: { readonly [name: string]: { readonly hostHeader?: string | undefined } };
  readonly routes: readonly ResolvedRoute[];
  /** In lower case. */
  readonly targetedFields: readonly string[];
  readonly cacheName: string;
}

export interface ResolvedRoute {
  readonly name: string;
  readonly match: {
    readonly host?: string | readonly string[] | undefined;
    readonly path?: string | readonly string[] | undefined;
  };
  readonly origin: string;
  readonly tenant: string;
  readonly profile: Profile;
  readonly ttlMs?: number | undefined;
  readonly defaultTtlMs?: number | undefined;
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  readonly graceMs?: number | undefined;
  readonly negativeTtlMs: number;
  readonly cookies?: { readonly key: readonly string[]; readonly drop: 'all' | readonly string[] } | undefined;
  readonly clientDirectives?: 'ignore' | 'honour' | undefined;
  readonly maxBodyBytes: number;
  readonly query: NonNullable<RouteConfig['query']>;
  readonly sortQuery: boolean;
  readonly request: FieldEdits;
  readonly response: FieldEdits;
  readonly bypass: readonly BypassRuleConfig[];
  readonly showTags: boolean;
  readonly bodyOnGet: boolean;
  readonly upgrade: boolean;
  readonly originHost?: string | undefined;
  readonly compress: boolean | CodingSettings;
}

export interface FieldEdits {
  readonly set: { readonly [name: string]: string };
  readonly remove: readonly string[];
}

interface CodingSettings {
  readonly codings: readonly (typeof CODINGS)[number][];
  readonly minBytes: number;
  readonly types?: readonly string[] | undefined;
}

/** What `compress: true` means. */
export const CODING_DEFAULTS: CodingSettings = { codings: CODINGS, minBytes: 1_024 };
