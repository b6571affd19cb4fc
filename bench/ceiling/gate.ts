// The gate of one scenario, started as its users start it, and what it takes of memory.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeCertificate } from '../../test/kit/make-certificate.ts';
import { builtBin } from '../built.ts';

export interface Reading {
  readonly rssBytes: number;
  readonly peakBytes: number;
  /** Bytes of stored responses, and of what is under way. */
  readonly countedBytes: number;
}

export interface RunningGate {
  readonly url: string;
  read(): Promise<Reading>;
  close(): Promise<void>;
}

interface GateOrder {
  readonly originUrl: string;
  readonly isTls: boolean;
  readonly maxBytes: number;
}

/** Starts gates in this folder, which is empty. */
export async function gatesIn(folder: string): Promise<(order: GateOrder) => Promise<RunningGate>> {
  const bin = builtBin(folder);
  const pem = await makeCertificate('localhost', '127.0.0.1');
  const [cert, key, config] = ['cert.pem', 'key.pem', 'gate.json'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(cert, pem.cert);
  writeFileSync(key, pem.key, { mode: 0o600 });
  return async ({ originUrl, isTls, maxBytes }) => {
    const settings = {
      listen: { port: 0, ...(isTls && { tls: { certificates: [{ cert, key }] } }) },
      admin: { port: 0 },
      memory: { maxBytes },
      limits: { maxConnections: 20_000, keepAlive: '10m' },
      log: { level: 'error' },
      // All clients of the bench have one address.
      origins: { app: { url: originUrl, connections: 512, perClient: 1, queue: { timeout: '1m' } } },
    };
    writeFileSync(config, JSON.stringify(settings));
    const child = spawn(process.execPath, [bin, 'serve', config], { stdio: ['ignore', 'pipe', 'inherit'] });
    const urls = await urlsOf(child);
    child.stdout.resume();
    return {
      url: urls.gate,
      read: async () => ({ ...residentOf(child.pid as number), countedBytes: await countedAt(urls.admin) }),
      close: async () => {
        child.kill('SIGKILL');
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      },
    };
  };
}

async function urlsOf(child: ChildProcess): Promise<{ readonly gate: string; readonly admin: string }> {
  const urls: Record<string, string> = {};
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const [, name, url] = /^(gate|admin): (\S+)$/.exec(line) ?? [];
    if (name !== undefined && url !== undefined) urls[name] = url;
    if (urls.gate !== undefined && urls.admin !== undefined) return { gate: urls.gate, admin: urls.admin };
  }
  throw new Error('expected a gate that tells its URLs, got its end');
}

function residentOf(pid: number): Pick<Reading, 'rssBytes' | 'peakBytes'> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024;
  return { rssBytes: bytes('VmRSS'), peakBytes: bytes('VmHWM') };
}

async function countedAt(adminUrl: string): Promise<number> {
  const { memory } = (await (await fetch(`${adminUrl}/stats`)).json()) as {
    readonly memory: { readonly bytes: number; readonly held?: { readonly bytes: Readonly<Record<string, number>> } };
  };
  return Object.values(memory.held?.bytes ?? {}).reduce((sum, bytes) => sum + bytes, memory.bytes);
}
