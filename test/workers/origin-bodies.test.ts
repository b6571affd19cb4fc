// Bodies of an origin behind a URL, in workerd: their length and coding come to the client as the origin sends them.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { request } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Running, startWorker } from '../../conformance/on-workers.ts';

const TEXT = 'one two three';
const CODED: Readonly<Record<string, Buffer>> = {
  none: Buffer.from(TEXT),
  gzip: gzipSync(TEXT),
  br: brotliCompressSync(TEXT),
  zstd: zstdCompressSync(TEXT),
};

let origin: Server;
let running: Running;

beforeAll(async () => {
  origin = createServer((asked, response) => {
    const coding = asked.url?.slice(1) as string;
    const body = CODED[coding] as Buffer;
    response.setHeader('cache-control', 'max-age=60');
    if (coding !== 'none') response.setHeader('content-encoding', coding);
    response.setHeader('content-length', body.length).end(body);
  });
  await new Promise<void>((listens) => origin.listen(0, '127.0.0.1', listens));
  running = await startWorker('safe', (origin.address() as AddressInfo).port);
}, 60_000);

afterAll(async () => {
  await running?.close();
  origin?.close();
});

async function ask(coding: string) {
  const { headers, body } = await request(`${running.url}/${coding}`);
  return {
    length: headers['content-length'],
    coding: headers['content-encoding'],
    body: Buffer.from(await body.arrayBuffer()),
  };
}

test('a length is told with the first answer and with a stored one', async () => {
  for (const _ of ['miss', 'hit']) {
    const { length, body } = await ask('none');
    expect([length, body.toString()]).toEqual([String(TEXT.length), TEXT]);
  }
});

test('what the platform decodes is not said to be coded, and what it does not is handed on as it is', async () => {
  for (const _ of ['miss', 'hit']) {
    for (const coding of ['gzip', 'br']) {
      const answer = await ask(coding);
      expect([answer.coding, answer.body.toString()]).toEqual([undefined, TEXT]);
    }
    const coded = await ask('zstd');
    expect([coded.coding, zstdDecompressSync(coded.body).toString()]).toEqual(['zstd', TEXT]);
  }
});
