// Options that a program hands in, looked at before they are used: what is expected of a value is said here once, and a
// misspelt option, which would be passed over in silence, is refused with the name that is nearest.
//
// Tables of checks are made when their module is loaded. `@__NO_SIDE_EFFECTS__` tells bundlers that they may leave out a table,
// and all that its checks refer to, of whoever is not used.

import { expected, shown, TidegateError } from '../errors.ts';
import { DURATION, type InMs, isDuration, MAX_TIMER_MS, msOf, wholeMs } from './durations.ts';
import { hint, withoutUnit } from './names.ts';

/** Throws where the value does not fit. */
export interface Check {
  (value: unknown, name: string): void;
  readonly isRequired?: true;
  readonly isDuration?: true;
}

export type Checks<Options> = { readonly [Name in keyof Required<Options>]: Check };

/**
 * Throws E_CONFIG. `of`: who takes the options, such as `createCache`. An option that is undefined is none. Returns the options
 * with durations in ms; those of options within options stay as they are.
 */
export function checkOptions<Options>(of: string, options: unknown, checks: Checks<Options>): InMs<Options> {
  return checkMembers({ of, what: `options of ${of}`, path: '' }, options, checks) as InMs<Options>;
}

/* @__NO_SIDE_EFFECTS__ */
export function nested<Options>(checks: Checks<Options>): Check {
  return (value, name) => checkMembers({ of: name, what: name, path: `${name}.` }, value, checks);
}

function checkMembers(
  { of, what, path }: { readonly of: string; readonly what: string; readonly path: string },
  options: unknown,
  checks: Readonly<Record<string, Check>>,
): object {
  if (!isRecord(options)) return expected('E_CONFIG', `${what} to be an object`, options);
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && !Object.hasOwn(checks, name)) throw unknownOption(name, Object.keys(checks), of);
  }
  const inMs: Record<string, unknown> = {};
  for (const [name, check] of Object.entries(checks)) {
    const value = options[name];
    if (value === undefined && check.isRequired !== true) continue;
    check(value, path + name);
    if (check.isDuration === true) inMs[`${name}Ms`] = msOf(value);
    else inMs[name] = value;
  }
  return inMs;
}

export function unknownOption(name: string, known: readonly string[], of: string): TidegateError {
  const renamed = withoutUnit(name, known);
  if (renamed !== undefined) return new TidegateError('E_CONFIG', renamed);
  return unknownName(`an option of ${of} among ${known.join(', ')}`, name, known);
}

/** The refusal of what is none of the known names, with the nearest of them. */
export function unknownName(what: string, got: unknown, known: readonly string[]): TidegateError {
  return new TidegateError('E_CONFIG', `expected ${what}, got ${shown(got)}${hint(got, known)}`);
}

/** The check that throws E_CONFIG where `fits` does not hold. */
/* @__NO_SIDE_EFFECTS__ */
export function be(what: string, fits: (value: unknown) => boolean): Check {
  return (value, name) => {
    if (!fits(value)) expected('E_CONFIG', `${name} to be ${what}`, value);
  };
}

/** A check of an option that has to be given. */
/* @__NO_SIDE_EFFECTS__ */
export function required(check: Check): Check {
  return Object.assign((value: unknown, name: string) => check(value, name), { isRequired: true } as const);
}

/** An object of whose values nothing is known yet. */
export type UnknownRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is UnknownRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function has(value: unknown, ...methods: readonly string[]): boolean {
  return isRecord(value) && methods.every((name) => typeof value[name] === 'function');
}

export function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}

/** Where another check says more. */
export const anything: Check = () => {};
export const flag = be('true or false', (value) => typeof value === 'boolean');
export const text = be('a text that is not empty', (value) => typeof value === 'string' && value !== '');
export const func = be('a function', (value) => typeof value === 'function');
export const texts = be('a list of texts', isTexts);
export const setOfTexts = be(
  'a set of texts',
  (value) => value instanceof Set && [...value].every((one) => typeof one === 'string'),
);
export const httpUrl = be(
  'a URL of http or https',
  (value) => typeof value === 'string' && /^https?:$/.test(URL.parse(value)?.protocol ?? ''),
);
export const part = be('a number from 0 to 1', (value) => typeof value === 'number' && value >= 0 && value <= 1);
export const amount = be('a number of at least 0', (value) => typeof value === 'number' && value >= 0);
export const aboveZero = be('a number above 0', (value) => typeof value === 'number' && value > 0);
export const duration: Check = Object.assign(be(DURATION, isDuration), { isDuration: true } as const);

/* @__NO_SIDE_EFFECTS__ */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): Check {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return be(
    `a whole number ${range}`,
    (value) => Number.isSafeInteger(value) && least <= Number(value) && Number(value) <= most,
  );
}

export const count = whole(1);

/** A duration that a timer can measure. */
/* @__NO_SIDE_EFFECTS__ */
export function timeout(leastMs: number, mostMs: number = MAX_TIMER_MS): Check {
  const { form, fits } = wholeMs(leastMs, mostMs);
  return Object.assign(be(form, fits), { isDuration: true } as const);
}

/* @__NO_SIDE_EFFECTS__ */
export function oneOf(...known: readonly string[]): Check {
  return (value, name) => {
    if (known.includes(value as string)) return;
    const what = known.map((one) => `"${one}"`).join(' or ');
    throw unknownName(`${name} to be ${what}`, value, known);
  };
}
