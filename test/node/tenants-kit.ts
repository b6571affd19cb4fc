// What the tests of tenants share: origins, a gate with tenants, its clients and callers.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
import { expect, onTestFinished } from 'vitest';
import type { IssuedToken, TenantView } from '../../src/admin/tenants-contract.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { startGate } from '../../src/node/serve.ts';

export const OPERATOR = 'operator-token-0123456789';

interface Site {
  readonly url: string;
  /** Paths asked with their hosts, in order. */
  readonly asked: string[];
  version: number;
}

export async function startSite(name: string): Promise<Site> {
  const site = { url: '', asked: [] as string[], version: 1 };
  const server = createServer((asked, response) => {
    site.asked.push(`${asked.headers.host}${asked.url}`);
    response.writeHead(200, { 'cache-control': 'max-age=3600', 'cache-tag': 'news, all' });
    response.end(`${name} ${site.version} ${asked.url}`);
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  site.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return site;
}

export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-tenants-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export async function start(file: Site, more: object = {}, log = pino({ level: 'silent' })): Promise<RunningGate> {
  const config = resolveConfig(
    {
      listen: { port: 0 },
      admin: { port: 0, token: OPERATOR },
      origins: { api: { url: file.url } },
      // What an invalidation drops would be filled again at some time.
      populate: { rehydrate: { maxEntries: 0 } },
      ...more,
    },
    { env: {} },
  );
  const gate = await startGate(config, log);
  onTestFinished(() => gate.close({ grace: 0 }));
  return gate;
}

/** What a client at the host gets. */
export function get(gate: RunningGate, host: string, path: string, method = 'GET') {
  return new Promise<{ status: number; text: string; cache: string; fields: NodeJS.Dict<string | string[]> }>(
    (resolve, reject) => {
      const asked = request(`${gate.url}${path}`, { method, headers: { host } }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () =>
          resolve({
            status: response.statusCode as number,
            text,
            cache: String(response.headers['cache-status']),
            fields: response.headers,
          }),
        );
      });
      asked.on('error', reject);
      asked.end();
    },
  );
}

export async function call(gate: RunningGate, path: string, body?: unknown, token = OPERATOR) {
  const response = await fetch(`${gate.adminUrl}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${token}` },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: the test reads what it knows to be there
  return { status: response.status, json: (await response.json()) as any };
}

type Created = TenantView & { readonly token: IssuedToken };

export async function create(gate: RunningGate, name: string, site: Site, more: object = {}): Promise<string> {
  const spec = { name, hosts: [`${name}.example`], origins: { api: { url: site.url } }, ...more };
  const { status, json } = await call(gate, '/tenants', spec);
  expect(json).toMatchObject({ name, status: 'active' });
  expect(status).toBe(200);
  return (json as Created).token.token;
}

export async function twoTenants(more: object = {}) {
  const [file, acme, blue] = [await startSite('file'), await startSite('acme'), await startSite('blue')];
  const gate = await start(file, { disk: { path: tempFolder() }, ...more });
  const tokens = { acme: await create(gate, 'acme', acme), blue: await create(gate, 'blue', blue) };
  return { gate, file, acme, blue, tokens };
}
