import { describe, expect, test } from 'vitest';
import type { GateRequest } from '../../src/engine/contract.ts';
import { isSameHead } from '../../src/node/front/request-heads.ts';
import type { Answer } from '../../src/ports.ts';
import type { Router } from '../../src/site/router.ts';
import {
  answerText,
  eventually,
  FedBody,
  RawClient,
  routerTo,
  siteRoute,
  startFront,
  storedAnswer,
  streamedAnswer,
} from './front-kit.ts';

const HOST = 'Host: example.org\r\n';
const GET = (path: string, more = '') => `GET ${path} HTTP/1.1\r\n${HOST}${more}\r\n`;

/** A front whose gate has `/hit…` in memory and answers all else by its target. */
async function front(body = 'stored') {
  const late: (() => void)[] = [];
  const stored = storedAnswer(body, ['content-type', 'text/plain', 'content-length', String(body.length)]);
  const under = await startFront({
    atOnce: ({ target }: GateRequest) =>
      target.startsWith('/hit') ? (stored as Exclude<Answer, { kind: 'streamed' }>) : undefined,
    handle: ({ target }, responder) => {
      if (target === '/late') late.push(() => answerText(responder, 'late'));
      else answerText(responder, target);
      return undefined;
    },
  });
  return { ...under, late };
}

/** Status lines and bodies, in order. */
function answersIn(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d+)[\s\S]*?\r\n\r\n([\s\S]*?)(?=HTTP\/1\.1|$)/g)].map(
    ([, status, body]) => `${status} ${body}`,
  );
}

describe('a connection', () => {
  test('reads a higher minor version of HTTP/1 as 1.1 (RFC 9110 §2.5)', async () => {
    const { port, requests } = await front();
    const later = (text: string) => text.replace('HTTP/1.1', 'HTTP/1.7');
    const post = `POST /3 HTTP/1.9\r\n${HOST}Content-Length: 2\r\n\r\nhi`;
    const client = new RawClient(port).send(later(GET('/hit')) + later(GET('/1')) + GET('/2') + post);
    await client.until((text) => answersIn(text).length === 4);
    expect(answersIn(client.received)).toEqual(['200 stored', '200 /1', '200 /2', '200 /3']);
    expect(requests.every(({ fields }) => fields[fields.indexOf('via') + 1] === '1.1 tidegate')).toBe(true);
  });

  test('holds what comes behind requests that wait, and loses nothing of it', async () => {
    const { port, late, requests } = await front();
    const post = (path: string, text: string) =>
      `POST ${path} HTTP/1.1\r\n${HOST}Content-Length: ${text.length}\r\n\r\n${text}`;
    const client = new RawClient(port).send(post('/late', 'a') + post('/1', 'b'));
    await eventually(() => late.length === 1);
    client.send(`${GET('/2').repeat(3_000)}${GET('/3', 'Connection: close\r\n')}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(requests).toHaveLength(1);
    late[0]!();
    await client.untilClosed();
    const answers = answersIn(client.received);
    expect(answers).toEqual(['200 late', '200 /1', ...Array.from({ length: 3_000 }, () => '200 /2'), '200 /3']);
  });

  test('carries hits, what is lent to node:http, and hits again, in order', async () => {
    const { port, requests } = await front();
    const client = new RawClient(port).send(
      `${GET('/hit')}${GET('/1')}${GET('/hit')}${GET('/2')}${GET('/3')}${GET('/hit')}`,
    );
    await client.until((text) => answersIn(text).length === 6);
    expect(answersIn(client.received)).toEqual([
      '200 stored',
      '200 /1',
      '200 stored',
      '200 /2',
      '200 /3',
      '200 stored',
    ]);
    expect(requests.map(({ target }) => target)).toEqual(['/1', '/2', '/3']);
  });

  test('answers nothing out of turn while a request is lent', async () => {
    const { port, late } = await front();
    const client = new RawClient(port).send(GET('/late'));
    await eventually(() => late.length === 1);
    client.send(GET('/hit'));
    late[0]?.();
    await client.until((text) => answersIn(text).length === 2);
    expect(answersIn(client.received)).toEqual(['200 late', '200 stored']);
  });

  test('is given to node:http for good with a request that has content, after a hit or after a lent request', async () => {
    const { port } = await front();
    for (const first of ['/hit', '/1']) {
      const client = new RawClient(port).send(GET(first));
      await client.until((text) => answersIn(text).length === 1);
      client.send(`POST /p HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`);
      await client.until((text) => answersIn(text).length === 2);
      expect(answersIn(client.received)[1]).toBe('200 /p');
    }
  });

  test('is refused like any other when the head is malformed, after hits', async () => {
    const { port } = await front();
    const client = new RawClient(port).send(`${GET('/hit')}GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n`);
    const text = await client.until((received) => answersIn(received).length === 2);
    expect(answersIn(text)[1]).toMatch(/^400 /);
  });

  test('ends when the client says so', async () => {
    const { port } = await front();
    const text = await new RawClient(port).send(GET('/hit', 'Connection: close\r\n')).untilClosed();
    expect(answersIn(text)).toEqual(['200 /hit']);
  });

  test('reads a head that comes in pieces', async () => {
    const { port } = await front();
    const client = new RawClient(port).send('GET /hit HTT');
    await new Promise((resolve) => setImmediate(resolve));
    client.send(`P/1.1\r\n${HOST}\r\n`);
    await client.until((text) => answersIn(text).length === 1);
    // In two pieces it is node:http's to read; they may also arrive as one.
    expect(answersIn(client.received)[0]).toMatch(/^200 (?:\/hit|stored)$/);
  });

  test('sends a HEAD no body, and a large body whole', async () => {
    const large = 'x'.repeat(3_000_000);
    const { port } = await front(large);
    const client = new RawClient(port).send(`HEAD /hit HTTP/1.1\r\n${HOST}\r\n${GET('/hit')}`);
    const text = await client.until((received) => received.length > large.length + 200 && received.endsWith('x'));
    const [head, whole] = answersIn(text);
    expect([head, whole?.length]).toEqual(['200 ', large.length + 4]);
  });

  test('reads no more requests than the client takes answers', async () => {
    const { port, ends } = await front('x'.repeat(1_000_000));
    const client = new RawClient(port);
    client.socket.pause();
    client.send(GET('/hit').repeat(50));
    await eventually(() => ends.length > 0);
    expect(ends.length).toBeLessThan(50);
    client.socket.resume();
    await client.until((text) => text.length > 50_000_000);
    expect(ends.length).toBe(50);
  });

  test('is closed in order: a hit under way goes out, an idle connection ends', async () => {
    const { port, front: listening } = await front();
    const client = new RawClient(port).send(GET('/hit'));
    await client.until((text) => answersIn(text).length === 1);
    await listening.close({ graceMs: 5_000 });
    await client.untilClosed();
    expect(client.error).toBeUndefined();
  });

  test('lets a lent answer be streamed, and tells the gate when the client leaves', async () => {
    const body = new FedBody();
    const { port } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)) as undefined,
    });
    const client = new RawClient(port).send(GET('/s'));
    body.feed('one');
    await client.until((text) => text.includes('one'));
    client.socket.destroy();
    await eventually(() => body.cancelled);
  });
});

describe('a request that node:http answers', () => {
  test('is admitted once, and the gate gets what was looked up for it', async () => {
    const matched: string[] = [];
    const { knowsHost, match } = routerTo(siteRoute());
    const router: Router = {
      knowsHost,
      match: (host, path) => {
        matched.push(path);
        return match(host, path);
      },
    };
    const { port, requests, handed } = await startFront({ site: () => ({ router }) });
    const client = new RawClient(port).send(`${GET('/a')}${GET('/b', 'X-A:  1 \r\n')}`);
    await client.until((text) => answersIn(text).length === 2);
    expect(matched).toEqual(['/a', '/b']);
    expect(handed.map((found) => found?.kind)).toEqual(['unanswered', 'unanswered']);
    expect(requests.map(({ target }) => target)).toEqual(['/a', '/b']);
  });

  test('is admitted by the new rules where a reload has replaced those it was admitted by', async () => {
    let retired = false;
    const { route, ...site } = siteRoute();
    const old = { ...site, route: { ...route, retired: () => retired } };
    const bypassing = siteRoute({ bypass: () => true });
    const { port, requests, handed } = await startFront({
      site: () => ({ router: routerTo(retired ? bypassing : old) }),
      atOnce: async () => {
        retired = true;
        return undefined;
      },
    });
    await new RawClient(port).send(GET('/a')).until((text) => answersIn(text).length === 1);
    expect([requests.map(({ bypass }) => bypass), handed]).toEqual([[true], [undefined]]);
  });

  test('is admitted by node:http where that has read another head', () => {
    const head = { method: 'GET', target: '/a', httpVersion: '1.1', rawHeaders: ['Host', 'a', 'X', '1'] } as const;
    const read = { ...head, url: '/a' };
    expect(isSameHead(head, read)).toBe(true);
    const others = [
      { ...read, method: 'HEAD' },
      { ...read, url: '/b' },
      { ...read, httpVersion: '1.0' },
      { ...read, rawHeaders: ['Host', 'a'] },
      { ...read, rawHeaders: ['Host', 'a', 'X', '2'] },
      { ...read, rawHeaders: ['Host', 'a', 'X', '1', 'X', '1'] },
    ];
    expect(others.map((other) => isSameHead(head, other))).toEqual(others.map(() => false));
  });
});

describe('a fault', () => {
  test('of the gate while it answers at once costs one connection', async () => {
    const { port, faults } = await startFront({
      atOnce: ({ target }) => {
        if (target === '/fault') throw new Error('a defect');
        return undefined;
      },
    });
    await new RawClient(port).send(GET('/fault')).untilClosed();
    expect(faults).toHaveLength(1);
    expect(answersIn(await new RawClient(port).send(GET('/', 'Connection: close\r\n')).untilClosed())).toEqual([
      '200 ok',
    ]);
  });

  test('of a client that resets after CONNECT, with an answer still under way, is its own', async () => {
    const late: (() => void)[] = [];
    const { port, faults } = await startFront({
      handle: (_request, responder) => void late.push(() => answerText(responder, 'late')) as undefined,
    });
    const post = `POST /p HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`;
    const client = new RawClient(port).send(`${post}CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n`);
    await eventually(() => late.length === 1);
    client.socket.resetAndDestroy();
    await eventually(() => client.closed);
    late[0]?.();
    expect(faults).toEqual([]);
    const other = new RawClient(port).send(GET('/', 'Connection: close\r\n'));
    await eventually(() => late.length === 2);
    late[1]?.();
    expect(answersIn(await other.untilClosed())).toEqual(['200 late']);
  });
});

test('an answer may take longer than a head, and than an idle connection is kept', async () => {
  const { port } = await startFront({
    limits: { headTimeoutMs: 100, keepAliveMs: 1 },
    handle: (_request, responder) => void setTimeout(() => answerText(responder, 'late'), 1_500) as undefined,
  });
  const client = new RawClient(port).send(GET('/slow'));
  expect(answersIn(await client.until((text) => answersIn(text).length === 1))).toEqual(['200 late']);
});

test('a pipeline that begins with what node:http has to read is answered whole', async () => {
  const { port } = await front();
  const client = new RawClient(port).send(`${GET('/x', 'Connection: Keep-Alive, x\r\n')}${GET('/1').repeat(200)}`);
  const text = await client.until((received) => answersIn(received).length === 201);
  expect(answersIn(text).every((answer) => answer.startsWith('200'))).toBe(true);
});

test.each([65_373, 65_536, 200_000])('a lent answer of many pieces of %i bytes comes whole', async (size) => {
  const body = new FedBody();
  const { port } = await startFront({
    handle: (_request, responder) => void responder.respond(streamedAnswer(body)) as undefined,
  });
  const client = new RawClient(port).send(GET('/s'));
  for (let at = 0; at < 50; at++) {
    body.feed(Buffer.alloc(size, 'x'));
    if (at % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  body.feed('end');
  const text = await client.until((received) => received.endsWith('0\r\n\r\n'));
  expect(text.slice(text.indexOf('\r\n\r\n')).split('x').length - 1).toBe(50 * size);
});
