// After a refusal that closes, nothing more of its connection is carried out, however the next request arrives
// (RFC 9112 §9.6). Refusals of requests whose end is certain leave the connection open.

import { describe, expect, test } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import type { RefusalReason } from '../../src/node/front/refusals.ts';
import { trustOf } from '../../src/node/front/trusted-proxies.ts';
import {
  answerText,
  eventually,
  FedBody,
  type FrontSetup,
  get,
  RawClient,
  startFront,
  streamedAnswer,
} from './front-kit.ts';

const HOST = 'Host: example.org\r\n';
const DELETE = `DELETE /x HTTP/1.1\r\n${HOST}\r\n`;
const POST = `POST / HTTP/1.1\r\n${HOST}`;

interface Row {
  readonly reason: RefusalReason;
  /** What the client sends first. */
  readonly text: string;
  readonly setup?: FrontSetup;
  /** Whether the client has not finished its head: what follows at once would belong to it. */
  readonly isOpen?: boolean;
  /** Whether the next request is carried out. */
  readonly goesOn?: boolean;
}

/** Reads the content, as a gate that forwards it. */
const reads: FrontSetup['handle'] = ({ body }) => {
  (async () => {
    for await (const chunk of body!) void chunk;
  })().catch((error: unknown) => expect(error).toBeInstanceOf(TidegateError));
  return undefined;
};

const throws: FrontSetup['handle'] = ({ target }, responder) => {
  if (target === '/x') return answerText(responder, 'deleted');
  throw new Error('boom');
};

const unsendable: FrontSetup['handle'] = ({ target }, responder) =>
  answerText(responder, 'x', target === '/x' ? [] : ['a', '\0']);

const request = (line: string, fields = '') => `${line} HTTP/1.1\r\n${HOST}${fields}\r\n`;

const BELIEVING = trustOf({
  ...{ from: ['127.0.0.1'], client: true, host: true, scheme: true, overrides: true },
  directives: false,
});

const rows: readonly Row[] = [
  { reason: 'asterisk-form', text: request('GET *') },
  { reason: 'coding-in-http-1.0', text: `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n` },
  { reason: 'coding-unknown', text: `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n` },
  { reason: 'content-on-get', text: `${request('GET /', 'Content-Length: 3\r\n')}abc` },
  { reason: 'content-on-get', text: request('GET /', 'Content-Length: 3\r\n') },
  {
    reason: 'content-stalled',
    text: `${POST}Content-Length: 10000\r\n\r\nabc`,
    setup: { stallMs: 50, handle: reads },
  },
  { reason: 'content-too-large', text: `${POST}Content-Length: 100001\r\n\r\n` },
  {
    reason: 'content-too-large',
    text: `${POST}Transfer-Encoding: chunked\r\n\r\n20000\r\n${'a'.repeat(0x20000)}\r\n0\r\n\r\n`,
    setup: { handle: reads },
  },
  { reason: 'dot-segment', text: request('GET /a%2f../b') },
  { reason: 'expectation', text: request('GET /', 'Expect: much\r\n'), goesOn: true },
  { reason: 'expectation', text: `${POST}Expect: much\r\nContent-Length: 1\r\n\r\na` },
  { reason: 'fault', text: request('GET /'), setup: { handle: throws } },
  { reason: 'fields-too-many', text: request('GET /', 'X: a\r\n'.repeat(40)) },
  { reason: 'forwarded-host', text: request('GET /', 'X-Forwarded-Host: a/b\r\n'), setup: { trust: () => BELIEVING } },
  {
    reason: 'forwarded-proto',
    text: request('GET /', 'X-Forwarded-Proto: gopher\r\n'),
    setup: { trust: () => BELIEVING },
  },
  { reason: 'head-too-large', text: request('GET /', `X: ${'a'.repeat(4_000)}\r\n`) },
  { reason: 'head-too-large', text: request('GET /', `X: ${'a'.repeat(60_000)}\r\n`) },
  {
    reason: 'head-too-slow',
    text: `GET / HTTP/1.1\r\n${HOST}X`,
    isOpen: true,
    setup: { limits: { headTimeoutMs: 50 } },
  },
  { reason: 'host-invalid', text: 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n' },
  { reason: 'host-mismatch', text: request('GET http://other/') },
  { reason: 'host-missing', text: 'GET / HTTP/1.1\r\n\r\n' },
  { reason: 'host-repeated', text: request('GET /', HOST) },
  { reason: 'http-version', text: `GET / HTTP/3.0\r\n${HOST}\r\n` },
  { reason: 'syntax', text: `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n` },
  { reason: 'length-invalid', text: `${POST}Content-Length: 9999999999999999\r\n\r\n` },
  { reason: 'loop', text: request('GET /', 'Via: 1.1 tidegate\r\n'), goesOn: true },
  { reason: 'max-forwards', text: request('OPTIONS /', 'Max-Forwards: x\r\n') },
  { reason: 'method-connect', text: 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n' },
  {
    reason: 'method-not-taken',
    text: request('PURGE /'),
    setup: { rules: { methods: new Set(['DELETE']) } },
    goesOn: true,
  },
  { reason: 'method-trace', text: request('TRACE /'), goesOn: true },
  { reason: 'no-route', text: request('GET /none'), goesOn: true },
  { reason: 'no-route', text: `${request('POST /none', 'Content-Length: 1\r\n')}a` },
  { reason: 'syntax', text: `GET / HTTP/1.1\r\n${HOST}A B: c\r\n\r\n` },
  { reason: 'syntax', text: `${POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n`, setup: { handle: reads } },
  { reason: 'target-characters', text: request('GET /"') },
  { reason: 'target-form', text: request('GET ftp://example.org/') },
  { reason: 'target-scheme', text: request('GET https://example.org/'), goesOn: true },
  { reason: 'target-too-long', text: request(`GET /${'a'.repeat(1_500)}`) },
  { reason: 'unknown-host', text: 'GET / HTTP/1.1\r\nHost: unknown\r\n\r\n', goesOn: true },
  { reason: 'unsendable-answer', text: request('GET /'), setup: { handle: unsendable }, goesOn: true },
  { reason: 'upgrade-failed', text: request('GET /', 'Connection: upgrade\r\nUpgrade: websocket\r\n') },
  {
    reason: 'upgrade-off',
    text: request('GET /', 'Connection: upgrade\r\nUpgrade: websocket\r\n'),
    setup: { rules: { upgrade: false } },
  },
];

type Placement = 'in the same segment' | 'in the next segment' | 'after the answer';

async function carriedOut({ text, setup, reason }: Row, placement: Placement): Promise<readonly string[]> {
  const { port, requests } = await startFront(setup);
  const client = new RawClient(port);
  const answered = () => client.until((all) => all.includes(`: ${reason}\n`));
  if (placement === 'in the same segment') client.send(text + DELETE);
  else {
    client.send(text);
    if (placement === 'after the answer') await answered();
    else await new Promise((resolve) => setImmediate(resolve));
    client.send(DELETE);
  }
  // The rest of a head or of content, for those that the client has begun.
  client.send(`: y\r\n\r\n${DELETE}${DELETE}${get('/last')}`);
  await answered();
  await client.untilClosed();
  return requests.map(({ method }) => method).filter((method) => method === 'DELETE');
}

const PLACEMENTS: readonly Placement[] = ['in the same segment', 'in the next segment', 'after the answer'];
const attacks = rows.flatMap((row) =>
  (row.isOpen ? (['after the answer'] as const) : PLACEMENTS).map((placement) => ({ ...row, placement })),
);

test.each(attacks)('a DELETE $placement of $reason ($#)', async ({ placement, ...row }) => {
  const done = await carriedOut(row, placement);
  if (row.goesOn !== true) expect(done).toEqual([]);
  else expect(done.length).toBeGreaterThan(0);
});

describe('requests in a pipeline', () => {
  test('are carried out one after the other (RFC 9112 §9.3.2), and none after an answer that closes', async () => {
    const late: (() => void)[] = [];
    const { port, requests } = await startFront({
      handle: ({ target }, responder) => {
        if (target === '/fault') throw new Error('boom');
        late.push(() => answerText(responder, target));
        return undefined;
      },
    });
    const post = (target: string) => `POST ${target} HTTP/1.1\r\n${HOST}Content-Length: 1\r\n\r\nx`;
    const client = new RawClient(port).send(post('/1') + DELETE + post('/fault') + DELETE + get('/5'));
    await eventually(() => late.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(requests.map(({ target }) => target)).toEqual(['/1']);
    late[0]!();
    await eventually(() => late.length === 2);
    late[1]!();
    const answers = await client.untilClosed();
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 500']);
    expect(requests.map(({ target }) => target)).toEqual(['/1', '/x', '/fault']);
  });

  test('end with an answer that breaks off', async () => {
    const body = new FedBody().feed('abc');
    const { port, requests } = await startFront({
      handle: ({ target }, responder) =>
        target === '/x' ? answerText(responder, 'deleted') : void responder.respond(streamedAnswer(body)),
    });
    const client = new RawClient(port).send(`${POST}Content-Length: 1\r\n\r\nx${DELETE}`);
    await client.until((text) => text.includes('abc'));
    body.feed('failed');
    await client.untilClosed();
    expect(requests).toHaveLength(1);
  });

  test('end with the answers of a front that closes', async () => {
    const late: (() => void)[] = [];
    const { port, requests, front } = await startFront({
      handle: ({ target }, responder) => void late.push(() => answerText(responder, target)),
    });
    const client = new RawClient(port).send(request('GET /1') + DELETE + DELETE);
    await eventually(() => late.length === 1);
    const closed = front.close({ graceMs: 5_000 });
    late[0]!();
    await client.untilClosed();
    await closed;
    expect(requests).toHaveLength(1);
  });
});
