// Child process: the least that a cache on Node can do, with TLS. It keeps what GET brought in a Map, passes all else on to the
// origin, and bounds nothing. Its arguments: the origin's URL, the files of the certificate and of its key.

import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createSecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

const [originUrl = '', cert = '', key = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true });
const stored = new Map<string, Buffer>();

const options = { cert: readFileSync(cert), key: readFileSync(key), allowHTTP1: true };
const server = createSecureServer(options, (incoming, outgoing) => {
  const { url, method } = incoming;
  const found = method === 'GET' ? stored.get(url) : undefined;
  if (found !== undefined) return void outgoing.writeHead(200, { 'x-cache': 'HIT' }).end(found);
  const asked = request(originUrl + url, { method, agent, headers: { host: 'bare' } }, (response) => {
    const chunks: Buffer[] = [];
    outgoing.writeHead(response.statusCode ?? 502);
    response.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      outgoing.write(chunk);
    });
    response.on('end', () => {
      if (method === 'GET') stored.set(url, Buffer.concat(chunks));
      outgoing.end();
    });
  });
  asked.on('error', () => outgoing.destroy());
  incoming.on('error', () => {});
  outgoing.on('error', () => {});
  outgoing.on('close', () => asked.destroy());
  incoming.pipe(asked);
});
server.on('sessionError', () => {});
server.on('tlsClientError', () => {});
server.on('clientError', (_error, socket) => socket.destroy());
server.listen(0, '127.0.0.1', () => console.log(`https://127.0.0.1:${(server.address() as AddressInfo).port}`));
