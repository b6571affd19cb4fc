// Clients that send the content of requests slowly, or many at once over one connection. None of them may hold what others need.

import { connect as connectH2 } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { forwardedWord, type Group, type Row } from './rows.ts';
import { HOST, type World } from './world.ts';

/** As long as an attack goes on beside honest traffic. */
const ATTACK_MS = 3_500;

function postHead(path: string, ...fields: string[]): string {
  return [`POST ${path} HTTP/1.1`, `Host: ${HOST}`, ...fields, '', ''].join('\r\n');
}

/** Misses over connections of their own: how many were answered 200 within 5 s. */
export async function missWords(world: World): Promise<string> {
  const misses = Array.from({ length: 10 }, () => world.ask(world.path('/miss'), { withinMs: 5_000 }));
  const answers = await Promise.allSettled(misses);
  const served = answers.filter((one) => one.status === 'fulfilled' && one.value.status === 200).length;
  return `${served} of 10 misses`;
}

function postsForwarded(world: World): string {
  return forwardedWord(world.forwarded().filter(({ method }) => method === 'POST').length);
}

/** So many clients send a head, then a byte every second. */
async function trickle(world: World, count: number, fields: readonly string[], byte = 'a'): Promise<string> {
  const path = world.path('/slow');
  const clients = Array.from({ length: count }, () => world.connect());
  await Promise.all(clients.map((client) => client.send(postHead(path, ...fields), byte)));
  const end = performance.now() + ATTACK_MS;
  const misses = missWords(world);
  while (performance.now() < end) {
    await sleep(1_000);
    await Promise.all(clients.map((client) => client.send(byte)));
  }
  return `${await misses}, ${postsForwarded(world)}`;
}

async function h2Posts(world: World, count: number, path: string): Promise<string> {
  const session = connectH2(`https://127.0.0.1:${world.port}`, { rejectUnauthorized: false });
  session.on('error', () => {});
  try {
    for (let at = 0; at < count; at++) {
      const stream = session.request({ ':method': 'POST', ':path': `${path}/${at}`, 'content-length': '1000' });
      stream.on('error', () => {});
      stream.write('a');
    }
    await sleep(1_000);
    return `${await missWords(world)}, ${postsForwarded(world)}`;
  } finally {
    session.destroy();
  }
}

const ROWS: readonly Row[] = [
  {
    name: '140 clients that send a byte of their content each second',
    rule: 'slow uploads',
    expected: '10 of 10 misses, nothing forwarded',
    run: (world) => trickle(world, 140, ['Content-Length: 1000']),
    withinMs: 20_000,
  },
  {
    name: '140 clients that send a chunk of one byte each second',
    rule: 'slow uploads',
    expected: '10 of 10 misses, nothing forwarded',
    run: (world) => trickle(world, 140, ['Transfer-Encoding: chunked'], '1\r\na\r\n'),
    withinMs: 20_000,
  },
  {
    name: 'one connection of HTTP/2 with 128 streams whose content never ends',
    rule: 'shares of connections',
    expected: '10 of 10 misses, nothing forwarded',
    run: (world) => h2Posts(world, 128, world.path('/slow')),
    withinMs: 20_000,
  },
  {
    name: 'content below the least rate',
    rule: 'RFC 9110 §15.5.9',
    expected: '408, closed, nothing forwarded',
    run: async (world) => {
      const bytes = [postHead(world.path('/slow'), 'Content-Length: 1000'), 'abc'];
      return (await world.send(bytes, { withinMs: 8_000, quietMs: 100 })).words;
    },
    withinMs: 15_000,
  },
  {
    name: 'Expect: 100-continue, and no content after the 100',
    rule: 'RFC 9110 §10.1.1',
    expected: '100 408, closed, nothing forwarded',
    run: async (world) => {
      const bytes = postHead(world.path('/slow'), 'Content-Length: 5', 'Expect: 100-continue');
      return (await world.send(bytes, { withinMs: 8_000 })).words;
    },
    withinMs: 15_000,
  },
  {
    name: '128 streams over one connection on a route that streams: a third of the connections',
    rule: 'shares of connections',
    // Beside it, honest misses hold some connections for a moment.
    expected: '10 of 10 misses, 43 forwarded or 42 forwarded or 41 forwarded',
    run: (world) => h2Posts(world, 128, world.path('/streamed')),
    withinMs: 20_000,
  },
];

export const UPLOADS: Group = {
  name: 'uploads',
  listener: 'tls',
  config: ({ originUrl }) => ({
    origins: { app: { url: originUrl, connections: 128 } },
    routes: [{ match: { path: '/streamed/*' }, streamRequests: true }, {}],
    limits: { minRequestRate: 500, minRequestRateWindow: '5s' },
  }),
  rows: ROWS,
};
