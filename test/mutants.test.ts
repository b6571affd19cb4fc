// The edits of all mutants find their text in the source as it is: a mutant that edits nothing is caught by nothing.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { MUTANTS as CLUSTER } from './cluster/mutants.ts';
import { MUTANTS as CRASH } from './crash/mutants.ts';
import { MUTANTS as DRILL } from './drill/mutants.ts';
import { STATED_READ_MUTANTS } from './engine/stated-read-mutants.ts';
import { LEASE_MUTANTS } from './log/lease-mutants.ts';
import { ROWS_MUTANTS } from './orm/drizzle/rows-mutants.ts';
import { DATA_MUTANTS } from './race/data-mutants.ts';
import { TRACK_MUTANTS } from './race/track-mutants.ts';
import { UNSEEN_MUTANTS } from './race/unseen-mutants.ts';
import { MUTANTS as SIM } from './sim/mutants.ts';
import { MUTANTS as SOUNDNESS } from './soundness/mutants.ts';
import { SESSION_MUTANTS } from './soundness/session-mutants.ts';
import { SQLITE_MUTANTS } from './soundness/sqlite-mutants.ts';
import { WORKERS_CACHE_MUTANTS } from './workers/cache-race/mutants.ts';
import { WORKERS_MUTANTS } from './workers/race/mutants.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = new Map<string, string>();

function sourceOf(file: string): string {
  const source = sources.get(file) ?? readFileSync(`${root}${file}`, 'utf8');
  sources.set(file, source);
  return source;
}

test.each([
  ['cluster', CLUSTER],
  ['crash', CRASH],
  ['Drizzle by rows', ROWS_MUTANTS],
  ['drill', DRILL],
  ['leased log', LEASE_MUTANTS],
  ['stated reads', STATED_READ_MUTANTS],
  ['race of the data cache', DATA_MUTANTS],
  ['race of tracking', TRACK_MUTANTS],
  ['race of what is unseen', UNSEEN_MUTANTS],
  ['sim', SIM],
  ['soundness', SOUNDNESS],
  ['Workers Cache', WORKERS_CACHE_MUTANTS],
  ['soundness of sessions', SESSION_MUTANTS],
  ['soundness of connections of SQLite', SQLITE_MUTANTS],
  ['workers', WORKERS_MUTANTS],
])('%s', (_, mutants) => {
  const lost = mutants.flatMap(({ name, edits }) =>
    edits
      .filter(({ file, find }) => !sourceOf(file).includes(find))
      .map(({ file, find }) => `${name}: ${file}: ${find}`),
  );
  expect(lost).toEqual([]);
});
