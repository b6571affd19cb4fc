// Clients that take answers below `limits.minAnswerRate`: they are cut, over HTTP/2 their streams alone. Who reads steadily beside them
// gets all, though the system takes megabytes of an answer at a time.

import { connect as connectH2, constants } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { repliesOf } from './answers.ts';
import type { RawClient } from './client.ts';
import type { Group, Row } from './rows.ts';
import { missWords } from './uploads.ts';
import { HOST, type World } from './world.ts';

const BYTES_PER_SECOND = 20_000;
/** More than what the system keeps of a connection. */
const BODY = 'b'.repeat(8 * 2 ** 20);
const COUNT = 8;
/** A client that stalls after the system took megabytes is cut after six windows, at most a twentieth of one late. */
const CUT_WITHIN_MS = 12_000;

function begin(world: World, path: string): RawClient {
  const client = world.connect();
  client.socket.pause();
  void client.send(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
  return client;
}

function bodyAt(world: World): string {
  const path = world.path('/big');
  world.origin.answerUnder(path, { fields: { 'cache-control': 'max-age=60', etag: '"1"' }, body: BODY });
  return path;
}

/** Answers that were cut, for whichever reason. */
async function cuts(world: World): Promise<number> {
  const counts = (await world.metrics()).matchAll(/^tidegate_clients_cut_total\{reason="(?:slow|behind)"\} (\d+)/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** How many are cut in time, if it is no more than expected. */
async function cutsSince(world: World, before: number, expected: number): Promise<number> {
  const untilMs = performance.now() + CUT_WITHIN_MS;
  while ((await cuts(world)) < before + expected && performance.now() < untilMs) await sleep(100);
  return (await cuts(world)) - before;
}

/** Takes some megabytes a second until it has all. */
async function readSteadily(world: World, path: string): Promise<string> {
  const client = begin(world, path);
  let bytes = 0;
  client.socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  const untilMs = performance.now() + 15_000;
  while (client.state === 'open' && bytes < BODY.length && performance.now() < untilMs) {
    for (let part = 0; part < 5; part++) client.socket.read();
    await sleep(10);
  }
  await sleep(50);
  client.socket.read();
  const [reply] = repliesOf(client.text);
  client.destroy();
  return reply?.whole && reply.body === BODY ? 'the steady one has all' : `the steady one has ${bytes} bytes`;
}

/** Clients that take so many bytes a second, of one URL or of one each. */
function slow(name: string, { perSecond, count, shared }: { perSecond: number; count: number; shared: boolean }): Row {
  return {
    name,
    rule: 'limits.minAnswerRate',
    expected: `10 of 10 misses, ${count} cut, the steady one has all`,
    run: async (world) => {
      const path = bodyAt(world);
      const before = await cuts(world);
      const clients = Array.from({ length: count }, (_, at) => begin(world, shared ? path : `${path}/${at}`));
      const taking = setInterval(() => {
        for (const { socket } of clients) if (perSecond > 0) socket.read(perSecond / 10);
      }, 100);
      const steady = readSteadily(world, path);
      const words = await missWords(world);
      const got = await cutsSince(world, before, count);
      clearInterval(taking);
      return `${words}, ${got} cut, ${await steady}`;
    },
    withinMs: 25_000,
  };
}

/** One connection of HTTP/2 that does not read its streams. */
async function unreadStreams(world: World): Promise<string> {
  const path = bodyAt(world);
  const before = await cuts(world);
  const session = connectH2(`https://127.0.0.1:${world.port}`, { rejectUnauthorized: false });
  session.on('error', () => {});
  const reset: (number | undefined)[] = [];
  for (let at = 0; at < COUNT; at++) {
    const stream = session.request({ ':path': path, ':authority': HOST });
    stream.pause();
    stream.on('error', () => {});
    stream.on('close', () => reset.push(stream.rstCode));
  }
  const got = await cutsSince(world, before, COUNT);
  await sleep(200);
  const other = session.request({ ':path': world.path(), ':authority': HOST });
  const status = await new Promise((resolve) => {
    other.on('response', (head) => resolve(head[':status']));
    other.on('close', () => resolve('no answer'));
  });
  session.destroy();
  const cancelled = reset.filter((code) => code === constants.NGHTTP2_CANCEL).length;
  return `${got} cut, ${cancelled} CANCEL, another stream gets ${status}`;
}

const ROWS: readonly Row[] = [
  slow('8 clients that read nothing of one URL', { perSecond: 0, count: COUNT, shared: true }),
  {
    ...slow('8 clients that read 2,000 bytes a second of one URL', { perSecond: 2_000, count: COUNT, shared: true }),
    long: true,
  },
  slow('3 clients that read nothing, a miss each', { perSecond: 0, count: 3, shared: false }),
  {
    name: 'one connection of HTTP/2 with 8 streams that it does not read',
    rule: 'limits.minAnswerRate',
    expected: '8 cut, 8 CANCEL, another stream gets 200',
    run: unreadStreams,
    withinMs: 15_000,
  },
];

export const READERS: Group = {
  name: 'readers',
  listener: 'tls',
  waits: true,
  config: () => ({ limits: { minAnswerRate: BYTES_PER_SECOND, minAnswerRateWindow: '500ms' } }),
  rows: ROWS,
};
