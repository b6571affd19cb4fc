// A CMS that calls a webhook of a gate with a token: from its JSON to the entry that a client gets.

import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import { fresh, startOne, startSite } from './populate-kit.ts';

const TOKEN = 'webhook-8f3c2a91d4e7b605';
const ADMIN = 'admin-77aa';

const publish = { blog: { token: TOKEN, urls: ['http://example.org/posts/{entry.slug}'], tags: ['post-{entry.id}'] } };

describe('a webhook of a CMS', () => {
  test('has the new post stored before anyone asks, and what carries its tag is outdated', async () => {
    const site = await startSite();
    const gate = await startOne(site, { admin: { port: 0, token: ADMIN }, populate: { publish } });
    const call = (path: string, token: string, content?: object) =>
      fetch(gate.adminUrl + path, {
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(content !== undefined && { method: 'POST', body: JSON.stringify(content) }),
      });
    site.answer = fresh('list', { 'cache-tag': 'post-7' });
    const urls = ['http://example.org/list'];
    const filled = async (id: string) => {
      const told = await call(`/populate?job=${id}&follow`, ADMIN);
      return JSON.parse((await told.text()).trim().split('\n').at(-1) as string);
    };
    const { id } = (await (await call('/populate', ADMIN, { urls })).json()) as { id: string };
    expect(await filled(id)).toMatchObject({ stored: 1 });
    site.answer = fresh('post');
    const event = { event: 'entry.publish', entry: { id: 7, slug: 'hello' } };
    const answer = await call('/publish/blog', TOKEN, event);
    expect(answer.status).toBe(202);
    const told = (await answer.json()) as { invalidated: object; job: { id: string } };
    expect(told.invalidated).toMatchObject({ tags: { matched: 1 }, urls: { matched: 0 } });
    expect(await filled(told.job.id)).toMatchObject({ cause: 'publish', name: 'blog', state: 'done', stored: 1 });
    expect(site.asked).toEqual(['/list', '/posts/hello']);
    const { entries } = await gate.gate.list({});
    expect(entries.map(({ uri, outdated }) => `${uri} ${outdated}`)).toEqual([
      'http://example.org/list true',
      'http://example.org/posts/hello false',
    ]);
    expect((await call('/publish/blog', ADMIN, event)).status).toBe(202);
  });

  test('has a token that is right for it alone', async () => {
    const site = await startSite();
    const other = { token: 'webhook-of-another', urls: ['http://example.org/x'] };
    const gate = await startOne(site, {
      admin: { port: 0, token: ADMIN },
      populate: { publish: { ...publish, other, bare: { urls: ['http://example.org/x'] } } },
    });
    const status = async (path: string, token: string | undefined) => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
      return (await fetch(gate.adminUrl + path, { method: 'POST', body: '{}', headers })).status;
    };
    expect(await status('/publish/blog', other.token)).toBe(401);
    expect(await status('/publish/blog', undefined)).toBe(401);
    expect(await status('/publish/bare', '')).toBe(401);
    expect(await status('/publish/bare', 'undefined')).toBe(401);
    expect(await status('/publish/constructor', TOKEN)).toBe(401);
    for (const path of ['/purge', '/clear', '/populate', '/publish', '/publish/']) {
      expect([path, await status(path, TOKEN)]).toEqual([path, 401]);
    }
    expect(await status('/publish/other', other.token)).toBe(202);
  });
});

test.each([
  [
    { urls: ['http://{host}/x'] },
    'populate.publish.blog.urls[0]: expected an absolute http or https URL with variables',
  ],
  [{ urls: ['http://example.org{path}'] }, 'behind the host'],
  [{ urls: ['/posts/{slug}'] }, 'got "/posts/{slug}"'],
  [{ urls: [], url: 'x' }, 'populate.publish.blog.url: unknown key; did you mean "urls"?'],
  [{ token: 'a b' }, 'populate.publish.blog.token: expected a bearer token'],
])('%j is refused', (blog, message) => {
  const origins = { app: { url: 'http://127.0.0.1:1' } };
  expect(() => resolveConfig({ origins, populate: { publish: { blog } } }, { env: {} })).toThrow(message);
});
