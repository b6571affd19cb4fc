// What programs hand in besides the options of entries, looked at before it is used.

import { TidegateError } from '../errors.ts';
import { shown } from './keys.ts';

/** Throws E_CONFIG where there is any option but these: a misspelt one would be passed over. */
export function checkNames(options: unknown, names: readonly string[], what: string): void {
  if (typeof options !== 'object' || options === null) throw refused(`${what} to be an object`, shown(options));
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) throw refused(`${what} to have ${names.join(' and ')} at most`, shown(unknown));
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

function refused(expected: string, got: string): TidegateError {
  return new TidegateError('E_CONFIG', `expected ${expected}, got ${got}`);
}
