// What the dashboard is looked at over: a gate of its own with a tracked database, an origin, tenants, and clients.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import pino from 'pino';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { startGate } from '../../src/node/serve.ts';

export const TOKEN = 'the-token-of-the-operator-0123';

export interface Site {
  readonly gate: RunningGate;
  /** Of the origin's answers. */
  version: number;
  close(): Promise<void>;
}

export async function startSite(folder: string): Promise<Site> {
  const site = { version: 1 } as Site & { gate: RunningGate };
  const server = createServer((asked, response) => {
    const path = asked.url as string;
    const id = /^\/users\/(\d+)/.exec(path)?.[1];
    response.setHeader('cache-control', path.startsWith('/private') ? 'no-store' : 'max-age=600');
    if (id !== undefined) response.setHeader('cache-tag', `users, user:${id}`);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ path, version: site.version }));
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = resolveConfig(
    {
      listen: { port: 0 },
      admin: { port: 0, token: TOKEN },
      origins: { api: { url } },
      disk: { path: join(folder, 'disk') },
      prober: { share: 1, ratePerSecond: 50 },
      populate: { publish: { cms: { urls: ['http://shop.example/users/{id}'], tags: ['user:{id}'] } } },
      schedule: [{ name: 'front', every: '1h', urls: ['http://shop.example/'] }],
    },
    { env: {} },
  );
  site.gate = await startGate(config, pino({ level: 'silent' }));
  site.close = async () => {
    await site.gate.close({ grace: 0 });
    server.closeAllConnections();
    server.close();
  };
  return site;
}

export async function ask({ gate }: Site, path: string, host = 'shop.example'): Promise<string> {
  const { request } = await import('node:http');
  return new Promise((resolve, reject) => {
    const asked = request(gate.url + path, { headers: { host } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject);
    asked.end();
  });
}

export async function admin({ gate }: Site, path: string, body: object): Promise<unknown> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const answer = await fetch(gate.adminUrl + path, { method: 'POST', headers, body: JSON.stringify(body) });
  if (!answer.ok) throw new Error(`expected ${path} to be done, got ${answer.status} ${await answer.text()}`);
  return answer.json();
}
