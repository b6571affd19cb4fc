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
        return `${words}, ${world.forwarded().filter(({ method }) => method === 'POST').length} POSTs`;
      },
    }),
  ),
);

export const WRITES: Group = {
  name: 'writes',
  config: ({ originUrl }) => ({
    origins: { app: { url: originUrl, connections: 32 } },
    routes: [
      { match: { host: HOST, path: '/any/*' }, methods: 'all' },
      { match: { path: '/streamed/*' }, streamRequests: true },
      {},
    ],
  }),
  rows: [...ROWS, ...UNSENT],
};
