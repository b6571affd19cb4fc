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

export interface ServerUrls {
  readonly url: string;
  /** Of one that follows it. */
  readonly standby?: string | undefined;
}

interface Running {
  readonly url: string;
  readonly standby: string;
  stop(): Promise<void>;
}

/** `at`: servers that run already; the schema `public` is made anew for each world. */
export async function postgresWorlds(at: ServerUrls | undefined): Promise<Worlds> {
  const { createPostgresParser } = await import('../../src/sql/postgres-parser.ts');
  const { PostgresWorld } = await import('./postgres-world.ts');
  const { EVERY, PostgresSessionsWorld } = await import('./postgres-sessions.ts');
  const parser = await createPostgresParser();
  const servers = at === undefined ? await startPostgres() : undefined;
  const urls = at ?? (servers as Running);
  return {
    open: (options) => {
      const isOfSessions = options.feature?.startsWith('sessions/') ?? options.seed % EVERY === 0;
      if (isOfSessions) return PostgresSessionsWorld.open({ ...options, ...urls });
      return PostgresWorld.open({ ...options, parser, url: urls.url });
    },
    close: async () => servers?.stop(),
  };
}

export async function startPostgres(): Promise<Running> {
  const { startServer } = await import('../feed/postgres-kit.ts');
  const server = await startServer('autovacuum_naptime=5s', 'max_wal_size=256MB');
  const standby = await server.standby();
  return {
    url: server.url,
    standby: standby.url,
    stop: async () => {
      await standby.stop();
      await server.stop();
    },
  };
}
