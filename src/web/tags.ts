// Tags that a handler gives its response, beside those in the fields it sets.

import { expected } from '../errors.ts';
import { MAX_TAG_LENGTH } from '../semantics/invalidation.ts';

/** The response with these tags beside its own, for a handler to return. Throws E_TAG. */
export function cacheTag(response: Response, ...tags: readonly string[]): Response {
  if (tags.length === 0) return response;
  const headers = new Headers(response.headers);
  headers.append('cache-tag', tags.map(checkedTag).join(', '));
  for (const name of staleNames(response)) headers.delete(name);
  // Made anew: the fields of one that comes from `fetch` or is a redirect cannot be changed.
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** Of a response that `fetch` has decoded: fields that still say that it is coded. */
export function staleNames(response: Response): readonly string[] {
  return response.url !== '' && response.headers.has('content-encoding') ? ['content-encoding', 'content-length'] : [];
}

/** The tag as it stands in Cache-Tag: what a field cannot carry would be another tag, or two. Throws E_TAG. */
export function checkedTag(tag: string): string {
  const fits = typeof tag === 'string' && tag !== '' && tag.length <= MAX_TAG_LENGTH;
  if (fits && /^[\x20-\x7e\x80-\xff]+$/.test(tag) && !tag.includes(',') && tag.trim() === tag) return tag;
  const what = `a tag of 1 to ${MAX_TAG_LENGTH} characters of Latin-1, without commas, control characters or outer spaces`;
  expected('E_TAG', what, tag);
}
