// Clients that send the content of requests slowly, or many at once over one connection. None of them may hold what others need.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Flood } from './floods/floods.ts';
import { openStreams, SLOW_UPLOADS } from './floods/slow-uploads.ts';
import { forwardedWord, type Group, type Row } from './rows.ts';
import { HOST, type World } from './world.ts';

/** As long as an attack goes on beside honest traffic. */
const ATTACK_MS = 3_500;
const SETTLE_MS = 700;

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

async function beside({ run }: Pick<Flood, 'run'>, world: World): Promise<string> {
  const attack = run(world, performance.now() + ATTACK_MS);
  // The misses come once all the attackers are there.
  await sleep(SETTLE_MS);
  const words = await missWords(world);
  await attack;
  return `${words}, ${postsForwarded(world)}`;
}

const ROWS: readonly Row[] = [
  ...SLOW_UPLOADS.map((flood) => ({
    name: flood.name,
    rule: flood.rule,
    expected: '10 of 10 misses, nothing forwarded',
    long: flood.long ?? false,
    run: (world: World) => beside(flood, world),
    withinMs: 20_000,
  })),
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
    long: true,
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
    run: (world) => beside({ run: openStreams(128, '/streamed') }, world),
    withinMs: 20_000,
  },
];

export const UPLOADS: Group = {
  name: 'uploads',
  waits: true,
  listener: 'tls',
  config: ({ originUrl }) => ({
    origins: { app: { url: originUrl, connections: 128 } },
    routes: [{ match: { path: '/streamed/*' }, streamRequests: true }, {}],
    limits: { minRequestRate: 500, minRequestRateWindow: '5s' },
  }),
  rows: ROWS,
};
