// Whoever reaches the admin API: holders of the token who call too often, others who guess it, hold connections or send JSON that
// costs. Honest requests go on, and so do an operator who is connected and trackers.

import { setTimeout as sleep } from 'node:timers/promises';
import { repliesOf } from './answers.ts';
import type { RawClient } from './client.ts';
import { atComingRate } from './floods/floods.ts';
import type { Group, Row } from './rows.ts';
import { missWords } from './uploads.ts';
import type { World } from './world.ts';

const TOKEN = 'the-token-of-the-attacked-gate';
const BOUNDS = { maxConnections: 100, calls: { perSecond: 50, burst: 100 }, wrongTokens: { perSecond: 1, burst: 20 } };
const OPERATOR = '127.0.0.1';
/** Longest time in which all of a flood is answered. */
const ANSWERED_MS = 5_000;

function call(path: string, { token = TOKEN, body }: { token?: string; body?: string } = {}): string {
  const lines = [
    `${body === undefined ? 'GET' : 'POST'} ${path} HTTP/1.1`,
    'Host: admin',
    `Authorization: Bearer ${token}`,
  ];
  const length = body === undefined ? [] : [`Content-Length: ${body.length}`];
  return `${[...lines, ...length].join('\r\n')}\r\n\r\n${body ?? ''}`;
}

function connect(world: World, from: string): RawClient {
  return world.connect({ port: Number(new URL(world.adminUrl).port), tls: false, from });
}

function statusesOf(client: RawClient): number[] {
  return repliesOf(client.text, [], client.state !== 'open').flatMap(({ status, whole }) => (whole ? [status] : []));
}

/** The status of each call, sent one behind the other; fewer where the gate ends the connection. */
async function statuses(client: RawClient, calls: readonly string[]): Promise<number[]> {
  const had = statusesOf(client).length;
  await client.send(calls.join(''));
  await client.until(() => statusesOf(client).length >= had + calls.length, ANSWERED_MS);
  return statusesOf(client).slice(had);
}

/** What calls of so many connections came to, each with so many calls, all at once. */
async function flood(
  world: World,
  { from, connections, calls }: { from: string; connections: number; calls: readonly string[] },
): Promise<{ count(status: number): number; readonly seconds: number }> {
  const began = performance.now();
  const clients = Array.from({ length: connections }, () => connect(world, from));
  const all = (await Promise.all(clients.map((client) => statuses(client, calls)))).flat();
  const seconds = (performance.now() - began) / 1_000;
  return { count: (status) => all.filter((one) => one === status).length, seconds };
}

/** The attack, with one who was connected before and asks on meanwhile, and honest misses behind it. */
async function beside(world: World, attack: () => Promise<string>, asked = call('/ready'), right = 200) {
  const operator = connect(world, OPERATOR);
  const answers = await statuses(operator, [asked]);
  let isOver = false;
  const attacking = attack().finally(() => {
    isOver = true;
  });
  while (!isOver) {
    answers.push(...(await statuses(operator, [asked])));
    await sleep(100);
  }
  const words = `${await attacking}, ${await missWords(world)}`;
  answers.push(...(await statuses(operator, [asked])));
  const others = [...new Set(answers)].filter((status) => status !== right);
  const isWell = others.length === 0 && operator.state === 'open';
  return `${words}, ${isWell ? 'operator answered' : `operator ${operator.state} got ${others.join(' ')}`}`;
}

async function newcomer(world: World, from: string): Promise<string> {
  return `another gets ${(await statuses(connect(world, from), [call('/ready')])).join(' ')}`;
}

const MEGABYTE = 2 ** 20;

/** Twenty calls of costly content at once. */
function costly(name: string, content: string, status: number): Row {
  return {
    name: `20 calls with ${name}`,
    rule: 'cost of a call',
    expected: `20 answered ${status}, 10 of 10 misses, operator answered`,
    run: (world) =>
      beside(world, async () => {
        const calls = [call('/purge', { body: content })];
        return `${(await flood(world, { from: '127.0.0.3', connections: 20, calls })).count(status)} answered ${status}`;
      }),
    withinMs: 30_000,
  };
}

const ROWS: readonly Row[] = [
  costly('a megabyte of brackets', '['.repeat(MEGABYTE), 400),
  costly('100,001 elements', `[${'0,'.repeat(100_000)}0]`, 400),
  costly('objects within each other', `${'{"a":'.repeat(150_000)}1${'}'.repeat(150_000)}`, 400),
  costly('a megabyte and a byte', ' '.repeat(MEGABYTE + 1), 413),
  {
    ...costly('a glob of 4,000 steps that meets long URLs', `{"pattern":"*${'a?'.repeat(2_000)}*c"}`, 200),
    async run(world) {
      for (let at = 0; at < 20; at++) await world.ask(`/${'a'.repeat(5_000)}/${at}`);
      return costly('a glob', `{"pattern":"*${'a?'.repeat(2_000)}*c"}`, 200).run(world);
    },
  },
  {
    name: '300 connections that send nothing',
    rule: 'admin.maxConnections',
    expected: 'at most 100 stay, another gets 200, 10 of 10 misses, operator answered',
    run: (world) =>
      beside(world, async () => {
        const idle = await atComingRate(300, () => connect(world, '127.0.0.3'));
        await sleep(300);
        const open = idle.filter(({ state }) => state === 'open').length;
        return `${open <= BOUNDS.maxConnections ? 'at most 100 stay' : `${open} stay`}, ${await newcomer(world, OPERATOR)}`;
      }),
    withinMs: 20_000,
  },
  {
    name: '200 wrong tokens, ten on each connection',
    rule: 'admin.wrongTokens',
    expected:
      'no more looked at than the rate, all others 429, its next gets 429, another gets 200, 10 of 10 misses, operator answered',
    run: (world) =>
      beside(world, async () => {
        const from = '127.0.0.2';
        const calls = Array.from({ length: 10 }, (_, at) => call('/stats', { token: `guess-number-${at}` }));
        const { count, seconds } = await flood(world, { from, connections: 20, calls });
        const most = BOUNDS.wrongTokens.burst + Math.ceil(seconds);
        const next = (await statuses(connect(world, from), [call('/ready')])).join(' ');
        return [
          count(401) <= most ? 'no more looked at than the rate' : `${count(401)} looked at`,
          count(401) + count(429) === 200 ? 'all others 429' : `${count(429)} got 429`,
          `its next gets ${next}`,
          await newcomer(world, OPERATOR),
        ].join(', ');
      }),
    withinMs: 20_000,
  },
  {
    name: '400 calls with the token: a tracker still reports',
    rule: 'admin.calls',
    expected: 'no more carried out than the rate, all others 429, 10 of 10 misses, operator answered',
    run: (world) =>
      beside(
        world,
        async () => {
          const calls = Array.from({ length: 20 }, () => call('/stats'));
          const { count, seconds } = await flood(world, { from: '127.0.0.3', connections: 20, calls });
          const most = BOUNDS.calls.burst + Math.ceil(seconds * BOUNDS.calls.perSecond);
          return [
            count(200) <= most ? 'no more carried out than the rate' : `${count(200)} carried out`,
            count(200) + count(429) === 400 ? 'all others 429' : `${count(429)} got 429`,
          ].join(', ');
        },
        // A report that is none; the call itself is taken.
        call('/sources', { body: '{}' }),
        400,
      ),
    withinMs: 20_000,
  },
];

export const ADMIN: Group = {
  name: 'admin',
  waits: true,
  config: () => ({ admin: { token: TOKEN, ...BOUNDS } }),
  rows: ROWS,
};
