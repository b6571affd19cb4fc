// Connections to origins that speak HTTP/2, or might.

import { once } from 'node:events';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createNetServer, type Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { fetchAll, quiet, type Running, start, textOf, until } from '../contract/origin-kit.ts';
import { END_HEADERS, END_STREAM, frameBytes, HEADERS } from './h2-kit.ts';
import { frameServer, h2Server, listening, OK, originAt, pem } from './origin-h2-kit.ts';

describe('a connection', () => {
  test('that has gone silent is not used again', async () => {
    const sockets: TLSSocket[] = [];
    const url = await frameServer((socket, stream) => {
      sockets.push(socket);
      const isSilent = sockets.length > 1 && socket === sockets[0];
      if (!isSilent) socket.write(frameBytes(HEADERS, END_HEADERS | END_STREAM, [stream, OK]));
    });
    const origin = originAt(url, { headTimeoutMs: 800 });
    expect((await fetchAll(origin)).events).toEqual(['head 200', 'end']);
    expect((await fetchAll(origin)).events).toEqual(['failed E_ORIGIN_TIMEOUT']);
    expect((await fetchAll(origin)).events).toEqual(['head 200', 'end']);
    expect(sockets.map((socket) => sockets.indexOf(socket))).toEqual([0, 0, 2]);
  });

  test('is not held up by answers that nobody reads, however many', async () => {
    const large = Buffer.alloc(500_000, 7);
    const h2 = await h2Server((stream, headers) => {
      stream.respond();
      stream.end(headers[':path'] === '/small' ? 'small' : large);
    });
    const origin = originAt(h2.url, { connections: 2 });
    const paused = Array.from({ length: 40 }, () => {
      const running: Running = start(origin, {}, { head: () => running.forward.pause() });
      return running;
    });
    await until(() => paused.every(({ transcript }) => transcript.events.length > 0));
    expect(textOf(await fetchAll(origin, { target: '/small' }))).toBe('small');
    for (const { forward } of paused) forward.resume();
    for (const { transcript } of paused) {
      await transcript.over;
      expect([transcript.events.at(-1), textOf(transcript).length]).toEqual(['end', 500_000]);
    }
    expect(h2.connections()).toBe(2);
  });

  test('that goes away in order is replaced, and nothing is lost', async () => {
    const h2 = await h2Server((stream) => {
      stream.respond();
      stream.end('x');
      stream.session?.close();
    });
    const origin = originAt(h2.url);
    for (let turn = 0; turn < 5; turn++) expect((await fetchAll(origin)).events).toEqual(['head 200', 'data', 'end']);
    expect(h2.connections()).toBeGreaterThan(1);
  });

  test.each([
    ['does not offer HTTP/2', {}],
    ['is not to be spoken to in it', { http2: false }],
  ])('to an origin that %s speaks HTTP/1.1', async (_why, options) => {
    const server =
      'http2' in options
        ? createSecureServer({ ...pem, allowHTTP1: true }, (request, response) => response.end(request.httpVersion))
        : createHttpsServer(pem, (request, response) => response.end(request.httpVersion));
    const origin = originAt(await listening(server), options);
    const answers = await Promise.all([1, 2, 3].map(() => fetchAll(origin)));
    expect(answers.map(textOf)).toEqual(['1.1', '1.1', '1.1']);
  });

  test('whose certificate nobody vouches for is none', async () => {
    const h2 = await h2Server((stream) => stream.respond({}, { endStream: true }));
    const answer = await fetchAll(originAt(h2.url, { ca: undefined }));
    expect(answer.events).toEqual(['failed E_ORIGIN_CONNECT']);
    expect(answer.error?.message).toContain('self-signed certificate');
  });

  test('that cannot be made fails all that wait for it, at once and not one after the other', async () => {
    // It accepts and says nothing.
    const server = createNetServer();
    const origin = originAt(await listening(server), { connectTimeoutMs: 200 });
    const startedMs = performance.now();
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetchAll(origin)));
    expect(answers.every(({ events }) => events[0] === 'failed E_ORIGIN_CONNECT')).toBe(true);
    expect(performance.now() - startedMs).toBeLessThan(2_000);
  });

  test('that cannot be made any more fails all that wait for it, once earlier ones have gone', async () => {
    const answering = createHttpsServer({ ...pem }, (_, response) => response.end('x'));
    const sockets: Socket[] = [];
    let isSilent = false;
    const server = createNetServer((socket) => {
      sockets.push(socket.on('error', () => socket.destroy()));
      if (!isSilent) answering.emit('connection', socket);
    });
    const origin = originAt(await listening(server), { connectTimeoutMs: 200 });
    expect((await fetchAll(origin)).events).toEqual(['head 200', 'data', 'end']);
    isSilent = true;
    const [first] = sockets.splice(0) as [Socket];
    const gone = once(first, 'close');
    first.destroy();
    await gone;
    // The origin's end of it goes, too.
    await quiet();
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetchAll(origin)));
    expect(answers.every(({ events }) => events[0] === 'failed E_ORIGIN_CONNECT')).toBe(true);
    expect(sockets.length).toBeLessThan(10);
  });
});
