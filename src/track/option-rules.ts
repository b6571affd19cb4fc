// Options that a program hands in, held against what they may be: a misspelt one would be passed over in silence.

import { shown, TidegateError } from '../errors.ts';

/** What a value is expected to be, and whether it is. */
export type Rule = readonly [expected: string, holds: (value: unknown) => boolean];

/** Beyond, a timer of Node runs at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** Throws E_CONFIG. `what`: who takes them. An option that is undefined is none. */
export function checkOptions(what: string, options: unknown, rules: Readonly<Record<string, Rule>>): void {
  if (typeof options !== 'object' || options === null) {
    refuseOption(`expected the options of ${what} as an object, got ${shown(options)}`);
  }
  for (const [name, value] of Object.entries(options as object)) {
    if (value === undefined) continue;
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      const names = Object.keys(rules).join(', ');
      refuseOption(`expected an option of ${what} among ${names}, got ${shown(name)}`);
    } else if (!rule[1](value)) refuseOption(`${name}: expected ${rule[0]}, got ${shown(value)}`);
  }
}

export function refuseOption(message: string): never {
  throw new TidegateError('E_CONFIG', message);
}

export function wholeFrom(least: number, most: number, unit = 'a whole number'): Rule {
  const isWhole = (value: unknown) =>
    Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
  const upTo = most === Number.MAX_SAFE_INTEGER ? `${least} on` : `${least} to ${most}`;
  return [`${unit} from ${upTo}`, isWhole];
}

export function msFrom(least: number, most: number = MAX_TIMER_MS): Rule {
  return wholeFrom(least, most, 'a whole number of milliseconds');
}

/** Where another check says more. */
export const ANY: Rule = ['anything', () => true];
export const COUNT = wholeFrom(1, Number.MAX_SAFE_INTEGER);
export const TEXT: Rule = ['a text that is not empty', (value) => typeof value === 'string' && value !== ''];
export const SWITCH: Rule = ['true or false', (value) => typeof value === 'boolean'];
export const FUNCTION: Rule = ['a function', (value) => typeof value === 'function'];
export const NAMES: Rule = [
  'a set of texts',
  (value) => value instanceof Set && [...value].every((one) => typeof one === 'string'),
];
