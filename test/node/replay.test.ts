// `tidegate replay`: logs of each format, what a gate would have had, and what is said of what the log does not show.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { REPLAY } from '../../src/node/operator/cli/replay-command.ts';
import type { ReplayReport } from '../../src/node/operator/replay/replay.ts';
import { runCommand } from '../kit/run-command.ts';
import { tempFolder } from '../runtime/node/kit.ts';

function fileOf(content: string | Buffer, name = 'access.log'): string {
  const { path, remove } = tempFolder();
  onTestFinished(remove);
  writeFileSync(join(path, name), content);
  return join(path, name);
}

const replay = (...args: string[]) => runCommand([REPLAY], ['replay', ...args]);

async function reportOf(content: string | Buffer, ...args: string[]): Promise<ReplayReport> {
  const { code, out, err } = await replay(fileOf(content), '--json', ...args);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out) as ReplayReport;
}

/** Hit ratio, by TTL, where no request of unknown credentials had any. */
const ratios = ({ lifetimes }: ReplayReport) =>
  Object.fromEntries(lifetimes.map(({ ttl, most }) => [ttl, most.hitRatio]));

/** A line of nginx, some seconds after noon. */
function line(second: number, request: string, { status = 200, bytes = 1000, user = '-', rest = '' } = {}): string {
  const time = new Date(Date.UTC(2026, 9, 10, 12) + second * 1000).toISOString().slice(11, 19);
  return `192.0.2.1 - ${user} [10/Oct/2026:${time} +0000] "${request} HTTP/1.1" ${status} ${bytes} "-" "curl/8"${rest}`;
}

describe('the combined format', () => {
  test('gives hits within the TTL, and origin time by the number behind the usual fields', async () => {
    const log = [0, 30, 90, 100].map((at) => line(at, 'GET /a', { rest: ' 0.250' })).join('\n');
    const report = await reportOf(log, '--ttl', '1m,1h', '--anonymous');
    expect(ratios(report)).toEqual({ '1m': 0.5, '1h': 0.75 });
    expect(report).toMatchObject({ requests: 4, urls: 1, originMs: 1000, timed: 4, unknownCredentials: 4 });
    expect(report.lifetimes.map(({ most }) => [most.originRequests, most.originMs])).toEqual([
      [2, 500],
      [1, 250],
    ]);
    expect((report.toMs as number) - (report.fromMs as number)).toBe(100_000);
  });

  test.each([
    [' 0.250', 250],
    [' 250000', 250],
    [' rt=0.250 urt="0.200"', 250],
    [' "192.0.2.7, 198.51.100.1"', null],
    ['', null],
  ])('with %j behind the usual fields took %d ms', async (rest, originMs) => {
    expect((await reportOf(line(0, 'GET /', { rest }))).originMs).toBe(originMs);
  });

  test('takes the common format, hosts before the address, whole URLs and escaped quotes', async () => {
    const log = [
      '192.0.2.1 - - [10/Oct/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 10',
      'a.example:443 192.0.2.1 - - [10/Oct/2026:12:00:00 +0000] "GET /a HTTP/1.1" 200 10 "-" "x \\"y\\""',
      '192.0.2.1 - - [10/Oct/2026:14:00:00 +0200] "GET http://a.example:443/a HTTP/1.1" 200 10 "-" "x"',
    ].join('\n');
    const report = await reportOf(log);
    expect(report).toMatchObject({ requests: 3, urls: 2, unread: { lines: 0 }, fromMs: report.toMs });
  });

  test('counts what it cannot read, with examples, and escapes these', async () => {
    const file = fileOf([line(0, 'GET /a'), 'boo \u001b[2J', line(1, '\\x16\\x03'), line(2, 'GET /a')].join('\n'));
    const { code, out } = await replay(file);
    expect(code).toBe(0);
    expect(out).toContain('2 lines not read:\n  line 2: expected a line in the combined format');
    expect(out).toContain('line 3: expected a request such as GET /path HTTP/1.1');
    expect(out).not.toContain('\u001b');
  });

  test('gives no hits for certain, since it does not show cookies', async () => {
    const log = [line(0, 'GET /a'), line(1, 'GET /a'), line(2, 'GET /a', { user: 'ann' })].join('\n');
    const report = await reportOf(log, '--ttl', '1h');
    expect(report).toMatchObject({ requests: 3, unknownCredentials: 2 });
    const [{ most, least } = { most: undefined }] = report.lifetimes;
    expect([most?.hitRatio, most?.bypassed, least?.hitRatio, least?.bypassed]).toEqual([1 / 3, 1, 0, 3]);
    const { out } = await replay(fileOf(log), '--ttl', '1h');
    expect(out).toContain('0.0 % - 33.3 %');
    expect(out).toContain('credentials: not known of 2 of 3 requests');
  });
});

describe('what a gate does', () => {
  test('writes invalidate, failed ones of a client do not', async () => {
    const write = (status: number) => line(1, 'POST /a', { status });
    const log = (status: number) => [line(0, 'GET /a'), write(status), line(2, 'GET /a')].join('\n');
    expect(ratios(await reportOf(log(303), '--ttl', '1h'))).toEqual({ '1h': 0 });
    expect(ratios(await reportOf(log(503), '--ttl', '1h'))).toEqual({ '1h': 0 });
    expect(ratios(await reportOf(log(422), '--ttl', '1h'))).toEqual({ '1h': 1 / 3 });
  });

  test('errors are not stored, a 304 is asked for whole, HEAD and parts are answered from what is stored', async () => {
    const log = [
      ...[0, 1].map((at) => line(at, 'GET /none', { status: 404 })),
      ...[2, 3].map((at) => line(at, 'GET /a', { status: 304, bytes: 0 })),
      line(4, 'HEAD /a', { bytes: 0 }),
      ...[5, 6].map((at) => line(at, 'GET /a', { status: 206, bytes: 10 })),
      ...[7, 8].map((at) => line(at, 'GET /part', { status: 206, bytes: 10 })),
    ].join('\n');
    const [{ most } = { most: undefined }] = (await reportOf(log, '--ttl', '1h')).lifetimes;
    expect([most?.hitRatio, most?.originRequests]).toEqual([4 / 9, 5]);
  });

  test('memory is bounded, and what is too large for it is not stored', async () => {
    const urls = Array.from({ length: 50 }, (_, at) => at);
    const log = [...urls, ...urls].map((at, second) => line(second, `GET /${at}`, { bytes: 10_000 })).join('\n');
    const roomy = (await reportOf(log, '--ttl', '1h')).lifetimes[0]?.most;
    const tight = (await reportOf(log, '--ttl', '1h', '--memory', '100KiB')).lifetimes[0]?.most;
    expect([roomy?.hitRatio, roomy?.evictions]).toEqual([0.5, 0]);
    expect(roomy?.peakBytes).toBeGreaterThan(500_000);
    expect(tight?.peakBytes).toBeLessThanOrEqual(102_400);
    expect(tight?.evictions).toBeGreaterThan(0);
    expect(tight?.hitRatio).toBeLessThan(0.4);
  });

  test('routes of a configuration decide: other hosts, bypass rules, parameters, and their own TTL', async () => {
    const config = fileOf(
      JSON.stringify({
        origins: { app: { url: 'http://127.0.0.1:1' } },
        routes: [
          {
            match: { host: 'a.example' },
            ttl: '10s',
            query: { drop: ['utm_*'.replace('*', 'source')] },
            bypass: [{ path: '/live' }],
          },
        ],
      }),
      'tidegate.config.json',
    );
    const log = [
      ...[0, 5, 20].map((at) => line(at, `GET /a?utm_source=${at}`)),
      ...[21, 22].map((at) => line(at, 'GET /live')),
      line(23, 'GET http://b.example/a'),
    ].join('\n');
    const report = await reportOf(log, '--config', config, '--host', 'a.example', '--ttl', '1h');
    expect(ratios(report)).toEqual({ '1h': 2 / 6, routes: 1 / 6 });
    expect(report.refused).toBe(1);
    expect(report.lifetimes[0]?.most.bypassed).toBe(2);
  });
});

const CADDY = {
  level: 'info',
  ts: 1646861401.5,
  logger: 'http.log.access',
  request: { method: 'GET', host: 'a.example', uri: '/a', headers: { 'User-Agent': ['curl'] } },
  duration: 0.1,
  size: 1000,
  status: 200,
  resp_headers: { 'Cache-Control': ['max-age=60'] },
};

const withHeaders = (headers: object, ts = 1646861402) => ({
  ...CADDY,
  ts,
  request: { ...CADDY.request, headers },
});

const jsonLines = (...lines: object[]) => lines.map((one) => JSON.stringify(one)).join('\n');

describe('JSON lines', () => {
  test('of Caddy: credentials are known by the fields, even redacted ones', async () => {
    const log = jsonLines(CADDY, withHeaders({}), withHeaders({ Cookie: ['REDACTED'] }));
    const report = await reportOf(log, '--ttl', '1h');
    expect(report).toMatchObject({ requests: 3, unknownCredentials: 0, withoutFields: 0, originMs: 300 });
    expect(report.lifetimes[0]?.least).toBeUndefined();
    expect(report.lifetimes[0]?.most).toMatchObject({ hitRatio: 1 / 3, bypassed: 1 });
  });

  test('what answers say decides: private and Set-Cookie are not stored under any TTL', async () => {
    const answered = (field: object) => jsonLines(...[1, 2].map((ts) => ({ ...CADDY, ts, resp_headers: field })));
    expect(ratios(await reportOf(answered({ 'Cache-Control': ['private'] }), '--ttl', '1h'))).toEqual({ '1h': 0 });
    expect(ratios(await reportOf(answered({ 'Set-Cookie': ['REDACTED'] }), '--ttl', '1h'))).toEqual({ '1h': 0 });
    const config = fileOf('{"origins":{"app":{"url":"http://127.0.0.1:1"}}}', 'tidegate.config.json');
    const stated = await reportOf(answered({ 'Cache-Control': ['max-age=60'] }), '--ttl', '0s', '--config', config);
    expect(ratios(stated)).toEqual({ '0s': 0, routes: 0.5 });
  });

  test('Vary parts variants', async () => {
    const varied = (language: string, ts: number) => ({
      ...withHeaders({ 'Accept-Language': [language] }, ts),
      resp_headers: { Vary: ['Accept-Language'] },
    });
    const log = jsonLines(varied('de', 1), varied('en', 2), varied('de', 3));
    expect(ratios(await reportOf(log, '--ttl', '1h'))).toEqual({ '1h': 1 / 3 });
  });

  test('of pino-http', async () => {
    const one = {
      level: 30,
      time: 1646861401500,
      req: { id: 1, method: 'GET', url: '/a?b=1', headers: { host: 'a.example', 'x-api-key': 'k' } },
      res: { statusCode: 200, headers: { 'content-length': '500' } },
      responseTime: 20,
      msg: 'request completed',
    };
    const report = await reportOf(jsonLines(one, { level: 30, time: 1, msg: 'listening' }, one), '--ttl', '1m');
    expect(report).toMatchObject({ requests: 2, originMs: 40, unread: { lines: 1 }, fromMs: 1646861401500 });
    expect(ratios(report)).toEqual({ '1m': 0.5 });
  });

  test('of a gate: URLs that are shown in part are told apart by their keys, and credentials are known', async () => {
    const own = (second: number, more: object) => ({
      level: 30,
      time: new Date(second * 1000).toISOString(),
      ...{ method: 'GET', host: 'a.example', path: '/a?id=*', key: '0123456789abcdef', status: 200, outcome: 'miss' },
      ...{ bytes: 100, durationMs: 11, forwardMs: 10, ...more },
    });
    const log = jsonLines(
      own(0, {}),
      own(1, { outcome: 'hit', forwardMs: undefined }),
      own(2, { key: 'fedcba9876543210' }),
      own(3, { outcome: 'bypass', detail: 'credentials' }),
    );
    const report = await reportOf(log, '--ttl', '1m');
    expect(report).toMatchObject({ requests: 4, urls: 2, unknownCredentials: 0, timed: 3 });
    expect(report.lifetimes[0]?.most).toMatchObject({ hitRatio: 0.25, bypassed: 1, originMs: 30 });
  });
});

describe('other formats', () => {
  const CSV = 't(s),method,path,status,bytes\n0,GET,/a,200,10\n3,GET,/a,200,10\n4,GET,/b?x=1,2,200,10\n';

  test('CSV by the names of its first line; commas that are too many belong to the path', async () => {
    const report = await reportOf(CSV, '--ttl', '1m');
    expect(report).toMatchObject({ requests: 3, urls: 2, unread: { lines: 0 } });
    expect(ratios(report)).toEqual({ '1m': 1 / 3 });
  });

  test('CSV with credentials and times', async () => {
    const log = 'time,url,status,ms,credentials\n1,http://a.example/,200,5,0\n2,http://a.example/,200,5,1\n';
    const report = await reportOf(log, '--ttl', '1m');
    expect(report).toMatchObject({ unknownCredentials: 0, originMs: 10 });
    expect(report.lifetimes[0]?.most.bypassed).toBe(1);
  });

  test.each([
    ['gzip', gzipSync(CSV)],
    ['gzip in two parts', Buffer.concat([gzipSync(CSV.slice(0, 40)), gzipSync(CSV.slice(40))])],
    ['zstd', zstdCompressSync(CSV)],
  ])('compressed by %s', async (_name, content) => {
    expect((await reportOf(content)).requests).toBe(3);
  });

  test('xz is refused with the command that reads it', async () => {
    const file = fileOf(Buffer.from('fd377a585a0000', 'hex'), 'a.xz');
    expect(await replay(file)).toMatchObject({
      code: 1,
      err: expect.stringContaining(`xz -dc ${file} | tidegate replay -`),
    });
  });

  test('HAR, in one line or in many', async () => {
    const entry = (at: number, url = 'http://a.example/a') => ({
      startedDateTime: new Date(at * 1000).toISOString(),
      time: 30,
      request: { method: 'GET', url, headers: [{ name: ':path', value: '/a' }] },
      response: {
        status: 200,
        headers: [{ name: 'vary', value: 'accept-encoding' }],
        bodySize: -1,
        content: { size: 7 },
      },
    });
    const har = { log: { version: '1.2', entries: [entry(0), entry(1), entry(2, 'data:,x')] } };
    for (const indent of [0, 2]) {
      const report = await reportOf(JSON.stringify(har, null, indent), '--ttl', '1m');
      expect(report).toMatchObject({ requests: 2, urls: 1, originMs: 60, unread: { lines: 1 } });
      expect(ratios(report)).toEqual({ '1m': 0.5 });
    }
  });
});

describe('what cannot be', () => {
  test('a file that is not there, and one without an exchange', async () => {
    expect(await replay('none.log')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^E_REPLAY: expected to read none\.log/),
    });
    expect(await replay(fileOf('nothing of the kind\n'))).toMatchObject({ code: 1 });
  });

  test.each([
    ['--ttl', 'soon'],
    ['--memory', '64 elephants'],
    ['--format', 'xml'],
  ])('%s %s is a wrong command line', async (...args) => {
    expect(await replay('x', ...args)).toMatchObject({ code: 2, err: expect.stringContaining(args[0] as string) });
  });
});
