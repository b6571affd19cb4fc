import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, onTestFinished, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import { type RunningAdmin, startAdmin } from '../../src/node/operator/admin-server.ts';
import { callAdmin } from '../../src/node/operator/cli/admin-client.ts';
import { adminBounds, fakeGate } from '../admin/fake-gate.ts';

const TOKEN = 'a-token-of-some-length';

const running: RunningAdmin[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((admin) => admin.close()));
});

async function start(token?: string) {
  const fake = fakeGate();
  const admin = await startAdmin({ ...adminBounds(), port: 0, token, api: createAdminApi(fake.deps) });
  running.push(admin);
  return { ...fake, url: admin.url };
}

const failureOf = (call: Promise<unknown>): Promise<Error> =>
  call.then(
    () => expect.unreachable(),
    (error: Error) => error,
  );

test('calls with the token and gets the JSON', async () => {
  const { url, changes } = await start(TOKEN);
  const call = { method: 'POST', path: '/purge', body: { tag: 'a' } } as const;
  expect(await callAdmin({ admin: `${url}/`, token: TOKEN }, call)).toEqual({ position: 1, matched: 2 });
  expect(changes).toEqual([['purge', { kind: 'tag', tag: 'a' }]]);
});

test.each([
  [undefined, 'got none (401)'],
  ['', 'got none (401)'],
  ['CANARY', 'got a wrong one (401)'],
  ['CANÄRY', 'expected a token of visible ASCII characters'],
])('token %s: a clear error without the token in it', async (token, message) => {
  const { url } = await start(TOKEN);
  const error = await failureOf(callAdmin({ admin: url, token }, { method: 'GET', path: '/stats' }));
  expect(error).toMatchObject({ code: 'E_ADMIN', message: expect.stringContaining(message) });
  expect(error.message).not.toContain('CAN');
});

test('says what is refused', async () => {
  const { url } = await start();
  const call = { method: 'POST', path: '/purge', body: { tag: '' } } as const;
  await expect(callAdmin({ admin: url }, call)).rejects.toMatchObject({ code: 'E_SELECTOR' });
  await expect(callAdmin({ admin: url }, { method: 'GET', path: '/x' })).rejects.toMatchObject({ code: 'E_ADMIN' });
});

test('says that nobody is there', async () => {
  const { url } = await start();
  await running.pop()?.close();
  await expect(callAdmin({ admin: url }, { method: 'GET', path: '/stats' })).rejects.toMatchObject({
    code: 'E_ADMIN',
    message: `expected a gate's admin API at ${url}, got ECONNREFUSED`,
  });
});

test.each(['nonsense', 'ftp://127.0.0.1/', 'http://user:CANARY@127.0.0.1/'])('refuses %s', async (url) => {
  const error = await failureOf(callAdmin({ admin: url }, { method: 'GET', path: '/stats' }));
  expect(error).toMatchObject({ code: 'E_ADMIN', message: expect.stringMatching(/^expected the http\(s\) URL/) });
  expect(error.message).not.toContain('CANARY');
});

test('says that it is another server', async () => {
  const api = async () => ({ status: 200, contentType: 'text/html', fields: [], body: '<p>' });
  const admin = await startAdmin({ ...adminBounds(), port: 0, api });
  running.push(admin);
  await expect(callAdmin({ admin: admin.url }, { method: 'GET', path: '/stats' })).rejects.toThrow(
    `expected JSON from a gate's admin API at ${admin.url}, got 200 text/html`,
  );
});

test('says under which path another server was asked', async () => {
  const api = async () => ({ status: 404, contentType: 'text/html', fields: [], body: '<p>' });
  const admin = await startAdmin({ ...adminBounds(), port: 0, api });
  running.push(admin);
  const asked = callAdmin({ admin: `${admin.url}/.tidegate/` }, { method: 'GET', path: '/stats' });
  await expect(asked).rejects.toThrow(`admin API at ${admin.url}/.tidegate, got 404 text/html`);
});

test.each([
  [
    'text/plain',
    'Error: expected a binding\n    at fetch (index.js:1)',
    'Error: expected a binding at fetch (index.js:1)',
  ],
  ['text/html', '<html><style>p {}</style><p>Error <b>1101</b></p>', 'Error 1101'],
  ['text/plain', 'x'.repeat(400), `${'x'.repeat(300)}…`],
])('shows in one line with what a Worker answers that fails', async (contentType, body, shown) => {
  const admin = await startAdmin({
    ...adminBounds(),
    port: 0,
    api: async () => ({ status: 500, contentType, fields: [], body }),
  });
  running.push(admin);
  await expect(callAdmin({ admin: admin.url }, { method: 'GET', path: '/stats' })).rejects.toMatchObject({
    code: 'E_ADMIN',
    message: `expected JSON from a gate's admin API at ${admin.url}, got 500 ${contentType}: ${shown}`,
  });
});

test('says that an answer broke off', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('{', () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(callAdmin({ admin: url }, { method: 'GET', path: '/stats' })).rejects.toMatchObject({
    code: 'E_ADMIN',
    message: expect.stringContaining(`expected the whole answer of the admin API at ${url}, got `),
  });
});
