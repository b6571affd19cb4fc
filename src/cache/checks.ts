// What programs hand in besides the options of entries, looked at before it is used.

import { expected } from '../errors.ts';

/** Throws E_CONFIG where there is any option but these: a misspelt one would be passed over. */
export function checkNames(options: unknown, names: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null) expected('E_CONFIG', `${what} to be an object`, options);
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) expected('E_CONFIG', `${what} to have ${names.join(' and ')} at most`, unknown);
}

/** Whether `get` may give a value in grace. Throws E_CONFIG. */
export function mayBeStale(options: { readonly stale?: unknown }): boolean {
  checkNames(options, ['stale'], 'options of get');
  const { stale = false } = options;
  if (typeof stale === 'boolean') return stale;
  expected('E_CONFIG', 'stale to be true or false', stale);
}

export function checkEnabled(enabled: unknown): void {
  if (typeof enabled !== 'boolean') expected('E_CONFIG', 'enabled to be true or false', enabled);
}

export function checkEvent(event: unknown, data: unknown): void {
  if (typeof event !== 'string' || event === '') expected('E_CONFIG', 'an event to be a text that is not empty', event);
  if (typeof data !== 'object' || data === null) expected('E_CONFIG', 'the data of an event to be an object', data);
}

export function checkHandler(event: string, handler: unknown): void {
  checkEvent(event, {});
  if (typeof handler !== 'function') expected('E_CONFIG', 'the handler of an event to be a function', handler);
}

/** `declared` by kinds, `heard` by handlers. Throws E_CONFIG: an event that is misspelt would leave outdated what it is about. */
export function checkKnown(event: string, declared: readonly string[], heard: readonly string[]): void {
  if (declared.includes(event)) return;
  const known = [...new Set([...declared, ...heard])].sort();
  const those = known.length === 0 ? 'none, since no kind declares one and no handler hears one' : known.join(', ');
  expected('E_CONFIG', `an event that is known: ${those}`, event);
}

/** Throws E_CONFIG. */
export function checkFill(fill: unknown): void {
  if (typeof fill !== 'function') expected('E_CONFIG', 'a fill to be a function', fill);
}

/** Throws E_KEY: a text would be taken for its characters. */
export function checkKeys(keys: unknown): void {
  if (!Array.isArray(keys)) expected('E_KEY', 'keys to be a list', keys);
}

export function checkEntries(entries: unknown): void {
  const isEntry = (one: unknown) => typeof one === 'object' && one !== null && 'key' in one && 'value' in one;
  if (!Array.isArray(entries)) expected('E_CONFIG', 'entries to be a list of { key, value, options }', entries);
  const other = entries.findIndex((one: unknown) => !isEntry(one));
  if (other >= 0) expected('E_CONFIG', 'each of entries to be { key, value, options }', entries[other]);
}

/** Throws E_CONFIG where one lacks a function: it would show when a value is stored. */
export function checkClasses(classes: unknown): void {
  if (!Array.isArray(classes)) expected('E_CONFIG', 'classes to be a list', classes);
  for (const one of classes as readonly unknown[]) {
    const { name, ...functions } = (one ?? {}) as Readonly<Record<string, unknown>>;
    const lacks = ['matches', 'toPlain', 'fromPlain'].find((method) => typeof functions[method] !== 'function');
    if (typeof one === 'object' && typeof name === 'string' && lacks === undefined) continue;
    expected('E_CONFIG', 'each of classes to have a name, matches, toPlain and fromPlain', one);
  }
}

export function checkCodec(codec: unknown): void {
  const { name, encode, decode } = (codec ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name === 'string' && typeof encode === 'function' && typeof decode === 'function') return;
  expected('E_CONFIG', 'codec to have a name, encode and decode', codec);
}
