// Settings of a gate from the variables of a Worker, for operators: the same names as those of a data cache.

import { shown } from '../errors.ts';
import { hint } from '../options/names.ts';
import { refused } from '../options/sections.ts';
import { BOOLEAN, DURATION_WITH_UNIT, SIZE, type VariableKind } from '../options/variables.ts';
import type { Bindings } from './platform.ts';

/** What the variables say; a variable that is missing or empty says nothing, and the default holds. */
export interface CacheVariables {
  /** `CACHE_ENABLED`. Default true. */
  readonly enabled: boolean;
  /** `CACHE_DEFAULT_TTL`, in ms. Default undefined. */
  readonly defaultTtl: number | undefined;
  /** `CACHE_MAX_MEMORY_SIZE`, in bytes. Default undefined. */
  readonly maxBytes: number | undefined;
  /** `CACHE_KV_ENABLED`. Default false. */
  readonly kv: boolean;
  /** `CACHE_DEBUG`. Default false. */
  readonly debug: boolean;
}

const NAMES = [
  'CACHE_ENABLED',
  'CACHE_DEFAULT_TTL',
  'CACHE_MAX_MEMORY_SIZE',
  'CACHE_KV_ENABLED',
  'CACHE_DEBUG',
] as const;

/** As `memory.maxBytes`. */
const MAX_MEMORY_BYTES = 64 * 1024 * 1024;

/**
 * Reads the variables of a Worker's `env`. Throws E_CONFIG, which names every variable that is wrong, and those beginning
 * with `CACHE_` that are texts and unknown.
 */
export function cacheVariables(env: object): CacheVariables {
  const bindings = env as Bindings;
  const problems: string[] = [];
  const read = <T>(name: (typeof NAMES)[number], kind: VariableKind<T>): T | undefined => {
    const given = bindings[name];
    // A variable of wrangler.jsonc may be a number or a boolean of JSON.
    const text = typeof given === 'object' ? '' : String(given ?? '').trim();
    if (text === '' && typeof given !== 'object') return undefined;
    const value = kind.read(text);
    if (value === undefined)
      problems.push(`expected ${name} to be ${kind.expected}, got ${shown(given)}${spelling(name, text)}`);
    return value;
  };
  const variables = {
    enabled: read('CACHE_ENABLED', BOOLEAN) ?? true,
    defaultTtl: read('CACHE_DEFAULT_TTL', DURATION_WITH_UNIT),
    maxBytes: read('CACHE_MAX_MEMORY_SIZE', MEMORY_SIZE),
    kv: read('CACHE_KV_ENABLED', BOOLEAN) ?? false,
    debug: read('CACHE_DEBUG', BOOLEAN) ?? false,
  };
  for (const [name, value] of Object.entries(bindings)) {
    const isKnown = NAMES.includes(name as (typeof NAMES)[number]);
    // A binding is an object, and may have any name.
    if (isKnown || !name.startsWith('CACHE_') || typeof value === 'object') continue;
    problems.push(`expected one of ${NAMES.join(', ')}, got ${name}${hint(name, NAMES)}`);
  }
  if (problems.length > 0) throw refused('env', problems);
  return variables;
}

const MEMORY_SIZE: VariableKind<number> = {
  expected: `${SIZE.expected}, of at most 64MiB`,
  read(text) {
    const bytes = SIZE.read(text);
    return bytes !== undefined && bytes <= MAX_MEMORY_BYTES ? bytes : undefined;
  },
};

/** A bare number has lost its unit: some mean seconds, others milliseconds. */
function spelling(name: string, text: string): string {
  if (name !== 'CACHE_DEFAULT_TTL' || !/^\d+$/.test(text)) return '';
  return `; write ${text}s for seconds or ${text}ms for milliseconds`;
}
