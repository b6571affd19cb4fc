// The values of the command line. An impossible value is a wrong command line, and nothing is sent.

import { OPERATOR_MEMBERS } from '../../../admin/changes.ts';
import { parseSelectors } from '../../../entry/selectors.ts';
import { parseUri } from '../../../entry/uri-forms.ts';
import { expected, TidegateError } from '../../../errors.ts';

export function atLeastOne(text: string): number {
  return wholeNumber(text, 1, 999_999_999) ?? expected('E_CONFIG', 'a number of at least 1', text);
}

export function portNumber(text: string): number {
  return wholeNumber(text, 0, 65_535) ?? expected('E_CONFIG', 'a port from 0 to 65535', text);
}

function wholeNumber(text: string, least: number, most: number): number | undefined {
  return /^[0-9]{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most ? Number(text) : undefined;
}

export function adminUrl(text: string): string {
  return isHttp(text) ? text : expected('E_CONFIG', 'an http or https URL, such as http://127.0.0.1:8081', text);
}

export function originUrl(text: string): string {
  if (isHttp(text) && new URL(text).pathname === '/') return text;
  return expected('E_CONFIG', 'an http or https URL without a path, such as http://127.0.0.1:3000', text);
}

function isHttp(text: string): boolean {
  return /^https?:$/.test(URL.parse(text)?.protocol ?? '');
}

export function clientUrl(text: string): string {
  parseUri(text);
  return text;
}

/** A value that selects entries, under its name in the admin API. */
export function selecting(name: 'url' | 'prefix' | 'pattern' | 'origin' | 'tag'): (text: string) => string {
  return (text) => {
    parseSelectors({ [name]: text }, OPERATOR_MEMBERS);
    return text;
  };
}

/** A record as `table:key`. */
export function recordName(text: string): string {
  return /^[^:]+:[\s\S]+$/.test(text) ? text : expected('E_CONFIG', 'a record as table:key, such as users:7', text);
}

/** A field as `Name: value`. */
export function fieldLine(text: string): string {
  if (/^[!#$%&'*+.^_`|~0-9A-Za-z-]+:/.test(text)) return text;
  // The value may be a secret.
  return expected('E_CONFIG', '"Name: value"', text.replace(/:.*$/s, ': …'));
}

export function tableNames(text: string): readonly string[] {
  const list = text.split(',').map((name) => name.trim());
  return list.includes('') ? expected('E_CONFIG', 'names of tables with commas between them', text) : list;
}

export function slotName(text: string): string {
  return /^[a-z0-9_]{1,63}$/.test(text) ? text : expected('E_CONFIG', '1 to 63 of a-z, 0-9 and _', text);
}

/** A text that is no connection string may still hold a password, so it is not shown. */
export function connectionString(text: string): string {
  if (/^postgres(?:ql)?:\/\//.test(text)) return text;
  const example = 'postgres://user@host:5432/database';
  throw new TidegateError('E_CONFIG', `expected a connection string such as ${example}, got another text`);
}
