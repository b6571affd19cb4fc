// When what `$withCache({ config })` stores expires, in the terms of Redis that Drizzle uses.

import { expected, TidegateError } from '../../errors.ts';

/** Drizzle's CacheConfig. */
export interface ExpiryConfig {
  readonly ex?: number | undefined;
  readonly px?: number | undefined;
  readonly exat?: number | undefined;
  readonly pxat?: number | undefined;
  readonly keepTtl?: boolean | undefined;
  readonly hexOptions?: string | undefined;
}

/** Whether it matters when the entry that is replaced would have expired. */
export function dependsOnPrevious(config: ExpiryConfig | undefined): boolean {
  return config !== undefined && (config.keepTtl === true || config.hexOptions !== undefined);
}

/**
 * A time in ms since the epoch; undefined: none was named. `previous`: of the entry that is replaced; undefined where there is
 * none, or none that expires. Conditions hold as in HEXPIRE: an entry that does not expire counts as one that expires last.
 * Throws E_TTL.
 */
export function expiresAt(
  config: ExpiryConfig | undefined,
  nowMs: number,
  previous: number | undefined,
): number | undefined {
  if (config === undefined) return undefined;
  const { keepTtl, hexOptions } = config;
  const named = namedExpiry(config, nowMs);
  if (keepTtl === true && previous !== undefined) return previous;
  if (named === undefined || hexOptions === undefined) return named;
  const applies = CONDITIONS.get(hexOptions.toLowerCase());
  if (applies === undefined)
    throw new TidegateError('E_TTL', `expected hexOptions to be NX, XX, GT or LT, got ${hexOptions}`);
  return applies(named, previous ?? NEVER) ? named : previous;
}

const NEVER = Number.POSITIVE_INFINITY;
const CONDITIONS = new Map<string, (named: number, previous: number) => boolean>([
  ['nx', (_, previous) => previous === NEVER],
  ['xx', (_, previous) => previous !== NEVER],
  ['gt', (named, previous) => named > previous],
  ['lt', (named, previous) => named < previous],
]);

function namedExpiry({ ex, px, exat, pxat }: ExpiryConfig, nowMs: number): number | undefined {
  if (ex !== undefined) return nowMs + checked(ex, 'ex') * 1000;
  if (px !== undefined) return nowMs + checked(px, 'px');
  if (exat !== undefined) return checked(exat, 'exat') * 1000;
  return pxat === undefined ? undefined : checked(pxat, 'pxat');
}

function checked(value: number, name: string): number {
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return value;
  expected('E_TTL', `${name} to be a number above 0`, value);
}
