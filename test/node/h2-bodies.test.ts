// Bodies over HTTP/2: the pace of their client, and how they end.

import { constants } from 'node:http2';
import { describe, expect, test } from 'vitest';
import type { Responder } from '../../src/ports.ts';
import { answerText, eventually, FedBody, storedAnswer, streamedAnswer } from './front-kit.ts';
import { answerOn, ask, h2Client, startTlsFront } from './h2-kit.ts';

/** In pauses that are short for a front that bears 500 ms, but longer than that together. */
async function readSlowly(front: Awaited<ReturnType<typeof startTlsFront>>) {
  const session = await h2Client(front, { settings: { initialWindowSize: 30_000 } } as object);
  const stream = session.request({ ':path': '/' });
  let received = 0;
  let longestPauseMs = 0;
  let pausedAt = performance.now();
  stream.on('error', () => {});
  stream.on('data', (chunk: Buffer) => {
    received += chunk.length;
    stream.pause();
    pausedAt = performance.now();
    setTimeout(() => {
      longestPauseMs = Math.max(longestPauseMs, performance.now() - pausedAt);
      stream.resume();
    }, 20);
  });
  const code = await new Promise((resolve) => stream.on('close', () => resolve(stream.rstCode)));
  return { received, code, longestPauseMs };
}

describe('a body over HTTP/2', () => {
  test('goes no faster than its client reads', async () => {
    const chunk = Buffer.alloc(100_000, 7);
    const body = new FedBody().feed(...Array.from({ length: 20 }, () => chunk), 'end');
    const front = await startTlsFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const session = await h2Client(front, { settings: { initialWindowSize: 20_000 } } as object);
    const stream = session.request({ ':path': '/' });
    await new Promise((resolve) => stream.once('response', resolve));
    await eventually(() => body.reads > 0);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(body.reads).toBeLessThan(5);
    const answer = await answerOn(stream);
    expect([answer.body.length, answer.code]).toEqual([2_000_000, 0]);
    expect(front.ends).toMatchObject([{ bodyBytes: 2_000_000, complete: true }]);
  });

  test('that breaks off is visibly cut: reset, not ended', async () => {
    const body = new FedBody().feed('part');
    const front = await startTlsFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const stream = (await h2Client(front)).request({ ':path': '/' });
    let ended = false;
    stream.on('end', () => {
      ended = true;
    });
    const answered = answerOn(stream);
    stream.once('data', () => body.feed('failed'));
    const answer = await answered;
    expect([answer.status, answer.body.toString(), answer.code]).toEqual([
      200,
      'part',
      constants.NGHTTP2_INTERNAL_ERROR,
    ]);
    expect(ended).toBe(false);
    expect(front.ends).toMatchObject([{ bodyBytes: 4, complete: false }]);
  });

  test.each(['longer', 'shorter'])('%s than its Content-Length is cut', async (kind) => {
    const body = new FedBody().feed(kind === 'longer' ? '123456' : '1234', 'end');
    const answer = streamedAnswer(body, ['content-length', '5']);
    const front = await startTlsFront({ handle: (_request, responder) => void responder.respond(answer) });
    expect((await ask(await h2Client(front), { ':path': '/' })).code).not.toBe(0);
    expect(front.ends).toMatchObject([{ complete: false }]);
  });

  test('whose client resets it is cancelled, and the connection goes on', async () => {
    const body = new FedBody().feed('part');
    const front = await startTlsFront({
      handle: ({ target }, responder) =>
        target === '/whole' ? answerText(responder, 'whole') : void responder.respond(streamedAnswer(body)),
    });
    const session = await h2Client(front);
    const stream = session.request({ ':path': '/' });
    const answered = answerOn(stream);
    stream.once('data', () => stream.close(constants.NGHTTP2_CANCEL));
    await answered;
    await eventually(() => body.cancelled);
    expect(front.ends).toMatchObject([{ status: 200, complete: false, bodyBytes: 4 }]);
    expect((await ask(session, { ':path': '/whole' })).body.toString()).toBe('whole');
  });

  test('that a client does not read ends after a pause', async () => {
    const body = new FedBody().feed(Buffer.alloc(1_000_000), 'end');
    const front = await startTlsFront({
      // More than the window of HTTP/2 that the client gives at first.
      limits: { minAnswerRateWindowMs: 100, minAnswerRate: 1_000_000 },
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const session = await h2Client(front);
    const stream = session.request({ ':path': '/' });
    stream.pause();
    stream.on('error', () => stream.destroy());
    const code = await new Promise((resolve) => stream.on('close', () => resolve(stream.rstCode)));
    expect(code).toBe(constants.NGHTTP2_CANCEL);
  });

  test.each([
    ['stored', true],
    ['streamed', false],
  ])('of a %s answer that is read slowly is not cut', async (_kind, stored) => {
    const bytes = Buffer.alloc(1_000_000, 7);
    const front = await startTlsFront({
      limits: { headTimeoutMs: 500, keepAliveMs: 200, minAnswerRateWindowMs: 500 },
      atOnce: () => (stored ? (storedAnswer(bytes.toString('latin1'), []) as never) : undefined),
      handle: (_request, responder) => void responder.respond(streamedAnswer(new FedBody().feed(bytes, 'end'))),
    });
    const read = await readSlowly(front);
    // A front that did not run itself for as long as it bears a pause cannot tell it from one of its client.
    const told = read.longestPauseMs < 250 ? read : await readSlowly(front);
    expect([told.received, told.code]).toEqual([1_000_000, 0]);
  });

  test('100 large ones at a time, in either direction', async () => {
    const stored = storedAnswer('x'.repeat(500_000), []);
    const front = await startTlsFront({
      limits: { maxRequestBodyBytes: 1_000_000 },
      atOnce: ({ method }) => (method === 'GET' ? (stored as never) : undefined),
      handle(request, responder) {
        void (async () => {
          let bytes = 0;
          for await (const chunk of request.body!) bytes += chunk.length;
          answerText(responder, String(bytes));
        })();
        return undefined;
      },
    });
    // A client has a limit of its own, of 10 MB.
    const session = await h2Client(front, { maxSessionMemory: 1_000 } as object);
    const all = (content?: Buffer) =>
      Promise.all(
        Array.from({ length: 100 }, () => ask(session, { ':path': '/', ':method': content ? 'PUT' : 'GET' }, content)),
      );
    for (const { status, body } of await all()) expect([status, body.length]).toEqual([200, 500_000]);
    for (const { status, body } of await all(Buffer.alloc(300_000)))
      expect([status, String(body)]).toEqual([200, '300000']);
  });

  test('50 at a time on one connection', async () => {
    const responders: [string, Responder][] = [];
    const front = await startTlsFront({
      handle({ target }, responder) {
        responders.push([target, responder]);
        return undefined;
      },
    });
    const session = await h2Client(front);
    const answers = Array.from({ length: 50 }, (_, at) => ask(session, { ':path': `/${at}` }));
    await eventually(() => responders.length === 50);
    for (const [target, responder] of responders.reverse()) answerText(responder, `answer to ${target}`);
    const bodies = (await Promise.all(answers)).map(({ body }) => body.toString());
    expect(bodies).toEqual(Array.from({ length: 50 }, (_, at) => `answer to /${at}`));
    expect(front.front.connections()).toBe(1);
  });
});
