// Compression in a running gate: real codings over real connections.

import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Agent, fetch, request } from 'undici';
import { afterEach, describe, expect, it, test } from 'vitest';
import { nodeCompress } from '../../src/node/compressor.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { startGate } from '../../src/node/serve.ts';
import { CODINGS } from '../../src/semantics/content-coding.ts';

const BODY = Buffer.from('{"tide":"in","and":"out"},'.repeat(400));
const DECODE = { br: brotliDecompressSync, gzip: gunzipSync, zstd: zstdDecompressSync };

let gate: RunningGate;
let server: Server;
let agent: Agent;
let asked: { method: string; headers: IncomingHttpHeaders }[] = [];
let version = 1;

async function start(compress: unknown): Promise<void> {
  asked = [];
  version = 1;
  agent = new Agent({ connections: 4 });
  server = createServer((message, response) => {
    asked.push({ method: message.method as string, headers: message.headers });
    const etag = `"${version}"`;
    if (message.method === 'PUT') {
      const matches = message.headers['if-match'] === etag;
      if (matches) version++;
      response.writeHead(matches ? 204 : 412).end();
      return;
    }
    const fields = { 'content-type': 'application/json', 'cache-control': 'max-age=60', etag };
    const notModified = message.headers['if-none-match'] === etag;
    response.writeHead(notModified ? 304 : 200, fields).end(notModified ? undefined : `${version} ${BODY}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = {
    listen: { port: 0 },
    admin: { port: 0 },
    origins: { api: { url: `http://127.0.0.1:${port}` } },
    routes: [{ compress }],
    log: { level: 'silent' },
  };
  gate = await startGate(resolveConfig(config, { env: {} }));
}

afterEach(async () => {
  await agent.close();
  await gate.close({ grace: 0 });
  server.closeAllConnections();
  server.close();
});

async function get(headers: Record<string, string> = {}, method = 'GET') {
  const answer = await request(`${gate.url}/data`, { method: method as 'GET', headers, dispatcher: agent });
  const body = Buffer.from(await answer.body.arrayBuffer());
  return { status: answer.statusCode, headers: answer.headers, body };
}

/** Asks until the answer is in the coding: it is made in the background. */
async function inCoding(coding: string) {
  for (let tries = 0; tries < 500; tries++) {
    const got = await get({ 'accept-encoding': coding });
    if (got.headers['content-encoding'] === coding) return got;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`expected an answer in ${coding}`);
}

describe('a gate that compresses', () => {
  test.each(CODINGS)('%s: the same content, a tag of its own, the right length', async (coding) => {
    await start(true);
    const first = await get({ 'accept-encoding': coding });
    expect([first.headers['content-encoding'], first.headers.vary]).toEqual([undefined, 'Accept-Encoding']);
    const { status, headers, body } = await inCoding(coding);
    expect(DECODE[coding](body).toString()).toBe(`1 ${BODY}`);
    expect([status, headers.etag, headers.vary]).toEqual([200, `"1~${coding}"`, 'Accept-Encoding']);
    expect(headers['content-length']).toBe(String(body.length));
    expect(body.length).toBeLessThan(BODY.length / 10);
    expect((await get()).body.toString()).toBe(`1 ${BODY}`);
    expect(asked.map((one) => one.headers['accept-encoding'])).toEqual(['identity']);
    const head = await get({ 'accept-encoding': coding }, 'HEAD');
    expect([head.headers['content-length'], head.headers['content-encoding']]).toEqual([String(body.length), coding]);
    expect((await get({ 'accept-encoding': coding, 'if-none-match': `"1~${coding}"` })).status).toBe(304);
  });

  it('is understood by a client that decodes by itself', async () => {
    await start({ codings: ['gzip'], types: ['application/*'] });
    await inCoding('gzip');
    const answer = await fetch(`${gate.url}/data`, { dispatcher: agent });
    expect(answer.headers.get('content-encoding')).toBe('gzip');
    expect(await answer.text()).toBe(`1 ${BODY}`);
  });

  it('takes part in the writes of a client that has a coded version', async () => {
    await start(true);
    await inCoding('br');
    const put = (etag: string) => get({ 'if-match': etag }, 'PUT');
    expect((await put('"0~br"')).status).toBe(412);
    expect((await put('"1~br"')).status).toBe(204);
    expect(asked.at(-1)?.headers['if-match']).toBe('"1"');
    expect((await get({ 'accept-encoding': 'br' })).body.toString()).toBe(`2 ${BODY}`);
    expect(brotliDecompressSync((await inCoding('br')).body).toString()).toBe(`2 ${BODY}`);
    expect((await put('"1~br"')).status).toBe(412);
  });

  it('takes the ranges from the response as the origin gave it', async () => {
    await start(true);
    await inCoding('gzip');
    const part = await get({ 'accept-encoding': 'gzip', range: 'bytes=0-4' });
    expect([part.status, part.body.toString(), part.headers['content-encoding']]).toEqual([206, '1 {"t', undefined]);
    expect(asked).toHaveLength(1);
  });

  it('shows it in list, explain, stats and metrics', async () => {
    await start(true);
    await inCoding('gzip');
    const admin = async (path: string) => (await request(`${gate.adminUrl}${path}`, { dispatcher: agent })).body.text();
    const { entries } = JSON.parse(await admin('/entries'));
    expect(entries.map((entry: { coding?: string }) => entry.coding)).toEqual([undefined, 'gzip']);
    const url = encodeURIComponent(`${gate.url}/data`);
    const explained = JSON.parse(await admin(`/explain?url=${url}&header=Accept-Encoding:gzip`));
    expect([explained.verdict, explained.coding]).toEqual(['serve', 'gzip']);
    expect(gate.gate.stats().coding.made).toBe(1);
    expect(await admin('/metrics')).toContain('\ntidegate_coded_total 1\n');
  });
});

describe('a gate that does not', () => {
  it('leaves Accept-Encoding, Vary and tags to the origin', async () => {
    await start(false);
    await get({ 'accept-encoding': 'br' });
    const again = await get({ 'accept-encoding': 'br', 'if-none-match': '"1~br"' });
    expect([again.status, again.headers.etag, again.headers.vary]).toEqual([200, '"1"', undefined]);
    expect(again.body.toString()).toBe(`1 ${BODY}`);
    expect(asked.map((one) => one.headers['accept-encoding'])).toEqual(['br']);
  });
});

describe('the compressor', () => {
  it('takes any body, an empty one and bytes that do not shrink among them, and leaves it as it was', async () => {
    await start(true);
    for (const coding of CODINGS) {
      for (const bytes of [
        new Uint8Array(),
        Uint8Array.of(7),
        new Uint8Array(300_000).map((_, at) => (at * at) % 251),
      ]) {
        const before = Buffer.from(bytes);
        const coded = await nodeCompress(coding, bytes);
        expect(DECODE[coding](coded).equals(before)).toBe(true);
        expect(before.equals(bytes)).toBe(true);
      }
    }
  });
});
