// A URL to fill, and the text it waits as: the URI, then `LF name:value` for each field that selects a variant. That is
// also how a variant's key ends, so an entry's key says what a client must have asked for.

import { codingOf, keyParts } from '../../entry/key.ts';
import { type Fields, NO_FIELDS, trimOws } from '../../semantics/fields.ts';

/** A URL to fill, as clients ask for it. */
export interface PopulateItem {
  readonly uri: string;
  /** Fields that clients send and that select a variant, names in lower case. Default: none. */
  readonly fields?: Fields;
  /** Hits it is expected to have, compared with others. Default 1. */
  readonly hits?: number;
}

/** Equal for items that are filled by the same request. */
export function fillText({ uri, fields = NO_FIELDS }: PopulateItem): string {
  const lines = fields.flatMap((name, at) => (at % 2 === 0 ? `\n${name}:${fields[at + 1]}` : []));
  return uri + lines.sort().join('');
}

export function itemOf(text: string): PopulateItem {
  const end = text.indexOf('\n');
  return end < 0 ? { uri: text } : { uri: text.slice(0, end), fields: fieldsOf(text.slice(end + 1)) };
}

/**
 * The request that made the entry of this key. Undefined when none did, or when it had a credential, which nobody else may
 * use.
 */
export function itemOfKey(key: string): PopulateItem | undefined {
  const { uri, method } = keyParts(key);
  if (method !== 'GET' || codingOf(key) !== undefined) return undefined;
  const end = key.indexOf('\n');
  if (end < 0) return { uri };
  const fields = fieldsOf(key.slice(end + 1));
  return fields.some((name, at) => at % 2 === 0 && CREDENTIALS.has(name)) ? undefined : { uri, fields };
}

const CREDENTIALS: ReadonlySet<string> = new Set(['authorization', 'cookie', 'proxy-authorization']);

/** A name without a colon is that of a field that was absent. */
function fieldsOf(lines: string): string[] {
  return lines.split('\n').flatMap((line) => {
    const colon = line.indexOf(':');
    return colon < 0 ? [] : [line.slice(0, colon), trimOws(line.slice(colon + 1))];
  });
}
