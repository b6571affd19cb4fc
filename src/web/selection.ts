// What an invalidation from a program names, as selectors of the engine.

import type { Selector } from '../dependency/selector.ts';
import type { InvalidationResult } from '../engine/contract.ts';
import { TidegateError } from '../errors.ts';
import { uriOf } from './request.ts';
import { checkedTag } from './tags.ts';

/** What is to be invalidated or purged: whatever is named by any of these. At least one. */
export interface ResponseSelection {
  readonly tags?: readonly string[];
  /** Whole URLs, as clients ask for them. */
  readonly urls?: readonly string[];
  /** Every URL that begins so, or with one of these. */
  readonly prefix?: string | readonly string[];
  /** Globs over whole URLs: `*` for any characters, `?` for one. */
  readonly pattern?: string | readonly string[];
  /** Everything. */
  readonly all?: true;
}

const NAMES: ReadonlySet<string> = new Set(['tags', 'urls', 'prefix', 'pattern', 'all']);

/** Throws E_SELECTOR, E_TAG. */
export function selectorsOf(selection: ResponseSelection): Selector[] {
  if (typeof selection !== 'object' || selection === null) throw refused('an object that names responses', selection);
  for (const name of Object.keys(selection)) {
    if (!NAMES.has(name)) throw refused(`one of ${[...NAMES].join(', ')}`, name);
  }
  const { tags, urls, prefix, pattern } = selection;
  const all: unknown = selection.all;
  if (all !== undefined && all !== true) throw refused('all to be true or left out', all);
  const selectors = [
    ...listOf(tags, 'tags').map((tag) => ({ kind: 'tag', tag: checkedTag(tag) }) as const),
    ...listOf(urls, 'urls').map((url) => ({ kind: 'url', uri: checkedUri(url) }) as const),
    ...oneOrMore(prefix, 'prefix').map((one) => ({ kind: 'prefix', prefix: one }) as const),
    ...oneOrMore(pattern, 'pattern').map((one) => ({ kind: 'pattern', pattern: one }) as const),
    ...(all === true ? [{ kind: 'all' } as const] : []),
  ];
  if (selectors.length > 0) return selectors;
  const message = `expected at least one of ${[...NAMES].join(', ')}, got nothing that is named`;
  throw new TidegateError('E_SELECTOR', message);
}

function listOf(list: unknown, name: string): readonly string[] {
  if (list === undefined) return [];
  if (Array.isArray(list)) return list as readonly string[];
  throw refused(`${name} to be a list of texts`, list);
}

/** An empty one would name nothing, or everything. */
function oneOrMore(given: unknown, name: string): readonly string[] {
  const list: readonly unknown[] = typeof given === 'string' ? [given] : listOf(given, name);
  for (const one of list)
    if (typeof one !== 'string' || one === '') throw refused(`${name} to be texts that are not empty`, one);
  return list as readonly string[];
}

function checkedUri(url: unknown): string {
  const uri = typeof url === 'string' ? uriOf(url) : undefined;
  if (uri !== undefined) return uri;
  throw refused('a whole URL of http or https', url);
}

function refused(expected: string, got: unknown): TidegateError {
  const given = typeof got === 'string' ? JSON.stringify(got) : got === null ? 'null' : typeof got;
  return new TidegateError('E_SELECTOR', `expected ${expected}, got ${given}`);
}

/** Of several at once: the last position, and all they matched; what two of them name counts twice. */
export function summed(results: readonly InvalidationResult[]): InvalidationResult {
  const position = Math.max(0, ...results.map((result) => result.position));
  const matched = results.reduce((sum, result) => sum + result.matched, 0);
  return { position, matched, ...(results.some(({ more }) => more === true) && { more: true }) };
}
