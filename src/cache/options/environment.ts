// Options of a cache from environment variables, for operators. The environment is handed in: this room knows no platform.

import { expected, TidegateError } from '../../errors.ts';
import { SIZE, sizeOf } from '../../options/sizes.ts';
import { BOOLEAN, DURATION_WITH_UNIT, durationWithUnit, truth } from '../../options/variables.ts';
import type { CacheOptions } from '../contract.ts';
import { checkTiers } from '../tiers.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `options` with what the environment says instead: CACHE_ENABLED, CACHE_ROLLOUT, CACHE_DEFAULT_TTL, CACHE_MAX_BYTES,
 * CACHE_MAX_ENTRIES, CACHE_DEBUG, and CACHE_<TIER>_ENABLED for `memory` and each of `options.tiers`. A variable that is
 * empty says nothing. Throws E_CONFIG.
 */
export function cacheOptionsFromEnvironment(environment: Environment, options: CacheOptions = {}): CacheOptions {
  if (options.tiers !== undefined) checkTiers(options.tiers);
  const read = reader(environment);
  const enabled = read('CACHE_ENABLED', BOOLEAN, truth);
  const rollout = read('CACHE_ROLLOUT', 'a number from 0 to 1', part);
  const ttl = read('CACHE_DEFAULT_TTL', DURATION_WITH_UNIT, durationWithUnit);
  const isDebugged = read('CACHE_DEBUG', BOOLEAN, truth);
  const tiers = options.tiers?.filter(({ name }) => read(enabledName(name), BOOLEAN, truth) !== false);
  const names = ['memory', ...(options.tiers ?? []).map(({ name }) => name)];
  const known = new Set(['CACHE_ENABLED', ...names.map(enabledName)]);
  // To switch on a tier that is not there is a mistake; to switch it off is none.
  const isUnknown = (name: string) => /^CACHE_\w+_ENABLED$/.test(name) && !known.has(name);
  const wrong = Object.keys(environment).find((name) => isUnknown(name) && read(name, BOOLEAN, truth) === true);
  if (wrong !== undefined) {
    throw new TidegateError(
      'E_CONFIG',
      `expected ${wrong} to be false or to name one of ${names.join(', ')}, got true`,
    );
  }
  return {
    ...options,
    ...given({ enabled, rollout, tiers }),
    ...(ttl === undefined ? {} : { defaults: { ...options.defaults, ttl } }),
    ...(isDebugged === undefined ? {} : { debug: isDebugged && (options.debug || true) }),
    ...memoryOf(read, options),
  };
}

/** Those that are not undefined. */
function given<T extends object>(values: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [Name in keyof T]?: NonNullable<T[Name]> };
}

type Read = <T>(name: string, expected: string, parse: (text: string) => T | undefined) => T | undefined;

function reader(environment: Environment): Read {
  return (name, what, parse) => {
    const text = environment[name]?.trim();
    if (text === undefined || text === '') return undefined;
    const value = parse(text);
    if (value === undefined) expected('E_CONFIG', `${name} to be ${what}`, text);
    return value;
  };
}

function memoryOf(read: Read, { memory }: CacheOptions): Pick<CacheOptions, 'memory'> {
  const maxBytes = read('CACHE_MAX_BYTES', SIZE, sizeOf);
  const maxEntries = read('CACHE_MAX_ENTRIES', 'a whole number of at least 1', count);
  const isEnabled = read('CACHE_MEMORY_ENABLED', BOOLEAN, truth);
  if (isEnabled === false) return { memory: false };
  const bounds = { ...(memory === false ? {} : memory), ...given({ maxBytes, maxEntries }) };
  if (memory === false) return isEnabled === true ? { memory: bounds } : { memory: false };
  return memory === undefined && Object.keys(bounds).length === 0 ? {} : { memory: bounds };
}

function enabledName(tier: string): string {
  return `CACHE_${tier.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_ENABLED`;
}

function part(text: string): number | undefined {
  return /^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) && Number(text) <= 1 ? Number(text) : undefined;
}

function count(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) && Number(text) >= 1 ? Number(text) : undefined;
}
