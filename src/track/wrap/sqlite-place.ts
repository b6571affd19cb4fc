// Finds a SQLite connection's file, by the connection's own word: changes of other files are not told.
//
// A file has several names, and another one may take its name. So files are told apart by device and inode, looked up
// when the connection is first seen.

import { basename } from 'node:path';
import { fileIdentity } from '../../feed/sqlite/file.ts';
import type { ReadRefusal } from '../follow/registry-client.ts';

/** The file is empty for a database in memory; some hosts refuse to tell. libSQL ends the text at its zero. */
export const PLACE = `SELECT file, char(97, 0) AS text FROM pragma_database_list WHERE name = 'main'`;
const WHOLE = 'a\0';

/** Returns undefined when it is no file that can be looked up here. */
export function placeOf(file: unknown): string | undefined {
  if (typeof file !== 'string' || file === '') return undefined;
  try {
    // Under another name, a hard link's, SQLite takes another log beside the file.
    return `${fileIdentity(file)}:${basename(file).toLowerCase()}`;
  } catch {
    return undefined;
  }
}

/** A connection, as far as its answer to `PLACE` says. */
export class PlacedConnection {
  cutsTexts = false;
  #file: unknown;
  #place: string | undefined;

  told(file: unknown, text: unknown): void {
    this.cutsTexts = text !== WHOLE;
    if (file === this.#file) return;
    this.#file = file;
    this.#place = placeOf(file);
  }

  /** `followed` is the place of the file that the feed follows. Returns undefined when the connection is to that file. */
  elsewhere(followed: string | undefined): ReadRefusal | undefined {
    if (this.#place !== undefined && this.#place === followed) return undefined;
    const file = this.#file === '' ? 'a database in memory' : (this.#file ?? 'a database that does not name its file');
    return { kind: 'other-database', what: ELSEWHERE, told: `${ELSEWHERE}, ${file}; ${MEND}` };
  }
}

const ELSEWHERE = 'another file than the one that is followed';
const MEND = 'wrap a connection to that one, or give this file a tracker of its own';
