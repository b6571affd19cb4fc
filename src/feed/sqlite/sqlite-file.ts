// What only whoever opens a database of SQLite as a file of this machine knows of it: whether the file is still the same,
// and when it is written.
//
// Commits go to the file or to its log, `-wal`, which is there while somebody has the database open in
// that mode. So both are watched, and the feed looks by itself all the same.

import { type FSWatcher, statSync, watch } from 'node:fs';
import type { Cancel } from '../../ports.ts';
import type { RunnerOptions } from './sqlite-runner.ts';

export function sqliteFile(path: string): Required<RunnerOptions> {
  return {
    identity: () => fileIdentity(path),
    watch: (written) => {
      const watchers = [path, `${path}-wal`].flatMap((file) => watcherOf(file, written) ?? []);
      return watchers.length === 0 ? undefined : closing(watchers);
    },
  };
}

/** Throws where there is no file. */
export function fileIdentity(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}

/** Undefined: the file is not there, or the system watches no more files. */
function watcherOf(file: string, written: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(file, { persistent: false }, written);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

function closing(watchers: readonly FSWatcher[]): Cancel {
  return () => {
    for (const watcher of watchers) watcher.close();
  };
}
