// The gate of one scenario, in a process of its own, which tells its memory to whoever asks.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveConfig } from '../../src/node/config/config.ts';
import { startGate } from '../../src/node/serve.ts';
import { makeCertificate } from '../../test/kit/make-certificate.ts';

/** What the parent is told at its question. */
export interface Reading {
  readonly rssBytes: number;
  readonly peakBytes: number;
  /** Bytes of stored responses, and of what is under way. */
  readonly countedBytes: number;
}

async function tlsIn(folder: string) {
  const pem = await makeCertificate('localhost', '127.0.0.1');
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  writeFileSync(cert, pem.cert);
  writeFileSync(key, pem.key, { mode: 0o600 });
  return { certificates: [{ cert, key }] };
}

const [originUrl = '', isTls = '', maxBytes = ''] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'tidegate-ceiling-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const config = resolveConfig({
  listen: { port: 0, ...(isTls === 'tls' && { tls: await tlsIn(folder) }) },
  admin: { port: 0 },
  memory: { maxBytes: Number(maxBytes) },
  limits: { maxConnections: 20_000, keepAlive: '10m' },
  log: { level: 'silent' },
  // All clients of the bench have one address.
  origins: { app: { url: originUrl, connections: 512, perClient: 1, queue: { timeout: '1m' } } },
});
const gate = await startGate(config);
process.on('message', () => {
  const { memory } = gate.gate.stats();
  const held = Object.values(memory.held?.bytes ?? {}).reduce((sum, bytes) => sum + bytes, 0);
  const reading: Reading = {
    rssBytes: process.memoryUsage.rss(),
    peakBytes: process.resourceUsage().maxRSS * 1024,
    countedBytes: memory.bytes + held,
  };
  process.send?.(reading);
});
process.on('disconnect', () => process.exit());
process.send?.({ url: gate.url });
