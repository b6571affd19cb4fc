// Content that was read ahead of an origin that cannot be reached: nothing of it stays, in memory or in files.

import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import { startGate } from '../../src/node/serve.ts';
import { freePort, portOf, tempFolder, until } from '../runtime/node/kit.ts';

const MANY_BYTES = 100_000;

async function gateTo(port: number, headTimeout = '10s') {
  const folder = tempFolder();
  const app = { url: `http://127.0.0.1:${port}`, circuitBreaker: { failures: 0 }, headTimeout };
  const gate = await startGate(
    resolveConfig({
      listen: { port: 0 },
      admin: { port: 0 },
      disk: { path: join(folder.path, 'cache'), maxBytes: 2 ** 30 },
      limits: { bufferedRequestBytes: 2 * MANY_BYTES, overload: { eventLoopDelay: 0 } },
      origins: { app },
      log: { level: 'silent' },
    }),
  );
  onTestFinished(async () => {
    await gate.close({ grace: 0 });
    folder.remove();
  });
  const post = (bytes: number) =>
    fetch(new URL('/x', gate.url), { method: 'POST', body: new Uint8Array(bytes) }).then(({ status }) => status);
  const uploads = () => gate.gate.stats().memory.held?.bytes.uploads;
  /** Spooled files have no names. */
  const files = () =>
    (existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd') : [])
      .map(linkOf)
      .filter((path) => path.startsWith(folder.path) && path.endsWith(' (deleted)'));
  return { post, uploads, files };
}

function linkOf(descriptor: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    return '';
  }
}

test('of an origin that refuses connections', async () => {
  const { post, uploads, files } = await gateTo(await freePort());
  for (const bytes of [MANY_BYTES, 3 * MANY_BYTES]) for (const _ of [1, 2, 3]) expect(await post(bytes)).toBe(502);
  await until('nothing held', () => uploads() === 0 && files().length === 0);
});

test('of an origin that takes no bytes', async () => {
  const silent = createServer((socket) => socket.pause().on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void silent.close());
  const { post, uploads, files } = await gateTo(portOf(silent), '300ms');
  for (const bytes of [MANY_BYTES, 80 * MANY_BYTES]) expect(await post(bytes)).toBe(504);
  await until('nothing held', () => uploads() === 0 && files().length === 0);
});
