import { describe, expect, test } from 'vitest';
import type { CacheTier } from '../../src/cache/contract.ts';
import { cacheOptionsFromEnvironment } from '../../src/cache/options/environment.ts';
import { errorOf } from './bench.ts';

const disk: CacheTier = {
  name: 'disk',
  store: () => {
    throw new Error('expected no use');
  },
  close: async () => undefined,
};

describe('the environment', () => {
  test('says what holds, over what the program says', () => {
    const environment = {
      CACHE_ENABLED: 'false',
      CACHE_DEFAULT_TTL: '90s',
      CACHE_MAX_BYTES: '64MiB',
      CACHE_MAX_ENTRIES: '500',
      CACHE_DISK_ENABLED: '0',
      CACHE_DEBUG: '1',
      CACHE_ROLLOUT: '0.25',
      CACHE_URL: 'redis://somewhere',
      OTHER: 'x',
    };
    const program = {
      name: 'n',
      enabled: true,
      defaults: { ttl: 5, grace: 7 },
      memory: { maxBytes: 1 },
      tiers: [disk],
    };
    expect(cacheOptionsFromEnvironment(environment, program)).toEqual({
      name: 'n',
      enabled: false,
      rollout: 0.25,
      defaults: { ttl: 90_000, grace: 7 },
      memory: { maxBytes: 67_108_864, maxEntries: 500 },
      tiers: [],
      debug: true,
    });
  });

  test('that says nothing changes nothing', () => {
    expect(cacheOptionsFromEnvironment({ CACHE_ENABLED: '', CACHE_MAX_BYTES: ' ' })).toEqual({});
    const program = { memory: false as const, tiers: [disk] };
    expect(cacheOptionsFromEnvironment({}, program)).toEqual(program);
  });

  test('switches lines about events on and off, and leaves them to the function of the program', () => {
    const print = () => {};
    const of = (value: string, debug?: typeof print | true) =>
      cacheOptionsFromEnvironment({ CACHE_DEBUG: value }, debug === undefined ? {} : { debug }).debug;
    expect([of('1'), of('0'), of('true', print), of('false', print), of('', print), of('0', true)]).toEqual([
      ...[true, false, print, false, print, false],
    ]);
  });

  test('switches the memory off and on', () => {
    const of = (value: string, memory?: false) =>
      cacheOptionsFromEnvironment({ CACHE_MEMORY_ENABLED: value }, memory === false ? { memory } : {}).memory;
    expect([of('false'), of('true'), of('true', false), of('false', false)]).toEqual([false, undefined, {}, false]);
    expect(cacheOptionsFromEnvironment({ CACHE_MAX_BYTES: '5' }, { memory: false }).memory).toBe(false);
  });

  test.each([
    ['CACHE_ENABLED', 'maybe'],
    ['CACHE_DEBUG', 'verbose'],
    ['CACHE_ROLLOUT', '50%'],
    ['CACHE_ROLLOUT', '1.5'],
    ['CACHE_ROLLOUT', '-0.1'],
    ['CACHE_DEFAULT_TTL', '300'],
    ['CACHE_DEFAULT_TTL', '5 minutes'],
    ['CACHE_MAX_BYTES', '5 parsecs'],
    ['CACHE_MAX_BYTES', '0'],
    ['CACHE_MAX_BYTES', '1e9'],
    ['CACHE_MAX_ENTRIES', '1.5'],
    ['CACHE_MAX_ENTRIES', '0'],
    ['CACHE_MEMORY_ENABLED', 'off'],
    ['CACHE_REDIS_ENABLED', 'true'],
    ['CACHE_REDIS_ENABLED', 'perhaps'],
  ])('%s=%s is refused, with what was expected and got', async (name, value) => {
    const error = await errorOf(() => cacheOptionsFromEnvironment({ [name]: value }));
    expect(error.code).toBe('E_CONFIG');
    expect(error.message).toMatch(new RegExp(`^expected ${name} to be .+, got `));
    expect(error.message).toContain(value);
  });

  test('may switch off a tier that is not there', () => {
    expect(cacheOptionsFromEnvironment({ CACHE_REDIS_ENABLED: 'false' })).toEqual({});
  });
});
