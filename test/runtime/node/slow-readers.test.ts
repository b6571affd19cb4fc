// Clients that read large hits slowly: bodies are given to them in slices, shared, and counted once nothing else has them.

import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { certificateFiles } from '../../kit/certificates.ts';
import { type GateInFront, gateBefore, httpOrigin } from './fault-kit.ts';
import { until } from './kit.ts';

const MIB = 1024 * 1024;
const BYTES = 12 * MIB;
const REQUEST = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n\r\n`;

/** Bytes that tell their path and place. */
function bodyOf(path: string): Buffer {
  return Buffer.alloc(BYTES, `${path} `.padEnd(1_021, 'abcdefg'));
}

async function largeOrigin() {
  return httpOrigin((request, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=3600', 'content-length': BYTES });
    response.end(bodyOf(request.url ?? ''));
  });
}

/** So many answers stand in it, each of BYTES. */
function wholeAnswers(received: Buffer): number {
  let [at, count] = [0, 0];
  for (;;) {
    const end = received.indexOf('\r\n\r\n', at);
    if (end < 0 || received.length < end + 4 + BYTES) return count;
    at = end + 4 + BYTES;
    count++;
  }
}

function whenWhole(socket: Socket, answers = 1): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let got = 0;
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${got} bytes`)));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      got += chunk.length;
      if (got <= answers * BYTES) return;
      const received = Buffer.concat(chunks);
      if (wholeAnswers(received) >= answers) resolve(received);
    });
    socket.resume();
  });
}

/** Asks, and reads nothing. */
function lazy(gate: GateInFront, text: string): Socket {
  const socket = connect(gate.port, '127.0.0.1').pause();
  socket.write(text.replaceAll('PORT', String(gate.port)));
  onTestFinished(() => void socket.destroy());
  return socket;
}

async function fill(gate: GateInFront, path: string): Promise<void> {
  await (await fetch(`${gate.url}${path}`)).arrayBuffer();
}

const answersHeld = (gate: GateInFront) => gate.gate.stats().memory.held?.bytes.answers ?? 0;
const isWhole = (received: Buffer, path: string) => received.subarray(-BYTES).equals(bodyOf(path));

describe('a large hit', { timeout: 60_000 }, () => {
  test('that nobody else holds any more counts until its client has read it', async () => {
    const { url } = await largeOrigin();
    const gate = await gateBefore(url, { memory: { maxBytes: 64 * MIB } });
    await fill(gate, '/1');
    const slow = [lazy(gate, REQUEST('/1')), lazy(gate, REQUEST('/1'))];
    await until('the hits', () => gate.gate.stats().requests.hit === 2);
    // The body is the entry's; what each connection has of it counts.
    expect(answersHeld(gate)).toBeLessThanOrEqual(2 * 64 * 1024);
    await gate.gate.purge({ kind: 'url', uri: `${gate.url}/1` });
    expect(answersHeld(gate)).toBeGreaterThan(BYTES);
    expect(answersHeld(gate)).toBeLessThan(2 * BYTES);
    for (const socket of slow) expect(isWhole(await whenWhole(socket), '/1')).toBe(true);
    await until('nothing to be held', () => answersHeld(gate) === 0);
  });

  test('counts no longer when its client leaves', async () => {
    const { url } = await largeOrigin();
    const gate = await gateBefore(url);
    await fill(gate, '/1');
    const slow = lazy(gate, REQUEST('/1'));
    await until('the hit', () => gate.gate.stats().requests.hit === 1);
    await gate.gate.purge({ kind: 'all' });
    expect(answersHeld(gate)).toBeGreaterThan(BYTES);
    slow.destroy();
    await until('nothing to be held', () => answersHeld(gate) === 0);
  });

  test('is followed by the answers to requests behind it', async () => {
    const { url } = await largeOrigin();
    const gate = await gateBefore(url);
    await fill(gate, '/1');
    await fill(gate, '/2');
    const slow = lazy(gate, REQUEST('/1') + REQUEST('/2'));
    await until('the first hit', () => gate.gate.stats().requests.hit > 0);
    const received = await whenWhole(slow, 2);
    expect(isWhole(received, '/2')).toBe(true);
    const first = received.indexOf('\r\n\r\n') + 4;
    expect(received.subarray(first, first + BYTES).equals(bodyOf('/1'))).toBe(true);
  });

  test('is sent as a whole by a gate that closes', async () => {
    const { url } = await largeOrigin();
    const gate = await gateBefore(url);
    await fill(gate, '/1');
    const slow = lazy(gate, REQUEST('/1'));
    await until('the hit', () => gate.gate.stats().requests.hit === 1);
    const closed = gate.close({ grace: '20s' });
    expect(isWhole(await whenWhole(slow), '/1')).toBe(true);
    await closed;
  });

  test('over TLS and HTTP/2 is not copied for each client', async () => {
    const { url } = await largeOrigin();
    const { pem: _, ...files } = await certificateFiles();
    const gate = await gateBefore(url, { listen: { port: 0, tls: { certificates: [files] } } });
    const at = { port: gate.port, host: '127.0.0.1', rejectUnauthorized: false };
    const open = (path: string) => {
      const socket = connectTls({ ...at, ALPNProtocols: ['http/1.1'] });
      onTestFinished(() => void socket.destroy());
      socket.write(REQUEST(path).replace('PORT', String(gate.port)));
      return socket;
    };
    await whenWhole(open('/1'));
    const before = process.memoryUsage.rss();
    const slow = Array.from({ length: 20 }, () => open('/1').pause());
    const session = connectHttp2(gate.url, { rejectUnauthorized: false });
    onTestFinished(() => session.destroy());
    const streams = Array.from({ length: 20 }, () => session.request({ ':path': '/1' }).pause());
    await until('the hits', () => gate.gate.stats().requests.hit === 40);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(process.memoryUsage.rss() - before).toBeLessThan(10 * BYTES);
    for (const stream of streams) stream.destroy();
    expect(isWhole(await whenWhole(slow[0] as Socket), '/1')).toBe(true);
  });
});
