// `tidegate doctor`: what it finds in configurations, origins, databases and gates that are not as they should be, and that each
// finding says how to mend it.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { AdminDeps } from '../../src/admin/contract.ts';
import type { EntrySummary } from '../../src/engine/contract.ts';
import { startAdmin } from '../../src/node/operator/admin-server.ts';
import { DOCTOR } from '../../src/node/operator/cli/doctor-command.ts';
import type { Finding } from '../../src/node/operator/doctor/finding.ts';
import { adminBounds, ENTRY, fakeGate, STATS } from '../admin/fake-gate.ts';
import { certificateFiles } from '../kit/certificates.ts';
import { runCommand } from '../kit/run-command.ts';
import { freePort, tempFolder } from '../runtime/node/kit.ts';

async function origin(listener: RequestListener = (_request, response) => response.end()): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function folder(): string {
  const { path, remove } = tempFolder();
  onTestFinished(remove);
  return path;
}

function configFile(config: object, at = folder()): string {
  const file = join(at, 'tidegate.config.json');
  writeFileSync(file, JSON.stringify(config));
  return file;
}

interface Report {
  readonly code: number;
  readonly errors: number;
  readonly warnings: number;
  readonly findings: readonly Finding[];
}

/** Of a gate that is not there, unless `args` name one. */
async function examined(config: object | string, ...args: string[]): Promise<Report> {
  const file = typeof config === 'string' ? config : configFile(config);
  const { code, out, err } = await runCommand([DOCTOR], ['doctor', file, '--json', ...args]);
  expect(err).toBe('');
  const report = { code, ...(JSON.parse(out) as Omit<Report, 'code'>) };
  for (const { level, mend } of report.findings) expect(mend === undefined).toBe(level === 'fine');
  expect(report.code).toBe(report.errors > 0 ? 1 : 0);
  return report;
}

const of = ({ findings }: Report, area: Finding['area']) => findings.filter((one) => one.area === area);

describe('configuration and origins', () => {
  test('a gate without anything amiss', async () => {
    const report = await examined({
      origins: { app: { url: await origin() } },
      disk: { path: 'cache', maxBytes: 2 ** 20 },
    });
    expect([report.code, report.errors, report.warnings]).toEqual([0, 0, 0]);
    expect(of(report, 'origin')[0]?.what).toMatch(/^app: 200 to HEAD \/ in \d+ ms$/);
    expect(of(report, 'gate')[0]?.what).toContain('no running gate was asked');
  });

  test('a configuration that is refused is the one finding', async () => {
    const report = await examined({ origins: { app: { url: 'http://127.0.0.1:1' } }, routs: [] });
    expect(of(report, 'configuration')).toMatchObject([{ level: 'error', what: expect.stringContaining('routs') }]);
    expect(of(report, 'origin')).toEqual([]);
  });

  test('an origin where nothing listens, one that fails, and one whose host is none', async () => {
    const failing = await origin((_request, response) => response.writeHead(503).end());
    const report = await examined({
      origins: {
        none: { url: `http://127.0.0.1:${await freePort()}` },
        failing: { url: failing },
        unnamed: { url: 'http://none.invalid' },
      },
      routes: [{ origin: 'none' }],
    });
    const found = of(report, 'origin');
    expect(found.map(({ level }) => level)).toEqual(['error', 'error', 'error']);
    expect(found[0]?.mend).toContain('nothing listens there');
    expect(found[1]?.what).toContain('failing: 503');
    expect(found[2]?.mend).toMatch(/DNS/);
  });

  test('an origin whose clock is wrong, and one without Date', async () => {
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    const late = await origin((_request, response) => response.setHeader('date', date).end());
    const undated = await origin((_request, response) => {
      response.sendDate = false;
      response.end();
    });
    const report = await examined({
      origins: { late: { url: late }, undated: { url: undated } },
      routes: [{ origin: 'late' }],
    });
    expect(of(report, 'clock')).toMatchObject([
      { level: 'warning', what: expect.stringMatching(/^late: its clock is 3(599|600|601) s behind this machine's$/) },
      { level: 'warning', what: 'undated sends no Date that can be read' },
    ]);
    expect(report.code).toBe(0);
  });

  test('an origin with TLS: an authority that is not trusted, and the days of its certificate', async () => {
    const { cert, key, pem } = await certificateFiles('localhost');
    const server = createTlsServer(pem, (_request, response) => response.end()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const url = `https://localhost:${(server.address() as AddressInfo).port}`;
    const strange = await examined({ origins: { app: { url } } });
    expect(of(strange, 'origin')).toMatchObject([{ level: 'error', mend: expect.stringContaining('tls.ca') }]);
    const listen = { tls: { certificates: [{ cert, key }] } };
    const trusted = await examined({ origins: { app: { url, tls: { ca: cert } } }, listen });
    expect(of(trusted, 'origin')).toMatchObject([{ level: 'fine' }]);
    expect(of(trusted, 'certificate').map(({ what }) => what)).toEqual([
      expect.stringMatching(/valid for -?\d+ days more$/),
      expect.stringMatching(/^origin app: valid for -?\d+ days more$/),
    ]);
  });

  test('a disk with less room than it may take', async () => {
    const report = await examined({
      origins: { app: { url: await origin() } },
      disk: { path: 'cache', maxBytes: 2 ** 50 },
    });
    expect(of(report, 'disk')).toMatchObject([{ level: 'warning', mend: expect.stringContaining('disk.maxBytes') }]);
  });
});

describe('routes', () => {
  const routes = async (...some: object[]) =>
    of(await examined({ origins: { app: { url: await origin() } }, routes: some }), 'routes');

  test('a route that gives freshness and says nothing of cookies', async () => {
    expect(await routes({ name: 'all', ttl: '1m' })).toMatchObject([
      { level: 'warning', what: expect.stringContaining('requests with any cookie go past the cache') },
    ]);
    expect(await routes({ name: 'all' })).toMatchObject([{ level: 'fine' }]);
  });

  test('ignored cookies, and what personal answers they would have stored; a bypass rule settles that', async () => {
    const ignoring = { name: 'all', ttl: '1m', cookies: { drop: 'all' } };
    const found = await routes(ignoring);
    expect(found.map(({ what }) => what)).toEqual([
      expect.stringContaining('cookies or Authorization are ignored'),
      expect.stringContaining('/account, /me, /cart'),
    ]);
    const settled = await routes({ ...ignoring, bypass: [{ path: '/*' }] });
    expect(settled.map(({ what }) => what)).not.toContainEqual(expect.stringContaining('/account'));
  });

  test('Set-Cookie that is taken off', async () => {
    expect(await routes({ name: 'all', response: { remove: ['Set-Cookie'] } })).toMatchObject([
      { level: 'warning', what: expect.stringContaining('Set-Cookie is taken from answers') },
    ]);
  });
});

describe('databases', () => {
  test('a feed that is not installed, and a file that is none', async () => {
    const at = folder();
    const database = new DatabaseSync(join(at, 'shop.db'));
    database.exec('CREATE TABLE users (id INTEGER PRIMARY KEY NOT NULL, name TEXT)');
    database.close();
    writeFileSync(join(at, 'text.db'), 'no database, but a text that is long enough to be read as one');
    const file = configFile(
      {
        origins: { app: { url: await origin() } },
        sources: { shop: { sqlite: 'shop.db' }, text: { sqlite: 'text.db' } },
      },
      at,
    );
    const found = of(await examined(file), 'feed');
    expect(found.length).toBeGreaterThanOrEqual(2);
    expect(found.every(({ level }) => level === 'error')).toBe(true);
    expect(found.find(({ what }) => what.startsWith('shop:'))?.mend).toContain('tidegate feed install shop');
    expect(found.find(({ what }) => what.startsWith('text:'))?.mend).toContain('look whether the database runs');
  });
});

describe('a running gate', () => {
  async function running(overrides: Partial<AdminDeps>): Promise<Report> {
    const { deps } = fakeGate(overrides);
    const admin = await startAdmin({ ...adminBounds(), port: 0, api: createAdminApi(deps) });
    onTestFinished(() => admin.close());
    return examined({ origins: { app: { url: await origin() } } }, '--admin', admin.url);
  }

  const gateWith = (stats: object) => ({ ...fakeGate().deps.gate, stats: () => ({ ...STATS, ...stats }) });

  test('one that is named and not there is an error', async () => {
    const report = await examined(
      { origins: { app: { url: await origin() } } },
      '--admin',
      `http://127.0.0.1:${await freePort()}`,
    );
    expect(of(report, 'gate')).toMatchObject([{ level: 'error', mend: expect.stringContaining('--admin') }]);
  });

  test('says what goes past the cache, what is not stored, and what fails', async () => {
    const requests = { ...STATS.requests, hit: 400, error: 300, miss: 300 };
    const details = { ...STATS.details, credentials: 500 };
    const report = await running({ gate: gateWith({ requests, details, refusedStores: { 'set-cookie': 400 } }) });
    expect(of(report, 'routes').filter(({ level }) => level === 'warning')).toMatchObject([
      { what: expect.stringMatching(/^49\.\d % of requests went past the cache/) },
      { what: expect.stringMatching(/% of answers were not stored: set-cookie$/) },
    ]);
    expect(of(report, 'gate')).toContainEqual(expect.objectContaining({ level: 'error' }));
  });

  test("asks of a tenant's source what that tenant has", async () => {
    const state = { leftMs: 0, reports: 4, gaps: 1, expirations: 0, heardMs: 65_000, live: true, lagMs: 5 };
    const base = fakeGate().deps;
    const sources = { ...base.sources, sources: () => [{ ...state, source: 'shop\nacme' }] };
    const { deps } = fakeGate({ sources });
    const own = createAdminApi(deps);
    const paths: string[] = [];
    const api: typeof own = (request) => {
      if (!request.path.startsWith('/tenants/')) return own(request);
      paths.push(`${request.path}?${decodeURIComponent(request.query)}`);
      return own({ ...request, path: '/entries' });
    };
    const admin = await startAdmin({ ...adminBounds(), port: 0, api });
    onTestFinished(() => admin.close());
    const report = await examined({ origins: { app: { url: await origin() } } }, '--admin', admin.url);
    expect(paths).toEqual(['/tenants/acme/entries?tag=tg-source:shop&limit=1']);
    expect(of(report, 'feed').map(({ what }) => what)).toContain('source shop of tenant acme is heard of, 5 ms behind');
  });

  test('says of a source that it is not heard of, and of one that reports while nothing is recorded', async () => {
    const state = { leftMs: 0, reports: 4, gaps: 1, expirations: 0, heardMs: 65_000 };
    const sources = () => [
      { ...state, source: 'shop', live: false },
      { ...state, source: 'idle', live: true, lagMs: 5 },
    ];
    const base = fakeGate().deps;
    const list: AdminDeps['gate']['list'] = async (query) =>
      query.tag === 'tg-source:idle' ? { entries: [] } : base.gate.list(query);
    const report = await running({ sources: { ...base.sources, sources }, gate: { ...base.gate, list } });
    expect(of(report, 'feed').filter(({ what }) => what.startsWith('source'))).toMatchObject([
      { level: 'error', what: 'source shop: not heard of for 65 s' },
      { level: 'fine', what: 'source idle is heard of, 5 ms behind' },
    ]);
    expect(of(report, 'routes')).toContainEqual(
      expect.objectContaining({
        level: 'warning',
        what: expect.stringMatching(/^source idle reports changes, but no stored answer/),
      }),
    );
  });
});

describe('stored answers of an origin', () => {
  const entry = (uri: string, tags: readonly string[]) => ({ ...ENTRY, uri, tags });
  const state = { source: 'shop', live: true, leftMs: 0, reports: 4, gaps: 1, expirations: 0, heardMs: 65 };

  async function warnings(entries: readonly EntrySummary[]): Promise<string[]> {
    const base = fakeGate().deps;
    const { deps } = fakeGate({
      sources: { ...base.sources, sources: () => [state] },
      gate: { ...base.gate, list: async () => ({ entries }) },
    });
    const admin = await startAdmin({ ...adminBounds(), port: 0, api: createAdminApi(deps) });
    onTestFinished(() => admin.close());
    const report = await examined({ origins: { app: { url: await origin() } } }, '--admin', admin.url);
    return of(report, 'routes').flatMap(({ level, what }) => (level === 'warning' ? [what] : []));
  }

  test('that are in part read from a tracked source are told, with one that is not', async () => {
    const tracked = entry('http://example.org/a', ['q1', 'tg-source:shop']);
    const other = entry('http://example.org/b', []);
    expect(await warnings([tracked, other])).toEqual([
      expect.stringMatching(/^origin demo: 1 of 2 stored answers were read from no tracked source.*example.org\/b$/),
    ]);
    expect(await warnings([tracked])).toEqual([]);
    expect(await warnings([other])).toEqual([]);
  });
});

test('people get a line for each finding, and how to mend it below', async () => {
  const file = configFile({ origins: { app: { url: await origin() } }, routes: [{ name: 'all', ttl: '1m' }] });
  const { code, out } = await runCommand([DOCTOR], ['doctor', file]);
  expect(code).toBe(0);
  expect(out).toMatch(/^ok {8}configuration: is right$/m);
  expect(out).toMatch(/^warning {3}routes: route all: requests with any cookie .*\n {10}mend: name cookies/m);
  expect(out).toMatch(/\n\n0 errors, 1 warning$/);
});
