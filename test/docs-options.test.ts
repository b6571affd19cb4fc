// The tables of options in the guides of the data cache and of Drizzle: every option that a program may give, and no other.
// The types are read as text, so that the test needs no list of its own.

import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = globSync('src/{cache,orm,node,workers}/**/*.ts', { cwd: root }).map((path) =>
  readFileSync(root + path, 'utf8'),
);

/** Names of the members that an interface declares itself. */
function membersOf(name: string): string[] {
  const declared = new RegExp(`^(?:export )?interface ${name}\\b.*?\\{\\n(.*?)^\\}`, 'ms');
  const bodies = sources.flatMap((source) => declared.exec(source)?.[1] ?? []);
  if (bodies.length !== 1) throw new Error(`expected one interface ${name}, got ${bodies.length}`);
  return [...(bodies[0] as string).matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, member]) => member as string);
}

/** Names in the first column of the table under a heading of its first column; `timeouts.soft` is of `timeouts`. */
function optionsIn(page: string, heading: string): string[] {
  const markdown = readFileSync(`${root}docs/${page}`, 'utf8');
  const [, table] = markdown.split(`\n| ${heading} |`);
  if (table === undefined) throw new Error(`expected a table of ${heading} in ${page}`);
  const rows = table.slice(0, table.indexOf('\n\n')).split('\n').slice(2);
  const cells = rows.map((row) => row.split(' | ')[0] as string);
  const names = cells.flatMap((cell) => [...cell.matchAll(/`(\w+)(?:\.\w+)?`/g)].map(([, name]) => name as string));
  return [...new Set(names)].sort();
}

test.each([
  ['data-cache/operating.md', 'option', ['CacheOptions'], []],
  ['data-cache/fills.md', 'option', ['EntryOptions', 'FillOptions', 'SetOptions'], []],
  ['data-cache/invalidation.md', 'option of `invalidate`', ['Invalidation'], []],
  ['data-cache/tiers.md', 'option', ['TierLimitOptions', 'StoreTierOptions', 'DiskTierOptions'], []],
  ['data-cache/repositories-and-events.md', 'option of `createRepository`', ['RepositoryOptions', 'RecordSource'], []],
  ['data-cache/repositories-and-events.md', 'option of a kind', ['KindPolicy'], ['earlyRefresh', 'timeouts']],
  ['data-cache/views.md', 'option of `view`', ['ViewOptions'], []],
  ['data-cache/views.md', 'option of `createViews`', ['ViewsOptions'], []],
  ['data-cache/views.md', 'option of `createViews` on Workers', ['WorkersViewsOptions'], []],
  ['drizzle.md', 'option', ['SoundOptions', 'DrizzleOptions'], []],
  ['drizzle.md', 'option of `$cached`', ['ReadOptions'], []],
  ['drizzle.md', 'option of `tidegateCache`', ['DropInOptions', 'DrizzleOptions'], []],
] as const)('docs/%s has a row for each %s', (page, heading, interfaces, elsewhere) => {
  const members = interfaces.flatMap(membersOf).filter((name) => !(elsewhere as readonly string[]).includes(name));
  expect(optionsIn(page, heading)).toEqual([...new Set(members)].sort());
});
