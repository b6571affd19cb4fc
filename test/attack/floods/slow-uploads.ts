// Clients that send the content of requests slowly, or of many at once over one connection, from the address
// of honest clients: these must not suffer for it.

import { connect as connectH2 } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST } from '../world.ts';
import { atComingRate, type Flood } from './floods.ts';

/** Clients that send a head and that, then the same again every second. */
export function slowContent(count: number, fields: readonly string[], part: string): Flood['run'] {
  return async (world, untilMs) => {
    const head = [`POST ${world.path('/slow')} HTTP/1.1`, `Host: ${HOST}`, ...fields, '', ''].join('\r\n');
    const clients = await atComingRate(count, () => {
      const client = world.connect();
      void client.send(head, part);
      return client;
    });
    while (performance.now() < untilMs) {
      await sleep(1_000);
      await Promise.all(clients.map((client) => client.send(part)));
    }
    for (const client of clients) client.destroy();
  };
}

/** One connection of HTTP/2 with so many streams, each with a byte of its content. */
export function openStreams(count: number, prefix: string): Flood['run'] {
  return async (world, untilMs) => {
    const path = world.path(prefix);
    const session = connectH2(`https://127.0.0.1:${world.port}`, { rejectUnauthorized: false });
    session.on('error', () => {});
    for (let at = 0; at < count; at++) {
      const stream = session.request({ ':method': 'POST', ':path': `${path}/${at}`, 'content-length': '1000' });
      stream.on('error', () => {});
      stream.write('a');
    }
    await sleep(Math.max(0, untilMs - performance.now()));
    session.destroy();
  };
}

export const SLOW_UPLOADS: readonly Flood[] = [
  {
    name: '140 clients that send a byte of their content each second',
    rule: 'slow uploads',
    run: slowContent(140, ['Content-Length: 1000'], 'a'),
  },
  {
    name: '140 clients that send a chunk of one byte each second',
    rule: 'slow uploads',
    long: true,
    run: slowContent(140, ['Transfer-Encoding: chunked'], '1\r\na\r\n'),
  },
  {
    name: 'one connection of HTTP/2 with 128 streams whose content never ends',
    rule: 'shares of connections',
    run: openStreams(128, '/slow'),
  },
];
