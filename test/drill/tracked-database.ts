// The database of the drill, for whoever follows it.

import { setTimeout as sleep } from 'node:timers/promises';
import { postgresDatabase, sqliteDatabase } from '../../src/track/index.ts';
import type { ProcessSettings } from './settings.ts';

export function trackedDatabase({ dialect, database }: ProcessSettings): ReturnType<typeof sqliteDatabase> {
  const { path = '', feedUrl = '', slot = '' } = database;
  if (dialect === 'sqlite') return sqliteDatabase({ path, install: true });
  return postgresDatabase({ connection: feedUrl, slot, publication: slot, install: true });
}

export function complain(error: unknown): void {
  console.error(error instanceof Error ? error.message : error);
}

/** The database may not be there yet. */
export async function persistently<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      complain(error);
    }
    await sleep(100);
  }
}
