// What programs hand in besides the options of entries, looked at before it is used.

import { TidegateError } from '../errors.ts';
import { shown } from './keys.ts';

/** Throws E_CONFIG where there is any option but these: a misspelt one would be passed over. */
export function checkNames(options: unknown, names: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null) throw refused(`${what} to be an object`, shown(options));
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw refused(`${what} to have ${names.join(' and ')} at most`, shown(unknown));
}

/** Whether `get` may give a value in grace. Throws E_CONFIG. */
export function mayBeStale(options: { readonly stale?: unknown }): boolean {
  checkNames(options, ['stale'], 'options of get');
  const { stale = false } = options;
  if (typeof stale === 'boolean') return stale;
  throw refused('stale to be true or false', shown(stale));
}

export function checkEnabled(enabled: unknown): void {
  if (typeof enabled !== 'boolean') throw refused('enabled to be true or false', shown(enabled));
}

export function checkEvent(event: unknown, data: unknown): void {
  if (typeof event !== 'string' || event === '') throw refused('an event to be a text that is not empty', shown(event));
  if (typeof data !== 'object' || data === null) throw refused('the data of an event to be an object', shown(data));
}

export function checkHandler(event: string, handler: unknown): void {
  checkEvent(event, {});
  if (typeof handler !== 'function') throw refused('the handler of an event to be a function', shown(handler));
}

/** `declared` by kinds, `heard` by handlers. Throws E_CONFIG: an event that is misspelt would leave outdated what it is about. */
export function checkKnown(event: string, declared: readonly string[], heard: readonly string[]): void {
  if (declared.includes(event)) return;
  const known = [...new Set([...declared, ...heard])].sort();
  const expected = known.length === 0 ? 'none, since no kind declares one and no handler hears one' : known.join(', ');
  throw refused(`an event that is known: ${expected}`, shown(event));
}

/** Throws E_CONFIG. */
export function checkFill(fill: unknown): void {
  if (typeof fill !== 'function') throw refused('a fill to be a function', shown(fill));
}

/** Throws E_KEY: a text would be taken for its characters. */
export function checkKeys(keys: unknown): void {
  if (!Array.isArray(keys)) throw new TidegateError('E_KEY', `expected keys to be a list, got ${shown(keys)}`);
}

export function checkEntries(entries: unknown): void {
  const isEntry = (one: unknown) => typeof one === 'object' && one !== null && 'key' in one && 'value' in one;
  if (!Array.isArray(entries)) throw refused('entries to be a list of { key, value, options }', shown(entries));
  const other = entries.findIndex((one: unknown) => !isEntry(one));
  if (other >= 0) throw refused('each of entries to be { key, value, options }', shown(entries[other]));
}

/** Throws E_CONFIG where one lacks a function: it would show when a value is stored. */
export function checkClasses(classes: unknown): void {
  if (!Array.isArray(classes)) throw refused('classes to be a list', shown(classes));
  for (const one of classes as readonly unknown[]) {
    const { name, ...functions } = (one ?? {}) as Readonly<Record<string, unknown>>;
    const lacks = ['matches', 'toPlain', 'fromPlain'].find((method) => typeof functions[method] !== 'function');
    if (typeof one === 'object' && typeof name === 'string' && lacks === undefined) continue;
    throw refused('each of classes to have a name, matches, toPlain and fromPlain', shown(one));
  }
}

export function checkCodec(codec: unknown): void {
  const { name, encode, decode } = (codec ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name === 'string' && typeof encode === 'function' && typeof decode === 'function') return;
  throw refused('codec to have a name, encode and decode', shown(codec));
}

function refused(expected: string, got: string): TidegateError {
  return new TidegateError('E_CONFIG', `expected ${expected}, got ${got}`);
}
