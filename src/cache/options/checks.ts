// What programs hand in besides the options of entries, looked at before it is used.

import { expected } from '../../errors.ts';
import { be, type Check, checkOptions, flag, func, has, isRecord } from '../../options/kit.ts';

/** Whether `get` may give a value in grace. Throws E_CONFIG. */
export function mayBeStale(options: { readonly stale?: boolean }): boolean {
  checkOptions('get', options, { stale: flag });
  return options.stale ?? false;
}

/** Throws E_KEY: a text would be taken for its characters. */
export function checkKeys(keys: unknown): void {
  if (!Array.isArray(keys)) expected('E_KEY', 'keys to be a list', keys);
}

export function checkEntries(entries: unknown): void {
  if (!Array.isArray(entries)) return expected('E_CONFIG', 'entries to be a list of { key, value, options }', entries);
  const isEntry = (one: unknown) => isRecord(one) && 'key' in one && 'value' in one;
  const other = entries.findIndex((one: unknown) => !isEntry(one));
  if (other >= 0) expected('E_CONFIG', 'each of entries to be { key, value, options }', entries[other]);
}

/** One that lacked a function would show it when a value is stored. */
export const classes: Check = be(
  'a list of classes, each with a name, matches, toPlain and fromPlain',
  (given) => Array.isArray(given) && given.every((one) => isNamed(one, 'matches', 'toPlain', 'fromPlain')),
);

export const codec: Check = be('one with a name, encode and decode', (given) => isNamed(given, 'encode', 'decode'));

export const clock: Check = (given, name) => {
  be('one with now()', (value) => has(value, 'now'))(given, name);
  for (const method of ['monotonic', 'later'] as const) {
    const own = (given as Readonly<Record<string, unknown>>)[method];
    if (own !== undefined) func(own, `${method} of ${name}`);
  }
};

function isNamed(value: unknown, ...methods: readonly string[]): boolean {
  return has(value, ...methods) && typeof (value as { readonly name?: unknown }).name === 'string';
}
