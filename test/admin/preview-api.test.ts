import { describe, expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { ListQuery } from '../../src/engine/contract.ts';
import { ENTRY, fakeGate } from './fake-gate.ts';

async function previewed(asked: unknown, stored: (query: ListQuery) => { entries: object[]; next?: string }) {
  const { deps, changes } = fakeGate();
  const queries: ListQuery[] = [];
  const hooks = () => ({ cms: { urls: ['http://example.org/posts/{id}'], tags: ['post-{id}'] } });
  const list = async (query: ListQuery) => {
    queries.push(query);
    return stored(query) as never;
  };
  const api = createAdminApi({ ...deps, gate: { ...deps.gate, list }, populate: { ...deps.populate, hooks } });
  const request = { method: 'POST', path: '/preview', query: '', fields: [], bodyText: JSON.stringify(asked) };
  const { status, body } = await api(request);
  return { status, json: JSON.parse(body), queries, changes };
}

const entry = (key: string, outdated = false) => ({ ...ENTRY, key, outdated });

describe('a preview', () => {
  test('tells what a selector names and is not outdated yet, and changes nothing', async () => {
    const entries = [entry('b'), entry('a'), entry('c', true)];
    const { status, json, queries, changes } = await previewed({ tag: 'red' }, () => ({ entries }));
    expect([status, changes]).toEqual([200, []]);
    expect(json).toMatchObject({ matched: 2, more: false, entries: [{ key: 'a' }, { key: 'b' }] });
    expect(queries).toEqual([{ selector: { kind: 'tag', tag: 'red' }, limit: 1_000 }]);
  });

  test('counts a thousand, shows twenty, and says that there are more', async () => {
    const entries = Array.from({ length: 1_000 }, (_, at) => entry(String(at)));
    const { json } = await previewed({ all: true }, () => ({ entries, next: '999' }));
    expect([json.matched, json.more, json.entries.length]).toEqual([1_000, true, 20]);
  });

  test('tells what a webhook would publish, each entry once', async () => {
    const { json } = await previewed({ publish: 'cms', content: { id: 7 } }, () => ({ entries: [entry('a')] }));
    expect(json).toMatchObject({ matched: 1, urls: ['http://example.org/posts/7'], tags: ['post-7'] });
  });

  test.each([
    [{ publish: 'other', content: {} }, 'expected one of cms as publish, got "other"'],
    [{ publish: 'cms', content: {} }, 'expected content with the members of'],
    [{ publish: 'cms', content: {}, tag: 'a' }, 'expected only the keys publish, content, got "tag"'],
    [{ tag: 'a', url: 'http://example.org/' }, 'expected exactly one of'],
    ['all', 'expected'],
  ])('refuses %j', async (asked, message) => {
    const { status, json, queries } = await previewed(asked, () => ({ entries: [] }));
    expect([status, queries]).toEqual([400, []]);
    expect(json.error.message).toContain(message);
  });
});
