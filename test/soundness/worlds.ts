// The worlds of a run, of one database or the other; loaded once the sources are edited, where a mutant is run.

import type { Tally } from './tally.ts';

export interface RunWorld {
  /** One transaction, or some, and their judgement; how many rows they changed. */
  step(): number | Promise<number>;
  close(): void | Promise<void>;
  /** Statements that the server did not take, by why. */
  readonly refused?: ReadonlyMap<string, number>;
}

export interface WorldOptions {
  readonly seed: number;
  readonly tally: Tally;
  readonly feature?: string | undefined;
}

export interface Worlds {
  open(options: WorldOptions): RunWorld | Promise<RunWorld>;
  close(): Promise<void>;
}

export async function sqliteWorlds(): Promise<Worlds> {
  const { World } = await import('./world.ts');
  return { open: (options) => new World(options), close: async () => undefined };
}

/** `url`: of a server that runs already; its schema `public` is made anew for each world. */
export async function postgresWorlds(url: string | undefined): Promise<Worlds> {
  const { createPostgresParser } = await import('../../src/sql/postgres-parser.ts');
  const { PostgresWorld } = await import('./postgres-world.ts');
  const parser = await createPostgresParser();
  const server = url === undefined ? await startPostgres() : undefined;
  const at = url ?? (server?.url as string);
  return {
    open: (options) => PostgresWorld.open({ ...options, parser, url: at }),
    close: async () => server?.stop(),
  };
}

export async function startPostgres(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { startServer } = await import('../feed/postgres-kit.ts');
  return startServer('autovacuum_naptime=5s', 'max_wal_size=256MB');
}
