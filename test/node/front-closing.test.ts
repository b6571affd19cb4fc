import { describe, expect, test } from 'vitest';
import { Front } from '../../src/node/front/front.ts';
import { UNSTATED } from '../../src/node/front/trusted-proxies.ts';
import {
  answerText,
  bodyText,
  eventually,
  FedBody,
  get,
  LIMITS,
  RawClient,
  routerTo,
  siteRoute,
  startFront,
  streamedAnswer,
  valuesOf,
} from './front-kit.ts';

describe('closing', () => {
  test('running exchanges finish with Connection: close, idle connections end, no more are accepted', async () => {
    let finish: (() => void) | undefined;
    const { port, front } = await startFront({
      handle: ({ target }, responder) => {
        if (target !== '/slow') return answerText(responder, 'fast');
        finish = () => answerText(responder, 'slow');
        return undefined;
      },
    });
    const idle = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await idle.until((text) => text.endsWith('fast'));
    const unused = new RawClient(port);
    const slow = new RawClient(port).send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => finish !== undefined && front.connections() === 3);
    const closed = front.close({ graceMs: 10_000 });
    await idle.untilClosed();
    await unused.untilClosed();
    const refusedClient = new RawClient(port);
    await refusedClient.untilClosed();
    expect(refusedClient.error).toMatchObject({ code: 'ECONNREFUSED' });
    finish!();
    const answer = await slow.untilClosed();
    expect(bodyText(answer)).toBe('slow');
    expect(valuesOf(answer, 'connection')).toEqual(['close']);
    await closed;
  });

  test('an answer whose head had promised more still ends its connection', async () => {
    const body = new FedBody().feed('a');
    const { port, front } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const client = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until((text) => text.endsWith('a\r\n'));
    expect(valuesOf(client.received, 'connection')).toEqual(['keep-alive']);
    const closed = front.close({ graceMs: 10_000 });
    body.feed('end');
    expect(await client.untilClosed()).toMatch(/0\r\n\r\n$/);
    await closed;
  });

  test('a large answer that is written but not read yet still gets through', async () => {
    const text = 'x'.repeat(20_000_000);
    const { port, front } = await startFront({ handle: (_request, responder) => answerText(responder, text) });
    const client = new RawClient(port);
    client.socket.pause();
    client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => client.socket.readableLength > 0);
    const closed = front.close({ graceMs: 10_000 });
    client.socket.resume();
    expect(bodyText(await client.untilClosed())).toHaveLength(text.length);
    await closed;
  });

  test('what is left after the grace is cut off', async () => {
    let cancelled = false;
    const { port, front, requests } = await startFront({
      handle: () => () => {
        cancelled = true;
      },
    });
    const client = new RawClient(port).send(get('/'));
    await eventually(() => requests.length > 0);
    await front.close({ graceMs: 1 });
    expect(await client.untilClosed()).toBe('');
    await eventually(() => cancelled);
  });
});

test('a port in use is an error that says so', async () => {
  const { port, front } = await startFront();
  await expect(front.listen({ host: '127.0.0.1', port })).rejects.toThrow();
  const other = new Front({
    site: () => ({ router: routerTo(siteRoute()) }),
    gate: {} as never,
    limits: LIMITS,
    trust: () => UNSTATED,
    originOf: () => ({ url: '' }),
  });
  await expect(other.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'E_PORT' });
});
