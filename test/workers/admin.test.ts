// The admin API on a route of a Worker, as far as it is reached without a token.

import { expect, test } from 'vitest';
import { HandlerGate } from '../../src/web/handler-gate.ts';
import { universalPlatform } from '../../src/web/platform.ts';
import { answerAdmin, type WorkersAdminParts } from '../../src/workers/admin.ts';
import { World } from '../log/rules-world.ts';

const none = () => Promise.reject(new Error('expected no look at a shard'));
const parts: WorkersAdminParts = {
  router: { match: () => undefined, knowsHost: () => false } as unknown as WorkersAdminParts['router'],
  originNames: [],
  token: 'secret',
  shard: none,
  purged: none,
  figures: () => ({}),
};

function call(body: ReadableStream | Uint8Array | string, token = 'secret'): Request {
  const init = { method: 'POST', body, duplex: 'half', headers: { authorization: `Bearer ${token}` } };
  return new Request('http://app.example/_tidegate/purge', init as RequestInit);
}

/** What a GET is answered with. */
async function told(path: string): Promise<unknown> {
  const request = new Request(`http://app.example/_tidegate${path}`, { headers: { authorization: 'Bearer secret' } });
  const response = await answerAdmin(request, new URL(request.url).pathname.slice('/_tidegate'.length), parts);
  const { error } = (await response.json()) as { readonly error: { readonly code: string; readonly message: string } };
  return `${response.status} ${error.code}: ${error.message}`;
}

test('no more than a megabyte of content is read, also of content without a length', async () => {
  let read = 0;
  let isCancelled = false;
  const endless = new ReadableStream(
    {
      pull: (controller) => {
        read += 65_536;
        if (read > 8 * 2 ** 20) controller.close();
        else controller.enqueue(new Uint8Array(65_536));
      },
      cancel: () => {
        isCancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
  const { status } = await answerAdmin(call(endless), '/purge', parts);
  expect(status).toBe(413);
  expect(isCancelled).toBe(true);
  expect(read).toBeLessThan(2 * 2 ** 20);
});

test('content that is read is the text that was sent', async () => {
  const bytes = new TextEncoder().encode('{"\u00fc":1}');
  const middle = bytes.indexOf(0xc3) + 1;
  const halves = new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes.subarray(0, middle));
      controller.enqueue(bytes.subarray(middle));
      controller.close();
    },
  });
  const response = await answerAdmin(call(halves), '/purge', parts);
  expect(response.status).toBe(400);
  expect(await response.text()).toContain('\u00fc');
});

test('content is read with the right token alone, and is text', async () => {
  const unread = call(new ReadableStream({ pull: () => expect.unreachable() }, { highWaterMark: 0 }), 'wrong');
  const refused = await answerAdmin(unread, '/purge', parts);
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer realm="tidegate admin"']);
  expect([refused.headers.get('cache-control'), refused.headers.get('x-content-type-options')]).toEqual([
    'no-store',
    'nosniff',
  ]);
  const { status } = await answerAdmin(call(Uint8Array.of(0x22, 0xff, 0x22)), '/purge', parts);
  expect(status).toBe(400);
});

test('without a secret nobody is let in', async () => {
  for (const token of ['', 'secret', 'undefined']) {
    expect((await answerAdmin(call('{}', token), '/purge', { ...parts, token: undefined })).status).toBe(401);
  }
});

test.each(['table=users', 'record=users:7', 'url=http://a/&source=shop'])(
  'deps by %s: what works instead',
  async (query) => {
    expect(await told(`/deps?${query}`)).toMatch(
      /^400 E_SELECTOR: expected a url alone, since no tracker reports to a Worker .*deps URL .*list --tag TAG .*, got "(?:table|record|source)"$/,
    );
  },
);

test.each(['/populate', '/tiers', '/sources', '/v1/stats/history'])(
  '%s is of Node alone, with the reason',
  async (path) => {
    expect(await told(path)).toMatch(/^404 E_ADMIN: expected a call that a Worker takes, got one of /);
  },
);

test('a method that no Request can have is a wrong question, not a failure', async () => {
  expect(await told('/explain?url=http://a/&method=TRACE')).toMatch(
    /^400 E_SELECTOR: expected a method and headers that a Request can have, got ".*TRACE/,
  );
});

test('stats count the writes that have shared an intent, in each isolate that the log has told of them', async () => {
  const world = new World();
  const [writing, other] = [await world.member('w', { mode: 'strict' }), await world.member('o', { mode: 'strict' })];
  const uri = 'https://app.example/x';
  const opened = Array.from({ length: 27 }, (_, at) => writing.log.append({ kind: 'open', intent: `i-${at}`, uri }));
  await Promise.all(opened);
  const statsOf = async ({ log }: typeof writing) => {
    const options = () => ({ stores: [], memoryStats: () => ({ entries: 0, bytes: 0 }), history: log.history() });
    const served = new HandlerGate({ platform: universalPlatform(), onFault: undefined, options: options as never });
    const shard = async () => ({ name: 'one', log, served });
    const request = new Request('http://app.example/_tidegate/stats', { headers: { authorization: 'Bearer secret' } });
    return (await answerAdmin(request, '/stats', { ...parts, shard })).json();
  };
  expect(await statsOf(writing)).toMatchObject({ sharedIntents: 7 });
  expect(await statsOf(other)).toMatchObject({ sharedIntents: 0 });
  await other.log.renew();
  expect(await statsOf(other)).toMatchObject({ sharedIntents: 7 });
});

test('the statistics of an isolate have its counts, and no windows', async () => {
  const { log } = await new World().member('w', { mode: 'strict' });
  const memory = { entries: 0, bytes: 0, maxBytes: 9, evictions: 0, declined: 0 };
  const options = () => ({ stores: [], memoryStats: () => memory, history: log.history() });
  const served = new HandlerGate({ platform: universalPlatform(), onFault: undefined, options: options as never });
  const { statistics } = served.engine.context;
  statistics.answered({ tenant: '-', originName: 'app', name: 'pages' }, 'miss');
  const shard = async () => ({ name: 'one', log, served });
  const request = new Request('http://app.example/_tidegate/v1/stats', { headers: { authorization: 'Bearer secret' } });
  const answer = await (await answerAdmin(request, '/v1/stats', { ...parts, shard })).json();
  expect(answer).toMatchObject({
    version: 1,
    total: { requests: 1, misses: 1, routes: [{ route: 'pages', origin: 'app', misses: 1 }] },
    ...{ lastMinute: null, lastTenMinutes: null, populate: null, origins: [], gate: { requests: { miss: 1 } } },
  });
});
