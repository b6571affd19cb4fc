// The content of requests over HTTP/2: how the gate gets it, and what a client may not do with it.

import { constants } from 'node:http2';
import { describe, expect, test } from 'vitest';
import { answerText, eventually } from './front-kit.ts';
import {
  answerOn,
  ask,
  DATA,
  END_HEADERS,
  FrameClient,
  fieldBlock,
  GET_ROOT,
  HEADERS,
  h2Client,
  RST_STREAM,
  startTlsFront,
} from './h2-kit.ts';

describe('the content of a request over HTTP/2', () => {
  test('comes to the gate as it is sent', async () => {
    let read = '';
    const front = await startTlsFront({
      handle(request, responder) {
        void (async () => {
          for await (const chunk of request.body!) read += Buffer.from(chunk).toString();
          answerText(responder, 'taken', [], 201);
        })();
        return undefined;
      },
    });
    const answer = await ask(
      await h2Client(front),
      { ':path': '/', ':method': 'POST', 'content-length': '5' },
      'tides',
    );
    expect([answer.status, answer.body.toString(), read]).toEqual([201, 'taken', 'tides']);
    expect(front.requests[0]?.fields.join(': ')).toContain('content-length: 5');
  });

  test.each([
    ['NO_ERROR', constants.NGHTTP2_NO_ERROR],
    ['INTERNAL_ERROR', constants.NGHTTP2_INTERNAL_ERROR],
    ['CANCEL', constants.NGHTTP2_CANCEL],
  ])('that a client resets with %s is a broken one, not a whole one', async (_name, code) => {
    const seen: string[] = [];
    const front = await startTlsFront({
      handle(request) {
        void (async () => {
          for await (const chunk of request.body!) seen.push(Buffer.from(chunk).toString());
          seen.push('end');
        })().catch((error: unknown) => seen.push(String((error as { code?: unknown }).code)));
        return () => seen.push('cancelled');
      },
    });
    // Of frames, since node:http2 ends the content before it resets a stream of its own.
    const client = new FrameClient(front);
    const post = [[':method', 'POST'], ...GET_ROOT.slice(1)] as const;
    client.send(HEADERS, END_HEADERS, [1, fieldBlock(...post)]).send(DATA, 0, [1, Buffer.from('half')]);
    await eventually(() => seen.length === 1);
    client.send(RST_STREAM, 0, [1, Buffer.of(0, 0, 0, code)]);
    await eventually(() => seen.length === 3);
    expect(seen.sort()).toEqual(['E_ABANDONED', 'cancelled', 'half']);
    expect(front.ends).toMatchObject([{ status: undefined, complete: false }]);
  });

  test('beyond the limit is a 413, stated or not', async () => {
    const front = await startTlsFront({
      limits: { maxRequestBodyBytes: 1_000 },
      handle(request) {
        void (async () => {
          for await (const _ of request.body!);
        })().catch(() => undefined);
        return undefined;
      },
    });
    const session = await h2Client(front);
    const stated = await ask(
      session,
      { ':path': '/', ':method': 'POST', 'content-length': '1001' },
      Buffer.alloc(1_001),
    );
    expect(stated.status).toBe(413);
    const unstated = await ask(session, { ':path': '/', ':method': 'POST' }, Buffer.alloc(200_000));
    expect(unstated.status).toBe(413);
    expect(front.refusals.map(({ reason }) => reason)).toEqual(['content-too-large', 'content-too-large']);
  });

  test('that stalls is a 408', async () => {
    const front = await startTlsFront({
      stallMs: 50,
      handle(request) {
        void (async () => {
          for await (const _ of request.body!);
        })().catch(() => undefined);
        return undefined;
      },
    });
    const stream = (await h2Client(front)).request({ ':path': '/', ':method': 'POST' });
    stream.write('half');
    expect((await answerOn(stream)).status).toBe(408);
    expect(front.refusals).toMatchObject([{ reason: 'content-stalled' }]);
  });

  test('is asked for with 100 when somebody reads it, and not before', async () => {
    let begin: (() => void) | undefined;
    const front = await startTlsFront({
      handle(request, responder) {
        begin = () => {
          void (async () => {
            for await (const _ of request.body!);
            answerText(responder, 'taken');
          })();
        };
        return undefined;
      },
    });
    const stream = (await h2Client(front)).request({ ':path': '/', ':method': 'POST', expect: '100-continue' });
    const answered = answerOn(stream);
    await eventually(() => begin !== undefined);
    stream.on('continue', () => stream.end('now'));
    begin?.();
    expect(await answered).toMatchObject({ status: 200, interims: [100] });
  });

  test('that nobody reads ends with the answer', async () => {
    const front = await startTlsFront();
    const stream = (await h2Client(front)).request({ ':path': '/', ':method': 'POST' });
    stream.write(Buffer.alloc(10_000));
    const answer = await answerOn(stream);
    expect([answer.status, answer.body.toString(), answer.code]).toEqual([200, 'ok', constants.NGHTTP2_NO_ERROR]);
  });
});
