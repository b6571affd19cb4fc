// Clients that write, or seem to, so that a URL that all others read cannot be stored: it must go on to be a hit.

import { setTimeout as sleep } from 'node:timers/promises';
import { forwardedWord, type Group, type Row } from './rows.ts';
import { HOST, isHit, type World } from './world.ts';

const READS = 10;

/** The head of a POST, and what its client sends of its content. */
function post(path: string, ...lines: string[]): string {
  return [`POST ${path} HTTP/1.1`, `Host: ${HOST}`, ...lines].join('\r\n');
}

/** So many clients send these bytes and no more; `leave`: they reset their connections. */
async function unended(world: World, bytes: string, leave = false): Promise<void> {
  const clients = Array.from({ length: 20 }, () => world.connect());
  await Promise.all(clients.map((client) => client.send(bytes)));
  await sleep(200);
  if (!leave) return;
  for (const client of clients) client.destroy();
  await sleep(200);
}

function posts(world: World): string {
  return `${world.forwarded().filter(({ method }) => method === 'POST').length} POSTs`;
}

/** Stores a URL, attacks it, and reads it: how many of ten reads are hits, and how many reads the origin got in all. */
async function hot(world: World, attack: (path: string) => Promise<unknown>, prefix?: string): Promise<string> {
  const path = world.path(prefix);
  await world.ask(path);
  return attacked(world, path, attack);
}

async function attacked(world: World, path: string, attack: (path: string) => Promise<unknown>): Promise<string> {
  const said = await attack(path);
  let hits = 0;
  for (let at = 0; at < READS; at++) if (isHit(await world.ask(path))) hits++;
  const reads = world.forwarded().filter(({ method }) => method === 'GET').length;
  const words = `${hits} of ${READS} hits, ${forwardedWord(reads)}`;
  return typeof said === 'string' ? `${said}, ${words}` : words;
}

async function statusTo(world: World, method: string, path: string): Promise<string> {
  return String((await world.ask(path, { method })).status);
}

const ROWS: readonly Row[] = [
  ...['PURGE', 'PROPFIND', 'M-SEARCH', 'LOCK'].map(
    (method): Row => ({
      name: `${method} of a hot URL`,
      rule: 'methods are a list',
      expected: '405, 10 of 10 hits, 1 forwarded',
      run: (world) => hot(world, (path) => statusTo(world, method, path)),
    }),
  ),
  {
    name: 'a method with three letters more than any that node:http knows',
    rule: 'RFC 9110 §9.1',
    expected: '400, 10 of 10 hits, 1 forwarded',
    run: (world) => hot(world, (path) => statusTo(world, 'DELETEXYZ', path)),
  },
  ...[405, 501].map(
    (status): Row => ({
      name: `a method of a hot URL that the origin answers with ${status}`,
      rule: 'RFC 9110 §15.6.2',
      expected: `${status}, 10 of 10 hits, 1 forwarded`,
      run: (world) =>
        hot(
          world,
          (path) => {
            world.origin.answer(path, (request) =>
              request.method === 'GET'
                ? { fields: { 'cache-control': 'max-age=60' }, body: 'read' }
                : { status, fields: { allow: 'GET' } },
            );
            return statusTo(world, 'LOCK', path);
          },
          '/any',
        ),
    }),
  ),
  {
    name: 'a method that is passed on and succeeds outdates its URL, once',
    rule: 'RFC 9111 §4.4',
    expected: '200, 9 of 10 hits, 2 forwarded',
    run: (world) => hot(world, (path) => statusTo(world, 'LOCK', path), '/any'),
  },
];

/** Of which nothing reaches the origin: the URL can be stored while they are under way, and after them. */
const UNSENT: readonly Row[] = ['/read-ahead', '/streamed'].flatMap((prefix) =>
  [
    { what: '20 POSTs whose content never comes', lines: ['Content-Length: 1000', '', ''], leave: false },
    { what: '20 POSTs that leave before their content', lines: ['Content-Length: 1000', '', ''], leave: true },
    { what: '20 POSTs in chunks without a chunk', lines: ['Transfer-Encoding: chunked', '', ''], leave: true },
  ].map(
    ({ what, lines, leave }): Row => ({
      name: `${what}, ${prefix.slice(1)}`,
      rule: 'an intent opens with the first byte',
      expected: '9 of 10 hits, 1 forwarded, 0 POSTs',
      run: async (world) => {
        const words = await attacked(world, world.path(prefix), (path) => unended(world, post(path, ...lines), leave));
        return `${words}, ${posts(world)}`;
      },
    }),
  ),
);

/** Uploads that the origin has begun to get, broken off one after the other. */
async function breakOff(world: World, path: string, { client, count }: { client: string; count: number }) {
  for (let at = 0; at < count; at++) {
    const upload = world.connect();
    await upload.send(`${post(path, 'Content-Length: 1000', from(client), '', 'abc')}`);
    await sleep(60);
    upload.destroy();
    await sleep(20);
  }
}

function from(client: string): string {
  return `X-Forwarded-For: ${client}`;
}

const BROKEN_OFF: readonly Row[] = [
  {
    name: 'a client breaks off 20 uploads to a URL: the origin hears of five, and another client is served',
    rule: 'limits.writes.brokenOff',
    expected: '5 POSTs, 429 then 200',
    run: async (world) => {
      const path = world.path('/streamed');
      await breakOff(world, path, { client: '203.0.113.1', count: 20 });
      const words = posts(world);
      const write = async (client: string) => {
        const { status } = await world.ask(path, { method: 'POST', body: 'a', fields: [from(client)] });
        return status;
      };
      return `${words}, ${await write('203.0.113.1')} then ${await write('203.0.113.2')}`;
    },
  },
  {
    name: '30 readers of a URL that is held after an upload was broken off',
    rule: 'readers share one fill',
    expected: '30 answers, 1 forwarded',
    run: async (world) => {
      const path = world.path('/streamed');
      await breakOff(world, path, { client: '203.0.113.3', count: 1 });
      world.origin.answer(path, { fields: { 'cache-control': 'max-age=60' }, body: 'read', afterMs: 500 });
      const answers = await Promise.all(Array.from({ length: 30 }, () => world.ask(path)));
      const reads = world.forwarded().filter(({ method }) => method === 'GET').length;
      return `${answers.filter(({ status }) => status === 200).length} answers, ${forwardedWord(reads)}`;
    },
  },
  {
    name: '40 writes of one client at a time: 20 are sent',
    rule: 'limits.writes.perClient',
    expected: '20 answered 200, 20 answered 429, 20 POSTs',
    run: async (world) => {
      const path = world.path('/slow-write');
      world.origin.answer(path, { fields: { 'cache-control': 'no-store' }, afterMs: 1_000 });
      const fields = [from('203.0.113.4')];
      const asked = Array.from({ length: 40 }, () => world.ask(path, { method: 'POST', body: 'a', fields }));
      const answers = await Promise.all(asked);
      const count = (status: number) => `${answers.filter((one) => one.status === status).length} answered ${status}`;
      return `${count(200)}, ${count(429)}, ${posts(world)}`;
    },
  },
];

export const WRITES: Group = {
  name: 'writes',
  waits: true,
  config: ({ originUrl }) => ({
    origins: { app: { url: originUrl, connections: 128 } },
    trustedProxies: ['127.0.0.1'],
    limits: { writes: { perClient: 20 } },
    routes: [
      { match: { host: HOST, path: '/any/*' }, methods: 'all' },
      { match: { path: '/streamed/*' }, streamRequests: true },
      {},
    ],
  }),
  rows: [...ROWS, ...UNSENT, ...BROKEN_OFF],
};
