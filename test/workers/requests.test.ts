// What of a request a gate on Workers forwards.

import { expect, test } from 'vitest';
import { originFields } from '../../src/engine/answers/edits.ts';
import { NO_FIELDS } from '../../src/semantics/fields.ts';
import { compileSite } from '../../src/site/compile-site.ts';
import { checkedWorkersConfig } from '../../src/site/workers-config.ts';
import { routed } from '../../src/workers/requests.ts';

const settings = checkedWorkersConfig({ origins: { app: { url: 'https://app.example' } } });
const origin = { forward: () => expect.unreachable() };
const router = compileSite(settings, new Map([['app', origin]]), { most: 1_000 });

test('a method that the route does not take is refused, and another is not', () => {
  const request = new Request('https://shop.example/a', { method: 'PURGE' });
  expect(routed(request, router)).toMatchObject({ status: 405, allow: 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE' });
  const all = checkedWorkersConfig({ origins: { app: { url: 'https://app.example' } }, routes: [{ methods: 'all' }] });
  expect(routed(request, compileSite(all, new Map([['app', origin]]))).kind).toBe('routed');
});

test.each(['GET', 'POST', 'DELETE'])('fields of a %s that claim another host, path or method are not', (method) => {
  const claims = {
    'x-original-url': '/other',
    x_rewrite_url: '/other',
    'x-http-method-override': 'PUT',
    'x-forwarded-host': 'other.example',
    'x-forwarded-proto': 'ftp',
  };
  const headers = { ...claims, 'x-own': '1', 'x-forwarded-for': '192.0.2.1' };
  const found = routed(new Request('https://shop.example/a', { method, headers }), router);
  const fields = found.kind === 'routed' ? found.asked?.fields : NO_FIELDS;
  expect(fields).toEqual(['x-forwarded-for', '192.0.2.1', 'x-own', '1']);
});

test('of a field with a list of variants what suits the request best is forwarded', () => {
  const routes = [{ variants: { acceptLanguage: ['de', 'en'] } }];
  const listed = checkedWorkersConfig({ origins: { app: { url: 'https://app.example' } }, routes });
  const headers = { 'accept-language': 'de-AT, en;q=0.5' };
  const found = routed(
    new Request('https://shop.example/a', { headers }),
    compileSite(listed, new Map([['app', origin]])),
  );
  if (found.kind !== 'routed' || found.asked === undefined) return expect.unreachable();
  expect(originFields({ ...found.asked, route: found.site.route })).toEqual(['accept-language', 'de']);
});
