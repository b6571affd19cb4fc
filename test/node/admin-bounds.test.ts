// What bounds the listener of the admin API, on real sockets.

import { connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { AdminApi } from '../../src/admin/contract.ts';
import { type AdminListener, startAdmin } from '../../src/node/operator/admin-server.ts';
import { callAdmin } from '../../src/node/operator/cli/admin-client.ts';
import { adminBounds, fakeGate } from '../admin/fake-gate.ts';
import { until } from '../runtime/node/kit.ts';

const TOKEN = 'a-token-of-some-length';
const RIGHT = { authorization: `Bearer ${TOKEN}` };
const WRONG = { authorization: 'Bearer wrong' };

async function start(bounds: Partial<AdminListener> = {}) {
  const fake = fakeGate();
  const listener = { ...adminBounds(), token: TOKEN, port: 0, api: createAdminApi(fake.deps), ...bounds };
  const admin = await startAdmin(listener);
  onTestFinished(() => admin.close());
  const status = async (path: string, init?: RequestInit) => (await fetch(admin.url + path, init)).status;
  return { ...fake, url: admin.url, port: Number(new URL(admin.url).port), counts: listener.counts, status };
}

/** Keeps what comes; `closed` once the other side has ended it. */
function dial(port: number, text: string): { socket: Socket; got: () => string; closed: () => boolean } {
  let got = '';
  let isClosed = false;
  const socket = connect(port, '127.0.0.1', () => socket.write(text));
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    isClosed = true;
  });
  onTestFinished(() => void socket.destroy());
  return { socket, got: () => got, closed: () => isClosed };
}

const asked = (path: string, ...lines: string[]) =>
  `${[`GET ${path} HTTP/1.1`, 'host: localhost', ...lines].join('\r\n')}\r\n\r\n`;

test('calls beyond the rate get 429 with Retry-After, reports of trackers and probes go on', async () => {
  const { url, counts, status } = await start({ calls: { perSecond: 1, burst: 5 } });
  const all = await Promise.all(Array.from({ length: 20 }, () => status('/stats', { headers: RIGHT })));
  expect(all.filter((one) => one === 200).length).toBeLessThan(8);
  const refused = await fetch(`${url}/stats`, { headers: RIGHT });
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  expect(await status('/sources', { method: 'POST', headers: RIGHT, body: '{}' })).toBe(400);
  expect(await status('/health')).toBe(200);
  expect(counts).toMatchObject({ calls: expect.any(Number), reports: 0 });
  expect(counts.calls).toBeGreaterThan(10);
});

test('the command line waits for its turn', async () => {
  const { url, status } = await start({ calls: { perSecond: 2, burst: 1 } });
  await status('/stats', { headers: RIGHT });
  const call = { method: 'GET', path: '/stats' } as const;
  await expect(callAdmin({ admin: url, token: TOKEN }, call)).resolves.toMatchObject({ stores: 13 });
});

test('guessing tokens ends, at once and in turn; who has shown the right one goes on', async () => {
  const { port, counts, status } = await start({ wrongTokens: { perSecond: 1, burst: 5 } });
  const operator = dial(port, asked('/stats', `authorization: Bearer ${TOKEN}`));
  await until('the answer', () => operator.got().includes('200 OK'));
  const guesses = await Promise.all(Array.from({ length: 50 }, () => status('/stats', { headers: WRONG })));
  expect(guesses.filter((one) => one === 401).length).toBeLessThan(9);
  expect(guesses.filter((one) => one === 429).length).toBeGreaterThan(40);
  // Even the right one is not looked at, or it could be guessed.
  expect(await status('/stats', { headers: RIGHT })).toBe(429);
  operator.socket.write(asked('/ready', `authorization: Bearer ${TOKEN}`));
  await until('the second answer', () => operator.got().includes('{"ready":true}'));
  expect(counts.unauthorized).toBeLessThan(9);
  expect(counts['wrong-tokens']).toBeGreaterThan(40);
});

test('a connection that gave the right token does not guess on', async () => {
  const { port } = await start({ wrongTokens: { perSecond: 1, burst: 3 } });
  const wrong = asked('/stats', 'authorization: Bearer wrong');
  const { got } = dial(port, asked('/ready', `authorization: Bearer ${TOKEN}`) + wrong.repeat(10));
  await until('all answers', () => got().split('HTTP/1.1 ').length === 12);
  expect(got().split('HTTP/1.1 401').length - 1).toBeLessThan(6);
  expect(got().split('HTTP/1.1 429').length - 1).toBeGreaterThan(4);
});

test('content that does not come in time is 408, and the connection ends', async () => {
  const { port, counts, changes } = await start({ slowMs: { content: 200, answer: 1_000 } });
  const head = `POST /clear HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 100\r\n\r\n`;
  const slow = dial(port, head);
  const timer = setInterval(() => slow.socket.write(' '), 50);
  onTestFinished(() => clearInterval(timer));
  await until('408', () => slow.got().startsWith('HTTP/1.1 408'));
  expect(slow.got().toLowerCase()).toContain('connection: close');
  expect(counts['too-slow']).toBe(1);
  expect(changes).toEqual([]);
});

test('an answer that is not read ends', async () => {
  const large: AdminApi = async () => ({
    ...{ status: 200, contentType: 'text/plain', fields: [] },
    body: 'x'.repeat(30_000_000),
  });
  const { port, counts } = await start({ api: large, slowMs: { content: 1_000, answer: 300 } });
  const reader = dial(port, asked('/stats', `authorization: Bearer ${TOKEN}`));
  reader.socket.pause();
  await until('its end', () => counts['not-read'] === 1);
});

test('a job that is followed and not read ends', async () => {
  let left = false;
  const endless: AdminApi = async () => ({
    ...{ status: 200, contentType: 'text/plain', fields: [], body: '' },
    stream: (write) => {
      const timer = setInterval(() => write('x'.repeat(500_000)), 1);
      return () => {
        left = true;
        clearInterval(timer);
      };
    },
  });
  const { port, counts } = await start({ api: endless });
  const reader = dial(port, asked('/populate', `authorization: Bearer ${TOKEN}`));
  reader.socket.pause();
  await until('its end', () => left);
  expect(counts['not-read']).toBe(1);
});

test('idle connections of strangers make room for who connects; those with the token stay', async () => {
  const { port, counts, status } = await start({ maxConnections: 5 });
  const tracker = dial(port, asked('/ready', `authorization: Bearer ${TOKEN}`));
  await until('the answer', () => tracker.got().includes('200 OK'));
  const strangers = Array.from({ length: 20 }, () => dial(port, ''));
  await until('the oldest to end', () => strangers.filter(({ closed }) => closed()).length >= 16);
  expect(await status('/stats', { headers: RIGHT })).toBe(200);
  expect(tracker.closed()).toBe(false);
  expect(counts.connections).toBeGreaterThanOrEqual(16);
});

test('where all have shown the token, the new one ends', async () => {
  const { port, counts } = await start({ maxConnections: 2 });
  const known = [1, 2].map(() => dial(port, asked('/ready', `authorization: Bearer ${TOKEN}`)));
  await until('both answers', () => known.every(({ got }) => got().includes('200 OK')));
  const late = dial(port, asked('/ready', `authorization: Bearer ${TOKEN}`));
  await until('its end', () => late.closed());
  expect(known.some(({ closed }) => closed())).toBe(false);
  expect(counts.connections).toBe(1);
});
