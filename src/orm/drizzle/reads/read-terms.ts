// How a read is to be cached: what the query, the handle and the options say.

import { checkedTags } from '../../../cache/keys/tags.ts';
import { platformClock } from '../../../cache/platform.ts';
import type { Duration } from '../../../options/durations.ts';
import { isRecord } from '../../../options/kit.ts';
import type { Clock } from '../../../ports.ts';
import { type ExpiryConfig, expiresAt } from '../expiry.ts';
import { checkedTables } from '../option-checks.ts';
import type { ReadOptions, SoundOptions } from '../options.ts';

/** What Drizzle tells its session of a query, told from its arguments: their order differs from version to version. */
export interface Told {
  /** It is of a query builder: its answer is mapped to rows. */
  readonly isMapped: boolean;
  /** Of `$withCache`. */
  readonly config: WithCache | undefined;
}

/** `$withCache` of 0.45 says `enable`, that of 1.0 `enabled`. */
interface WithCache {
  readonly enable?: unknown;
  readonly enabled?: unknown;
  readonly tag?: unknown;
  readonly tags?: unknown;
  readonly ttl?: unknown;
  readonly tables?: unknown;
  readonly autoInvalidate?: unknown;
  readonly config?: ExpiryConfig;
}

export function told(args: readonly unknown[]): Told {
  const [, fields] = args;
  const at = args.findIndex(isMetadata);
  const config = args.slice(1).find(isWithCache);
  const isMapped = at >= 0 || Array.isArray(fields) || args.some((arg) => typeof arg === 'function');
  return { isMapped, config };
}

function isMetadata(arg: unknown): boolean {
  return isRecord(arg) && typeof arg.type === 'string' && Array.isArray(arg.tables);
}

function isWithCache(arg: unknown): arg is WithCache {
  return isRecord(arg) && ('enable' in arg || 'enabled' in arg);
}

export interface Asked {
  /** Somebody asked for this very query, and not the strategy alone. */
  readonly isExplicit: boolean;
  /** Of raw SQL, and its tables are not named. */
  readonly isRaw: boolean;
  readonly tags: readonly string[];
  readonly tables: readonly (string | object)[];
  readonly ttl: Duration | undefined;
  /** False: writes do not invalidate it. */
  readonly isTracked: boolean;
}

/** Undefined: it is not to be cached. `handle`: of `$cached`. Throws E_TTL, E_TAG. */
export function askedOf(
  { isMapped, config }: Told,
  handle: ReadOptions | undefined,
  options: SoundOptions,
): Asked | undefined {
  const isOff =
    handle?.enabled === false || (config !== undefined && config.enable !== true && config.enabled !== true);
  const isExplicit = config !== undefined || handle !== undefined;
  if (isOff || (!isExplicit && options.strategy !== 'all')) return undefined;
  const tables = [...(handle?.tables ?? []), ...listOf(config?.tables)];
  const isRaw = !isMapped && tables.length === 0;
  // Nobody has asked for raw SQL by asking for every read of a query builder.
  if (isRaw && !isExplicit) return undefined;
  const tags = [...(handle?.tags ?? []), ...listOf(config?.tags), ...listOf(config?.tag)];
  return {
    isExplicit,
    isRaw,
    tags: checkedTags(tags as readonly string[], 'tags'),
    tables: checkedTables(tables),
    ttl: ttlOf(config, options.clock ?? platformClock) ?? handle?.ttl ?? options.ttl,
    isTracked: config?.autoInvalidate !== false,
  };
}

/** Of Drizzle's own terms, those about an entry that is replaced say nothing here. Throws E_TTL. */
function ttlOf(config: WithCache | undefined, clock: Pick<Clock, 'now'>): Duration | undefined {
  if (config === undefined) return undefined;
  const { ttl } = config;
  if (typeof ttl === 'number' || typeof ttl === 'string') return ttl as Duration;
  const now = clock.now();
  const at = expiresAt(config.config, now, undefined);
  return at === undefined ? undefined : Math.max(0, at - now);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value].filter((each) => each !== undefined && each !== null);
}
