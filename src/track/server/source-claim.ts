// One feed process to a source: the second waits until the first has ended, and says so.

import { TidegateError } from '../../errors.ts';
import type { ConnectPostgres } from '../../feed/postgres/session.ts';
import type { DatabasePlatform, Release, TryClaim } from '../follow/open-database.ts';

const AGAIN_MS = 500;

/** Resolves once this process alone has the source. */
export async function claimed(attempt: TryClaim, { source, tasks, onFault }: DatabasePlatform): Promise<Release> {
  for (let isTold = false; ; ) {
    const release = await attempt();
    if (release !== undefined) return release;
    const got = 'another one that follows it: waiting until that one ends';
    if (!isTold) onFault?.(new TidegateError('E_FEED', `expected no other feed process of ${source}, got ${got}`));
    isTold = true;
    await new Promise<void>((resolve) => void tasks.later(AGAIN_MS, resolve));
  }
}

/** A lock of the server on `name`, which ends with the connection that holds it. */
export function postgresClaim(connect: ConnectPostgres, name: string): TryClaim {
  return async () => {
    const session = await connect('queries');
    const [row] = await session.query('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS got', [name]);
    if (row?.got === true) return () => session.close();
    await session.close();
    return undefined;
  };
}

/** A lock of the system on an empty file beside the database, which ends with the process that holds it. */
export function sqliteClaim(path: string): TryClaim {
  return async () => {
    const { DatabaseSync } = await import('node:sqlite');
    const file = new DatabaseSync(`${path}-tidegate`, { timeout: 0 });
    try {
      file.exec('BEGIN EXCLUSIVE');
      return async () => file.close();
    } catch (error) {
      file.close();
      if ((error as { readonly errcode?: unknown }).errcode === SQLITE_BUSY) return undefined;
      throw error;
    }
  };
}

const SQLITE_BUSY = 5;
