// HTTP/2 to clients: what is answered, and what the gate sees of it.

import { describe, expect, test } from 'vitest';
import type { Responder } from '../../src/ports.ts';
import { answerText, FedBody, storedAnswer, streamedAnswer } from './front-kit.ts';
import { ask, h2Client, startTlsFront } from './h2-kit.ts';

describe('an answer over HTTP/2', () => {
  test('of the gate, to a request like that of HTTP/1.1', async () => {
    const front = await startTlsFront({
      handle: (_request, responder) => answerText(responder, 'hi', ['etag', '"1"']),
    });
    const session = await h2Client(front);
    const answer = await ask(session, { ':path': '/a%61?q=1', cookie: ['a=1', 'b=2'], accept: 'text/*' });
    expect([answer.status, answer.headers.etag, answer.body.toString(), answer.code]).toEqual([200, '"1"', 'hi', 0]);
    const [request] = front.requests;
    expect([request?.method, request?.uri]).toEqual(['GET', `https://localhost:${front.port}/aa?q=1`]);
    const fields = Object.fromEntries(pairs(request?.fields ?? []));
    expect(fields).toEqual({
      accept: 'text/*',
      cookie: 'a=1; b=2',
      host: `localhost:${front.port}`,
      via: '2 tidegate',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': `localhost:${front.port}`,
      'x-forwarded-proto': 'https',
    });
    expect(front.ends).toMatchObject([{ status: 200, bodyBytes: 2, complete: true, peer: '127.0.0.1' }]);
  });

  test('that is stored, at once, with fields that come twice, and without those of a connection', async () => {
    const fields = [
      'content-type',
      'text/plain',
      'link',
      '</a>',
      'link',
      '</b>',
      'constructor',
      'x',
      'keep-alive',
      '5',
    ];
    const front = await startTlsFront({ atOnce: () => storedAnswer('kept', fields) as never });
    const answer = await ask(await h2Client(front), { ':path': '/' });
    expect(answer.body.toString()).toBe('kept');
    expect(answer.headers).toMatchObject({
      ':status': 200,
      'content-type': 'text/plain',
      link: '</a>, </b>',
      constructor: 'x',
      age: '7',
      'cache-status': 'tidegate; hit',
      'content-length': '4',
    });
    expect(answer.headers).not.toHaveProperty('keep-alive');
    expect(front.requests).toEqual([]);
    expect(front.ends).toMatchObject([{ status: 200, bodyBytes: 4, complete: true, outcome: { hit: true } }]);
  });

  test('that a slower tier has', async () => {
    const found = Promise.resolve(storedAnswer('later', []) as never);
    const front = await startTlsFront({ atOnce: () => found });
    expect((await ask(await h2Client(front), { ':path': '/' })).body.toString()).toBe('later');
    expect(front.requests).toEqual([]);
  });

  test('that no tier has after all', async () => {
    const front = await startTlsFront({ atOnce: () => Promise.resolve(undefined) });
    expect((await ask(await h2Client(front), { ':path': '/' })).body.toString()).toBe('ok');
    expect(front.requests).toHaveLength(1);
  });

  test('when the look-up fails is a 500, and the fault is told', async () => {
    const front = await startTlsFront({ atOnce: () => Promise.reject(new Error('no tier')) });
    expect((await ask(await h2Client(front), { ':path': '/' })).status).toBe(500);
    expect(front.faults).toEqual([new Error('no tier')]);
  });

  test.each([
    ['HEAD', 200, { 'content-length': '4' }],
    ['GET', 304, {}],
  ])('to %s with %i has no content', async (method, status, headers) => {
    const front = await startTlsFront({ atOnce: () => storedAnswer('kept', ['etag', '"1"'], status) as never });
    const answer = await ask(await h2Client(front), { ':path': '/', ':method': method });
    expect([answer.status, answer.body.length, answer.code]).toEqual([status, 0, 0]);
    expect(answer.headers).toMatchObject({ etag: '"1"', ...headers });
  });

  test('206 with its part', async () => {
    const answerPart = (responder: Responder) => answerText(responder, 'art', ['content-range', 'bytes 1-3/4'], 206);
    const front = await startTlsFront({ handle: (_request, responder) => answerPart(responder) });
    const answer = await ask(await h2Client(front), { ':path': '/', range: 'bytes=1-3' });
    expect([answer.status, answer.headers['content-range'], answer.body.toString()]).toEqual([
      206,
      'bytes 1-3/4',
      'art',
    ]);
  });

  test('with interim responses before it and trailers after it', async () => {
    const front = await startTlsFront({
      handle(_request, responder) {
        responder.interim({ status: 103, fields: ['link', '</a>'] });
        const body = new FedBody().feed('part', 'end').trail(['x-sum', '1', 'content-length', '9']);
        responder.respond(streamedAnswer(body));
        return undefined;
      },
    });
    const answer = await ask(await h2Client(front), { ':path': '/' });
    expect([answer.interims, answer.body.toString()]).toEqual([[103], 'part']);
    expect(answer.trailers).toMatchObject({ 'x-sum': '1' });
    expect(answer.trailers).not.toHaveProperty('content-length');
  });

  test('with a value or a status that cannot be sent is a 502', async () => {
    const answers = [
      (responder: Responder) => answerText(responder, 'x', ['x-a', 'a\0b']),
      (responder: Responder) => answerText(responder, 'x', [], 700),
    ];
    const front = await startTlsFront({ handle: (_request, responder) => answers.pop()?.(responder) });
    const session = await h2Client(front);
    expect((await ask(session, { ':path': '/1' })).status).toBe(502);
    expect((await ask(session, { ':path': '/2' })).status).toBe(502);
    expect(front.faults).toEqual([]);
  });

  test('of a gate that throws is a 500', async () => {
    const front = await startTlsFront({
      handle() {
        throw new Error('a defect');
      },
    });
    expect((await ask(await h2Client(front), { ':path': '/' })).status).toBe(500);
    expect(front.faults).toEqual([new Error('a defect')]);
  });

  test('OPTIONS of the gate itself', async () => {
    const answer = await ask(await h2Client(await startTlsFront()), { ':method': 'OPTIONS', ':path': '*' });
    expect([answer.status, answer.headers.allow]).toEqual([200, expect.stringContaining('PATCH')]);
  });
});

function pairs(fields: readonly string[]): [string, string][] {
  return fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] as string] as [string, string]] : []));
}
