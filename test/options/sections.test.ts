// The kit that reads configurations: one error for all problems, defaults, durations in ms, and what another platform has.

import { describe, expect, it } from 'vitest';
import type { TidegateError } from '../../src/errors.ts';
import {
  duration,
  either,
  flag,
  integer,
  type Kind,
  like,
  list,
  oneOf,
  readWhole,
  section,
  table,
  text,
} from '../../src/options/sections.ts';

const name = like('a name', /^[a-z]+$/);
const CONFIG = section(
  {
    port: integer(0, 9).default(1),
    wait: duration().default('1.5h'),
    pause: duration().optional(),
    path: text,
    hosts: table(name, section({ url: text, on: flag.default(false) })).default({}),
    keep: either('"all", or { names }', oneOf('all'), section({ names: list(name, 1) })).default('all'),
    disk: section({ path: text.default('d') }).default({}),
  },
  { disk: 'none here, since there is no disk', kv: 'none here' },
);

const read = <Got>(kind: Kind<Got, unknown>, raw: unknown) => readWhole('it', (tell) => kind.read(raw, tell));

function problems(raw: unknown): string[] {
  try {
    read(CONFIG, raw);
  } catch (error) {
    expect((error as TidegateError).code).toBe('E_CONFIG');
    return (error as TidegateError).message.split('\n  ').slice(1);
  }
  return [];
}

describe('a configuration', () => {
  it('comes with its defaults, and durations in ms under names that say so', () => {
    expect(read(CONFIG, { path: 'p', pause: '2s', hosts: { a: { url: 'u' } }, keep: { names: ['x'] } })).toEqual({
      ...{ port: 1, waitMs: 5_400_000, pauseMs: 2000, path: 'p', disk: { path: 'd' } },
      ...{ hosts: { a: { url: 'u', on: false } }, keep: { names: ['x'] } },
    });
    expect(Object.keys(read(CONFIG, { path: 'p' }))).not.toContain('pauseMs');
  });

  it.each<[unknown, ...string[]]>([
    [5, 'configuration: expected an object, got 5'],
    [[], 'configuration: expected an object, got an empty list'],
    [
      { port: 10, pathx: 'x', hosts: { a: {}, 'B c': { url: 5 } } },
      'port: expected an integer from 0 to 9, got 10',
      'path: expected a text that is not empty, got nothing',
      'hosts.a.url: expected a text that is not empty, got nothing',
      'hosts["B c"]: expected a name, got "B c"',
      'pathx: unknown key; did you mean "path"?',
    ],
    [{ path: 'p', wait: '5 m' }, expect.stringMatching(/^wait: expected a whole number of ms .*, got "5 m"$/)],
    [{ path: 'p', waitMs: 5 }, "waitMs: expected wait (a duration such as '1h', or milliseconds), got waitMs"],
    [{ path: 'p', misspelt: undefined }, expect.stringMatching(/^misspelt: unknown key/)],
    [JSON.parse('{ "path": "p", "__proto__": 1 }'), expect.stringMatching(/^__proto__: unknown key/)],
  ])('%j', (raw, ...expected) => {
    expect(problems(raw)).toEqual(expected);
  });

  it('tells of a choice by its phrase, and of what is wrong inside the one that was meant at its place', () => {
    expect(problems({ path: 'p', keep: { nams: [] } })).toEqual(['keep: expected "all", or { names }, got an object']);
    expect(problems({ path: 'p', keep: { names: [], nams: 1 } })).toEqual([
      'keep.names: expected a list of at least one, got an empty list',
      'keep.nams: unknown key; did you mean "names"?',
    ]);
  });

  it('has no holes in its lists', () => {
    // biome-ignore lint/suspicious/noSparseArray: what is tested
    expect(problems({ path: 'p', keep: { names: ['a', , 'b'] } })).toEqual([
      'keep.names[1]: expected a name, got nothing',
    ]);
  });

  it('refuses what another platform has with the reason, though its default stands', () => {
    expect(problems({ path: 'p', disk: { path: 'x' }, kv: 'K' })).toEqual([
      'disk: expected none here, since there is no disk, got an object',
      'kv: expected none here, got "K"',
    ]);
    expect(problems({ path: 'p', disk: undefined, kv: undefined })).toEqual([]);
    expect(problems({ path: 'p', port: 'x', prt: 1 })[1]).not.toContain('kv');
  });

  it('throws at the first problem where nobody is told', () => {
    expect(() => CONFIG.read({ path: 5 })).toThrow('path: expected a text that is not empty, got 5');
  });
});
