// The values of the command line. An impossible value is a wrong command line, and nothing is sent.

import { InvalidArgumentError } from 'commander';
import { OPERATOR_MEMBERS } from '../../../admin/changes.ts';
import { parseSelectors } from '../../../entry/selectors.ts';
import { parseUri } from '../../../entry/uri-forms.ts';
import { TidegateError } from '../../../errors.ts';

export function atLeastOne(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text) || Number(text) < 1)
    throw new InvalidArgumentError('Expected a number of at least 1.');
  return Number(text);
}

export function portNumber(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError('Expected a port from 0 to 65535.');
  return Number(text);
}

/** The URL of an admin API. */
export function adminUrl(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return text;
  throw new InvalidArgumentError('Expected an http or https URL, such as http://127.0.0.1:8081.');
}

/** The URL of an origin. */
export function originUrl(text: string): string {
  const url = URL.parse(text);
  if ((url?.protocol === 'http:' || url?.protocol === 'https:') && url.pathname === '/') return text;
  throw new InvalidArgumentError('Expected an http or https URL without a path, such as http://127.0.0.1:3000.');
}

/** A URL as clients ask for it. */
export function clientUrl(text: string): string {
  return checked(text, () => parseUri(text));
}

/** A value that selects entries, under its name in the admin API. */
export function selecting(name: 'url' | 'prefix' | 'pattern' | 'origin' | 'tag'): (text: string) => string {
  return (text) => checked(text, () => parseSelectors({ [name]: text }, OPERATOR_MEMBERS));
}

/** A record as `table:key`. */
export function recordName(text: string): string {
  if (/^[^:]+:[\s\S]+$/.test(text)) return text;
  throw new InvalidArgumentError('Expected a record as table:key, such as users:7.');
}

/** For an option that may be repeated. */
export function several(check: (text: string) => string) {
  return (text: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), check(text)];
}

/** A field as `Name: value`. */
export function fieldLine(text: string): string {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:/.test(text)) return text;
  throw new InvalidArgumentError('Expected "Name: value".');
}

function checked(text: string, check: () => unknown): string {
  try {
    check();
    return text;
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    throw new InvalidArgumentError(`${error.message.replace(/^e/, 'E')}.`);
  }
}
