import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { validateHeaderName } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ExchangeReport } from '../../src/engine/contract.ts';
import type { RefusalReason } from '../../src/node/front/refusals.ts';
import { type AccessExtra, accessLine, createLog, keyHash } from '../../src/node/operator/access-log.ts';
import { redactGot, redactPath, shownPathOf } from '../../src/node/operator/redact.ts';
import { ROUTE } from '../admin/fake-gate.ts';

const EXTRA: AccessExtra = { outcome: 'miss', bytes: 2048, durationMs: 12.345678, shownPath: redactPath };

function report(uri: string, changed: Partial<ExchangeReport> = {}): ExchangeReport {
  const fields = [
    'host',
    'example.org',
    'authorization',
    'Bearer CANARY-AUTH',
    'cookie',
    'sid=CANARY-COOKIE',
    'x-api-key',
    'CANARY-KEY',
  ];
  return {
    request: { route: ROUTE, method: 'GET', uri, target: '/', fields, body: undefined, bypass: false },
    outcome: { hit: false, forward: 'stale', forwardStatus: 304, stored: true, detail: 'validated' },
    status: 200,
    forwardMs: 10.0004,
    ...changed,
  };
}

test('a line says what happened, why, and how long it took', () => {
  expect(accessLine(report('http://example.org/users/1'), EXTRA)).toEqual({
    method: 'GET',
    host: 'example.org',
    path: '/users/1',
    key: keyHash('- demo GET http://example.org/users/1'),
    status: 200,
    outcome: 'miss',
    fwd: 'stale',
    detail: 'validated',
    bytes: 2048,
    durationMs: 12.346,
    forwardMs: 10,
  });
});

test('an answer that was not stored has the reason', () => {
  const outcome = { hit: false, forward: 'miss', stored: false, refusal: 'set-cookie' } as const;
  expect(accessLine(report('http://example.org/', { outcome }), EXTRA)).toMatchObject({ refusal: 'set-cookie' });
});

test('a hit has no forward', () => {
  const line = accessLine(report('http://example.org/', { outcome: { hit: true }, forwardMs: undefined }), EXTRA);
  expect(line).not.toHaveProperty('fwd');
  expect(line).not.toHaveProperty('detail');
  expect(line).not.toHaveProperty('forwardMs');
});

test('GET and HEAD of a URI have the key in common, POST has another', () => {
  const keys = ['GET', 'HEAD', 'POST'].map((method) => {
    const { request } = report('http://example.org/');
    return accessLine(report('http://example.org/', { request: { ...request, method } }), EXTRA).key;
  });
  expect(keys[0]).toMatch(/^[0-9a-f]{16}$/);
  expect(keys[1]).toBe(keys[0]);
  expect(keys[2]).not.toBe(keys[0]);
});

test.each([
  ['/a?token=CANARY&page=CANARY', '/a?token=*&page=*'],
  ['/a?token=CANARY=CANARY', '/a?token=*'],
  ['/a?=CANARY', '/a?=*'],
  ['/reset/eyCANARY99.eyCANARY99.CANARY-_9/x', '/reset/…/x'],
  ['/reset/CANARY0123456789abcdef', '/reset/…'],
  ['/reset/Ab3-CANARY_ab9-cd8Zx-99', '/reset/…'],
  ['/asset.CANARY0123456789abcd.js', '/asset.….js'],
  ['/u:CANARY@x/y', '/…/y'],
  [
    '/how-to-build-a-house-of-cards-in-2024/1234567890123456789',
    '/how-to-build-a-house-of-cards-in-2024/1234567890123456789',
  ],
  ['/a?CANARY0123456789abcd=1', '/a?*=*'],
  ['/a?CANARY&x=', '/a?*&x=*'],
  ['/a?x=1?CANARY', '/a?x=*'],
  [`/a?${'CANARY'.repeat(10)}`, '/a?*'],
  [`/a?${'CANARY'.repeat(10)}=1`, '/a?*=*'],
  ['/a;jsessionid=CANARY/b;v=CANARY;CANARY?x=CANARY', '/a;jsessionid=*/b;v=*;*?x=*'],
  ['', '/'],
])('of %s only names are shown', (target, path) => {
  const line = accessLine(report(`http://example.org${target}`), EXTRA);
  expect(line.path).toBe(path);
  expect(JSON.stringify(line)).not.toContain('CANARY');
});

test('values are shown when asked for, fields never', () => {
  const line = accessLine(report('http://example.org/a?q=shoes'), {
    ...EXTRA,
    shownPath: shownPathOf({ showValues: true }),
  });
  expect(line.path).toBe('/a?q=shoes');
  expect(JSON.stringify(line)).not.toContain('CANARY');
});

test('the log writes a line of JSON with the time, and nothing of the fields', () => {
  const lines: string[] = [];
  const log = createLog({ level: 'info', destination: { write: (line: string) => void lines.push(line) } });
  log.info(accessLine(report('http://example.org/a?token=CANARY-QUERY'), EXTRA));
  log.debug('not at this level');
  expect(lines).toHaveLength(1);
  expect(lines[0]).not.toContain('CANARY');
  expect(JSON.parse(lines[0] as string)).toMatchObject({
    level: 30,
    time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    path: '/a?token=*',
    status: 200,
  });
});

test('paths of a pattern are hidden, whatever else is shown', () => {
  const shown = shownPathOf({ showValues: true, hidePaths: ['/reset/*'] });
  expect(['/reset/abc', '/reset/abc?q=1', '/a?q=1'].map(shown)).toEqual(['/…', '/…', '/a?q=1']);
});

test('of a refused request the log has the reason, and no text of the client but a path without values', () => {
  const got = (reason: RefusalReason, text: string) => redactGot({ reason, got: text }, redactPath);
  expect(got('no-route', '/a?token=CANARY')).toBe('/a?token=*');
  expect(got('no-route', 'http://u:CANARY@x/')).toBe('18 characters');
  expect(got('host-invalid', 'u:CANARY@x')).toBe('10 characters');
  expect(got('target-characters', 'x?CANARY"')).toBe('9 characters');
  expect(got('fields-too-many', '101 fields, limit 100')).toBe('101 fields, limit 100');
});

describe('an exception that nothing expected', () => {
  const SECRET = 'sk_live_4eC39HqLyjWDarjtT1zdp7dc';
  const thrown: readonly (readonly [name: string, () => unknown])[] = [
    ['of JSON', () => JSON.parse(`{"a":"${SECRET}`)],
    ['of a URL', () => new URL(`/${SECRET}`)],
    ['of a field name', () => validateHeaderName(`${SECRET} `)],
    ['of a pattern', () => new RegExp(`(${SECRET}`)],
    [
      'with what it could not read',
      () => {
        throw Object.assign(new Error(`expected a date, got "my ${SECRET}"`), { input: SECRET });
      },
    ],
    [
      'with a cause',
      () => {
        throw new Error('failed', { cause: new Error(`not 'hunter2' or ${SECRET}`) });
      },
    ],
    [
      'that is no error',
      () => {
        throw `no error but ${SECRET}`;
      },
    ],
  ];

  test.each(thrown)('shows no text of a client: %s', (_name, run) => {
    const lines: string[] = [];
    const log = createLog({ level: 'error', destination: { write: (line) => void lines.push(line) } });
    try {
      run();
    } catch (err) {
      log.error({ err }, 'an exception that nothing expected');
    }
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(/4eC39|hunter2|my sk/);
  });

  test('shows what an operator can use', () => {
    const lines: string[] = [];
    const log = createLog({ level: 'error', destination: { write: (line) => void lines.push(line) } });
    const err = Object.assign(new Error("ENOENT: no such file or directory, open '/var/cache/x'"), {
      code: 'ENOENT',
      syscall: 'open',
    });
    log.error({ err: new TypeError('x is not a function', { cause: err }) }, 'failed');
    expect(JSON.parse(lines[0] as string).err).toMatchObject({
      type: 'TypeError',
      message: 'x is not a function',
      stack: expect.stringMatching(/^ +at /),
      cause: { type: 'Error', code: 'ENOENT', message: err.message },
    });
  });
});

test('a log file that it makes is not for every user of the machine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-log-'));
  try {
    const file = join(folder, 'access.log');
    createLog({ level: 'info', destination: file });
    expect(statSync(file).mode & 0o007).toBe(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
