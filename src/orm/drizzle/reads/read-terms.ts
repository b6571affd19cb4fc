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
interface WithCache
  extends Readonly<
    Partial<Record<'enable' | 'enabled' | 'tag' | 'tags' | 'ttl' | 'tables' | 'autoInvalidate', unknown>>
  > {
  readonly config?: ExpiryConfig;
}

export function told(args: readonly unknown[]): Told {
  const isMetadata = (arg: unknown) => isRecord(arg) && typeof arg.type === 'string' && Array.isArray(arg.tables);
  const isMapped = Array.isArray(args[1]) || args.some((arg) => typeof arg === 'function' || isMetadata(arg));
  const config = args.slice(1).find((arg) => isRecord(arg) && ('enable' in arg || 'enabled' in arg));
  return { isMapped, config: config as WithCache | undefined };
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
