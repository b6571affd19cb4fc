// A SQLite database as a file of this machine: whether it is still the same file, and when somebody writes to it.
//
// Commits go to the file or to its log, `-wal`, which exists while somebody has the database open in that mode. So both
// files are watched, and the feed also looks by itself.

import { type FSWatcher, statSync, watch } from 'node:fs';
import type { RunnerOptions } from './runner.ts';

export function sqliteFile(path: string): Required<RunnerOptions> {
  return {
    identity: () => fileIdentity(path),
    watch: (written) => {
      const watchers = [path, `${path}-wal`].flatMap((file) => watcherOf(file, written) ?? []);
      const unwatch = () => {
        for (const watcher of watchers) watcher.close();
      };
      return watchers.length === 0 ? undefined : unwatch;
    },
  };
}

/** Throws when there is no file. */
export function fileIdentity(path: string): string {
  const { dev, ino } = statSync(path, { bigint: true });
  return `${dev}:${ino}`;
}

/** Returns undefined when the file does not exist, or the system cannot watch more files. */
function watcherOf(file: string, written: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(file, { persistent: false }, written);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
