// Clients that send their content slowly, against a gate with a real origin: they hold none of its connections.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect as connectH2 } from 'node:http2';
import { Agent, request as ask } from 'node:https';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { startGate } from '../../src/node/serve.ts';
import { makeCertificate } from '../kit/make-certificate.ts';
import { portOf, tempFolder, until } from '../runtime/node/kit.ts';

const MANY = 60_000;

async function attacked(changes: { limits?: object; routes?: object[] } = {}) {
  const got: string[] = [];
  const origin = createServer((request, response) => {
    got.push(`${request.method} ${request.url}`);
    let bytes = 0;
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    request.on('end', () => response.end(`${bytes}`));
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const folder = tempFolder();
  const { cert, key } = await makeCertificate('localhost', '127.0.0.1');
  const files = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key);
  const config = resolveConfig({
    listen: { port: 0, tls: { certificates: [files] } },
    admin: { port: 0 },
    origins: { app: { url: `http://127.0.0.1:${portOf(origin)}`, connections: 128 } },
    log: { level: 'silent' },
    ...changes,
  });
  const gate: RunningGate = await startGate(config);
  onTestFinished(async () => {
    await gate.close({ grace: 0 });
    origin.closeAllConnections();
    origin.close();
    folder.remove();
  });
  const port = Number(new URL(gate.url).port);
  const client = () => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    let text = '';
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
    });
    socket.on('error', () => {});
    onTestFinished(() => void socket.destroy());
    return { socket, send: (bytes: string | Buffer) => socket.write(bytes), text: () => text };
  };
  const miss = (path: string, method = 'GET', body = '') =>
    new Promise<{ status: number; tookMs: number; text: string }>((resolve, reject) => {
      const began = performance.now();
      const options = { port, host: '127.0.0.1', path, method, rejectUnauthorized: false, agent: new Agent() };
      const request = ask(options, (response) => {
        let text = '';
        response.on('data', (bytes: Buffer) => {
          text += bytes;
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, tookMs: performance.now() - began, text }),
        );
      });
      request.on('error', reject);
      request.end(body);
    });
  return { got, port, client, miss, metrics: async () => (await fetch(`${gate.adminUrl}/metrics`)).text() };
}

const head = (path: string, length: number, ...more: string[]) =>
  [`POST ${path} HTTP/1.1`, 'Host: a', `Content-Length: ${length}`, ...more, '', ''].join('\r\n');

async function answersAll(miss: Awaited<ReturnType<typeof attacked>>['miss']): Promise<void> {
  const answers = await Promise.all(Array.from({ length: 30 }, (_, at) => miss(`/honest/${at}`)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(Math.max(...answers.map(({ tookMs }) => tookMs))).toBeLessThan(5_000);
  expect((await miss('/honest/write', 'POST', 'abc')).text).toBe('3');
}

function h2Posts(port: number, count: number) {
  const session = connectH2(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return Array.from({ length: count }, (_, at) => {
    const stream = session.request({ ':method': 'POST', ':path': `/h2/${at}`, 'content-length': '1000' });
    stream.on('error', () => {});
    stream.write('a');
    return stream;
  });
}

test(
  '140 clients that trickle, and 128 streams of one connection, hold no connection of the origin',
  async () => {
    const { got, port, client, miss } = await attacked();
    for (let at = 0; at < 140; at++) client().send(`${head(`/slow/${at}`, 1_000)}a`);
    h2Posts(port, 128);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await answersAll(miss);
    expect(got.filter((line) => /slow|h2/.test(line))).toEqual([]);
  },
  MANY,
);

test(
  'on a route that streams, the 128 streams of one connection come to a third of them',
  async () => {
    const { got, port, miss } = await attacked({ routes: [{ streamRequests: true }] });
    h2Posts(port, 128);
    await until('posts at the origin', () => got.length >= 43);
    await answersAll(miss);
    expect(got.filter((line) => line.includes('/h2/'))).toHaveLength(43);
  },
  MANY,
);

test(
  'who sends below the least rate gets 408, is counted, and the origin hears nothing',
  async () => {
    const limits = { minRequestRate: 1_000, minRequestRateWindow: 300 };
    const { got, client, metrics } = await attacked({ limits });
    const slow = client();
    slow.send(`${head('/slow', 1_000)}abc`);
    await until('a refusal', () => slow.text().startsWith('HTTP/1.1 408 '));
    expect(slow.text()).toContain('content-too-slow');
    await until('the end', () => slow.socket.destroyed || slow.socket.readableEnded);
    expect(got).toEqual([]);
    expect(await metrics()).toContain('tidegate_uploads_total{content="slow"} 1\n');
  },
  MANY,
);

test(
  'the gate asks for content itself; what is longer than there is room for goes on as it comes',
  async () => {
    const { got, client, metrics } = await attacked();
    const waiting = client();
    waiting.send(head('/asked', 3, 'Expect: 100-continue'));
    await until('100', () => waiting.text() === 'HTTP/1.1 100 Continue\r\n\r\n');
    expect(got).toEqual([]);
    waiting.send('abc');
    await until('200', () => waiting.text().includes('HTTP/1.1 200 OK'));
    expect(waiting.text().endsWith('3')).toBe(true);
    const long = client();
    long.send(Buffer.concat([Buffer.from(head('/long', 3_000_000)), Buffer.alloc(3_000_000)]));
    await until('200', () => long.text().endsWith('3000000'));
    expect(await metrics()).toMatch(/tidegate_uploads_total\{content="streamed"\} 1\n/);
    expect(await metrics()).toMatch(/tidegate_held_bytes\{kind="uploads"\} 0\n/);
  },
  MANY,
);
