// What clients send, checked. A problem is thrown where it is noticed, and becomes a 400.

import type { Context } from 'hono';
import type { Page } from './data.ts';

export class BadRequest extends Error {}

export const USER_FIELDS = ['firstName', 'lastName', 'email', 'note'] as const;
export const ORDER_FIELDS = ['userId', 'product', 'quantity'] as const;

const DEFAULT_LIMIT = 20;
const MAX_LIMIT = 100;
const MAX_TEXT = 200;

export function pageOf({ after, limit }: { readonly [name: string]: string | undefined }): Page {
  return {
    after: after === undefined ? 0 : wholeNumber('after', after, Number.MAX_SAFE_INTEGER),
    limit: limit === undefined ? DEFAULT_LIMIT : wholeNumber('limit', limit, MAX_LIMIT),
  };
}

/** `La*` is `La`. */
export function prefixOf(name: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  if (/^[\p{L}\p{N} '.-]{1,40}\*$/u.test(text)) return text.slice(0, -1);
  throw new BadRequest(`expected letters or digits and then * as ${name}, got ${JSON.stringify(text)}`);
}

export function wholeNumber(what: string, text: string, most: number): number {
  const number = /^[0-9]{1,16}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= most) return number;
  throw new BadRequest(`expected a whole number from 1 to ${most} as ${what}, got ${JSON.stringify(text)}`);
}

/** The query's parameters; refuses an unknown or repeated name. */
export function parameters(
  { req }: Context,
  known: readonly string[],
): { readonly [name: string]: string | undefined } {
  const query = new URL(req.url).searchParams;
  for (const name of query.keys()) {
    if (!known.includes(name)) {
      const expected = known.length === 0 ? 'no query' : `only ${known.join(', ')} in the query`;
      throw new BadRequest(`expected ${expected}, got ${JSON.stringify(name)}`);
    }
    if (query.getAll(name).length > 1) throw new BadRequest(`expected ${name} once in the query, got it more often`);
  }
  return Object.fromEntries(query);
}

/** The fields of a JSON object; those of users are texts, and at least one. */
export async function contentOf(
  { req }: Context,
  known: readonly string[],
): Promise<{ readonly [name: string]: unknown }> {
  const value = jsonOf(await req.text());
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BadRequest('expected a JSON object as content, got something else');
  }
  const unknown = Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw new BadRequest(`expected only ${known.join(', ')}, got ${JSON.stringify(unknown)}`);
  if (known !== USER_FIELDS) return value as { readonly [name: string]: unknown };
  if (Object.keys(value).length === 0) throw new BadRequest(`expected one of ${known.join(', ')}, got none`);
  return Object.fromEntries(Object.entries(value).map(([name, given]) => [name, textOf(name, given)]));
}

export function textOf(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= MAX_TEXT) return value;
  const got = typeof value === 'string' ? `${value.length} characters` : JSON.stringify(value);
  throw new BadRequest(`expected text of 1 to ${MAX_TEXT} characters as ${name}, got ${got}`);
}

function jsonOf(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw new BadRequest(`expected a JSON object as content, got ${content === '' ? 'none' : 'text that is not JSON'}`);
  }
}
