// Secrets of the configuration: in it, in files beside it, in the environment.

import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import { gateSources } from '../../src/node/gate-sources.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { folder, origins, refusal } from './config-kit.ts';

describe('admin listener', () => {
  test.each(['0.0.0.0', '::', '10.0.0.1', 'example.org', '127.0.0.1.example.org'])('%s needs a token', (host) => {
    expect(refusal({ origins, admin: { host } }).code).toBe('E_ADMIN_TOKEN');
    expect(resolveConfig({ origins, admin: { host, token: 'abc' } }, { env: {} }).admin.token).toBe('abc');
  });

  test.each(['127.0.0.1', '127.9.9.9', '::1', 'localhost'])('%s needs none', (host) => {
    expect(resolveConfig({ origins, admin: { host } }, { env: {} }).admin.token).toBeUndefined();
  });

  test('the environment gives the token when the configuration does not', () => {
    const env = { TIDEGATE_ADMIN_TOKEN: 'from-env' };
    expect(resolveConfig({ origins }, { env }).admin.token).toBe('from-env');
    expect(resolveConfig({ origins, admin: { token: 'own' } }, { env }).admin.token).toBe('own');
  });

  test('an empty variable is no token', () => {
    const env = { TIDEGATE_ADMIN_TOKEN: '' };
    expect(refusal({ origins, admin: { host: '0.0.0.0' } }, env).code).toBe('E_ADMIN_TOKEN');
  });

  test('a token file stands beside the configuration; an empty one is refused', () => {
    const directory = folder({ token: 'of-file\n', empty: '\n' });
    const resolve = (tokenFile: string) => resolveConfig({ origins, admin: { tokenFile } }, { env: {}, directory });
    expect(resolve('token').admin.token).toBe('of-file');
    expect(() => resolve('empty')).toThrow(/admin\.tokenFile: expected a bearer token/);
    expect(() => resolve('none')).toThrow(/admin\.tokenFile: expected a readable file, got .*none/);
  });
});

describe('the secret of positions', () => {
  const secret = '0123456789abcdef0123456789abcdef';

  test('stands in the configuration, in a file beside it, or in the environment', () => {
    const directory = folder({ secret: `${secret}\n` });
    const env = { TIDEGATE_POSITION_SECRET: `${secret}-of-env` };
    const resolve = (positions: object) => resolveConfig({ origins, positions }, { env, directory }).positions;
    expect(resolve({})).toEqual({ secret: `${secret}-of-env` });
    expect(resolve({ secretFile: 'secret' })).toEqual({ secret });
    expect(resolve({ secret: `${secret}-own` })).toEqual({ secret: `${secret}-own` });
    expect(resolveConfig({ origins }, { env: {} }).positions).toEqual({ secret: undefined });
  });

  test('is long, and is not shown when it is refused', () => {
    const { message } = refusal({ origins, positions: { secret: 'too-short' } });
    expect(message).toMatch(/positions\.secret: expected a secret of 32 characters or more/);
    expect(message).not.toContain('too-short');
    expect(refusal({ origins }, { TIDEGATE_POSITION_SECRET: 'short' }).message).toMatch(/TIDEGATE_POSITION_SECRET: /);
    expect(refusal({ origins, positions: { secret, secretFile: 'x' } }).message).toMatch(
      /positions: expected secret or secretFile, got both/,
    );
  });

  test('is what a gate signs with, and knows those of others by; the first that it does not know is told', () => {
    const told: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => void told.push(line) });
    const positionsOf = (positions: object, epoch: string) => {
      const config = resolveConfig({ origins, positions }, { env: {} });
      const time = new SimulatedTime();
      const parts = { invalidate: () => 0, outdated: () => {}, random: () => 0, clock: time, tasks: time };
      return gateSources(config, log, ['shop'])({ ...parts, epoch: () => epoch }).positions;
    };
    const answer = ['tidegate-settled', 'no', 'tidegate-position', 'shop;p:5'];
    const [, cookie = ''] = positionsOf({ secret }, 'one').cookies({ method: 'PUT', uri: 'http://x/' }, answer);
    const brought = ['cookie', cookie.replace(/;.*/, '')];
    expect(positionsOf({ secret }, 'two').isAhead(brought)).toBe(true);
    expect(told).toEqual([]);
    for (const others of [{}, { secret: `${secret}x` }])
      expect(positionsOf(others, 'one').isAhead(brought)).toBe(false);
    expect(told.map((line) => /need (one|the same) positions\.secret/.exec(line)?.[1])).toEqual(['one', 'the same']);
  });
});
