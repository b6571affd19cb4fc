import { describe, expect, test } from 'vitest';
import type { Answer } from '../../src/ports.ts';
import {
  answerText,
  bodyText,
  eventually,
  exchange,
  FedBody,
  get,
  RawClient,
  startFront,
  statusOf,
  storedAnswer,
  streamedAnswer,
  valuesOf,
} from './front-kit.ts';

describe('what the client gets', () => {
  const FIELDS = ['content-type', 'text/plain', 'date', 'Tue, 01 Jan 2030 00:00:00 GMT', 'content-length', '99'];

  test('a stored response with the fields added, its length and its date', async () => {
    const { port } = await startFront({
      handle: (_request, responder) => void responder.respond(storedAnswer('hello', FIELDS)),
    });
    const answer = await exchange(port, get('/'));
    expect(statusOf(answer)).toBe(200);
    expect(bodyText(answer)).toBe('hello');
    expect(valuesOf(answer, 'content-length')).toEqual(['5']);
    expect(valuesOf(answer, 'date')).toEqual(['Tue, 01 Jan 2030 00:00:00 GMT']);
    expect(valuesOf(answer, 'age')).toEqual(['7']);
    expect(valuesOf(answer, 'transfer-encoding')).toEqual([]);
    const head = await exchange(port, get('/').replace('GET', 'HEAD'));
    expect(bodyText(head)).toBe('');
    expect(valuesOf(head, 'content-length')).toEqual(['5']);
  });

  test('a date where the origin gave none', async () => {
    const { port } = await startFront();
    expect(valuesOf(await exchange(port, get('/')), 'date')).toHaveLength(1);
  });

  test.each([
    [204, ['content-length', '0'], []],
    [304, ['content-length', '12', 'etag', '"a"'], ['12']],
    [304, ['etag', '"a"'], []],
  ])('a %i without content, and with the length %j', async (status, fields, lengths) => {
    const { port } = await startFront({
      handle: (_request, responder) =>
        void responder.respond({ kind: 'whole', head: { status, fields }, body: undefined, outcome: { hit: true } }),
    });
    const client = new RawClient(port).send(get('/').replace('close', 'keep-alive') + get('/'));
    const answers = await client.untilClosed();
    expect(answers.match(new RegExp(`HTTP/1.1 ${status}`, 'g'))).toHaveLength(2);
    expect(valuesOf(answers, 'content-length')).toEqual(lengths);
    expect(answers).not.toMatch(/transfer-encoding/i);
  });

  // As bytes: 0xe9 is one, and stays one.
  test.each(['1.1', '1.0'])('values beyond ASCII as they came, over HTTP/%s', async (version) => {
    const fields = ['x-name', 'caf\xe9'];
    const body = new FedBody();
    const answers: Record<string, Answer> = {
      '/late': streamedAnswer(body, fields),
      '/length': streamedAnswer(body, ['content-length', '4', ...fields]),
      '/empty': { kind: 'whole', head: { status: 204, fields }, body: undefined, outcome: { hit: false } },
      '/unchanged': { kind: 'whole', head: { status: 304, fields }, body: undefined, outcome: { hit: false } },
    };
    const { port } = await startFront({
      handle: ({ target }, responder) => void responder.respond(answers[target] as Answer),
    });
    for (const target of Object.keys(answers)) {
      for (const method of ['GET', 'HEAD', 'POST']) {
        const content = method === 'POST' ? 'Content-Length: 5\r\n' : '';
        const head = `${method} ${target} HTTP/${version}\r\nHost: example.org\r\n${content}\r\n`;
        const client = new RawClient(port).send(head);
        const answer = await client.until((text) => text.includes('\r\n\r\n'));
        expect([method, target, valuesOf(answer, 'x-name')]).toEqual([method, target, ['caf\xe9']]);
        expect(bodyText(answer)).toBe('');
        if (!target.startsWith('/l') || method !== 'GET') continue;
        body.feed('tide', 'end');
        await client.until((text) => text.includes('tide'));
        const chunked = version === '1.1' && target === '/late';
        await client.until((text) => text.endsWith(chunked ? '\r\n\r\n4\r\ntide\r\n0\r\n\r\n' : '\r\n\r\ntide'));
      }
    }
  });

  test('answers in the order of the requests, however late the first comes', async () => {
    let late: (() => void) | undefined;
    const { port } = await startFront({
      handle: ({ target }, responder) => {
        if (target !== '/1') return answerText(responder, target);
        late = () => answerText(responder, target);
        return undefined;
      },
    });
    const keep = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
    const client = new RawClient(port).send(keep('/1') + keep('/2') + get('/3'));
    await eventually(() => late !== undefined);
    late!();
    const answers = await client.untilClosed();
    expect(answers.match(/\/\d(?=HTTP|$)/g)).toEqual(['/1', '/2', '/3']);
  });

  test('a streamed body in chunks as they come, with trailers', async () => {
    const body = new FedBody().trail(['x-sum', '1', 'content-length', '9', 'bad\r\n', 'x']);
    const { port } = await startFront({
      handle: (_request, responder) =>
        void responder.respond(streamedAnswer(body, ['trailer', 'x-sum', 'connection', 'x'])),
    });
    const client = new RawClient(port).send(get('/'));
    await client.until((text) => text.endsWith('\r\n\r\n'));
    expect(valuesOf(client.received, 'trailer')).toEqual(['x-sum']);
    body.feed('abc');
    await client.until((text) => text.includes('3\r\nabc\r\n'));
    body.feed('defg', 'end');
    expect(await client.untilClosed()).toMatch(/\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\nx-sum: 1\r\n\r\n$/);
  });

  test('a streamed body of a length the origin has stated', async () => {
    const body = new FedBody().feed('abc', 'def', 'end');
    const { port, ends } = await startFront({
      handle: (_request, responder) =>
        void responder.respond(streamedAnswer(body, ['content-length', '6', 'trailer', 'x'])),
    });
    const answer = await exchange(port, get('/'));
    expect(bodyText(answer)).toBe('abcdef');
    expect(valuesOf(answer, 'transfer-encoding')).toEqual([]);
    expect(ends).toMatchObject([{ status: 200, bodyBytes: 6, complete: true, peer: '127.0.0.1' }]);
  });

  test('a streamed answer to HEAD and to HTTP/1.0', async () => {
    const bodies: FedBody[] = [];
    const { port } = await startFront({
      handle: (_request, responder) => {
        bodies.push(new FedBody().feed('abc', 'end'));
        responder.respond(streamedAnswer(bodies.at(-1)!, ['x', 'y']));
        return undefined;
      },
    });
    const head = await exchange(port, get('/').replace('GET', 'HEAD'));
    expect(bodyText(head)).toBe('');
    expect(bodies[0]!.read()).toBe('pending');
    const old = await exchange(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(bodyText(old)).toBe('abc');
    expect(valuesOf(old, 'transfer-encoding')).toEqual([]);
  });

  test('no more is read of a body than the client takes', async () => {
    const chunk = new Uint8Array(64 * 1024);
    const body = new FedBody().feed(...Array.from({ length: 500 }, () => chunk), 'end');
    const { port } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const client = new RawClient(port);
    client.socket.pause();
    client.send(get('/'));
    await eventually(() => body.reads > 0);
    let before = -1;
    for (let quiet = 0; quiet < 50; quiet = before === body.reads ? quiet + 1 : 0) {
      before = body.reads;
      await eventually(() => true);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(body.reads).toBeLessThan(400);
    client.socket.resume();
    const answer = await client.untilClosed();
    expect(answer.length).toBeGreaterThan(500 * chunk.length);
    expect(answer.endsWith('0\r\n\r\n')).toBe(true);
  });

  test('interim responses with their fields, but not 100 and 101, and none in HTTP/1.0', async () => {
    const { port } = await startFront({
      handle: (_request, responder) => {
        for (const status of [100, 101, 102, 103, 150])
          responder.interim({ status, fields: ['link', '</a>; rel=preload'] });
        responder.interim({ status: 103, fields: ['bad', 'a\r\nb'] });
        answerText(responder, 'ok');
        responder.interim({ status: 103, fields: [] });
        return undefined;
      },
    });
    const answer = await exchange(port, get('/'));
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(['102', '103', '150', '200'].map((status) => `HTTP/1.1 ${status}`));
    expect(answer.match(/link: <\/a>; rel=preload/g)).toHaveLength(3);
    const old = await exchange(port, 'GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    expect(old.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200']);
  });
});
