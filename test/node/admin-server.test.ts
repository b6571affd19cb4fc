import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import { type RunningAdmin, startAdmin } from '../../src/node/operator/admin-server.ts';
import { adminBounds, fakeGate } from '../admin/fake-gate.ts';

const TOKEN = 'a-token-of-some-length';

const running: RunningAdmin[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((admin) => admin.close()));
});

async function start(token?: string, host?: string) {
  const fake = fakeGate();
  const admin = await startAdmin({ ...adminBounds(), host, port: 0, token, api: createAdminApi(fake.deps) });
  running.push(admin);
  return { ...fake, url: admin.url };
}

interface Answer {
  status: number;
  headers: Record<string, unknown>;
  body: string;
}

/** `fetch` will not send a Host or Origin of our choice. */
function send(
  url: string,
  options: { method?: string; headers?: Record<string, string>; body?: string; agent?: Agent } = {},
) {
  return new Promise<Answer>((resolve, reject) => {
    const { body, ...rest } = options;
    const sent = httpRequest(url, { agent: false, ...rest }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode as number, headers: response.headers, body: text }),
      );
      response.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function sendRaw(url: string, head: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.write(`${head}\r\nconnection: close\r\n\r\n`);
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
}

const CALLS: [string, string, string?][] = [
  ['GET', '/ready'],
  ['GET', '/stats'],
  ['GET', '/metrics'],
  ['GET', '/entries'],
  ['GET', '/explain?url=http://example.org/'],
  ['POST', '/invalidate', '{"all":true}'],
  ['POST', '/purge', '{"all":true}'],
  ['POST', '/clear'],
];

const calling = (method: string, body: string | undefined, headers: Record<string, string> = {}) => ({
  method,
  headers,
  ...(body !== undefined && { body }),
});

describe('with a token', () => {
  test.each(CALLS)('%s %s answers to it alone', async (method, path, body) => {
    const { url, changes } = await start(TOKEN);
    const wrong = [
      {},
      { authorization: '' },
      { authorization: TOKEN },
      { authorization: 'Bearer' },
      { authorization: 'Bearer ' },
      { authorization: `Bearer ${TOKEN.slice(0, -1)}` },
      { authorization: `Bearer ${TOKEN}x` },
      { authorization: `Bearer ${TOKEN.toUpperCase()}` },
      { authorization: `Basic ${TOKEN}` },
      { authorization: `Bearer ${TOKEN}, Bearer ${TOKEN}` },
    ];
    const refused = await Promise.all(wrong.map((headers) => send(url + path, calling(method, body, headers))));
    for (const answer of refused) {
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
      expect(answer.body).toBe(refused[0]?.body);
      expect(answer.body).not.toContain(TOKEN);
    }
    expect(changes).toEqual([]);
    const authorization = `bearer ${TOKEN}`;
    expect((await send(url + path, calling(method, body, { authorization }))).status).toBe(200);
  });

  test('an unknown path is not told without it', async () => {
    const { url } = await start(TOKEN);
    expect((await send(`${url}/nothing`)).status).toBe(401);
    expect((await send(`${url}/nothing`, { headers: { authorization: `Bearer ${TOKEN}` } })).status).toBe(404);
  });

  test('health needs none', async () => {
    const { url } = await start(TOKEN);
    expect((await send(`${url}/health`)).status).toBe(200);
  });

  test('other machines may be let in', async () => {
    const { url } = await start(TOKEN, '0.0.0.0');
    const { port } = new URL(url);
    const headers = { host: 'gate.example', authorization: `Bearer ${TOKEN}` };
    expect((await send(`http://127.0.0.1:${port}/stats`, { headers })).status).toBe(200);
  });

  test('a body without it is not read', async () => {
    const { url } = await start(TOKEN);
    expect((await send(`${url}/purge`, { method: 'POST', body: 'x'.repeat(3_000_000) })).status).toBe(401);
  });
});

describe('without a token', () => {
  test.each(['0.0.0.0', '::', ''])('listening on %j is refused', async (host) => {
    await expect(start(undefined, host)).rejects.toMatchObject({ code: 'E_ADMIN_TOKEN' });
    await expect(start('', host)).rejects.toMatchObject({ code: 'E_ADMIN_TOKEN' });
  });

  test.each([undefined, 'localhost', '127.0.0.2'])('listening on %s is allowed', async (host) => {
    const { url } = await start(undefined, host);
    expect((await send(`${url}/stats`)).status).toBe(200);
  });

  test.each(['localhost', 'LOCALHOST:9999', '127.0.0.1', '127.0.0.1:1', '127.1.2.3', '[::1]:8081'])(
    'Host %s is let through',
    async (host) => {
      const { url } = await start();
      expect((await send(`${url}/stats`, { headers: { host } })).status).toBe(200);
    },
  );

  test.each(['evil.test', 'evil.test:8081', '127.0.0.1.evil.test', 'localhost.evil.test', '192.0.2.1', '[::2]'])(
    'Host %j, which may have been rebound, is 421',
    async (host) => {
      const { url, changes } = await start();
      expect((await send(`${url}/clear`, { method: 'POST', headers: { host } })).status).toBe(421);
      expect((await send(`${url}/health`, { headers: { host } })).status).toBe(421);
      expect(changes).toEqual([]);
    },
  );

  test.each([
    { origin: 'http://evil.test' },
    { origin: 'null' },
    { origin: 'http://localhost:3000' },
    { origin: 'https://127.0.0.1' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('a call from a page of another site is 403: %j', async (headers) => {
    const { url, changes } = await start();
    expect((await send(`${url}/clear`, { method: 'POST', headers: headers as Record<string, string> })).status).toBe(
      403,
    );
    expect(changes).toEqual([]);
  });

  test('a page of its own may call', async () => {
    const { url } = await start();
    const headers = { origin: url, 'sec-fetch-site': 'same-origin' };
    expect((await send(`${url}/clear`, { method: 'POST', headers })).status).toBe(200);
  });
});

describe('the token of a webhook', () => {
  const HOOK = 'the-token-of-a-webhook';
  const PUBLISHED = JSON.stringify({ entry: { id: 7 } });

  /** Calls on one connection. */
  async function connected(token: string | undefined, wrongTokens = { perSecond: 0.001, burst: 3 }) {
    const fake = fakeGate();
    const hooks = () => ({ cms: { urls: [], tags: ['post-{entry.id}'] } });
    const api = createAdminApi({ ...fake.deps, populate: { ...fake.deps.populate, hooks } });
    const hookToken = (name: string) => (name === 'cms' ? HOOK : undefined);
    const admin = await startAdmin({ ...adminBounds(), wrongTokens, port: 0, token, api, hookToken });
    running.push(admin);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    onTestFinished(() => agent.destroy());
    const call = async (method: string, path: string, bearer?: string) => {
      const headers = bearer === undefined ? {} : { authorization: `Bearer ${bearer}` };
      const body = method === 'POST' ? PUBLISHED : undefined;
      return (await send(admin.url + path, { method, headers, ...(body && { body }), agent })).status;
    };
    return { call };
  }

  test('lets nobody guess that of the operator on the same connection', async () => {
    const { call } = await connected(TOKEN);
    const found: number[] = [];
    for (let guesses = 0; guesses < 6; guesses++) {
      found.push(await call('POST', '/publish/cms', HOOK), await call('GET', '/stats', `guess-${guesses}`));
    }
    expect(found.filter((status) => status === 401)).toHaveLength(3);
    expect(found.at(-1)).toBe(429);
  });

  test('takes no calls from the operator who has shown the own', async () => {
    const { call } = await connected(TOKEN);
    for (let calls = 0; calls < 6; calls++) {
      expect([await call('GET', '/stats', TOKEN), await call('POST', '/publish/cms', HOOK)]).toEqual([200, 202]);
    }
  });

  test('is needed too where the operator has none', async () => {
    const { call } = await connected(undefined);
    expect(await call('POST', '/publish/cms')).toBe(401);
    expect(await call('POST', '/publish/cms', HOOK)).toBe(202);
    expect(await call('GET', '/stats')).toBe(200);
    expect(await call('POST', '/publish/other')).toBe(404);
  });
});

describe('requests', () => {
  test('an answer is not kept and not sniffed', async () => {
    const { url } = await start();
    const { headers } = await send(`${url}/stats`);
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
  });

  test('content over 1 MiB is 413, of stated length and chunked', async () => {
    const { url, changes } = await start();
    const body = JSON.stringify({ tags: ['x'.repeat(1_048_577)] });
    expect((await send(`${url}/purge`, { method: 'POST', body })).status).toBe(413);
    const headers = { 'transfer-encoding': 'chunked' };
    expect((await send(`${url}/purge`, { method: 'POST', body, headers })).status).toBe(413);
    expect(changes).toEqual([]);
  });

  test('content that is not UTF-8 is 400', async () => {
    const { url } = await start();
    const response = await fetch(`${url}/purge`, { method: 'POST', body: Uint8Array.of(0x22, 0xff, 0x22) });
    expect(response.status).toBe(400);
  });

  test('a target in absolute form is 400', async () => {
    const { url } = await start();
    expect(await sendRaw(url, 'GET http://evil.test/stats HTTP/1.1\r\nhost: localhost')).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('Host missing, empty or twice is 421', async () => {
    const { url } = await start();
    for (const fields of ['', '\r\nhost:', '\r\nhost: localhost\r\nhost: localhost']) {
      expect(await sendRaw(url, `GET /stats HTTP/1.0${fields}`)).toMatch(/^HTTP\/1\.1 421 /);
    }
  });

  test('a client that goes away in the middle does no harm', async () => {
    const { url, changes } = await start();
    const { port } = new URL(url);
    await new Promise<void>((resolve) => {
      const socket = connect(Number(port), '127.0.0.1', () => {
        socket.write('POST /clear HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{}');
        socket.destroy();
      });
      socket.on('close', () => resolve());
    });
    expect((await send(`${url}/health`)).status).toBe(200);
    expect(changes).toEqual([]);
  });
});

describe('a port that cannot be had is E_PORT, saying why', () => {
  test('in use', async () => {
    const { url, deps } = await start();
    const starting = startAdmin({ ...adminBounds(), port: Number(new URL(url).port), api: createAdminApi(deps) });
    await expect(starting).rejects.toMatchObject({
      code: 'E_PORT',
      message: expect.stringMatching(
        /^expected to listen on 127\.0\.0\.1:\d+ for the admin API, got EADDRINUSE: the port .*; choose another by admin\.port or --admin-port$/,
      ),
    });
  });

  test('not an address of this machine', async () => {
    await expect(start(TOKEN, '192.0.2.1')).rejects.toMatchObject({ code: 'E_PORT' });
  });
});
