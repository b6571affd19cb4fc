// Every surface refuses an option in the same words: what was expected, what it got, and the nearest right spelling.

import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { createCache } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import { openDiskTier } from '../../src/node/disk-tier.ts';
import type { Duration } from '../../src/options/durations.ts';
import { be, type Checks, checkOptions, nested, oneOf, required, text, timeout, whole } from '../../src/options/kit.ts';
import { hint, nearest } from '../../src/options/names.ts';
import { SIZE } from '../../src/options/variables.ts';
import { tidegateCache } from '../../src/orm/drizzle/index.ts';
import { createTracker, postgresDatabase, sqliteDatabase } from '../../src/track/index.ts';
import { gateTarget } from '../../src/track/target/gate-target.ts';
import { createFetchCache } from '../../src/web/fetch.ts';

const loose = (make: unknown) => make as (...given: unknown[]) => unknown;
const cache = createCache();
/** A call that takes options, and how its refusals name it. */
const SURFACES: [of: string, known: string, call: (options: unknown) => unknown][] = [
  ['createCache', 'onFault', loose(createCache)],
  ['an entry', 'jitter', (defaults) => createCache({ defaults } as never)],
  ['a namespace', 'version', (options) => cache.namespace('n', options as never)],
  ['storeTier', 'close', loose(storeTier)],
  ['openDiskTier', 'maxBytes', loose(openDiskTier)],
  ['the handler cache', 'profile', loose(createFetchCache)],
  ['tidegateCache', 'strategy', (options) => loose(tidegateCache)(cache, options)],
  ['createTracker', 'settle', loose(createTracker)],
  ['sqliteDatabase', 'connect', loose(sqliteDatabase)],
  ['postgresDatabase', 'identity', loose(postgresDatabase)],
  ['gateTarget', 'token', loose(gateTarget)],
];

async function refusalOf(call: () => unknown): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await call();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('expected a refusal, got none');
}

describe.each(SURFACES)('%s', (of, known, call) => {
  test('a misspelt option is refused with the nearest right spelling', async () => {
    const misspelt = `${known.slice(0, -1)}x`;
    const { code, message } = await refusalOf(() => call({ [misspelt]: 1 }));
    expect(code).toBe('E_CONFIG');
    expect(message).toMatch(new RegExp(`^expected an option of ${of} among .*\\b${known}\\b`));
    expect(message.endsWith(`, got "${misspelt}"; did you mean "${known}"?`)).toBe(true);
  });

  test('options that are no object are refused', async () => {
    const { code, message } = await refusalOf(() => call(5));
    expect([code, message]).toEqual(['E_CONFIG', expect.stringMatching(/^expected options.* to be an object, got 5$/)]);
  });
});

test.each<[old: string, name: string, call: (options: unknown) => unknown]>([
  ['ttlMs', 'ttl', loose(createFetchCache)],
  ['staleIfErrorSeconds', 'staleIfError', loose(createFetchCache)],
  ['leaseMs', 'lease', loose(createTracker)],
  ['graceMs', 'grace', (options) => loose(tidegateCache)(cache, options)],
  ['pollMs', 'poll', loose(sqliteDatabase)],
  ['heartbeatMs', 'heartbeat', loose(postgresDatabase)],
  ['ttlMs', 'ttl', (defaults) => createCache({ defaults } as never)],
])('the old name %s is refused with the new one', async (old, name, call) => {
  const message = `expected ${name} (a duration such as '1h', or milliseconds), got ${old}`;
  expect(await refusalOf(() => call({ [old]: 5 }))).toMatchObject({ code: 'E_CONFIG', message });
});

test.each<[() => unknown, string]>([
  [() => createCache({ enabled: 1 } as never), 'enabled to be true or false, got 1'],
  [() => createFetchCache({ showTags: 1 } as never), 'showTags to be true or false, got 1'],
  [() => sqliteDatabase({ path: 'a', install: 1 } as never), 'install to be true or false, got 1'],
  [() => createCache({ onFault: 'log' } as never), 'onFault to be a function, got "log"'],
  [() => createFetchCache({ onFault: 'log' } as never), 'onFault to be a function, got "log"'],
  [() => createCache({ memory: { maxBytes: '5' } } as never), 'memory.maxBytes to be a number above 0, got "5"'],
  [
    () => createFetchCache({ clientDirectives: 'honor' } as never),
    '"ignore" or "honour", got "honor"; did you mean "honour"?',
  ],
  [() => cache.set('k', 1, { tiers: 'memry' } as never), '"all" or "memory", got "memry"; did you mean "memory"?'],
  [() => storeTier({ name: 'a' } as never), 'store to be a store with get(), put() and delete(), got nothing'],
])('%s', async (call, message) => {
  expect((await refusalOf(call)).message).toContain(message);
});

describe('the kit', () => {
  interface Options {
    readonly name: string;
    readonly port?: number;
    readonly mode?: string;
    readonly wait?: Duration;
    readonly within?: { readonly lease?: Duration };
  }
  const CHECKS: Checks<Options> = {
    name: required(text),
    port: whole(0, 65_535),
    mode: oneOf('on', 'off'),
    wait: timeout(0),
    within: nested<NonNullable<Options['within']>>({ lease: timeout(1) }),
  };
  it.each<[unknown, string]>([
    [{}, 'expected name to be a text that is not empty, got nothing'],
    [{ name: 'a', port: -1 }, 'expected port to be a whole number from 0 to 65535, got -1'],
    [{ name: 'a', mode: 'offf' }, 'expected mode to be "on" or "off", got "offf"; did you mean "off"?'],
    [{ name: 'a', within: 1 }, 'expected within to be an object, got 1'],
    [
      { name: 'a', within: { leese: 1 } },
      'expected an option of within among lease, got "leese"; did you mean "lease"?',
    ],
    [
      { name: 'a', within: { lease: '25d' } },
      'expected within.lease to be a whole number of ms from 1 to 2147483647, or a number with a unit',
    ],
    [{ name: 'a', toString: 1 }, 'got "toString"'],
    [[], 'expected options of it to be an object, got an empty list'],
  ])('refuses %j', (options, message) => {
    expect(() => checkOptions('it', options, CHECKS)).toThrow(message);
  });

  it('takes what is right, and what is undefined for what is not given', () => {
    const options = { name: 'a', port: undefined, mode: 'on', within: { lease: 5 }, misspelt: undefined };
    expect(() => checkOptions('it', options, CHECKS)).not.toThrow();
    expect(() => be('x', () => true)(undefined, 'y')).not.toThrow();
  });

  it('gives durations on in ms, under names that say so', () => {
    const options = { name: 'a', wait: '1.1h', within: { lease: '5s' } } as const;
    const { waitMs, ...rest } = checkOptions('it', options, CHECKS);
    expect([waitMs, rest]).toEqual([3_960_000, { name: 'a', within: { lease: '5s' } }]);
  });

  it('has no hint where no name is near, and compares no long text', () => {
    expect(hint('colour', ['name', 'port'])).toBe('');
    expect(hint('x'.repeat(1_000_000), ['name'])).toBe('');
    expect(hint(5, ['name'])).toBe('');
  });

  it.each<[string, number | undefined]>([
    ['1', 1],
    ['1.5kB', 1500],
    ['64MiB', 64 * 2 ** 20],
    ['0', undefined],
    ['5 parsecs', undefined],
  ])('reads a size: %s', (given, bytes) => {
    expect(SIZE.read(given)).toBe(bytes);
  });
});

describe('nearest', () => {
  const known = ['ttl', 'defaultTtl', 'staleIfError'];

  test('one slip away from a name is near it', () => {
    fc.assert(
      fc.property(fc.constantFrom(...known), fc.nat(20), fc.constantFrom('', 'x'), (name, at, put) => {
        const slip = name.slice(0, at % name.length) + put + name.slice((at % name.length) + 1);
        expect(nearest(slip, known)).toBe(name);
      }),
    );
  });

  test('what is far from all has none', () => {
    expect(nearest('certificate', known)).toBeUndefined();
    expect(nearest('x', ['ab'])).toBeUndefined();
  });
});
