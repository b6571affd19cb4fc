// A gate that faces the internet: TLS, HTTP/2 and the PROXY protocol with clients and origins that are not ours.

import { createHash } from 'node:crypto';
import { type ClientHttp2Session, connect, createSecureServer } from 'node:http2';
import { request } from 'node:https';
import { type AddressInfo, connect as connectTcp } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { Agent, fetch as fetchUndici } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { certificateFiles, folderWith } from '../../kit/certificates.ts';
import { makeCertificate } from '../../kit/make-certificate.ts';
import { gateBefore, httpOrigin } from './fault-kit.ts';
import { isInstalled, run, until } from './kit.ts';

/** A gate with TLS for localhost before the origin. */
async function tlsGate(originUrl: string, listen: object = {}) {
  const { pem, ...files } = await certificateFiles();
  const gate = await gateBefore(originUrl, { listen: { port: 0, tls: { certificates: [files] }, ...listen } });
  return Object.assign(gate, { ca: pem.cert, origin: gate.url.replace('127.0.0.1', 'localhost') });
}

function h2To(origin: string, ca: string): ClientHttp2Session {
  const session = connect(origin, { ca });
  session.on('error', () => session.destroy());
  onTestFinished(() => session.destroy());
  return session;
}

interface Answer {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

function ask(
  session: ClientHttp2Session,
  headers: Readonly<Record<string, string>>,
  content?: Buffer,
): Promise<Answer> {
  const stream = session.request(headers, { endStream: content === undefined });
  if (content !== undefined) stream.end(content);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let head: Answer['headers'] = {};
    stream.on('response', (got) => {
      head = got;
    });
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => resolve({ headers: head, body: Buffer.concat(chunks) }));
    stream.on('error', reject);
  });
}

describe('HTTP/1.1 and HTTP/2 on one port', { timeout: 30_000 }, () => {
  test('share what is stored; conditions and ranges are answered over both; Alt-Svc is passed on', async () => {
    let asked = 0;
    const { url } = await httpOrigin((_request, response) => {
      asked++;
      const fields = {
        'cache-control': 'max-age=60',
        etag: '"7"',
        'alt-svc': 'h3=":443"',
        'content-type': 'text/plain',
      };
      response.writeHead(200, fields);
      response.end('high water');
    });
    const gate = await tlsGate(url);
    const session = h2To(gate.origin, gate.ca);
    const miss = await ask(session, { ':path': '/tide' });
    expect(miss.headers).toMatchObject({ ':status': 200, 'alt-svc': 'h3=":443"' });
    expect(miss.headers['cache-status']).toContain('fwd=uri-miss');
    const hit = await ask(session, { ':path': '/tide' });
    expect([hit.headers['cache-status'], hit.body.toString()]).toEqual([
      expect.stringContaining('; hit'),
      'high water',
    ]);
    const head = await ask(session, { ':path': '/tide', ':method': 'HEAD' });
    expect([head.headers['content-length'], head.body.length]).toEqual(['10', 0]);
    const matched = await ask(session, { ':path': '/tide', 'if-none-match': '"7"' });
    expect([matched.headers[':status'], matched.body.length]).toEqual([304, 0]);
    const part = await ask(session, { ':path': '/tide', range: 'bytes=0-3' });
    expect(part.headers).toMatchObject({ ':status': 206, 'content-range': 'bytes 0-3/10' });
    expect(part.body.toString()).toBe('high');
    const old = await overHttp1(`${gate.origin}/tide`, gate.ca);
    expect([old.headers['cache-status'], old.body]).toEqual([expect.stringContaining('; hit'), 'high water']);
    expect(asked).toBe(1);
    expect((await gate.entries()).map(({ uri }) => uri)).toEqual([`${gate.origin}/tide`]);
  });

  test('a write over HTTP/2 invalidates what was stored over HTTP/1.1', async () => {
    let version = 'one';
    const { url } = await httpOrigin((incoming, response) => {
      if (incoming.method === 'GET') response.setHeader('cache-control', 'max-age=60');
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('end', () => {
        if (incoming.method === 'PUT') version = Buffer.concat(chunks).toString();
        response.end(version);
      });
    });
    const gate = await tlsGate(url);
    expect((await overHttp1(`${gate.origin}/v`, gate.ca)).body).toBe('one');
    const written = await ask(h2To(gate.origin, gate.ca), { ':path': '/v', ':method': 'PUT' }, Buffer.from('two'));
    expect(written.headers[':status']).toBe(200);
    expect((await overHttp1(`${gate.origin}/v`, gate.ca)).body).toBe('two');
  });

  test('50 at a time for one page are one request to the origin; a large one comes whole, at the pace of its reader', async () => {
    const large = Buffer.alloc(20_000_000, 'tide');
    let asked = 0;
    let sent = 0;
    const { url } = await httpOrigin((incoming, response) => {
      asked++;
      response.setHeader('cache-control', incoming.url === '/large' ? 'no-store' : 'max-age=60');
      if (incoming.url !== '/large') return void setTimeout(() => response.end('page'), 50);
      const more = () => {
        while (sent < large.length) {
          const chunk = large.subarray(sent, sent + 100_000);
          sent += chunk.length;
          if (!response.write(chunk)) return;
        }
        response.end();
      };
      response.on('drain', more);
      return more();
    });
    const gate = await tlsGate(url);
    const session = h2To(gate.origin, gate.ca);
    const pages = await Promise.all(Array.from({ length: 50 }, () => ask(session, { ':path': '/page' })));
    expect([new Set(pages.map(({ body }) => body.toString())), asked]).toEqual([new Set(['page']), 1]);
    const stream = session.request({ ':path': '/large' });
    stream.pause();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(sent).toBeLessThan(15_000_000);
    const hash = createHash('sha256');
    for await (const chunk of stream) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(large).digest('hex'));
  });

  test('undici, and curl where it is there', async (context) => {
    const { url } = await httpOrigin((incoming, response) => response.end(String(incoming.headers.via)));
    const gate = await tlsGate(url);
    const dispatcher = new Agent({ allowH2: true, connect: { ca: gate.ca } });
    onTestFinished(() => dispatcher.close());
    expect(await (await fetchUndici(gate.origin, { dispatcher })).text()).toBe('2 tidegate');
    context.skip(!(await isInstalled('curl')), 'curl is not there');
    const path = folderWith({ 'ca.pem': gate.ca });
    for (const [flag, via] of [
      ['--http2', '2 tidegate'],
      ['--http1.1', '1.1 tidegate'],
    ] as const) {
      const { text } = await run('curl', ['-sS', flag, '--cacert', path('ca.pem'), gate.origin]);
      expect(text).toBe(via);
    }
  });

  test('an Upgrade passes through TLS on both sides', async () => {
    const pem = await makeCertificate('localhost');
    const server = createSecureServer({ ...pem, allowHTTP1: true });
    server.on('upgrade', (_request: unknown, socket: TLSSocket) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const path = folderWith({ 'ca.pem': pem.cert });
    const { pem: own, ...files } = await certificateFiles();
    const gate = await gateBefore('http://unused.example', {
      listen: { port: 0, tls: { certificates: [files] } },
      origins: {
        app: { url: `https://localhost:${(server.address() as AddressInfo).port}`, tls: { ca: path('ca.pem') } },
      },
      routes: [{ upgrade: true }],
    });
    const client = connectTls({ port: gate.port, host: '127.0.0.1', servername: 'localhost', ca: own.cert });
    onTestFinished(() => void client.destroy());
    let received = '';
    client.setEncoding('latin1').on('data', (text: string) => {
      received += text;
    });
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await until('the 101', () => received.includes('101 Switching Protocols'));
    client.write('high water');
    await until('the echo', () => received.endsWith('high water'));
    client.destroy();
  });
});

describe('an origin that speaks HTTP/2', { timeout: 30_000 }, () => {
  test('is asked in HTTP/2 by the clients of either, its answers are stored', async () => {
    const pem = await makeCertificate('localhost');
    const versions: string[] = [];
    const server = createSecureServer({ ...pem, allowHTTP1: true }, (incoming, response) => {
      versions.push(incoming.httpVersion);
      response.setHeader('cache-control', 'max-age=60');
      // No Content-Length: the end is told by a frame alone.
      response.write('high ');
      response.end('water');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const path = folderWith({ 'ca.pem': pem.cert });
    const gate = await gateBefore('http://unused.example', {
      origins: {
        app: { url: `https://localhost:${(server.address() as AddressInfo).port}`, tls: { ca: path('ca.pem') } },
      },
    });
    for (const outcome of ['fwd=uri-miss', '; hit']) {
      const response = await fetch(gate.url);
      expect([await response.text(), response.headers.get('cache-status')]).toEqual([
        'high water',
        expect.stringContaining(outcome),
      ]);
    }
    expect(versions).toEqual(['2.0']);
  });
});

test('the address of the client comes from the PROXY header before TLS', async () => {
  const { url } = await httpOrigin((incoming, response) => response.end(incoming.headers['x-forwarded-for']));
  const gate = await tlsGate(url, { proxyProtocol: true });
  const socket = connectTcp(gate.port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write('PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n');
  const session = connect(gate.origin, {
    createConnection: () => connectTls({ socket, ca: gate.ca, servername: 'localhost', ALPNProtocols: ['h2'] }),
  });
  onTestFinished(() => session.destroy());
  expect((await ask(session, { ':path': '/' })).body.toString()).toBe('192.0.2.7');
});

function overHttp1(
  url: string,
  ca: string,
): Promise<{ readonly headers: Readonly<Record<string, unknown>>; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { ca, agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ headers: response.headers, body }));
    });
    asked.on('error', reject).end();
  });
}
