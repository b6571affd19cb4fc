import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { GateRequest } from '../../src/engine/contract.ts';
import type { PopulateItem } from '../../src/engine/populate/item.ts';
import type { EntryNote } from '../../src/entry/stored-response.ts';
import { TidegateError } from '../../src/errors.ts';
import { readSitemap } from '../../src/node/populate/sitemap.ts';
import { fromSitemap, fromStores, portionsOf, type Source, type SourceDeps } from '../../src/node/populate/sources.ts';
import type { Origin } from '../../src/ports.ts';
import { requestOf, routeTo } from '../kit/clients.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';

const URL_OF_IT = 'http://example.org/sitemap.xml';

const urlset = (inner: string) =>
  `<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${inner}</urlset>`;
const url = (loc: string, more = '') => `<url><loc>${loc}</loc>${more}</url>`;
const read = (text: string | Buffer, chunk = 7) =>
  readSitemap(URL_OF_IT, Readable.from(chunksOf(Buffer.from(text), chunk)));

function* chunksOf(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

describe('a sitemap', () => {
  test('gives its URLs, by their priority, whatever the size of its chunks', async () => {
    const text = urlset(
      `${url(' http://Example.org/a?x=1&amp;y=ä#f ').replace('ä', '%C3%A4')}${url('http://example.org/b', '<priority>1.0</priority>')}` +
        `${url('<![CDATA[http://example.org/c]]>', '<image:image><image:loc>http://example.org/i.png</image:loc></image:image>')}`,
    );
    for (const size of [1, 7, 100_000]) {
      expect((await read(text, size)).items).toEqual([
        { uri: 'http://example.org/a?x=1&y=%C3%A4', hits: 1 },
        { uri: 'http://example.org/b', hits: 2 },
        { uri: 'http://example.org/c', hits: 1 },
      ]);
    }
  });

  test('may be compressed', async () => {
    const { items } = await read(gzipSync(urlset(url('http://example.org/a'))));
    expect(items).toHaveLength(1);
  });

  test('names URLs of its own host only', async () => {
    const { items, refused } = await read(
      urlset(url('http://other.test/a') + url('https://example.org/b') + url('http://example.org:81/c') + url('/d')),
    );
    expect(items.map(({ uri }) => uri)).toEqual(['https://example.org/b']);
    expect(refused.map(({ reason }) => reason)).toEqual(['other-host', 'other-host', 'not-a-url']);
  });

  test.each([
    ['of 100 MB', () => Readable.from(big()), 'expected at most 52428800 bytes without compression, got more'],
    [
      'of 100 MB, compressed',
      () => Readable.from([gzipSync(Buffer.concat([...big()]), { level: 1 })]),
      'expected at most 52428800 bytes',
    ],
    [
      'of 50,001 URLs',
      () => Readable.from([Buffer.from(urlset(url('http://example.org/a').repeat(50_001)))]),
      'expected at most 50000 URLs',
    ],
    [
      'that is cut',
      () => Readable.from([Buffer.from('<urlset><url><loc>http://example.org/a</loc></url>')]),
      'expected XML of a sitemap',
    ],
    [
      'that is HTML',
      () => Readable.from([Buffer.from('<html><body>')]),
      'expected urlset or sitemapindex as the root element, got html',
    ],
    [
      'with a root of a long name',
      () => Readable.from([Buffer.from(`<${'x'.repeat(1_000_000)}>`)]),
      'expected urlset or sitemapindex as the root element, got "xxxx',
    ],
    ['that is nothing', () => Readable.from([Buffer.from('')]), 'expected XML of a sitemap'],
    [
      'with a document type',
      () => Readable.from([Buffer.from('<!DOCTYPE a [<!ENTITY b "c">]><urlset/>')]),
      'expected no document type',
    ],
    [
      'with elements 20 deep',
      () => Readable.from([Buffer.from(urlset('<a>'.repeat(19) + '</a>'.repeat(19)))]),
      'expected elements 16 deep at most',
    ],
    [
      'with 65 attributes of a tag',
      () =>
        Readable.from([Buffer.from(urlset(`<url${Array.from({ length: 65 }, (_, at) => ` a${at}=""`).join('')}/>`))]),
      'expected at most 64 attributes of a tag',
    ],
    ['that is not UTF-8', () => Readable.from([Buffer.from([0x3c, 0xff, 0xfe])]), 'expected XML of a sitemap'],
    ['with broken compression', () => Readable.from([Buffer.from([0x1f, 0x8b, 1, 2, 3])]), 'expected XML of a sitemap'],
  ])(
    '%s is refused',
    async (_, body, message) => {
      await expect(readSitemap(URL_OF_IT, body())).rejects.toMatchObject({
        code: 'E_POPULATE',
        message: expect.stringContaining(message),
      });
    },
    30_000,
  );
});

const BLANKS = Buffer.alloc(1024 * 1024, ' ');

function* big(): Generator<Buffer> {
  yield Buffer.from('<urlset>');
  for (let mb = 0; mb < 100; mb++) yield BLANKS;
}

/** An origin that has these documents at once, on the host example.org. */
function documents(bodies: Readonly<Record<string, string>>, status = 200) {
  const asked: string[] = [];
  const turns: string[] = [];
  const origin: Origin = {
    forward: ({ target }, listener) => {
      asked.push(target);
      queueMicrotask(() => {
        listener.head({ status, fields: ['content-type', 'application/xml', 'location', 'http://other.test/'] }, true);
        listener.data(Buffer.from(bodies[target] ?? ''));
        listener.end([]);
      });
      return { pause() {}, resume() {}, abort() {} };
    },
  };
  const toGate = ({ uri }: PopulateItem): GateRequest | undefined => {
    const { host, pathname } = new URL(uri);
    return host === 'example.org' ? requestOf(routeTo(origin), { path: pathname }) : undefined;
  };
  const deps: SourceDeps = {
    requestOf: toGate,
    stores: [],
    usesOf: () => 0,
    turnAt: async (name) => void turns.push(name),
  };
  return { deps, asked, turns };
}

async function all(source: Source) {
  const items: PopulateItem[] = [];
  const refused: string[] = [];
  for await (const portion of source) {
    items.push(...portion.items);
    refused.push(...(portion.refused ?? []).map(({ reason }) => reason));
  }
  return { paths: items.map(({ uri }) => new URL(uri).pathname), items, refused };
}

const index = (...locs: string[]) =>
  `<sitemapindex>${locs.map((loc) => `<sitemap><loc>http://example.org${loc}</loc></sitemap>`).join('')}</sitemapindex>`;

describe('a sitemap as a source', () => {
  test('is asked from its origin, an index with all that it names, each once', async () => {
    const { deps, asked } = documents({
      '/s': index('/1', '/2', '/s'),
      '/1': urlset(url('http://example.org/a') + url('http://other.test/')),
      '/2': urlset(url('http://example.org/b')),
    });
    const { items, refused } = await all(fromSitemap('http://example.org/s', deps, ['accept-language', 'de']));
    expect(items.map(({ uri, fields }) => [uri, fields?.[1]])).toEqual([
      ['http://example.org/a', 'de'],
      ['http://example.org/b', 'de'],
    ]);
    expect([asked, refused]).toEqual([['/s', '/1', '/2'], ['other-host']]);
  });

  test('is refused when indexes go too deep', async () => {
    const { deps } = documents({ '/s': index('/1'), '/1': index('/2'), '/2': index('/3') });
    await expect(all(fromSitemap('http://example.org/s', deps))).rejects.toThrow(/expected indexes of sitemaps 3 deep/);
  });

  test('is refused when its indexes name too many', async () => {
    const many = Array.from({ length: 50_000 }, (_, at) => `/m${at}`);
    const { deps, asked } = documents({ '/s': index('/1'), '/1': index(...many) });
    await expect(all(fromSitemap('http://example.org/s', deps))).rejects.toThrow(/expected at most 50000 sitemaps of/);
    expect(asked).toEqual(['/s', '/1']);
  });

  test('takes a turn at its origin for each document', async () => {
    const { deps, turns } = documents({ '/s': index('/1', '/2'), '/1': urlset(''), '/2': urlset('') });
    await all(fromSitemap('http://example.org/s', deps));
    expect(turns).toHaveLength(3);
  });

  test('whose origin fails before it answers ends with that error, and nothing else does', async () => {
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => void unhandled.push(error);
    process.on('uncaughtException', listener);
    onTestFinished(() => void process.off('uncaughtException', listener));
    const error = new TidegateError('E_ORIGIN_RESET', 'expected an answer, got none');
    const origin: Origin = {
      forward: (_, { failed }) => {
        queueMicrotask(() => failed(error));
        return { pause() {}, resume() {}, abort() {} };
      },
    };
    const deps = { ...documents({}).deps, requestOf: () => requestOf(routeTo(origin), { path: '/s' }) };
    await expect(all(fromSitemap('http://example.org/s', deps))).rejects.toBe(error);
    await new Promise((turn) => setImmediate(turn));
    expect(unhandled).toEqual([]);
  });

  test('on a host that no route has is never asked for', async () => {
    const { deps, asked } = documents({});
    await expect(all(fromSitemap('http://169.254.169.254/s', deps))).rejects.toMatchObject({ code: 'E_POPULATE' });
    expect(asked).toEqual([]);
  });

  test.each([301, 404, 500])('is refused when the origin answers %i; redirects are not followed', async (status) => {
    const { deps, asked } = documents({}, status);
    const message = `http://example.org/s: expected 200 from its origin, got ${status}`;
    await expect(all(fromSitemap('http://example.org/s', deps))).rejects.toThrow(message);
    expect(asked).toEqual(['/s']);
  });
});

/** Named by the manifest alone. */
const ELSEWHERE: readonly EntryNote[] = [
  {
    kind: 'response',
    key: '- demo GET http://example.org/c',
    ...{ epoch: 'e', stamp: 1, status: 200, tags: [], bodyBytes: 1, bornMs: 0, lifetimeMs: 1 },
  } as EntryNote,
];

describe('other sources', () => {
  test('a file has a URL or JSON a line', async () => {
    const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'urls');
    const json = { url: 'http://example.org/b', fields: { Accept: 'text/html' }, hits: 3 };
    writeFileSync(file, `# first\r\nhttp://Example.org/a\n\n${JSON.stringify(json)}\n{"url":\nftp://x/\n/c\n`);
    const { items, refused } = await all(portionsOf({ kind: 'file', name: file }, documents({}).deps));
    expect(items).toEqual([
      { uri: 'http://example.org/a' },
      { uri: 'http://example.org/b', fields: ['accept', 'text/html'], hits: 3 },
    ]);
    expect(refused).toEqual(Array(3).fill('not-a-url'));
    await expect(all(portionsOf({ kind: 'file', name: `${file}.none` }, documents({}).deps))).rejects.toMatchObject({
      code: 'E_POPULATE',
    });
  });

  test('what is stored gives the requests that found it, the used ones first among all', async () => {
    const bench = gateBench();
    for (const language of ['de', 'en']) {
      bench.get('/a', ['accept-language', language]);
      bench.origin.last.answer(200, [...FRESH, 'vary', 'accept-language', 'cache-tag', 't'], language);
    }
    bench.get('/b');
    bench.origin.last.answer(200, FRESH, 'b');
    bench.get('/b');
    const deps: SourceDeps = {
      requestOf: () => undefined,
      // The disk names what is in memory, too.
      stores: [bench.memory, { find: (selector) => [...bench.memory.find(selector), ...ELSEWHERE] }],
      usesOf: (key) => bench.memory.usesOf(key),
      turnAt: async () => {},
    };
    const { items } = await all(fromStores([{ kind: 'all' }], deps));
    const uri = 'http://example.org/a';
    expect(items.sort((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1))).toEqual([
      { uri, fields: ['accept-language', 'de'], hits: 1 },
      { uri, fields: ['accept-language', 'en'], hits: 1 },
      { uri: 'http://example.org/b', hits: 2 },
      { uri: 'http://example.org/c', hits: 1 },
    ]);
  });
});
