// `variants` of a route: what is refused, and what a gate and a handler cache forward by it.

import { expect, it } from 'vitest';
import { LISTED } from '../../src/semantics/preferences.ts';
import { checkSite } from '../../src/site/agreements.ts';
import { ROUTE_SECTION } from '../../src/site/tables.ts';
import { createFetchCache } from '../../src/web/fetch.ts';

function problemsOf(route: Record<string, unknown>): string[] {
  const found: string[] = [];
  const tell = (problem: string, path: readonly (string | number)[]) =>
    void found.push(`${path.join('.')}: ${problem}`);
  checkSite({ origins: { app: {} }, routes: [route] }, tell);
  ROUTE_SECTION.read(route, tell);
  return found;
}

it.each([
  [
    { variants: { acceptLanguage: ['de', 'DE'] } },
    'routes.0.variants.acceptLanguage: expected each value once, got "de" twice',
  ],
  [
    { variants: { acceptEncoding: ['br'] }, compress: true },
    'routes.0.variants.acceptEncoding: expected no list on a route that codes answers itself (compress.codings says which), got one',
  ],
  [
    { variants: { accept: ['text/html'] }, request: { set: { Accept: 'text/html' } } },
    'routes.0.variants.accept: expected no list for a field that the route edits itself (request), got one for accept',
  ],
  [
    { variants: { acceptLanguage: ['de'] }, request: { remove: ['accept-language'] } },
    'routes.0.variants.acceptLanguage: expected no list for a field that the route edits itself (request), got one for accept-language',
  ],
  [
    { variants: { acceptLanguage: ['de_DE'] } },
    'variants.acceptLanguage.0: expected a language tag such as "de" or "pt-BR", got "de_DE"',
  ],
  [{ variants: { accept: ['text/*'] } }, 'variants.accept.0: expected a media type such as "text/html", got "text/*"'],
  [
    { variants: { acceptEncoding: ['identity'] } },
    'variants.acceptEncoding.0: expected a content coding other than "identity" and "*", got "identity"',
  ],
])('%j is refused', (route, problem) => {
  expect(problemsOf(route)).toEqual([problem]);
});

it('takes a list of each field, and of no other', () => {
  const variants = { accept: ['text/html'], acceptEncoding: ['br'], acceptLanguage: ['de'] };
  expect(Object.keys(variants)).toEqual(Object.keys(LISTED));
  expect(problemsOf({ variants, compress: false })).toEqual([]);
  expect(problemsOf({ variants: { acceptCharset: ['utf-8'] } })).toHaveLength(1);
});

it('a handler gets what suits the request, and answers once for all whom it suits', async () => {
  const cache = createFetchCache({ variants: { acceptLanguage: ['de', 'en'] } });
  const asked: (string | null)[] = [];
  const handle = cache.wrap((request: Request) => {
    asked.push(request.headers.get('accept-language'));
    return new Response('x', { headers: { 'cache-control': 'max-age=60', vary: 'Accept-Language' } });
  });
  for (const language of ['de-AT, en;q=0.5', 'DE', 'fr, de;q=0.1', 'en-GB', 'fr']) {
    const answer = await handle(new Request('http://example.org/', { headers: { 'accept-language': language } }));
    await answer.text();
  }
  expect(asked).toEqual(['de', 'en', null]);
  expect(() => createFetchCache({ variants: { accept: ['*/*'] } })).toThrow(
    'expected variants.accept to be a list of media types',
  );
});
