// What a cache in process is told at its beginning, and the policy that comes of it.

import { type CookieOptions, cookieRules, isCookiePattern } from '../engine/answers/edits.ts';
import type { Duration, InMs } from '../options/durations.ts';
import * as kit from '../options/kit.ts';
import type { Store } from '../ports.ts';
import { type CachePolicy, policyOf, SAFE_POLICY } from '../semantics/policy.ts';
import type { VariantLists } from '../semantics/preferences.ts';
import * as kind from '../site/kinds.ts';
import type { RouteConfig } from '../site/route-types.ts';
import { LARGEST_PART } from '../store/memory.ts';

/** A cache in process has these options of a gate's route; its origin is the handler. */
type AsOfRoute = Pick<
  RouteConfig,
  | 'profile'
  | 'ttl'
  | 'defaultTtl'
  | 'staleWhileRevalidate'
  | 'staleIfError'
  | 'grace'
  | 'negativeTtl'
  | 'cookies'
  | 'variants'
  | 'showTags'
>;

/** What `createFetchCache` and `tidegate` are given. A `Duration` is a number of ms or a string with a unit, e.g. `'5m'`. */
export interface FetchCacheOptions extends AsOfRoute {
  /** Memory for stored responses. Default 64 MiB. 0: none, so that only the tiers keep them. */
  readonly memory?: { readonly maxBytes?: number };
  /** Slower tiers behind the memory, fastest first. Default none. */
  readonly tiers?: readonly { readonly name: string; readonly store: Store }[];
  /**
   * Whether Cache-Control and Pragma of a request, as a browser's reload sends them, mean anything. Default `ignore`, in the
   * conformance profile `honour`.
   */
  readonly clientDirectives?: 'ignore' | 'honour';
  /** Larger bodies are passed on and not stored. Default 64 MiB; without tiers never more than a quarter of the memory. */
  readonly maxBodyBytes?: number;
  /** Longest wait for the handler's response, and for more of its body but of text/event-stream. Default 1 minute. */
  readonly timeout?: Duration;
  /** Name of this cache in Cache-Status. Default `tidegate`. */
  readonly cacheName?: string;
  /** Targeted cache control fields obeyed, in order of precedence (RFC 9213). Default `['cdn-cache-control']`. */
  readonly targetedFields?: readonly string[];
  /**
   * True: X-Forwarded-Host and X-Forwarded-Proto make the URL under which a response is stored and the handler is called.
   * Only behind a proxy that sets both. Default false: they are taken from a GET, and so is all else that claims another
   * host or path, since anybody may send it and everybody would get the answer.
   */
  readonly trustForwarded?: boolean;
  /** Told what nobody waits for: a tier that failed, a handler that threw in the background. Default: nobody is. */
  readonly onFault?: (error: unknown) => void;
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;
const DEFAULT_TIMEOUT_MS = 60_000;

const cookiePatterns = (value: unknown) => Array.isArray(value) && value.every(isCookiePattern);

const listOf = (one: { readonly form: { readonly fits: (value: unknown) => boolean } }) => (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.every(one.form.fits);

const CHECKS: kit.Checks<FetchCacheOptions> = {
  memory: kit.nested<NonNullable<FetchCacheOptions['memory']>>({ maxBytes: kit.amount }),
  tiers: kit.be(
    'a list of tiers, each with a name and a store',
    (tiers) =>
      Array.isArray(tiers) &&
      tiers.every(
        (tier: unknown) =>
          kit.isRecord(tier) &&
          typeof tier.name === 'string' &&
          tier.name !== '' &&
          kit.has(tier.store, 'get', 'put', 'find', 'delete'),
      ),
  ),
  profile: kit.oneOf('safe', 'conformance'),
  ...{ ttl: kit.duration, defaultTtl: kit.duration, staleWhileRevalidate: kit.duration, staleIfError: kit.duration },
  ...{ grace: kit.duration, negativeTtl: kit.duration, maxBodyBytes: kit.amount, timeout: kit.duration },
  cookies: kit.nested<CookieOptions>({
    key: kit.be('a list of names or patterns', cookiePatterns),
    drop: kit.be('all, or a list of names or patterns', (value) => value === 'all' || cookiePatterns(value)),
  }),
  variants: kit.nested<VariantLists>({
    accept: kit.be('a list of media types', listOf(kind.offeredType)),
    acceptEncoding: kit.be('a list of content codings', listOf(kind.offeredCoding)),
    acceptLanguage: kit.be('a list of language tags', listOf(kind.offeredLanguage)),
  }),
  clientDirectives: kit.oneOf('ignore', 'honour'),
  ...{
    showTags: kit.flag,
    cacheName: kit.text,
    targetedFields: kit.texts,
    trustForwarded: kit.flag,
    onFault: kit.func,
  },
};

/** The options as the cache uses them. */
export type CacheSettings = InMs<FetchCacheOptions> & { readonly maxBytes: number; readonly timeoutMs: number };

/** Throws E_CONFIG, of whatever option it is. */
export function settingsOf(options: FetchCacheOptions): CacheSettings {
  const given = kit.checkOptions('the handler cache', options, CHECKS);
  return { timeoutMs: DEFAULT_TIMEOUT_MS, ...given, maxBytes: given.memory?.maxBytes ?? DEFAULT_MAX_BYTES };
}

export function handlerPolicy(settings: CacheSettings): CachePolicy {
  const { maxBodyBytes = SAFE_POLICY.maxBodyBytes, maxBytes, tiers = [] } = settings;
  // A body that the memory would decline is not gathered for it first.
  const largest = tiers.length > 0 ? Number.POSITIVE_INFINITY : Math.floor(maxBytes * LARGEST_PART);
  return policyOf({
    profile: settings.profile,
    cacheName: settings.cacheName,
    targetedFields: settings.targetedFields,
    ttlMs: settings.ttlMs,
    defaultTtlMs: settings.defaultTtlMs,
    staleWhileRevalidateMs: settings.staleWhileRevalidateMs,
    staleIfErrorMs: settings.staleIfErrorMs,
    graceMs: settings.graceMs,
    negativeTtlMs: settings.negativeTtlMs,
    variants: settings.variants,
    cookies: settings.cookies && cookieRules(settings.cookies),
    clientDirectives: settings.clientDirectives,
    maxBodyBytes: Math.min(maxBodyBytes, largest),
  });
}
