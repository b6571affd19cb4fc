// Options of a cache from environment variables, for operators. The environment is handed in: this room knows no platform.

import { expected, TidegateError } from '../../errors.ts';
import { BOOLEAN, DURATION_WITH_UNIT, SIZE, type VariableKind } from '../../options/variables.ts';
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
  const enabled = read('CACHE_ENABLED', BOOLEAN);
  const rollout = read('CACHE_ROLLOUT', PART);
  const ttl = read('CACHE_DEFAULT_TTL', DURATION_WITH_UNIT);
  const isDebugged = read('CACHE_DEBUG', BOOLEAN);
  const tiers = options.tiers?.filter(({ name }) => read(enabledName(name), BOOLEAN) !== false);
  const names = ['memory', ...(options.tiers ?? []).map(({ name }) => name)];
  const known = new Set(['CACHE_ENABLED', ...names.map(enabledName)]);
  // To switch on a tier that is not there is a mistake; to switch it off is none.
  const isUnknown = (name: string) => /^CACHE_\w+_ENABLED$/.test(name) && !known.has(name);
  const wrong = Object.keys(environment).find((name) => isUnknown(name) && read(name, BOOLEAN) === true);
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

type Read = <T>(name: string, kind: VariableKind<T>) => T | undefined;

function reader(environment: Environment): Read {
  return (name, kind) => {
    const text = environment[name]?.trim();
    if (text === undefined || text === '') return undefined;
    const value = kind.read(text);
    if (value === undefined) expected('E_CONFIG', `${name} to be ${kind.expected}`, text);
    return value;
  };
}

function memoryOf(read: Read, { memory }: CacheOptions): Pick<CacheOptions, 'memory'> {
  const maxBytes = read('CACHE_MAX_BYTES', SIZE);
  const maxEntries = read('CACHE_MAX_ENTRIES', COUNT);
  const isEnabled = read('CACHE_MEMORY_ENABLED', BOOLEAN);
  if (isEnabled === false) return { memory: false };
  const bounds = { ...(memory === false ? {} : memory), ...given({ maxBytes, maxEntries }) };
  if (memory === false) return isEnabled === true ? { memory: bounds } : { memory: false };
  return memory === undefined && Object.keys(bounds).length === 0 ? {} : { memory: bounds };
}

function enabledName(tier: string): string {
  return `CACHE_${tier.toUpperCase().replace(/[^A-Z0-9]/g, '_')}_ENABLED`;
}

const PART: VariableKind<number> = {
  expected: 'a number from 0 to 1',
  read: (text) => (/^(?:\d+(?:\.\d+)?|\.\d+)$/.test(text) && Number(text) <= 1 ? Number(text) : undefined),
};

const COUNT: VariableKind<number> = {
  expected: 'a whole number of at least 1',
  read: (text) => (/^\d{1,15}$/.test(text) && Number(text) >= 1 ? Number(text) : undefined),
};
