// What origins do wrong, byte by byte, and that the next request on the same pool is clean.

import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { platformClock, platformTasks } from '../../src/cache/platform.ts';
import { NodeOrigin } from '../../src/node/origin/origin.ts';
import { fetchAll, quiet, type RawServer, rawServer, start, textOf, until } from '../contract/origin-kit.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const CLOSE = 'Connection: close\r\n';
const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const CHUNKED = 'Transfer-Encoding: chunked\r\n';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

/** One connection, no retries; a request for `/clean` gets a plain answer. */
async function faulty(fault: (socket: Socket) => void): Promise<[NodeOrigin, RawServer]> {
  const server = await rawServer(({ socket, head }) => {
    if (head.includes(' /clean ')) socket.write(`${OK}Content-Length: 5\r\n\r\nclean`);
    else fault(socket);
  });
  const origin = new NodeOrigin(
    {
      name: 'shop',
      url: server.url,
      connections: 1,
      perClient: 0.5,
      queue: { max: 1_000, timeoutMs: 5_000 },
      connectTimeoutMs: 5000,
      headTimeoutMs: 5000,
      bodyTimeoutMs: 5000,
      retries: 0,
      breaker: { failures: 0, openMs: 1000 },
    },
    { clock: platformClock, tasks: platformTasks },
  );
  undo.push(
    () => server.close(),
    () => origin.destroy(),
  );
  return [origin, server];
}

/** Forwards to the fault while an unsafe request waits for the one connection; that one has to be clean. */
async function meet(fault: (socket: Socket) => void, method = 'GET', fields: readonly string[] = []) {
  const [origin, server] = await faulty(fault);
  const first = start(origin, { method, retryable: false, fields: ['host', 'example.org', ...fields] }).transcript;
  const second = start(origin, { method: 'POST', target: '/clean', retryable: false }).transcript;
  await first.over;
  await second.over;
  expect(second.events).toEqual(['head 200', 'data', 'end']);
  expect(textOf(second)).toBe('clean');
  expect(server.heads.length).toBe(2);
  await quiet();
  return first;
}

const says = (text: string) => (socket: Socket) => void socket.write(text, 'latin1');
const saysAndEnds = (text: string) => (socket: Socket) => void socket.end(text, 'latin1');
/** Resets the connection once the bytes have left. */
const saysAndResets = (text: string) => (socket: Socket) =>
  void socket.write(text, () => setTimeout(() => socket.resetAndDestroy(), 10));

describe('a cut response fails after what came', () => {
  test.each([
    ['length, FIN', saysAndEnds(`${OK}Content-Length: 9\r\n\r\nabc`)],
    ['length and close, FIN', saysAndEnds(`${OK}${CLOSE}Content-Length: 9\r\n\r\nabc`)],
    ['length, RST', saysAndResets(`${OK}Content-Length: 9\r\n\r\nabc`)],
    ['length and close, RST', saysAndResets(`${OK}${CLOSE}Content-Length: 9\r\n\r\nabc`)],
    ['chunked, FIN', saysAndEnds(`${OK}${CHUNKED}\r\n3\r\nabc\r\n9\r\n`)],
    ['chunked and close, FIN', saysAndEnds(`${OK}${CLOSE}${CHUNKED}\r\n3\r\nabc\r\n9\r\n`)],
    ['chunked and close, no last chunk', saysAndEnds(`${OK}${CLOSE}${CHUNKED}\r\n3\r\nabc\r\n`)],
    ['chunked, RST', saysAndResets(`${OK}${CHUNKED}\r\n3\r\nabc\r\n9\r\n`)],
    ['until close, RST', saysAndResets(`${OK}${CLOSE}\r\nabc`)],
  ])('%s', async (_how, fault) => {
    const answer = await meet(fault);
    expect(answer.events).toEqual(['head 200', 'data', 'failed E_ORIGIN_RESET']);
    expect(textOf(answer)).toBe('abc');
    expect(answer.error?.message).toMatch(/^origin shop: expected the rest of the response, got /);
  });

  test.each([
    ['no answer', saysAndEnds('')],
    ['half a head', saysAndEnds(`${OK}X-A: b`)],
    ['an interim response only', saysAndEnds('HTTP/1.1 103 Early Hints\r\n\r\n')],
  ])('%s', async (_how, fault) => {
    const answer = await meet(fault);
    expect(answer.events.at(-1)).toBe('failed E_ORIGIN_RESET');
    expect(answer.error?.message).toMatch(/^origin shop: expected a response head, got /);
  });
});

describe('bytes that belong to no response are dropped with their connection', () => {
  test.each([
    ['after the length', 'GET', `${OK}Content-Length: 3\r\n\r\nabcdefgh`, 'abc'],
    ['a second response', 'GET', `${OK}Content-Length: 3\r\n\r\nabc${OK}Content-Length: 4\r\n\r\nEVIL`, 'abc'],
    ['after the last chunk', 'GET', `${OK}${CHUNKED}\r\n3\r\nabc\r\n0\r\n\r\nEVIL`, 'abc'],
    ['content after HEAD', 'HEAD', `${OK}Content-Length: 3\r\n\r\nabc`, ''],
    ['chunks after HEAD', 'HEAD', `${OK}${CHUNKED}\r\n3\r\nabc\r\n0\r\n\r\n`, ''],
    ['content after 204', 'GET', 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc', ''],
    ['undeclared content after 204', 'GET', 'HTTP/1.1 204 No Content\r\n\r\nabc', ''],
    ['content after 304', 'GET', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc', ''],
  ])('%s', async (_what, method, bytes, text) => {
    const answer = await meet(says(bytes), method, ['if-none-match', '"a"']);
    expect(answer.events.at(-1)).toBe('end');
    expect(textOf(answer)).toBe(text);
    expect(answer.delimited).toBe(true);
  });

  test.each([
    ['a response', says(`${OK}Content-Length: 4\r\n\r\nEVIL`)],
    ['garbage', says('EVIL')],
    ['FIN', saysAndEnds('')],
    ['RST', (socket: Socket) => void socket.resetAndDestroy()],
  ])('%s that comes late, when an unsafe request is about to be sent', async (_what, late) => {
    const [origin, server] = await faulty(says(`${OK}Content-Length: 2\r\n\r\nok`));
    await fetchAll(origin);
    await quiet();
    late(server.sockets[0] as Socket);
    const next = await fetchAll(origin, { method: 'POST', target: '/clean', retryable: false });
    expect(next.events).toEqual(['head 200', 'data', 'end']);
    expect(textOf(next)).toBe('clean');
    expect(server.heads.length).toBe(2);
  });
});

describe('what is not HTTP is refused', () => {
  test.each([
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['a field without a colon', `${OK}Content-Length: 5\r\nBad Header\r\n\r\nhello`],
    ['a control byte in a value', `${OK}X-A: a\x00b\r\nContent-Length: 0\r\n\r\n`],
    ['a folded value', `${OK}X-A: a\r\n b\r\nContent-Length: 0\r\n\r\n`],
    ['white space before the colon', `${OK}X-A : a\r\nContent-Length: 0\r\n\r\n`],
    ['lines without CR', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
    ['length and chunked', `${OK}${CHUNKED}Content-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
    ['chunked and length', `${OK}Content-Length: 3\r\n${CHUNKED}\r\n3\r\nabc\r\n0\r\n\r\n`],
    ['two lengths', `${OK}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
    ['a negative length', `${OK}Content-Length: -3\r\n\r\nabc`],
    ['a status below 100', 'HTTP/1.1 099 What\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/2.0', 'HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/0.9', 'HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n'],
    ['HTTP/2.0 after 100', `${CONTINUE}HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n`],
    ['an unknown transfer coding', `${OK}Transfer-Encoding: fubar\r\n\r\nabc`],
    ['gzip, chunked', `${OK}Transfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
    ['chunked, gzip', `${OK}Transfer-Encoding: chunked, gzip\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
    ['chunked twice', `${OK}${CHUNKED}${CHUNKED}\r\n3\r\nabc\r\n0\r\n\r\n`],
    ['chunked in HTTP/1.0', `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n3\r\nabc\r\n0\r\n\r\n`],
    ['a 304 that nobody asked for', 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'],
    ['a 206 that nobody asked for', 'HTTP/1.1 206 Part\r\nContent-Range: bytes 0-2/9\r\nContent-Length: 3\r\n\r\nabc'],
    ['101 that nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n'],
    ['status 1000', `HTTP/1.1 1000 Go\r\n\r\n${OK}Content-Length: 0\r\n\r\n`],
    ['101 without Upgrade', `HTTP/1.1 101 Go\r\n\r\n${OK}Content-Length: 0\r\n\r\n`],
    ['a head of 10 MB in one field', `${OK}X-A: ${'a'.repeat(10_000_000)}\r\n\r\n`],
    ['a head of 10 MB in many fields', `${OK}${`X-A: ${'a'.repeat(1000)}\r\n`.repeat(10_000)}\r\n`],
    ['20,000 short fields', `${OK}${'a:\r\n'.repeat(20_000)}Content-Length: 0\r\n\r\n`],
  ])('%s', async (_what, bytes) => {
    const answer = await meet(says(bytes));
    expect(answer.events).toEqual(['failed E_ORIGIN_PROTOCOL']);
    expect(answer.error?.message).toMatch(/^origin shop: expected .*, got /);
  });

  test('a chunk size that is none, after the head', async () => {
    const answer = await meet(says(`${OK}${CHUNKED}\r\n3\r\nabc\r\nzz\r\n`));
    expect(answer.events).toEqual(['head 200', 'data', 'failed E_ORIGIN_PROTOCOL']);
  });

  test('more than 32 interim responses', async () => {
    const answer = await meet(says('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(1000)));
    expect(answer.interims.length).toBe(32);
    expect(answer.events.at(-1)).toBe('failed E_ORIGIN_PROTOCOL');
  });
});

describe('interim answers that nobody asked for', () => {
  const EARLY = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n';
  const FINAL = `${OK}Content-Length: 3\r\n\r\nabc`;
  /** Each byte in a write of its own. */
  const dribbles = (text: string) => async (socket: Socket) => {
    socket.setNoDelay(true);
    for (const byte of text) {
      socket.write(byte);
      await new Promise(setImmediate);
    }
  };

  test.each([
    ['100', says(`${CONTINUE}${FINAL}`), 0],
    ['100 with fields', says(`HTTP/1.1 100 Go\r\nX-A: b\r\n\r\n${FINAL}`), 0],
    ['100 of HTTP/1.0', says(`HTTP/1.0 100 Go\r\n\r\n${FINAL}`), 0],
    ['32 times 100', says(`${CONTINUE.repeat(32)}${FINAL}`), 0],
    ['100, 103, 100', says(`${CONTINUE}${EARLY}${CONTINUE}${FINAL}`), 1],
    ['103, 100, 103', says(`${EARLY}${CONTINUE}${EARLY}${FINAL}`), 2],
    ['102', says(`HTTP/1.1 102 Processing\r\n\r\n${FINAL}`), 1],
    ['100, 103, 100 byte by byte', dribbles(`${CONTINUE}${EARLY}${CONTINUE}${FINAL}`), 1],
  ])('%s', async (_what, fault, interims) => {
    const answer = await meet(fault, 'POST');
    expect(answer.events.at(-1)).toBe('end');
    expect(answer.interims.length).toBe(interims);
    expect(textOf(answer)).toBe('abc');
  });

  test('more than 32 times 100', async () => {
    const answer = await meet(says(CONTINUE.repeat(33)));
    expect(answer.error?.message).toBe('origin shop: expected at most 32 interim responses, got more');
  });

  test.each([
    ['100 without its end', saysAndEnds('HTTP/1.1 100 Continue\r\n'), 'E_ORIGIN_RESET'],
    ['100 of 1 MB', says(`HTTP/1.1 100 Go\r\nX-A: ${'a'.repeat(1_000_000)}`), 'E_ORIGIN_PROTOCOL'],
  ])('%s', async (_what, fault, code) => {
    expect((await meet(fault)).events).toEqual([`failed ${code}`]);
  });

  test('a later minor version is read as HTTP/1.1', async () => {
    expect(textOf(await meet(says(FINAL.replace('1.1', '1.2'))))).toBe('abc');
  });
});

describe('the content of a request', () => {
  test('that breaks off is the client at fault, and the origin sees a cut', async () => {
    const [origin, server] = await faulty(() => {});
    async function* broken() {
      yield Buffer.from('abc');
      await until(() => server.heads.length === 1);
      throw new Error('gone');
    }
    const answer = await fetchAll(origin, { method: 'PUT', body: broken(), retryable: false });
    expect(answer.events).toEqual(['failed E_ABANDONED']);
    expect(answer.error?.message).toBe('origin shop: expected the whole content of the request, got gone');
    await until(() => server.sockets[0]?.closed === true);
    expect(server.received[0]?.endsWith('0\r\n\r\n')).toBe(false);
  });

  test.each([
    ['shorter', 'ab'],
    ['longer', 'abcdef'],
  ])('%s than its length never reaches the origin as whole', async (_how, text) => {
    const [origin, server] = await faulty(() => {});
    async function* content() {
      yield Buffer.from(text);
    }
    const fields = ['host', 'example.org', 'content-length', '4'];
    const answer = await fetchAll(origin, { method: 'PUT', fields, body: content(), retryable: false });
    await quiet();
    expect(answer.events).toEqual(['failed E_ABANDONED']);
    expect(server.received[0] ?? '').not.toContain('abcd');
  });

  test('an answer that comes before the content has ended is whole; the connection is not used again', async () => {
    const [origin, server] = await faulty(says('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig'));
    const { promise, resolve } = Promise.withResolvers<void>();
    async function* endless() {
      yield Buffer.from('abc');
      await promise;
      yield Buffer.from('def');
    }
    const answer = await fetchAll(origin, { method: 'PUT', body: endless(), retryable: false });
    resolve();
    expect(answer.events).toEqual(['head 413', 'data', 'end']);
    expect(textOf(await fetchAll(origin, { target: '/clean' }))).toBe('clean');
    expect(server.sockets.length).toBe(2);
  });
});
