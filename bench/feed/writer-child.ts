// Child of the bench `feed`: another program that writes to the database, and knows nothing of any cache.
//
// The load must not hold up the commits that are timed. With PostgreSQL these have a connection of
// their own; SQLite has one writer at a time anyway.

import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { answer } from './child.ts';
import { machineMs, pause } from './clock.ts';
import { type Followed, isPostgres, LOADED_ROWS } from './rows.ts';

/** Commits the new version in those rows. */
type Commit = (version: number, ids: readonly number[]) => unknown;

export interface Load {
  readonly changesPerSecond: number;
  readonly rowsPerCommit: number;
}

const CONNECTIONS = 4;

let loading: readonly Commit[] = [];
let sampling: Commit = () => undefined;
let version = 0;
let isLoaded = false;
let done: Promise<unknown> = Promise.resolve();
let begunAt = 0;
/** Of the rows of the load: id, version, and when its commit had returned. */
let commits: [id: number, version: number, atMs: number][] = [];

const answers = {
  connect: async (followed: Followed) => {
    if (!isPostgres(followed)) {
      sampling = sqliteCommit(new DatabaseSync(followed.database, { timeout: 5_000 }));
      loading = [sampling];
      return;
    }
    const all = await Promise.all(Array.from({ length: CONNECTIONS + 1 }, () => postgresCommit(followed.database)));
    [sampling] = all as [Commit];
    loading = all.slice(1);
  },
  /** One commit; the version, and when it had returned. */
  sample: async (id: number) => {
    const mine = ++version;
    await sampling(mine, [id]);
    return { version: mine, atMs: machineMs() };
  },
  begin: (load: Load) => {
    isLoaded = true;
    commits = [];
    begunAt = machineMs();
    const due = { taken: 0 };
    done = Promise.all(loading.map((commit) => write(commit, load, due)));
  },
  end: async () => {
    isLoaded = false;
    await done;
    return { commits, changesPerSecond: (commits.length * 1_000) / (machineMs() - begunAt) };
  },
};
export type WriterAnswers = typeof answers;

async function write(commit: Commit, load: Load, due: { taken: number }): Promise<void> {
  const { changesPerSecond, rowsPerCommit } = load;
  while (isLoaded) {
    const dueNow = ((machineMs() - begunAt) / 1_000) * changesPerSecond;
    if (due.taken + rowsPerCommit > dueNow) {
      await pause(1);
      continue;
    }
    due.taken += rowsPerCommit;
    const mine = ++version;
    // In ascending order, so that no two transactions wait for each other.
    const first = 1 + Math.floor(Math.random() * (LOADED_ROWS - rowsPerCommit + 1));
    const ids = Array.from({ length: rowsPerCommit }, (_, at) => first + at);
    await commit(mine, ids);
    const atMs = machineMs();
    for (const id of ids) commits.push([id, mine, atMs]);
    // Samples come in between.
    if (!isTurnTaken()) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A commit that was awaited has let others run. */
function isTurnTaken(): boolean {
  return loading.length > 1;
}

function sqliteCommit(database: DatabaseSync): Commit {
  database.exec('PRAGMA synchronous = normal');
  const update = database.prepare('UPDATE rows SET version = ? WHERE id = ?');
  return (version, ids) => {
    if (ids.length > 1) database.exec('BEGIN IMMEDIATE');
    for (const id of ids) update.run(version, id);
    if (ids.length > 1) database.exec('COMMIT');
  };
}

async function postgresCommit(url: string): Promise<Commit> {
  const client = new pg.Client(url);
  await client.connect();
  // Of two that write the same row the one with the greater number need not be the later.
  const text = 'UPDATE rows SET version = greatest(version, $1) WHERE id = ANY ($2)';
  return (version, ids) => client.query({ name: 'write', text, values: [version, ids] });
}

answer(answers);
