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

/** Throws E_SELECTOR, E_TAG. */
export function selectorsOf(selection: ResponseSelection): Selector[] {
  const { tags, urls, prefix, pattern, all } = selection;
  if ([tags, urls, prefix, pattern, all].every((named) => named === undefined)) {
    const got = JSON.stringify(Object.keys(selection));
    throw new TidegateError('E_SELECTOR', `expected one of tags, urls, prefix, pattern and all, got ${got}`);
  }
  return [
    ...(tags ?? []).map((tag) => ({ kind: 'tag', tag: checkedTag(tag) }) as const),
    ...(urls ?? []).map((url) => ({ kind: 'url', uri: checkedUri(url) }) as const),
    ...[prefix ?? []].flat().map((one) => ({ kind: 'prefix', prefix: one }) as const),
    ...[pattern ?? []].flat().map((one) => ({ kind: 'pattern', pattern: one }) as const),
    ...(all === true ? [{ kind: 'all' } as const] : []),
  ];
}

function checkedUri(url: string): string {
  const uri = uriOf(url);
  if (uri !== undefined) return uri;
  throw new TidegateError('E_SELECTOR', `expected a whole URL of http or https, got ${JSON.stringify(url)}`);
}

/** Of several at once: the last position, and all they matched; what two of them name counts twice. */
export function summed(results: readonly InvalidationResult[]): InvalidationResult {
  const position = Math.max(0, ...results.map((result) => result.position));
  const matched = results.reduce((sum, result) => sum + result.matched, 0);
  return { position, matched, ...(results.some(({ more }) => more === true) && { more: true }) };
}
