// What goes wrong at origins and clients, over real sockets: nobody gets a wrong answer for a right one, nothing partial
// is stored as whole, and nothing is left running.

import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bodyText, exchange, get, RawClient, statusOf, valuesOf } from '../../node/front-kit.ts';
import { type GateInFront, gateBefore, httpOrigin, rawOrigin } from './fault-kit.ts';
import { freePort, serve, until } from './kit.ts';

const FRESH = 'cache-control: max-age=3600\r\n';
const WHOLE = 'x'.repeat(1_000);

function quiet(gate: GateInFront): Promise<unknown> {
  return until('no fill in flight', () => gate.gate.stats().fillsInFlight === 0);
}

/** Gives the broken answer first, and a whole one from then on. */
function onceBroken(broken: (socket: Socket) => void) {
  let broke = false;
  return rawOrigin((socket) => {
    if (broke) socket.write(`HTTP/1.1 200 OK\r\n${FRESH}content-length: ${WHOLE.length}\r\n\r\n${WHOLE}`);
    else broken(socket);
    broke = true;
  });
}

describe('an origin that is down', { timeout: 30_000 }, () => {
  test('at the start: 502 with the reason; served as soon as it is there', async () => {
    const port = await freePort();
    const gate = await serve(['--origin', `http://127.0.0.1:${port}`]);
    onTestFinished(() => gate.program.stop());
    const down = await fetch(`${gate.url}/`);
    const text = await down.text();
    expect(down.status).toBe(502);
    expect(down.headers.get('cache-status')).toContain('detail=origin-error');
    expect(text).toContain('E_ORIGIN_CONNECT');
    expect((await fetch(`${gate.adminUrl}/ready`)).status).toBe(200);
    await httpOrigin((_request, response) => response.end('up'), port);
    const up = await fetch(`${gate.url}/`);
    expect([up.status, await up.text()]).toEqual([200, 'up']);
  });

  test('for long: the breaker opens, and closes once the origin is back', async () => {
    const port = await freePort();
    const gate = await gateBefore('', {
      origins: { app: { url: `http://127.0.0.1:${port}`, circuitBreaker: { failures: 2, open: 100 } } },
    });
    for (let at = 0; at < 2; at++) await (await fetch(gate.url)).text();
    const refused = await fetch(gate.url);
    expect(await refused.text()).toContain('E_ORIGIN_OPEN');
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    await httpOrigin((_request, response) => response.end('up'), port);
    await until('the origin to be asked again', async () => (await fetch(gate.url)).status === 200);
  });
});

describe('an answer that breaks off', { timeout: 30_000 }, () => {
  const heads = {
    'with Content-Length': `content-length: ${WHOLE.length}\r\n\r\n${WHOLE.slice(0, 400)}`,
    'in chunks': `transfer-encoding: chunked\r\n\r\n190\r\n${WHOLE.slice(0, 400)}\r\n`,
  };
  const ends: Readonly<Record<string, (socket: Socket) => void>> = {
    'by a reset': (socket) => socket.resetAndDestroy(),
    'by an orderly end': (socket) => socket.end(),
  };
  const cases = Object.entries(heads).flatMap(([how, rest]) =>
    Object.keys(ends).map((end) => [how, end, rest] as const),
  );

  test.each(cases)('%s, %s: the client sees it, and nothing is stored', async (_how, end, rest) => {
    // The end comes once the client has the beginning.
    let cut: () => void = () => {};
    const origin = await onceBroken((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\n${FRESH}${rest}`);
      cut = () => ends[end]?.(socket);
    });
    const gate = await gateBefore(origin.url);
    const client = new RawClient(gate.port).send(get('/'));
    await client.until((received) => received.includes(WHOLE.slice(0, 400)));
    cut();
    const received = await client.untilClosed();
    expect(statusOf(received)).toBe(200);
    expect(received.endsWith('0\r\n\r\n')).toBe(false);
    expect(received.match(/x/g)?.length).toBeLessThan(WHOLE.length);
    await quiet(gate);
    expect(await gate.entries()).toEqual([]);
    const next = await fetch(gate.url);
    expect(await next.text()).toBe(WHOLE);
    expect(next.headers.get('cache-status')).toContain('fwd=uri-miss');
    expect((await gate.entries()).map(({ bodyBytes }) => bodyBytes)).toEqual([WHOLE.length]);
  });

  test('fetch rejects the body', async () => {
    const origin = await onceBroken((socket) => {
      socket.end(`HTTP/1.1 200 OK\r\n${FRESH}content-length: ${WHOLE.length}\r\n\r\nshort`);
    });
    const gate = await gateBefore(origin.url);
    await expect(fetch(gate.url).then((response) => response.text())).rejects.toThrow();
  });
});

describe('an answer that says wrong things of itself', { timeout: 30_000 }, () => {
  test('more bytes than Content-Length: they are no answer to anybody', async () => {
    const forged = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nforged';
    const origin = await rawOrigin((socket, request) => {
      const text = request.split(' ')[1] ?? '';
      const surplus = text === '/one' ? forged : '';
      socket.write(`HTTP/1.1 200 OK\r\n${FRESH}content-length: ${text.length}\r\n\r\n${text}${surplus}`);
    });
    const gate = await gateBefore(origin.url, { origins: { app: { url: origin.url, connections: 1 } } });
    expect(bodyText(await exchange(gate.port, get('/one')))).toBe('/one');
    for (const path of ['/two', '/three']) expect(bodyText(await exchange(gate.port, get(path)))).toBe(path);
    expect(bodyText(await exchange(gate.port, get('/one')))).toBe('/one');
  });

  test.each([
    ['two lengths', 'content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef'],
    ['no number as length', 'content-length: many\r\n\r\nabcdef'],
    ['a negative length', 'content-length: -1\r\n\r\nabcdef'],
    ['an unfinished head', 'x-a: b'],
  ])('%s: 502', async (_what, rest) => {
    const origin = await rawOrigin((socket) => socket.end(`HTTP/1.1 200 OK\r\n${FRESH}${rest}`));
    const gate = await gateBefore(origin.url);
    const { status } = await fetch(gate.url);
    expect(status).toBe(502);
    await quiet(gate);
    expect(await gate.entries()).toEqual([]);
  });

  test('an endless head is cut off: 502', async () => {
    let closed = false;
    let sent = 0;
    const origin = await rawOrigin((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(`x-field-${sent++}: ${'v'.repeat(1_000)}\r\n`));
      };
      socket.on('drain', more);
      socket.on('close', () => {
        closed = true;
      });
      socket.write('HTTP/1.1 200 OK\r\n');
      more();
    });
    const gate = await gateBefore(origin.url, { origins: { app: { url: origin.url, retries: 0 } } });
    const answer = await fetch(gate.url);
    expect(answer.status).toBe(502);
    expect(await answer.text()).toContain('E_ORIGIN_PROTOCOL');
    await until('the connection to be closed', () => closed);
    await quiet(gate);
  });

  test('an origin that says nothing: 504 after the time limit', async () => {
    const origin = await rawOrigin(() => {});
    const gate = await gateBefore(origin.url, {
      origins: { app: { url: origin.url, headTimeout: 100, retries: 0 } },
    });
    const answer = await fetch(gate.url);
    expect(answer.status).toBe(504);
    expect(await answer.text()).toContain('E_ORIGIN_TIMEOUT');
  });
});

describe('clients', { timeout: 30_000 }, () => {
  test('10 MB of request head: 431, and the gate goes on', async () => {
    const origin = await rawOrigin((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
    const gate = await gateBefore(origin.url);
    for (const field of [`x-long: ${'a'.repeat(10_000_000)}\r\n`, 'x-many: aaaaaaaaaa\r\n'.repeat(500_000)]) {
      const client = new RawClient(gate.port).send(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n`);
      expect(statusOf(await client.untilClosed())).toBe(431);
    }
    expect(origin.requests).toEqual([]);
    expect(await (await fetch(gate.url)).text()).toBe('ok');
  });

  test('a head that trickles in: 408 after the time limit', async () => {
    const origin = await rawOrigin(() => {});
    const gate = await gateBefore(origin.url, { limits: { headTimeout: 200 } });
    const client = new RawClient(gate.port).send('GET / HTTP/1.1\r\nHost: a\r\n');
    const trickle = setInterval(() => client.send('x'), 50);
    onTestFinished(() => clearInterval(trickle));
    expect(statusOf(await client.untilClosed())).toBe(408);
    expect(origin.requests).toEqual([]);
  });

  test('more connections than the limit are told so; one that ends makes room', async () => {
    const origin = await rawOrigin((socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'));
    const gate = await gateBefore(origin.url, { limits: { maxConnections: 3, keepAlive: 60_000 } });
    const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
    const kept = Array.from({ length: 3 }, () => new RawClient(gate.port).send(request));
    for (const client of kept) await client.until((received) => received.endsWith('ok'));
    const refused = Array.from({ length: 20 }, () => new RawClient(gate.port).send(request));
    for (const client of refused) expect(statusOf(await client.untilClosed())).toBe(429);
    kept[0]?.socket.destroy();
    await until('room for another', async () => statusOf(await exchange(gate.port, get('/'))) === 200);
    await kept[1]?.send(request).until((received) => received.split('\r\n\r\nok').length === 3);
  });

  test('a client that leaves during a download that can be stored: the fill is completed', async () => {
    const bytes = 8 * 1024 * 1024;
    const { url } = await httpOrigin((_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=3600', 'content-length': bytes });
      response.end(Buffer.alloc(bytes, 'x'));
    });
    const gate = await gateBefore(url);
    const client = new RawClient(gate.port).send(get('/'));
    await client.until((received) => received.includes('xxxx'));
    client.socket.destroy();
    await until('the whole to be stored', async () => (await gate.entries())[0]?.bodyBytes === bytes);
    await quiet(gate);
    const next = await exchange(gate.port, get('/'));
    expect(valuesOf(next, 'cache-status')[0]).toMatch(/^tidegate; hit/);
    expect(bodyText(next) === 'x'.repeat(bytes)).toBe(true);
  });

  test('a client that leaves during a download that is not stored: the origin is cut off', async () => {
    let ended = false;
    const { url } = await httpOrigin((_request, response) => {
      response.writeHead(200, { 'cache-control': 'no-store' });
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536)));
      };
      response.on('drain', more);
      response.on('close', () => {
        ended = true;
      });
      more();
    });
    const gate = await gateBefore(url);
    const clients = Array.from({ length: 5 }, (_, at) => new RawClient(gate.port).send(get(`/${at}`)));
    for (const client of clients) await client.until((received) => received.length > 100_000);
    expect(gate.gate.stats().fillsInFlight).toBe(5);
    for (const { socket } of clients) socket.destroy();
    await until('the origin to be cut off', () => ended);
    await quiet(gate);
  });

  test('a client that does not read does not hold up another, nor spoil its bytes', async () => {
    const body = Buffer.concat(
      Array.from({ length: 60_000 }, (_, at) => createHash('sha256').update(`${at}`).digest()),
    );
    let asked = 0;
    const { url } = await httpOrigin((_request, response) => {
      asked++;
      response.writeHead(200, { 'cache-control': 'max-age=3600', 'content-length': body.length });
      response.end(body);
    });
    const gate = await gateBefore(url);
    const lazy = new RawClient(gate.port).send(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${gate.port}\r\n\r\n`);
    lazy.socket.pause();
    const brisk = await fetch(gate.url);
    expect(Buffer.from(await brisk.arrayBuffer()).equals(body)).toBe(true);
    lazy.socket.resume();
    const received = await lazy.until((text) => text.length >= body.length && bodyText(text).length >= body.length);
    expect(Buffer.from(bodyText(received), 'latin1').equals(body)).toBe(true);
    expect(asked).toBe(1);
  });
});
