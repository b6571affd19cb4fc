// What a cache in process is told at its beginning, and the policy that comes of it.

import { TidegateError } from '../errors.ts';
import type { Store } from '../ports.ts';
import { type CachePolicy, CONFORMANCE_POLICY, type Profile, SAFE_POLICY } from '../semantics/policy.ts';
import { LARGEST_PART } from '../store/memory.ts';

/** What `createFetchCache` and `tidegate` are given. Times are in milliseconds. */
export interface FetchCacheOptions {
  /** Memory for stored responses. Default 64 MiB. 0: none, so that only the tiers keep them. */
  readonly memory?: { readonly maxBytes?: number };
  /** Slower tiers behind the memory, fastest first. Default none. */
  readonly tiers?: readonly { readonly name: string; readonly store: Store }[];
  /** `safe` refuses what is legal but dangerous, `conformance` does all that RFC 9111 allows. Default `safe`. */
  readonly profile?: Profile;
  /** Freshness lifetime in place of what the response says. Default: the response decides. */
  readonly ttlMs?: number;
  /** Freshness lifetime of a response that states none. Default: heuristic freshness (RFC 9111 §4.2.2). */
  readonly defaultTtlMs?: number;
  /** stale-while-revalidate of a response that states none (RFC 5861 §3). Default 0. */
  readonly staleWhileRevalidateMs?: number;
  /** stale-if-error of a response that states none (RFC 5861 §4). Default 0. */
  readonly staleIfErrorMs?: number;
  /** How long past its lifetime a response serves when the handler throws. Default 0; conformance: 1 day. */
  readonly graceMs?: number;
  /** How long an error answer without explicit freshness is kept. Default 0: not at all. */
  readonly negativeTtlMs?: number;
  /** Larger bodies are passed on and not stored. Default 64 MiB; without tiers never more than a quarter of the memory. */
  readonly maxBodyBytes?: number;
  /** Longest wait for the handler's response, and for more of its body but of text/event-stream. Default 60,000. */
  readonly timeoutMs?: number;
  /** Leaves Cache-Tag, Surrogate-Key, xkey and Cache-Groups in answers to clients. Default false. */
  readonly showTags?: boolean;
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

const TIMES = [
  'ttlMs',
  'defaultTtlMs',
  'staleWhileRevalidateMs',
  'staleIfErrorMs',
  'graceMs',
  'negativeTtlMs',
] as const;

/** Throws E_CONFIG. */
export function maxBytesOf({ memory }: FetchCacheOptions): number {
  return checked('memory.maxBytes', memory?.maxBytes) ?? DEFAULT_MAX_BYTES;
}

/** Throws E_CONFIG. */
export function timeoutOf({ timeoutMs }: FetchCacheOptions): number {
  return checked('timeoutMs', timeoutMs) ?? DEFAULT_TIMEOUT_MS;
}

/** Throws E_CONFIG. */
export function policyOf(options: FetchCacheOptions): CachePolicy {
  const { profile = 'safe', cacheName, targetedFields, maxBodyBytes, tiers = [] } = options;
  if (profile !== 'safe' && profile !== 'conformance') {
    throw new TidegateError('E_CONFIG', `profile: expected safe or conformance, got ${String(profile)}`);
  }
  const base = profile === 'safe' ? SAFE_POLICY : CONFORMANCE_POLICY;
  const times = TIMES.map((name) => [name, checked(name, options[name]) ?? base[name]]);
  // A body that the memory would decline is not gathered for it first.
  const largest = tiers.length > 0 ? Number.POSITIVE_INFINITY : Math.floor(maxBytesOf(options) * LARGEST_PART);
  return Object.freeze({
    ...base,
    ...Object.fromEntries(times),
    maxBodyBytes: Math.min(checked('maxBodyBytes', maxBodyBytes) ?? base.maxBodyBytes, largest),
    cacheName: cacheName ?? base.cacheName,
    targetedFields: Object.freeze((targetedFields ?? base.targetedFields).map((name) => name.toLowerCase())),
  });
}

function checked(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return value;
  throw new TidegateError('E_CONFIG', `${name}: expected a number from 0 on, got ${String(value)}`);
}
