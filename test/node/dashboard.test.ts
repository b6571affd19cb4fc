// The dashboard's files and logins, as a program asks for them; a browser looks at them in test/browser.

import { describe, expect, onTestFinished, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import { isFromOwnPage, Sessions } from '../../src/admin/sessions.ts';
import { startAdmin } from '../../src/node/operator/admin-server.ts';
import { adminBounds, fakeGate } from '../admin/fake-gate.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

const TOKEN = 'a-token-of-some-length';

async function listening(token: string | undefined = TOKEN, wrongTokens = { perSecond: 0.001, burst: 3 }) {
  const fake = fakeGate();
  const admin = await startAdmin({ ...adminBounds(), wrongTokens, port: 0, token, api: createAdminApi(fake.deps) });
  onTestFinished(() => admin.close());
  const own = { origin: admin.url, 'sec-fetch-site': 'same-origin' };
  const call = (method: string, path: string, headers: Record<string, string> = {}, body?: object) =>
    fetch(admin.url + path, { method, headers, redirect: 'manual', ...(body && { body: JSON.stringify(body) }) });
  const login = async (given = TOKEN) => {
    const answer = await call('POST', '/session', own, { token: given });
    return { status: answer.status, cookie: answer.headers.get('set-cookie')?.split(';', 1)[0] ?? '' };
  };
  return { ...fake, call, login, own };
}

describe('its files', () => {
  test('are given without a token, under a strict policy', async () => {
    const { call } = await listening();
    expect((await call('GET', '/')).headers.get('location')).toBe('/dashboard/');
    const page = await call('GET', '/dashboard/');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
    const html = await page.text();
    const named = [...html.matchAll(/(?:src|href)="((?!data:)[^"]+)"/g)].map(([, name]) => name);
    expect(named).toEqual(['app.css', 'app.js']);
    expect(html).not.toMatch(/<script>|style=/);
    for (const name of named) {
      const file = await call('GET', `/dashboard/${name}`);
      expect([file.status, file.headers.get('x-content-type-options')]).toEqual([200, 'nosniff']);
      expect((await file.text()).length).toBeGreaterThan(5_000);
    }
  }, 30_000);

  test.each([
    ['GET', '/dashboard/../stats', 401],
    ['GET', '/dashboard/app.tsx', 404],
    ['GET', '/dashboard/constructor', 404],
    ['POST', '/dashboard/', 405],
  ] as const)('%s %s is %d', async (method, path, status) => {
    const { call } = await listening();
    expect((await call(method, path)).status).toBe(status);
  });
});

describe('a login', () => {
  test('opens what the token opens, until it ends', async () => {
    const { call, login, own, changes } = await listening();
    expect(await (await call('GET', '/session')).json()).toEqual({ login: 'needed' });
    const { cookie } = await login();
    expect(cookie).not.toContain(TOKEN);
    expect(await (await call('GET', '/session', { cookie })).json()).toEqual({ login: 'done' });
    expect((await call('GET', '/stats', { cookie })).status).toBe(200);
    expect((await call('POST', '/clear', { cookie, ...own })).status).toBe(200);
    expect(changes).toHaveLength(1);
    expect((await call('DELETE', '/session', { cookie, ...own })).status).toBe(200);
    expect((await call('GET', '/stats', { cookie })).status).toBe(401);
  });

  test.each([
    {},
    { origin: 'http://127.0.0.1:1' },
    { origin: 'null' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'none' },
  ])('changes nothing for a page of another place: %j', async (fields) => {
    const { call, login, changes } = await listening();
    const { cookie } = await login();
    const headers = { cookie, ...fields } as Record<string, string>;
    expect((await call('POST', '/clear', headers)).status).toBe(403);
    expect((await call('POST', '/session', headers, { token: TOKEN })).status).toBe(403);
    expect((await call('DELETE', '/session', headers)).status).toBe(403);
    expect(changes).toEqual([]);
  });

  test('with wrong tokens is bounded as other calls are', async () => {
    const { login, call } = await listening();
    const found: number[] = [];
    for (let guesses = 0; guesses < 5; guesses++) found.push((await login(`guess-${guesses}`)).status);
    expect(found).toEqual([401, 401, 401, 429, 429]);
    expect((await call('GET', '/session')).status).toBe(200);
  });

  test.each([[{}], [{ token: 7 }], [{ token: 'two words' }], [{ token: '' }]])('with %j is 400', async (body) => {
    const { call, own } = await listening();
    expect((await call('POST', '/session', own, body)).status).toBe(400);
  });

  test('of more than a token is 413', async () => {
    const { call, own } = await listening();
    expect((await call('POST', '/session', own, { token: 'x'.repeat(5_000) })).status).toBe(413);
  });

  test('is needed nowhere without a token', async () => {
    const { call } = await listening('');
    expect(await (await call('GET', '/session')).json()).toEqual({ login: 'none' });
    expect((await call('GET', '/stats')).status).toBe(200);
  });
});

describe('sessions', () => {
  const HERE = ['host', 'gate.example:8081'];
  const cookieOf = (set: string) => ['cookie', `other=1; ${set.split(';', 1)[0]}`];

  test('end after twelve hours, count for their host, and the oldest makes room', () => {
    const time = new SimulatedTime();
    let last = 0;
    const sessions = new Sessions({ clock: time, newId: () => `id-${++last}`, isNeeded: true });
    const first = cookieOf(sessions.begin(TOKEN, HERE));
    expect(sessions.tokenOf([...HERE, ...first])).toBe(TOKEN);
    expect(sessions.tokenOf(['host', 'evil.example', ...first])).toBeUndefined();
    expect(sessions.tokenOf([...HERE, 'cookie', 'tidegate-session=id-2'])).toBeUndefined();
    expect(sessions.tokenOf(HERE)).toBeUndefined();
    time.advance(12 * 3_600_000 - 1);
    expect(sessions.tokenOf([...HERE, ...first])).toBe(TOKEN);
    const second = cookieOf(sessions.begin(TOKEN, HERE));
    time.advance(1);
    expect(sessions.tokenOf([...HERE, ...first])).toBeUndefined();
    for (let more = 0; more < 99; more++) sessions.begin(TOKEN, HERE);
    expect(sessions.tokenOf([...HERE, ...second])).toBe(TOKEN);
    sessions.begin(TOKEN, HERE);
    expect(sessions.tokenOf([...HERE, ...second])).toBeUndefined();
  });

  test.each([
    [['origin', 'https://gate.example:8081'], true],
    [['origin', 'http://GATE.example:8081', 'sec-fetch-site', 'same-origin'], true],
    [['sec-fetch-site', 'same-origin'], true],
    [['origin', 'http://gate.example:8082'], false],
    [['origin', 'http://gate.example:8081', 'sec-fetch-site', 'cross-site'], false],
    [['origin', 'http://other.example:8081', 'sec-fetch-site', 'same-origin'], false],
    [[], false],
  ] as const)('a request with %j is from a page of its own host: %s', (fields, expected) => {
    expect(isFromOwnPage([...HERE, ...fields])).toBe(expected);
  });
});
