// docs/migrating.md names every option and call of the libraries that are moved away from, as their types have them.
//
// The types are read as text, of the libraries in bench/peers, which are installed before the tests run.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hasPeers, ROOT } from './kit.ts';

const PEERS = join(ROOT, 'bench', 'peers', 'node_modules');
const guide = readFileSync(join(ROOT, 'docs', 'migrating.md'), 'utf8');

interface Library {
  readonly heading: string;
  readonly types: string;
  /** Beginnings of the declarations whose members are meant. */
  readonly declared: readonly string[];
  readonly atLeast: number;
}

const LIBRARIES: readonly Library[] = [
  {
    heading: 'From BentoCache',
    types: 'bentocache/build/bento_cache-KhHDdh3u.d.ts',
    declared: [
      'type RawCommonOptions = {',
      'type RawBentoCacheOptions = {',
      'type MemoryConfig = {',
      'type GetSetFactoryContext = {',
      'interface CacheProvider {',
    ],
    atLeast: 44,
  },
  {
    heading: 'From cachified',
    types: '@epic-web/cachified/dist/src/common.d.ts',
    declared: ['export interface CachifiedOptions<Value> {', 'export interface GetFreshValueContext {'],
    atLeast: 13,
  },
  {
    heading: 'From cache-manager',
    types: 'cache-manager/dist/index.d.mts',
    declared: ['type CreateCacheOptions = {', 'type WrapOptions<T> = {', 'type Cache = {', 'type Events = {'],
    atLeast: 18,
  },
  {
    heading: "From Drizzle's upstashCache",
    types: 'drizzle-orm/cache/core/types.d.ts',
    declared: ['export type CacheConfig = {'],
    atLeast: 6,
  },
];

/** Names of the members of a declaration, those within its members aside. */
function membersOf(source: string, declared: string): string[] {
  const start = source.indexOf(declared);
  if (start < 0) throw new Error(`expected ${declared} in the types, got none`);
  const body = source.slice(start + declared.length, source.indexOf('\n}', start));
  const indent = /\n( +)/.exec(body)?.[1] ?? '';
  return [...body.matchAll(new RegExp(`^${indent}(?:readonly )?(\\w+)\\??[:(<]`, 'gm'))].map(
    (name) => name[1] as string,
  );
}

function sectionOf(heading: string): string {
  const start = guide.indexOf(`\n## ${heading}\n`);
  const end = guide.indexOf('\n## ', start + 1);
  return guide.slice(start, end < 0 ? undefined : end);
}

describe.skipIf(!hasPeers)('docs/migrating.md', () => {
  test.each(LIBRARIES)('$heading: every member has its place', ({ heading, types, declared, atLeast }) => {
    const source = readFileSync(join(PEERS, types), 'utf8');
    const names = [...new Set(declared.flatMap((each) => membersOf(source, each)))];
    expect(names.length).toBeGreaterThanOrEqual(atLeast);
    const told = [...sectionOf(heading).matchAll(/`[^`\n]+`/g)].join(' ');
    expect(names.filter((name) => !new RegExp(`\\b${name}\\b`).test(told))).toEqual([]);
  });
});
