// Request lines that node:http reads in another way than RFC 9112, and lines of chunks that it does not bound.

import { expect, test } from 'vitest';
import { bodyText, RawClient, startFront, statusOf } from './front-kit.ts';

const HOST = 'Host: example.org\r\n';
const pause = () => new Promise((resolve) => setTimeout(resolve, 20));

test.each([1, 5, 13, 14, 15])('HTTP/1.2 is read as 1.1 when segments part the request line at %i', async (at) => {
  const { port, requests } = await startFront();
  const text = `\r\nGET /a HTTP/1.2\r\n${HOST}\r\n`;
  const client = new RawClient(port).send(text.slice(0, at));
  await pause();
  client.send(text.slice(at));
  expect(statusOf(await client.until((all) => all.includes('ok')))).toBe(200);
  expect(requests).toHaveLength(1);
});

test('the rest of a request line may come late', async () => {
  const { port, requests } = await startFront({ limits: { headTimeoutMs: 10_000 } });
  const client = new RawClient(port).send('GET /a HT');
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  client.send(`TP/1.1\r\n${HOST}\r\n`);
  await client.until((all) => all.includes('ok'));
  expect(requests.map(({ target }) => target)).toEqual(['/a']);
});

test('a request line that does not end is answered 408', async () => {
  const { port } = await startFront({ limits: { headTimeoutMs: 50 } });
  expect(statusOf(await new RawClient(port).send('GET /a HT').untilClosed())).toBe(408);
});

test.each(['', '\r\n'])('another protocol is not taken for HTTP/1.0 (%j before it)', async (before) => {
  const { port, requests } = await startFront();
  const text = await new RawClient(port).send(`${before}GET /a RTSP/1.0\r\n${HOST}\r\n`).untilClosed();
  expect(statusOf(text)).toBe(400);
  expect(requests).toEqual([]);
});

test('nothing behind a GET that expects 100 is carried out: node:http ends the connection with its answer', async () => {
  const { port, requests } = await startFront();
  const first = `GET /a HTTP/1.1\r\n${HOST}Expect: 100-continue\r\n\r\n`;
  const text = await new RawClient(port).send(`${first}DELETE /b HTTP/1.1\r\n${HOST}\r\n`).untilClosed();
  expect(bodyText(text)).toBe('ok');
  await pause();
  expect(requests.map(({ method }) => method)).toEqual(['GET']);
});

const chunk = (extension: number, content = 1) =>
  `${content.toString(16)}${extension === 0 ? '' : `;${'e'.repeat(extension)}`}\r\n${'c'.repeat(content)}\r\n`;
const POST = `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`;

test('extensions of chunks are bounded in all, each request of a connection for itself', async () => {
  const { port, requests, refusals } = await startFront({
    handle: ({ body }, responder) => {
      (async () => {
        let bytes = 0;
        for await (const piece of body!) bytes += piece.length;
        responder.respond({
          kind: 'whole',
          head: { status: 200, fields: [] },
          body: Buffer.from(`${bytes}`),
          outcome: { hit: true },
        });
      })().catch(() => {});
      return undefined;
    },
  });
  const small = `${POST}${chunk(0).repeat(15_000)}0\r\n\r\n`;
  const client = new RawClient(port).send(small + small);
  await client.until((all) => all.split('15000').length === 3);
  client.send(`${POST}${chunk(100).repeat(2_000)}`);
  await client.untilClosed();
  expect(refusals.map(({ reason }) => reason)).toEqual(['chunk-extensions']);
  expect(requests).toHaveLength(3);
});
