// The worlds of a run, of one database or the other; loaded once the sources are edited, where a mutant is run.

import type { Kind } from './connection-world.ts';
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

/** Of SQLite, what a world may be about besides its queries. */
export const CONNECTION_KINDS = ['rows one by one', 'names of its own', 'files'] as const;
/** One of so many worlds is about its connections. */
const SELDOM = 6;

export async function sqliteWorlds(): Promise<Worlds> {
  const { World } = await import('./world.ts');
  const { ConnectionWorld } = await import('./connection-world.ts');
  const kinds = await connectionKinds();
  return {
    open: (options) => {
      const { seed, feature } = options;
      const asked = kinds.find(({ name }) => name === feature);
      if (asked !== undefined) return ConnectionWorld.open(options, asked);
      if (feature !== undefined || seed % SELDOM !== 0) return new World(options);
      return ConnectionWorld.open(options, kinds[(seed / SELDOM) % kinds.length] as Kind);
    },
    close: async () => undefined,
  };
}

export async function connectionKinds(): Promise<readonly Kind[]> {
  const { ITERATORS } = await import('./sqlite-iterators.ts');
  const { FUNCTIONS } = await import('./sqlite-functions.ts');
  const { FILES } = await import('./sqlite-files.ts');
  return [ITERATORS, FUNCTIONS, FILES];
}

export interface ServerUrls {
  readonly url: string;
  /** Of one that follows it. */
  readonly standby?: string | undefined;
}

/** A standby that was paused for long would else break off what is asked of it. */
const SETTINGS = ['autovacuum_naptime=5s', 'max_wal_size=256MB', 'max_standby_streaming_delay=-1'];

interface Running {
  readonly url: string;
  readonly standby: string;
  stop(): Promise<void>;
}

/** `at`: servers that run already; the schema `public` is made anew for each world. */
export async function postgresWorlds(at: ServerUrls | undefined): Promise<Worlds> {
  const { createPostgresParser } = await import('../../src/sql/postgres/parser.ts');
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
  const server = await startServer(...SETTINGS);
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
