// The operator's settings for a route, as far as HTTP caching semantics go. Plain data: the functions of this room
// take it as an argument, the configuration makes it.

import { Preferences, type VariantLists } from './preferences.ts';

/** `safe` refuses legal but dangerous behaviour; `conformance` does everything that RFC 9111 allows. */
export type Profile = 'safe' | 'conformance';

/**
 * Decides which cookies of a GET or HEAD reach the origin. A request with a cookie that is neither in the key nor
 * taken off bypasses the cache, with all of its cookies.
 */
export interface CookieRules {
  /** Whether the cookie is in the key, and so forwarded. */
  readonly isInKey: (name: string) => boolean;
  /** Whether the cookie is taken off, unless it is in the key. */
  readonly isDropped: (name: string) => boolean;
  /** Whether any cookie can be in the key. */
  readonly hasKey: boolean;
}

/** All times in milliseconds. */
export interface CachePolicy {
  readonly profile: Profile;
  /** The name of this cache in Cache-Status (RFC 9211 §2) and Via. Default `tidegate`. */
  readonly cacheName: string;
  /** Targeted cache control fields obeyed, in order of precedence, in lower case (RFC 9213 §2.1). */
  readonly targetedFields: readonly string[];
  /**
   * Freshness lifetime that replaces the statement of an answer below 400; undefined: the response decides. It does
   * not lift no-store, private, no-cache or must-revalidate.
   */
  readonly ttlMs: number | undefined;
  /** Freshness lifetime of a storable answer below 400 that states none, instead of a heuristic; undefined: heuristic. */
  readonly defaultTtlMs: number | undefined;
  /** The same, before `defaultTtlMs`, for requests without credentials alone; of an answer that was read from a source whose changes are told. */
  readonly trackedTtlMs: number | undefined;
  /** Fraction of the time since Last-Modified taken as heuristic freshness (RFC 9111 §4.2.2). Default 0.1. */
  readonly heuristicFraction: number;
  /** Upper bound of heuristic freshness. Default 1 day. */
  readonly heuristicMaxMs: number;
  /** Used where the response has no stale-while-revalidate of its own (RFC 5861 §3). Default 0. */
  readonly staleWhileRevalidateMs: number;
  /** Used where the response has no stale-if-error of its own (RFC 5861 §4). Default 0. */
  readonly staleIfErrorMs: number;
  /**
   * Grace: a response at most this long past its freshness lifetime is served when the origin cannot be reached at all,
   * unless a directive forbids it (RFC 9111 §4.2.4). Never one that has been invalidated.
   */
  readonly graceMs: number;
  /**
   * How long an error answer (see `isHeuristicallyCacheable`) without explicit freshness is kept; in the safe profile
   * 404 and 410 only. Default 0: not, or in the conformance profile by heuristic.
   */
  readonly negativeTtlMs: number;
  /** Whether the route edits the fields by which its answers state their lifetime and audience. */
  readonly editsFreshness: boolean;
  /** Request fields that the route sets itself, in place of the client's; in lower case. */
  readonly ownRequestFields: ReadonlySet<string>;
  /** Undefined leaves cookies to the origin (Vary: Cookie, private), unless the route gives freshness itself. */
  readonly cookies: CookieRules | undefined;
  /** `ignore`: Cache-Control and Pragma of a GET or HEAD reach neither the cache nor the origin. */
  readonly clientDirectives: 'ignore' | 'honour';
  /** Request fields of which a normal value selects the variant, and is forwarded. */
  readonly preferences: Preferences;
  /** How values of other fields select a variant (RFC 9111 §4.1); `as-is`: as they are. */
  readonly normaliseVary: 'as-is' | 'language-preference';
  /** Response bodies larger than this are forwarded and not stored. */
  readonly maxBodyBytes: number;
}

const DAY_MS = 86_400_000;

export const SAFE_POLICY: CachePolicy = Object.freeze({
  profile: 'safe',
  cacheName: 'tidegate',
  targetedFields: Object.freeze(['cdn-cache-control']),
  ttlMs: undefined,
  defaultTtlMs: undefined,
  trackedTtlMs: undefined,
  heuristicFraction: 0.1,
  heuristicMaxMs: DAY_MS,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  graceMs: 0,
  negativeTtlMs: 0,
  editsFreshness: false,
  ownRequestFields: new Set<string>(),
  cookies: undefined,
  clientDirectives: 'ignore',
  preferences: new Preferences(true),
  normaliseVary: 'as-is',
  maxBodyBytes: 64 * 1024 * 1024,
});

export const CONFORMANCE_POLICY: CachePolicy = Object.freeze({
  ...SAFE_POLICY,
  profile: 'conformance',
  graceMs: DAY_MS,
  clientDirectives: 'honour',
  preferences: new Preferences(false),
  normaliseVary: 'language-preference',
});

type Stated = { readonly [Name in keyof CachePolicy]?: CachePolicy[Name] | undefined } & {
  readonly variants?: VariantLists | undefined;
};

/** The policy of a profile, with what is stated in place of its own. */
export function policyOf({ profile = 'safe', variants, ...stated }: Stated): CachePolicy {
  const base = profile === 'safe' ? SAFE_POLICY : CONFORMANCE_POLICY;
  const given = Object.entries(stated).filter(([, value]) => value !== undefined);
  const targetedFields = (stated.targetedFields ?? base.targetedFields).map((name) => name.toLowerCase());
  const preferences = variants === undefined ? base.preferences : new Preferences(profile === 'safe', variants);
  const made = { ...base, preferences, ...Object.fromEntries(given) };
  return Object.freeze({ ...made, targetedFields: Object.freeze(targetedFields) });
}
