// The gate in front of a static file server with ranges (`send`), with curl as the client: every byte is compared with the file.
//
// `send` makes weak entity tags, with which parts may not be put together (RFC 9110 §14.5). The files under /strong/ have strong
// ones, those under /weak/ the server's own.

import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { resolveConfig } from '../../../src/node/config/config.ts';
import type { RunningGate } from '../../../src/node/running-gate.ts';
import { startGate } from '../../../src/node/serve.ts';
import { installServers, isInstalled, portOf, runWell, serversFile, tempFolder } from './kit.ts';

const folder = tempFolder();
const LARGE_BYTES = 5 * 1024 * 1024;
const LARGE = pseudoRandom(LARGE_BYTES);
const MEDIUM = LARGE.subarray(0, 2_000_000);
const SMALL = Buffer.from('Ebb and flow, twice a day, and nothing outdated.\n');

let unavailable: string | undefined;
let server: Server | undefined;
let gate: RunningGate;
/** Range fields of the requests that came to the origin; `all`: none. */
let asked: string[] = [];

/** Bytes in which no two places look alike. */
function pseudoRandom(bytes: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes; at += 64) parts.push(createHash('sha512').update(String(at)).digest());
  return Buffer.concat(parts).subarray(0, bytes);
}

interface SendStream {
  on(event: 'headers', listener: (response: ServerResponse, path: string) => void): SendStream;
  pipe(response: ServerResponse): void;
}
type Send = (request: IncomingMessage, path: string, options: object) => SendStream;

beforeAll(async () => {
  unavailable = (await isInstalled('curl')) ? await installServers() : 'curl is not installed';
  if (unavailable !== undefined) return;
  for (const name of ['strong', 'weak']) {
    mkdirSync(join(folder.path, name));
    writeFileSync(join(folder.path, name, 'large.bin'), LARGE);
    writeFileSync(join(folder.path, name, 'medium.bin'), MEDIUM);
    writeFileSync(join(folder.path, name, 'small.txt'), SMALL);
    writeFileSync(join(folder.path, name, 'empty'), '');
  }
  const send = createRequire(serversFile('package.json'))('send') as Send;
  server = createServer((request, response) => {
    asked.push(request.headers.range ?? 'all');
    const path = (request.url ?? '/').split('?')[0] as string;
    const stream = send(request, path, { root: folder.path, maxAge: '1h' });
    if (path.startsWith('/strong/')) stream.on('headers', (answer) => answer.setHeader('etag', STRONG_TAG));
    stream.pipe(response);
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  gate = await startGate(
    resolveConfig({
      listen: { port: 0 },
      admin: { port: 0 },
      origins: { files: { url: `http://127.0.0.1:${portOf(server)}` } },
      log: { level: 'silent' },
    }),
  );
}, 150_000);

afterAll(async () => {
  await gate?.close({ grace: 0 });
  server?.closeAllConnections();
  server?.close();
  folder.remove();
});

beforeEach(async (context) => {
  context.skip(unavailable !== undefined, unavailable);
  asked = [];
  await gate.gate.purge({ kind: 'all' });
});

const STRONG_TAG = '"tide-1"';

interface Got {
  readonly status: number;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly cacheStatus: string;
}

async function curl(path: string, ...args: readonly string[]): Promise<Got> {
  const { stdout } = await runWell('curl', ['-s', '-i', '--noproxy', '*', ...args, `${gate.url}${path}`]);
  const end = stdout.indexOf('\r\n\r\n');
  const lines = stdout.subarray(0, end).toString('latin1').split('\r\n');
  const fields = Object.fromEntries(
    lines.slice(1).map((line) => {
      const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
      return [name.toLowerCase(), value];
    }),
  );
  const status = Number(lines[0]?.split(' ')[1]);
  return { status, fields, body: stdout.subarray(end + 4), cacheStatus: fields['cache-status'] ?? '' };
}

/** Not `toEqual`, which takes long over megabytes. */
function expectBytes(got: Buffer, expected: Buffer): void {
  expect(got.length).toBe(expected.length);
  expect(got.equals(expected)).toBe(true);
}

function expectPart({ status, fields, body }: Got, first: number, last: number): void {
  expect(status).toBe(206);
  expect(fields['content-range']).toBe(`bytes ${first}-${last}/${LARGE_BYTES}`);
  expect(fields['content-length']).toBe(String(last - first + 1));
  expectBytes(body, LARGE.subarray(first, last + 1));
}

interface BodyPart {
  readonly range: string | undefined;
  readonly bytes: Buffer;
}

/** The parts of a multipart/byteranges body (RFC 9110 §14.6). */
function partsOf({ fields, body }: Got): BodyPart[] {
  const [, boundary] = /^multipart\/byteranges; ?boundary="?([^"]+)"?$/.exec(fields['content-type'] ?? '') ?? [];
  const text = body.toString('latin1');
  expect(text.trimEnd().endsWith(`--${boundary}--`)).toBe(true);
  const pieces = text.split(`--${boundary}`).slice(1, -1);
  return pieces.map((piece) => {
    const head = piece.indexOf('\r\n\r\n');
    const [, range] = /content-range: (.*)\r\n/i.exec(piece.slice(0, head + 2)) ?? [];
    return { range, bytes: Buffer.from(piece.slice(head + 4, -2), 'latin1') };
  });
}

const LAST = LARGE_BYTES - 1;
/** What curl's `-r` says, and which bytes that are. */
const RANGES: readonly (readonly [name: string, range: string, first: number, last: number])[] = [
  ['the first bytes', '0-99', 0, 99],
  ['one byte', '0-0', 0, 0],
  ['bytes from the middle', '2000000-3999999', 2_000_000, 3_999_999],
  ['the last byte', `${LAST}-${LAST}`, LAST, LAST],
  ['an open end', '5000000-', 5_000_000, LAST],
  ['a suffix', '-4096', LARGE_BYTES - 4096, LAST],
  ['an end beyond that of the file', '5242000-9999999', 5_242_000, LAST],
];

describe('a static file server behind the gate, nothing stored', { timeout: 30_000 }, () => {
  test.each(RANGES)('%s', async (...[, range, first, last]) => {
    expectPart(await curl('/strong/large.bin', '-r', range), first, last);
  });

  test('the whole file', async () => {
    const got = await curl('/strong/large.bin');
    expect(got.status).toBe(200);
    expect(got.cacheStatus).toMatch(/fwd=uri-miss; .*stored/);
    expectBytes(got.body, LARGE);
  });

  test('several ranges: what the server makes of them', async () => {
    const got = await curl('/strong/large.bin', '-r', '0-9,100-109');
    expect(got.status).toBe(200);
    expectBytes(got.body, LARGE);
  });

  test('no range to be had', async () => {
    const got = await curl('/strong/large.bin', '-r', `${LARGE_BYTES}-`);
    expect([got.status, got.fields['content-range']]).toEqual([416, `bytes */${LARGE_BYTES}`]);
  });

  test('If-Range: right and wrong', async () => {
    const right = await curl('/strong/large.bin', '-r', '10-19', '-H', `If-Range: ${STRONG_TAG}`);
    expectPart(right, 10, 19);
    const wrong = await curl('/strong/large.bin', '-r', '10-19', '-H', 'If-Range: "another"');
    expect(wrong.status).toBe(200);
    expectBytes(wrong.body, LARGE);
  });
});

describe('a static file server behind the gate, the file stored', { timeout: 30_000 }, () => {
  beforeEach(async () => {
    expectBytes((await curl('/strong/large.bin')).body, LARGE);
    asked = [];
  });

  test.each(RANGES)('%s', async (...[, range, first, last]) => {
    const got = await curl('/strong/large.bin', '-r', range);
    expectPart(got, first, last);
    expect(got.cacheStatus).toMatch(/^tidegate; hit; ttl=/);
    expect(asked).toEqual([]);
  });

  // `send` itself answers 416 here, against RFC 9110 §14.1.2.
  test('a suffix longer than the file', async () => {
    expectPart(await curl('/strong/large.bin', '-r', `-${LARGE_BYTES * 2}`), 0, LAST);
    expect(asked).toEqual([]);
  });

  test('the whole file', async () => {
    const got = await curl('/strong/large.bin');
    expect([got.status, got.cacheStatus.split(';')[1], asked]).toEqual([200, ' hit', []]);
    expectBytes(got.body, LARGE);
  });

  test('several ranges', async () => {
    await curl('/strong/medium.bin');
    const got = await curl('/strong/medium.bin', '-r', '0-9,1000000-1000999,-5');
    const parts = partsOf(got);
    expect([got.status, asked]).toEqual([206, ['all']]);
    const wanted = ['0-9', '1000000-1000999', '1999995-1999999'].map((range) => `bytes ${range}/2000000`);
    expect(parts.map(({ range }) => range)).toEqual(wanted);
    const runs = [MEDIUM.subarray(0, 10), MEDIUM.subarray(1_000_000, 1_001_000), MEDIUM.subarray(-5)];
    expectBytes(Buffer.concat(parts.map(({ bytes }) => bytes)), Buffer.concat(runs));
    expect((await curl('/strong/large.bin', '-r', '0-9,100-109')).status).toBe(200);
  });

  test('no range to be had', async () => {
    const got = await curl('/strong/large.bin', '-r', `${LARGE_BYTES}-`);
    expect([got.status, got.fields['content-range'], asked]).toEqual([416, `bytes */${LARGE_BYTES}`, []]);
  });

  test('If-Range: right and wrong', async () => {
    const right = await curl('/strong/large.bin', '-r', '10-19', '-H', `If-Range: ${STRONG_TAG}`);
    expectPart(right, 10, 19);
    const wrong = await curl('/strong/large.bin', '-r', '10-19', '-H', 'If-Range: "another"');
    expect([wrong.status, asked]).toEqual([200, []]);
    expectBytes(wrong.body, LARGE);
  });

  test('curl resumes a download that broke off', async () => {
    const part = join(folder.path, 'download');
    writeFileSync(part, LARGE.subarray(0, 3_000_000));
    const { stdout } = await runWell('curl', [
      '-s',
      '--noproxy',
      '*',
      '-C',
      '-',
      '-o',
      part,
      '-w',
      '%{http_code}',
      `${gate.url}/strong/large.bin`,
    ]);
    expect([stdout.toString(), asked]).toEqual(['206', []]);
    expectBytes((await runWell('cat', [part])).stdout, LARGE);
  });

  test('not modified', async () => {
    const { status, body } = await curl('/strong/large.bin', '-H', `If-None-Match: ${STRONG_TAG}`);
    expect([status, body.length, asked]).toEqual([304, 0, []]);
  });
});

describe('parts first, the whole file later', { timeout: 30_000 }, () => {
  test('under a strong entity tag only what is missing is fetched', async () => {
    expectPart(await curl('/strong/large.bin', '-r', '0-1999999'), 0, 1_999_999);
    // Lies within the stored part.
    const within = await curl('/strong/large.bin', '-r', '1000-1999');
    expectPart(within, 1_000, 1_999);
    expect(within.cacheStatus).toMatch(/^tidegate; hit/);
    const whole = await curl('/strong/large.bin');
    expect(whole.status).toBe(200);
    expectBytes(whole.body, LARGE);
    expect(asked).toEqual(['bytes=0-1999999', 'bytes=2000000-']);
    const again = await curl('/strong/large.bin');
    expect([again.status, again.cacheStatus.split(';')[1], asked.length]).toEqual([200, ' hit', 2]);
  });

  test('parts that touch become one', async () => {
    await curl('/strong/large.bin', '-r', '0-999999');
    await curl('/strong/large.bin', '-r', '1000000-2999999');
    const across = await curl('/strong/large.bin', '-r', '900000-1100000');
    expectPart(across, 900_000, 1_100_000);
    expect(across.cacheStatus).toMatch(/^tidegate; hit/);
    expectBytes((await curl('/strong/large.bin')).body, LARGE);
    expect(asked.at(-1)).toBe('bytes=3000000-');
  });

  test('under a weak entity tag the whole file is fetched', async () => {
    expectPart(await curl('/weak/large.bin', '-r', '0-1999999'), 0, 1_999_999);
    const whole = await curl('/weak/large.bin');
    expect(whole.status).toBe(200);
    expectBytes(whole.body, LARGE);
    expect(asked).toEqual(['bytes=0-1999999', 'all']);
  });

  test('small and empty files', async () => {
    for (const _ of ['from the server', 'from the cache']) {
      expectBytes((await curl('/weak/small.txt')).body, SMALL);
      expectBytes((await curl('/weak/small.txt', '-r', '4-6')).body, SMALL.subarray(4, 7));
      const empty = await curl('/weak/empty');
      expect([empty.status, empty.body.length, empty.fields['content-length']]).toEqual([200, 0, '0']);
      expect((await curl('/weak/empty', '-r', '0-1')).status).toBe(416);
    }
    expect(asked).toEqual(['all', 'all']);
  });
});
