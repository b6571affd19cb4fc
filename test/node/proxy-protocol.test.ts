// The PROXY protocol: the header's two forms, and connections that begin with one, or do not.

import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readProxyHeader } from '../../src/node/front/connection/proxy-protocol.ts';
import { NO_BELIEF, trustOf } from '../../src/node/front/trusted-proxies.ts';
import {
  bodyText,
  eventually,
  exchange,
  type FrontSetup,
  get,
  startFront,
  statusOf,
  storedAnswer,
} from './front-kit.ts';
import { ask, h2Client, startTlsFront } from './h2-kit.ts';

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

function v2(command: number, family: number, block: Uint8Array): Buffer {
  const head = Buffer.concat([SIGNATURE, Buffer.of(command, family, block.length >> 8, block.length & 255)]);
  return Buffer.concat([head, block]);
}

const V4 = Buffer.of(192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb);
const V6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000007', 'hex'),
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.of(0xdc, 0x04, 0x01, 0xbb),
]);
const stated4 = { remoteAddress: '192.0.2.7', remotePort: 56_324, localAddress: '198.51.100.1', localPort: 443 };
const stated6 = { ...stated4, remoteAddress: '2001:db8::7', localAddress: '2001:db8::1' };
const line = (text: string) => Buffer.from(`${text}\r\n`, 'latin1');

const GOOD = [
  ['v1 TCP4', line('PROXY TCP4 192.0.2.7 198.51.100.1 56324 443'), stated4],
  ['v1 TCP6', line('PROXY TCP6 2001:db8::7 2001:db8::1 56324 443'), stated6],
  ['v1 UNKNOWN', line('PROXY UNKNOWN'), undefined],
  ['v1 UNKNOWN with a rest', line('PROXY UNKNOWN ffff::1 what ever'), undefined],
  ['v2 TCP4', v2(0x21, 0x11, V4), stated4],
  ['v2 TCP6', v2(0x21, 0x21, V6), stated6],
  ['v2 with TLVs', v2(0x21, 0x11, Buffer.concat([V4, Buffer.of(0x04, 0, 3, 1, 2, 3)])), stated4],
  ['v2 LOCAL', v2(0x20, 0x00, Buffer.alloc(0)), undefined],
  ['v2 LOCAL of an unknown family', v2(0x20, 0x77, Buffer.alloc(9)), undefined],
  ['v2 AF_UNSPEC with a rest', v2(0x21, 0x00, Buffer.alloc(20)), undefined],
  ['v2 of a Unix socket', v2(0x21, 0x31, Buffer.alloc(216)), undefined],
] as const;

const BAD = [
  ['a request', Buffer.from('GET / HTTP/1.1\r\n')],
  ['TLS', Buffer.of(0x16, 3, 1)],
  ['another protocol', line('PROXY UDP4 192.0.2.7 198.51.100.1 1 2')],
  ['UNKNOWN run together', line('PROXY UNKNOWNS')],
  ['a name for an address', line('PROXY TCP4 a.example 198.51.100.1 56324 443')],
  ['IPv6 as TCP4', line('PROXY TCP4 2001:db8::7 2001:db8::1 56324 443')],
  ['an address with a zone', line('PROXY TCP6 fe80::1%eth0 2001:db8::1 56324 443')],
  ['a port too high', line('PROXY TCP4 192.0.2.7 198.51.100.1 65536 443')],
  ['a port with a leading zero', line('PROXY TCP4 192.0.2.7 198.51.100.1 056324 443')],
  ['a field missing', line('PROXY TCP4 192.0.2.7 198.51.100.1 56324')],
  ['a field too many', line('PROXY TCP4 192.0.2.7 198.51.100.1 56324 443 1')],
  ['two spaces', line('PROXY TCP4  192.0.2.7 198.51.100.1 56324 443')],
  ['a line without end', Buffer.from(`PROXY UNKNOWN ${'x'.repeat(100)}`)],
  ['version 3', v2(0x31, 0x11, V4)],
  ['an unknown command', v2(0x22, 0x11, V4)],
  ['an unknown family', v2(0x21, 0x41, V4)],
  ['addresses too short', v2(0x21, 0x11, V4.subarray(1))],
  ['addresses of IPv4 for IPv6', v2(0x21, 0x21, V4)],
  ['a header of 8 KiB', v2(0x21, 0x11, Buffer.alloc(8_192)).subarray(0, 16)],
] as const;

describe('a header', () => {
  test.each(GOOD)('%s is read to its last byte, and no further', (_name, bytes, stated) => {
    const following = Buffer.concat([bytes, Buffer.from('GET / HTTP/1.1\r\n\r\n')]);
    expect(readProxyHeader(following)).toEqual({ kind: 'header', bytes: bytes.length, stated });
    for (let end = 0; end < bytes.length; end++) expect(readProxyHeader(bytes.subarray(0, end)).kind).toBe('more');
  });

  test.each(BAD)('%s is none', (_name, bytes) => {
    expect(readProxyHeader(bytes).kind).toBe('malformed');
  });

  test('whatever follows a signature: never more than the bytes there are, never an exception', () => {
    const signature = fc.constantFrom(SIGNATURE, Buffer.from('PROXY '), Buffer.from('PROXY TCP4 '), Buffer.alloc(0));
    const property = fc.property(signature, fc.uint8Array({ maxLength: 300 }), (begin, rest) => {
      const bytes = Buffer.concat([begin, rest]);
      const header = readProxyHeader(bytes);
      if (header.kind === 'header') expect(header.bytes).toBeLessThanOrEqual(bytes.length);
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});

const arrival = { proxyProtocol: true, tls: undefined };
const GREETING = GOOD[0][1].toString('latin1');

/** A front that needs a header, and what it has told of connections that had none. */
async function behindProxy(setup: FrontSetup = {}) {
  const lost: object[] = [];
  const front = await startFront({ ...setup, arrival, lost: (report) => lost.push(report) });
  return { front, lost };
}

describe('a connection that begins with a header', () => {
  test.each(GOOD)('%s: the address is that of the peer', async (_name, bytes, stated) => {
    const { front } = await behindProxy();
    const answer = await exchange(front.port, bytes.toString('latin1') + get('/'));
    expect([statusOf(answer), bodyText(answer)]).toEqual([200, 'ok']);
    const address = stated?.remoteAddress ?? '127.0.0.1';
    const { fields } = front.requests[0]!;
    expect(fields[fields.indexOf('x-forwarded-for') + 1]).toBe(address);
    expect(front.ends).toMatchObject([{ peer: address }]);
  });

  test('is trusted as the peer stated is, not as the proxy', async () => {
    const settings = { ...NO_BELIEF, client: true, scheme: true };
    for (const [address, uri, client] of [
      ['192.0.2.7', 'https://example.org/', '203.0.113.9'],
      ['127.0.0.1', 'http://example.org/', '192.0.2.7'],
    ] as const) {
      const { front } = await behindProxy({ trust: () => trustOf({ ...settings, from: [address] }) });
      await exchange(front.port, GREETING + get('/', 'X-Forwarded-Proto: https', 'X-Forwarded-For: 203.0.113.9'));
      expect(front.requests[0]).toMatchObject({ uri, client });
    }
  });

  test('has the local end that is stated, for a request that names no host', async () => {
    const { front } = await behindProxy();
    await exchange(front.port, `${GREETING}GET /x HTTP/1.0\r\n\r\n`);
    expect(front.requests[0]?.uri).toBe('http://198.51.100.1:443/x');
  });

  test('in single bytes, and several requests behind it', async () => {
    const { front } = await behindProxy({ atOnce: () => storedAnswer('kept', []) as never });
    const client = socketTo(front.port);
    let received = '';
    client.setEncoding('latin1').on('data', (text: string) => {
      received += text;
    });
    for (const byte of GREETING) client.write(byte, 'latin1');
    client.write('GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually(() => received.split('kept').length === 3);
    expect(front.ends).toMatchObject([{ peer: '192.0.2.7' }, { peer: '192.0.2.7' }]);
  });

  test('before TLS, HTTP/1.1 and HTTP/2', async () => {
    const front = await startTlsFront({ proxyProtocol: true });
    const tls = () => {
      const socket = socketTo(front.port);
      socket.write(GOOD[4][1]);
      return socket;
    };
    const session = await h2Client(front, { createConnection: () => overTls(tls(), front.ca, 'h2') } as object);
    expect((await ask(session, { ':path': '/two' })).status).toBe(200);
    const one = overTls(tls(), front.ca, 'http/1.1');
    one.write(get('/one'));
    let received = '';
    for await (const chunk of one) received += String(chunk);
    expect(statusOf(received)).toBe(200);
    expect(front.ends).toMatchObject([{ peer: '192.0.2.7' }, { peer: '192.0.2.7' }]);
    expect(front.requests.map(({ uri }) => new URL(uri).protocol)).toEqual(['https:', 'https:']);
  });
});

describe('a connection that does not', () => {
  test.each(BAD)('%s: it is closed without a byte', async (_name, bytes) => {
    const { front, lost } = await behindProxy();
    expect(await exchange(front.port, bytes.toString('latin1'))).toBe('');
    expect(lost).toMatchObject([{ reason: 'proxy-header', peer: '127.0.0.1' }]);
    expect(front.requests).toEqual([]);
    await eventually(() => front.front.connections() === 0);
  });

  test('nothing at all: it is closed after the time for a head', async () => {
    const { front, lost } = await behindProxy({ limits: { headTimeoutMs: 50 } });
    expect(await exchange(front.port, 'PROXY TCP4 ')).toBe('');
    expect(lost).toMatchObject([{ reason: 'proxy-header', got: 'none complete within 50 ms' }]);
  });

  test('the client leaves within the header', async () => {
    const { front, lost } = await behindProxy();
    socketTo(front.port).end('PROXY ');
    await eventually(() => lost.length === 1 && front.front.connections() === 0);
    expect(lost).toMatchObject([{ got: 'the end of the connection' }]);
  });
});

test('without the setting a header is a malformed request', async () => {
  const { port } = await startFront();
  expect(statusOf(await exchange(port, GREETING + get('/')))).toBe(400);
});

function socketTo(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy());
  onTestFinished(() => void socket.destroy());
  return socket;
}

function overTls(socket: Socket, ca: string, protocol: string) {
  return tlsConnect({ socket, ca, servername: 'localhost', ALPNProtocols: [protocol] });
}
