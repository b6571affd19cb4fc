// Which file a connection of SQLite is to, by what the connection itself says: changes of another file are not told.
//
// The one complication: a file has several names, and another one may take its name. So files are told apart by device and
// inode, looked up when the connection is first seen.

import { basename } from 'node:path';
import { fileIdentity } from '../feed/sqlite-file.ts';
import type { Refusal } from './following.ts';
import type { Connection } from './recorder.ts';

/** Empty for a database in memory. Some hosts refuse to tell. */
export const MAIN_FILE = `SELECT file FROM pragma_database_list WHERE name = 'main'`;

/** Undefined: it is no file that can be looked up here. */
export function placeOf(file: unknown): string | undefined {
  if (typeof file !== 'string' || file === '') return undefined;
  try {
    // By another name, that of a hard link, SQLite takes another log beside it.
    return `${fileIdentity(file)}:${basename(file).toLowerCase()}`;
  } catch {
    return undefined;
  }
}

/** What one connection is to. */
export class SqlitePlace {
  #file: unknown;
  #place: string | undefined;

  /** The connection says that it is to this file. */
  told(file: unknown): void {
    if (file === this.#file) return;
    this.#file = file;
    this.#place = placeOf(file);
  }

  /** `followed`: the place of the file that the feed follows. Undefined: it is that one. */
  refusal(followed: string | undefined): Refusal | undefined {
    if (this.#place !== undefined && this.#place === followed) return undefined;
    const file = this.#file === '' ? 'a database in memory' : (this.#file ?? 'a database that does not name its file');
    return { kind: 'other-database', what: ELSEWHERE, told: `${ELSEWHERE}, ${file}; ${MEND}` };
  }
}

const ELSEWHERE = 'another file than the one that is followed';
const MEND = 'wrap a connection to that one, or give this file a tracker of its own';

/** A connection that is asked once for its file, with its first statement. */
export interface AskedConnection extends Connection {
  /** Runs a statement, and sees to it that the file is known when it has answered. */
  located<T>(run: () => Promise<T>): Promise<T>;
}

export function askedConnection(ask: () => Promise<unknown>): AskedConnection {
  const place = new SqlitePlace();
  let asking: Promise<void> | undefined;
  const known = () => {
    asking ??= ask().then(
      (file) => place.told(file),
      () => undefined,
    );
    return asking;
  };
  return {
    isTransaction: () => false,
    isAltered: false,
    isBlind: true,
    elsewhere: (followed) => place.refusal(followed),
    async located(run) {
      try {
        return await run();
      } finally {
        await known();
      }
    },
  };
}
