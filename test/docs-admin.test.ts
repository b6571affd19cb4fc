import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createAdminApi } from '../src/admin/api.ts';
import { OPERATOR_MEMBERS } from '../src/admin/changes.ts';
import { parseSelectors } from '../src/entry/selectors.ts';
import { fakeGate } from './admin/fake-gate.ts';

const doc = readFileSync(new URL('../docs/admin-api.md', import.meta.url), 'utf8');

test('docs/admin-api.md has a section for each route of the admin API, and no other', async () => {
  const documented = [...doc.matchAll(/^### ((?:GET|POST) .*)$/gm)].map((heading) => heading[1]);
  const unknown = { method: 'GET', path: '/unknown', query: '', fields: [], bodyText: '' };
  const { routes } = JSON.parse((await createAdminApi(fakeGate().deps)(unknown)).body);
  expect(documented).toEqual(routes);
});

test('each section shows a call of its route', () => {
  const sections = doc.split(/^### /m).slice(1);
  for (const section of sections) {
    const path = /^\w+ (\S+)/.exec(section)?.[1];
    expect(section).toMatch(new RegExp(`\\n\\$ curl .*http://127\\.0\\.0\\.1:8081${path}`));
  }
});

test('each selector in docs/admin-api.md is understood', () => {
  const selectors = [...doc.matchAll(/^\| `(\{.*?\})` \|/gm)].map((row) => JSON.parse(row[1] as string));
  expect(selectors).toHaveLength(7);
  for (const selector of selectors) expect(() => parseSelectors(selector, OPERATOR_MEMBERS)).not.toThrow();
});
