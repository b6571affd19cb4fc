// URLs to fill as an operator writes them: `"http://…"` or `{"url": …, "fields": {…}, "hits": …}`.

import type { PopulateItem } from '../engine/populate/populate-item.ts';
import { parseUri } from '../entry/uri-forms.ts';
import { expected, TidegateError } from '../errors.ts';
import type { Fields } from '../semantics/fields.ts';

/** A value that is no URL as errors show it: without its fields, which may be credentials. */
export function shownItem(value: unknown): string {
  const url = typeof value === 'object' && value !== null ? (value as { url?: unknown }).url : value;
  return (typeof url === 'string' ? url : (JSON.stringify(url) ?? typeof url)).slice(0, MAX_SHOWN);
}

const MAX_SHOWN = 200;

/** Returns undefined for a URL that clients could not ask for, or fields that they could not send. */
export function populateItem(value: unknown, common: Fields = []): PopulateItem | undefined {
  try {
    return itemOf(value, common);
  } catch (error) {
    if (error instanceof TidegateError) return undefined;
    throw error;
  }
}

function itemOf(value: unknown, common: Fields): PopulateItem {
  if (typeof value === 'string') return { uri: parseUri(value), ...(common.length > 0 && { fields: common }) };
  if (typeof value !== 'object' || value === null) return expected('E_SELECTOR', 'a URL', value);
  const { url, fields, hits } = value as { url?: unknown; fields?: unknown; hits?: unknown };
  const all = [...common, ...populateFields(fields)];
  return {
    uri: parseUri(typeof url === 'string' ? url : expected('E_SELECTOR', 'a URL', url)),
    ...(all.length > 0 && { fields: all }),
    ...(typeof hits === 'number' && hits >= 0 && Number.isFinite(hits) && { hits }),
  };
}

/** Fields of requests, as `{"name": "value"}`; throws E_SELECTOR. */
export function populateFields(value: unknown): string[] {
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null) return expected('E_SELECTOR', 'fields as {"name": "value"}', value);
  return Object.entries(value).flatMap(([name, text]) => {
    const lower = name.toLowerCase();
    const isField =
      /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower) && typeof text === 'string' && /^[!-~](?:[\t -~]*[!-~])?$/.test(text);
    // The value may be a secret, so an error repeats only the name.
    return isField && lower !== 'host'
      ? [lower, text as string]
      : expected('E_SELECTOR', 'fields that a client can send', name);
  });
}
