// What the tests of populating share: an origin that counts what it was asked, and a gate in front of it.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { startGate } from '../../src/node/serve.ts';

interface Site {
  /** Paths asked, in order. */
  readonly asked: string[];
  readonly url: string;
  answer: (request: IncomingMessage, response: ServerResponse) => void;
}

export const fresh =
  (text: string, fields = {}) =>
  (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'cache-control': 'max-age=3600', 'cache-tag': 'all', ...fields });
    response.end(text);
  };

export async function startSite(): Promise<Site> {
  const site: { asked: string[]; url: string; answer: Site['answer'] } = { asked: [], url: '', answer: fresh('one') };
  const server = createServer((request, response) => {
    site.asked.push(request.url as string);
    site.answer(request, response);
  });
  await new Promise<void>((listening) => void server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  site.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return site;
}

export async function startOne(site: Site, more: object = {}): Promise<RunningGate> {
  const config = resolveConfig(
    {
      listen: { port: 0 },
      admin: { port: 0 },
      origins: { site: { url: site.url } },
      routes: [{ match: { host: ['example.org', '127.0.0.1'] } }],
      ...more,
    },
    { env: {} },
  );
  const gate = await startGate(config, pino({ level: 'silent' }));
  onTestFinished(() => gate.close({ grace: 0 }));
  return gate;
}
