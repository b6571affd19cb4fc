// Exceptions in the middle of an exchange: its client sees its end, the process and all others go on.

import { describe, expect, test } from 'vitest';
import {
  answerText,
  bodyText,
  eventually,
  exchange,
  FedBody,
  get,
  RawClient,
  startFront,
  streamedAnswer,
} from './front-kit.ts';
import { answerOn, h2Client, startTlsFront } from './h2-kit.ts';

const BOOM = new Error('boom');

const boom = () => {
  throw BOOM;
};

describe('an exception', () => {
  test('when a client leaves is told, and harms nobody else', async () => {
    const { port, faults, requests } = await startFront({
      handle: ({ target }, responder) => (target === '/' ? boom : answerText(responder, 'ok')),
    });
    const client = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => requests.length === 1);
    client.socket.destroy();
    await eventually(() => faults.length === 1);
    expect(faults).toEqual([BOOM]);
    expect(bodyText(await exchange(port, get('/b')))).toBe('ok');
  });

  test('when a client of HTTP/2 resets its stream is told, and harms no other stream', async () => {
    const front = await startTlsFront({
      handle: ({ target }, responder) => (target === '/' ? boom : answerText(responder, 'ok')),
    });
    const client = await h2Client(front);
    const stream = client.request({ ':path': '/' });
    await eventually(() => front.requests.length === 1);
    stream.close();
    await eventually(() => front.faults.length === 1);
    expect(front.faults).toEqual([BOOM]);
    expect((await answerOn(client.request({ ':path': '/b' }))).body.toString()).toBe('ok');
  });

  test.each(['HTTP/1.1', 'HTTP/2'])('in the source of a body breaks the answer off: %s', async (version) => {
    const body = new FedBody().feed('abc');
    const front = await startTlsFront({
      handle: ({ target }, responder) =>
        target === '/' ? void responder.respond(streamedAnswer(body)) : answerText(responder, 'ok'),
    });
    Object.assign(body, { cancel: boom });
    const breaks = () => {
      Object.assign(body, { read: boom });
      body.feed('more');
    };
    const client = await h2Client(front);
    if (version === 'HTTP/2') {
      const stream = client.request({ ':path': '/' });
      stream.once('data', breaks);
      expect((await answerOn(stream)).code).not.toBe(0);
    } else {
      const plain = await startFront({
        handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
      });
      const raw = new RawClient(plain.port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
      await raw.until((text) => text.includes('abc'));
      breaks();
      expect((await raw.untilClosed()).endsWith('0\r\n\r\n')).toBe(false);
    }
    expect((await answerOn(client.request({ ':path': '/b' }))).body.toString()).toBe('ok');
  });

  test('of a slow tier, for a stream that its client has reset meanwhile, costs nothing', async () => {
    const slow = Promise.withResolvers<undefined>();
    const front = await startTlsFront({ atOnce: ({ target }) => (target === '/slow' ? slow.promise : undefined) });
    const client = await h2Client(front);
    const stream = client.request({ ':path': '/slow' });
    const gone = new Promise((resolve) => stream.on('close', resolve));
    expect((await answerOn(client.request({ ':path': '/b' }))).body.toString()).toBe('ok');
    stream.close();
    await gone;
    expect((await answerOn(client.request({ ':path': '/c' }))).body.toString()).toBe('ok');
    slow.reject(BOOM);
    await eventually(() => front.faults.length > 0);
    expect((await answerOn(client.request({ ':path': '/d' }))).body.toString()).toBe('ok');
    expect(front.faults).toEqual([BOOM]);
  });
});
