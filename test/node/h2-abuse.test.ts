// What a client of HTTP/2 may not do: frames that break the rules, floods, and connections that are held for nothing.

import { constants } from 'node:http2';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FloodGuard } from '../../src/node/front/h2/flood-guard.ts';
import { eventually, storedAnswer } from './front-kit.ts';
import {
  answerOn,
  ask,
  CONTINUATION,
  codeOf,
  END_HEADERS,
  END_STREAM,
  FrameClient,
  fieldBlock,
  frameBytes,
  GET_ROOT,
  GOAWAY,
  HEADERS,
  h2Client,
  RST_STREAM,
  SETTINGS,
  startTlsFront,
  type TlsFront,
  WINDOW_UPDATE,
} from './h2-kit.ts';

const { NGHTTP2_PROTOCOL_ERROR: PROTOCOL_ERROR, NGHTTP2_ENHANCE_YOUR_CALM: ENHANCE_YOUR_CALM } = constants;

describe('a malformed request', () => {
  test.each([
    ['a field of a connection', [...GET_ROOT, ['connection', 'close']]],
    ['Transfer-Encoding', [...GET_ROOT, ['transfer-encoding', 'chunked']]],
    ['TE other than trailers', [...GET_ROOT, ['te', 'gzip']]],
    ['a name in upper case', [...GET_ROOT, ['Accept', '*/*']]],
    ['a pseudo-field behind others', [...GET_ROOT.slice(0, 3), ['x', 'y'], [':path', '/']]],
    ['a pseudo-field twice', [...GET_ROOT, [':path', '/b']]],
    ['an unknown pseudo-field', [[':tide', 'low'], ...GET_ROOT]],
    ['no :path', GET_ROOT.slice(0, 3)],
    ['an absolute :path', [...GET_ROOT.slice(0, 3), [':path', 'https://localhost/']]],
    ['a length that does not hold', [...GET_ROOT, ['content-length', '5']]],
  ])('with %s resets its stream alone', async (_name, fields) => {
    const front = await startTlsFront();
    const client = new FrameClient(front);
    client.send(HEADERS, END_HEADERS | END_STREAM, [1, fieldBlock(...(fields as [string, string][]))]);
    const reset = await client.frame(({ type, stream }) => type === RST_STREAM && stream === 1);
    expect(codeOf(reset)).toBe(PROTOCOL_ERROR);
    client.get(3);
    await client.frame(({ type, stream }) => type === HEADERS && stream === 3);
    expect(front.requests).toHaveLength(1);
    expect(front.faults).toEqual([]);
  });

  test.each([
    ['a Host that says otherwise', { ':authority': 'localhost', host: 'evil.example' }, 400],
    ['too many fields', Object.fromEntries(Array.from({ length: 31 }, (_, at) => [`x-${at}`, 'y'])), 431],
    ['a head that is too large', { x: 'y'.repeat(4_000) }, 431],
  ])('with %s gets its answer', async (_name, headers, status) => {
    const front = await startTlsFront();
    const session = await h2Client(front);
    const answer = await ask(session, { ':path': '/', ...headers });
    expect(answer.status).toBe(status);
    expect(answer.body.toString()).toContain('expected: ');
    expect((await ask(session, { ':path': '/' })).status).toBe(200);
    expect(front.refusals).toHaveLength(1);
  });

  // nghttp2 leaves the field out, and node:http2 does not tell of it (RFC 9113 §8.2.1 would have the request refused).
  test.each(['b\r\nhost: c', 'b\0c', 'b\nc'])('with %j as a value never shows it to the gate', async (value) => {
    const front = await startTlsFront();
    const client = new FrameClient(front).get(1, ['x-a', value]);
    await client.frame(({ type, stream }) => type === HEADERS && stream === 1);
    expect(front.requests[0]?.fields).not.toContain('x-a');
  });

  test('with white space at the ends of a value gets a 400', async () => {
    const front = await startTlsFront();
    const client = new FrameClient(front).get(1, ['cookie', 'a=1 ']);
    await client.frame(({ type, stream }) => type === HEADERS && stream === 1);
    expect(front.refusals).toMatchObject([{ reason: 'field-whitespace', got: 'cookie' }]);
    expect(front.requests).toEqual([]);
  });

  test('CONNECT gets a 501', async () => {
    const session = await h2Client(await startTlsFront());
    expect((await ask(session, { ':method': 'CONNECT', ':authority': 'localhost:1' })).status).toBe(501);
  });
});

/** The code with which the front ended the connection. */
async function endOf(client: FrameClient): Promise<number> {
  const frames = await client.untilClosed();
  const goaway = frames.find(({ type }) => type === GOAWAY);
  return goaway === undefined ? -1 : codeOf(goaway);
}

async function stillServes(front: TlsFront): Promise<void> {
  expect((await ask(await h2Client(front), { ':path': '/' })).status).toBe(200);
  expect(front.faults).toEqual([]);
}

describe('a flood', () => {
  test.each([
    ['WINDOW_UPDATE', WINDOW_UPDATE, 0, Buffer.of(0, 0, 0, 1)],
    ['PING', 6, 0, Buffer.alloc(8)],
    ['answers to SETTINGS that nobody sent', SETTINGS, 1, undefined],
    ['PRIORITY', 2, 5, Buffer.of(0, 0, 0, 0, 1)],
    ['frames of unknown types', 0x77, 0, Buffer.alloc(20)],
  ])('of %s ends its connection', async (_name, type, stream, payload) => {
    const front = await startTlsFront({ limits: { headTimeoutMs: 5_000, keepAliveMs: 5_000 } });
    const client = new FrameClient(front).get(1);
    await client.frame((frame) => frame.type === HEADERS);
    const flags = type === SETTINGS ? 1 : 0;
    const frames = Buffer.concat(
      Array.from({ length: 1_000 }, () => frameBytes(type, flags, payload === undefined ? [0] : [stream, payload])),
    );
    const timer = setInterval(() => client.socket.write(frames), 5);
    onTestFinished(() => clearInterval(timer));
    const code = await endOf(client);
    expect([ENHANCE_YOUR_CALM, PROTOCOL_ERROR]).toContain(code);
    clearInterval(timer);
    await stillServes(front);
  });

  test('is not what uploads in small frames, reads of large answers and many requests are', async () => {
    const front = await startTlsFront({
      limits: { headTimeoutMs: 100, keepAliveMs: 100 },
      handle: ({ body }, responder) => {
        (async () => {
          let bytes = 0;
          for await (const piece of body ?? []) bytes += piece.length;
          responder.respond(storedAnswer('y'.repeat(300_000), ['x-bytes', `${bytes}`]));
        })().catch(() => {});
        return undefined;
      },
    });
    const session = await h2Client(front);
    const upload = session.request({ ':path': '/', ':method': 'POST' });
    for (let at = 0; at < 400; at++) {
      for (let byte = 0; byte < 50; byte++) upload.write('x');
      if (at % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    upload.end();
    expect((await answerOn(upload)).headers['x-bytes']).toBe('20000');
    for (let at = 0; at < 20; at++) expect((await ask(session, { ':path': `/${at}` })).status).toBe(200);
    expect(front.refusals).toEqual([]);
  });

  test('of streams opened and reset ends its connection, after few requests to the gate', async () => {
    let cancelled = 0;
    const front = await startTlsFront({
      handle: ({ target }, responder) => {
        if (target === '/') return () => void cancelled++;
        responder.respond(storedAnswer('other', []));
        return undefined;
      },
    });
    const client = new FrameClient(front);
    const code = Buffer.of(0, 0, 0, constants.NGHTTP2_CANCEL);
    const send = (from: number) => {
      for (let at = from; at < from + 500 && !client.closed; at++) {
        client.get(2 * at + 1).send(RST_STREAM, 0, [2 * at + 1, code]);
      }
    };
    for (let round = 0; round < 20 && !client.closed; round++) {
      send(500 * round);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await endOf(client)).not.toBe(constants.NGHTTP2_NO_ERROR);
    expect(front.requests.length).toBeLessThan(2_000);
    await eventually(() => cancelled === front.requests.length);
    expect((await ask(await h2Client(front), { ':path': '/other' })).status).toBe(200);
  });

  test('of CONTINUATION frames ends its connection', async () => {
    const front = await startTlsFront();
    const client = new FrameClient(front);
    client.send(HEADERS, END_STREAM, [1, fieldBlock(...GET_ROOT)]);
    for (let at = 0; at < 1_000; at++) client.send(CONTINUATION, 0, [1, fieldBlock(['x', String(at)])]);
    await client.untilClosed();
    expect(front.requests).toEqual([]);
    await stillServes(front);
  });

  test('of a head far beyond its limit is no request', async () => {
    const front = await startTlsFront();
    const session = await h2Client(front);
    const { status, code } = await ask(session, { ':path': '/', x: 'y'.repeat(60_000) });
    expect([status, code].includes(200)).toBe(false);
    expect(front.requests).toEqual([]);
    await stillServes(front);
  });

  test('of fields each of which takes a byte (RFC 7541 §6.1) is no request, and takes no memory to speak of', async () => {
    const front = await startTlsFront();
    const client = new FrameClient(front);
    const field = Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e, ...Buffer.alloc(4_000, 0x79)]);
    const block = Buffer.concat([fieldBlock(...GET_ROOT), field]);
    client.send(HEADERS, END_STREAM, [1, block]);
    client.send(CONTINUATION, END_HEADERS, [1, Buffer.alloc(16_000, 0xbe)]);
    const reset = await client.frame(({ type }) => type === RST_STREAM);
    expect(codeOf(reset)).toBe(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    expect(front.requests).toEqual([]);
    await stillServes(front);
  });

  test('of streams beyond those allowed has the further ones refused', async () => {
    const front = await startTlsFront({ handle: () => undefined });
    const client = new FrameClient(front);
    const settings = await client.frame(({ type, flags }) => type === SETTINGS && flags === 0);
    // As one that has not seen the limit yet.
    for (let at = 0; at < 140; at++) client.get(2 * at + 1);
    const reset = await client.frame(({ type }) => type === RST_STREAM);
    expect(codeOf(reset)).toBe(constants.NGHTTP2_REFUSED_STREAM);
    expect(settings.payload.includes(Buffer.of(0, 3, 0, 0, 0, 128))).toBe(true);
    expect(front.requests).toHaveLength(128);
  });

  // The reset that follows the GOAWAY may overtake it on the way to the client, which then sees no reason.
  test('of settings or of frames that are none ends its connection', { retry: 2 }, async () => {
    const front = await startTlsFront();
    const client = new FrameClient(front);
    client.send(WINDOW_UPDATE, 0, [0, Buffer.alloc(4)]);
    expect(await endOf(client)).toBe(PROTOCOL_ERROR);
    await stillServes(front);
  });
});

describe('a connection held for nothing', () => {
  test('no request: it is closed after the time for a head, with GOAWAY', async () => {
    const front = await startTlsFront({ limits: { headTimeoutMs: 500, keepAliveMs: 100 } });
    const client = new FrameClient(front);
    expect(await endOf(client)).toBe(constants.NGHTTP2_NO_ERROR);
    await eventually(() => front.front.connections() === 0);
  });

  test('a head that drips in: it is closed all the same', async () => {
    const front = await startTlsFront({ limits: { headTimeoutMs: 500, keepAliveMs: 100 } });
    const client = new FrameClient(front);
    client.send(HEADERS, END_STREAM, [1, fieldBlock(...GET_ROOT)]);
    const drip = setInterval(() => client.socket.write(Buffer.of(0)), 20);
    await client.untilClosed();
    clearInterval(drip);
    expect(front.requests).toEqual([]);
  });

  test('idle between requests: closed; busy: not', async () => {
    const front = await startTlsFront({
      limits: { headTimeoutMs: 500, keepAliveMs: 50 },
      handle: (_request, responder) => {
        setTimeout(() => responder.respond(storedAnswer('slow', [])), 400);
        return undefined;
      },
    });
    const session = await h2Client(front);
    expect((await ask(session, { ':path': '/' })).body.toString()).toBe('slow');
    await eventually(() => session.closed || session.destroyed);
    await eventually(() => front.front.connections() === 0);
  });

  test('answers that are not taken: their streams are reset, and the connection can go', async () => {
    const front = await startTlsFront({
      limits: { headTimeoutMs: 500, keepAliveMs: 50, minAnswerRateWindowMs: 100 },
      atOnce: () => storedAnswer('x'.repeat(1_000), []) as never,
    });
    const client = new FrameClient(front);
    // A window of no bytes for every stream (SETTINGS_INITIAL_WINDOW_SIZE).
    client.send(SETTINGS, 0, [0, Buffer.of(0, 4, 0, 0, 0, 0)]).get(1);
    const reset = await client.frame(({ type }) => type === RST_STREAM);
    expect(codeOf(reset)).toBe(constants.NGHTTP2_CANCEL);
    expect(await endOf(client)).toBe(constants.NGHTTP2_NO_ERROR);
  });

  test('a large answer that is not taken: likewise', async () => {
    const front = await startTlsFront({
      limits: { minAnswerRateWindowMs: 100, minAnswerRate: 1_000_000 },
      atOnce: () => storedAnswer('x'.repeat(100_000), []) as never,
    });
    const client = new FrameClient(front);
    client.get(1);
    expect(codeOf(await client.frame(({ type }) => type === RST_STREAM))).toBe(constants.NGHTTP2_CANCEL);
  });
});

test('a request without content explains its head, and no flood beside it', () => {
  const socket = { bytesRead: 0, bytesWritten: 0 };
  const guard = new FloodGuard(socket, 20_000);
  const look = (bytes: number, streams: number, uploads: number) => {
    socket.bytesRead += bytes;
    return guard.look({ streams, uploads, contentBytes: 0 });
  };
  expect(look(150_000, 1, 1)).toBeUndefined();
  expect(look(85_000, 2, 1)).toBeUndefined();
  expect(look(10 * 85_000, 12, 1)).toBe(10 * 65_000);
});
