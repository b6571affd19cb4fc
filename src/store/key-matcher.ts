// What a key says of its entry, for searches.

import { keyParts } from '../entry/key.ts';
import { globMatcher } from '../ledger/glob.ts';
import type { Selector } from '../ledger/selector.ts';

/** The part of a key before its URI. */
export function keyPrefix(key: string): string {
  const afterOrigin = key.indexOf(' ', key.indexOf(' ') + 1);
  return key.slice(0, key.indexOf(' ', afterOrigin + 1) + 1);
}

/** Whether a selector may name the entry under a key. A key has no tags. */
export function entryMatcher(selector: Selector): (key: string) => boolean {
  switch (selector.kind) {
    case 'url':
      return (key) => keyParts(key).uri === selector.uri;
    case 'prefix':
      return (key) => key.startsWith(selector.prefix, keyPrefix(key).length);
    case 'pattern': {
      const matches = globMatcher(selector.pattern);
      return (key) => matches(keyParts(key).uri);
    }
    case 'origin':
      return (key) => keyParts(key).origin === selector.origin;
    case 'tag':
    case 'all':
      return () => true;
  }
}
