// The variables of a Worker: what they mean, and how a wrong one is named.

import { describe, expect, test } from 'vitest';
import { cacheVariables } from '../../src/workers/variables.ts';

const problemOf = (env: Record<string, unknown>): string => {
  try {
    cacheVariables(env);
  } catch (error) {
    return (error as Error).message;
  }
  return '';
};

describe('the variables of a Worker', () => {
  test('have defaults, also where they are empty', () => {
    const defaults = { enabled: true, defaultTtl: undefined, maxBytes: undefined, kv: false, debug: false };
    expect(cacheVariables({})).toEqual(defaults);
    expect(cacheVariables({ CACHE_ENABLED: '', CACHE_DEFAULT_TTL: ' ', CACHE_KV_ENABLED: undefined })).toEqual(
      defaults,
    );
  });

  test('say what they say', () => {
    const env = {
      CACHE_ENABLED: 'false',
      CACHE_DEFAULT_TTL: '3600s',
      CACHE_MAX_MEMORY_SIZE: '48MiB',
      CACHE_KV_ENABLED: 'true',
      CACHE_DEBUG: '1',
      // Bindings, secrets of others.
      CACHE_STORE: { get: () => undefined },
      OTHER: 'x',
    };
    const said = { enabled: false, defaultTtl: 3_600_000, maxBytes: 48 * 1024 * 1024, kv: true, debug: true };
    expect(cacheVariables(env)).toEqual(said);
    expect(cacheVariables({ CACHE_KV_ENABLED: true }).kv).toBe(true);
  });

  test.each(['1h', '60m', '3600s', '3600000ms'])('%s is an hour', (CACHE_DEFAULT_TTL) => {
    expect(cacheVariables({ CACHE_DEFAULT_TTL }).defaultTtl).toBe(3_600_000);
  });

  test('a bare number is no duration, and is told its spelling', () => {
    for (const CACHE_DEFAULT_TTL of ['3600', 3600]) {
      expect(problemOf({ CACHE_DEFAULT_TTL })).toBe(
        `env has one problem:\n  expected CACHE_DEFAULT_TTL to be a duration with a unit (ms, s, m, h, d) such as 5m, or 'Infinity', got ${JSON.stringify(CACHE_DEFAULT_TTL)}; write 3600s for seconds or 3600ms for milliseconds`,
      );
    }
  });

  test.each([
    ['CACHE_ENABLED', 'yes', 'expected CACHE_ENABLED to be true or false, 1 or 0, got "yes"'],
    ['CACHE_ENABLED', {}, 'expected CACHE_ENABLED to be true or false, 1 or 0, got an object'],
    ['CACHE_DEFAULT_TTL', '1 hour', 'got "1 hour"'],
    ['CACHE_DEFAULT_TTL', '-1s', 'got "-1s"'],
    ['CACHE_MAX_MEMORY_SIZE', '128MiB', 'of at most 64MiB, got "128MiB"'],
    ['CACHE_MAX_MEMORY_SIZE', 'much', 'expected CACHE_MAX_MEMORY_SIZE to be a number of bytes'],
    ['CACHE_KV_ENABLED', '"true"', 'expected CACHE_KV_ENABLED to be true or false'],
    ['CACHE_DEBUG', 'verbose', 'expected CACHE_DEBUG to be true or false'],
    ['CACHE_DEFAULT_TLL', '1h', 'got CACHE_DEFAULT_TLL; did you mean "CACHE_DEFAULT_TTL"?'],
  ])('%s=%s is refused', (name, value, problem) => {
    expect(problemOf({ [name]: value })).toContain(problem);
  });

  test('all that are wrong are named at once', () => {
    const problem = problemOf({ CACHE_ENABLED: 'no', CACHE_DEBUG: 'no', CACHE_DEFAULT_TTL: '5' });
    const [first, ...lines] = problem.split('\n');
    expect(first).toBe('env has 3 problems:');
    expect(lines.map((line) => /CACHE_\w+/.exec(line)?.[0])).toEqual([
      'CACHE_ENABLED',
      'CACHE_DEFAULT_TTL',
      'CACHE_DEBUG',
    ]);
  });
});
