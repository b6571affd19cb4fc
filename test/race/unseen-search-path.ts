// A schema for each tenant, with the same tables: readers on a pool whose connections change their path between reads, by
// the wrapper and past it, and writers from outside. Whatever is in the cache is what the tenant's own schema has.

import pg from 'pg';
import { createCache } from '../../src/index.ts';
import { cacheTarget, createTracker, postgresDatabase } from '../../src/track/index.ts';
import { connected, startServer } from '../feed/postgres-kit.ts';
import type { UnseenCell, UnseenRace } from './unseen.ts';

const TENANTS = ['public', 'north', 'south'];
const ROUNDS = 12;

type SetPath = (
  clients: { readonly raw: pg.PoolClient; readonly wrapped: pg.PoolClient },
  path: string,
) => Promise<unknown>;

const WAYS: Readonly<Record<string, SetPath>> = {
  'SET by the wrapper': ({ wrapped }, path) => wrapped.query(`SET search_path = ${path}`),
  'SET past the wrapper': ({ raw }, path) => raw.query(`SET search_path = ${path}`),
  'a function': ({ wrapped }, path) => wrapped.query('SELECT set_config($1, $2, false)', ['search_path', path]),
  'several statements': ({ raw }, path) => raw.query(`SELECT 1; SET search_path = ${path}; SELECT 2`),
};

export const SEARCH_PATH: UnseenRace = {
  name: 'search path',
  async *cells() {
    const server = await startServer();
    const outside = await connected(server.url);
    const cache = createCache();
    const tracker = createTracker({
      source: 'shop',
      database: postgresDatabase({ connection: server.url, slot: 'race', publication: 'race', install: true }),
      targets: [cacheTarget(cache)],
    });
    const pool = new pg.Pool({ connectionString: server.url, max: 2 });
    try {
      for (const tenant of TENANTS) {
        if (tenant !== 'public') await outside.query(`CREATE SCHEMA ${tenant}`);
        await outside.query(`CREATE TABLE ${tenant}.items (id int PRIMARY KEY, version int);
          INSERT INTO ${tenant}.items VALUES (1, 0), (2, 0)`);
      }
      await tracker.start();
      for (const [name, set] of Object.entries(WAYS)) yield await cellOf(name, set);
    } finally {
      await pool.end();
      await tracker.stop();
      await cache.close();
      await outside.end();
      await server.stop();
    }

    async function cellOf(name: string, set: SetPath): Promise<UnseenCell> {
      const problems: string[] = [];
      let hits = 0;
      const read = async (tenant: string): Promise<number> => {
        let isHit = true;
        const fill = async () => {
          isHit = false;
          const raw = await pool.connect();
          const wrapped = tracker.wrap(raw);
          try {
            // Within, a statement like this would keep the value from being stored.
            await tracker.outside(() => set({ raw, wrapped }, tenant));
            return Number((await wrapped.query('SELECT version FROM items WHERE id = 1')).rows[0]?.version);
          } finally {
            raw.release();
          }
        };
        const version = await tracker.cached<number>(cache, `${name} ${tenant}`, { fill, ttl: '1h' });
        if (isHit) hits++;
        return version;
      };
      for (let round = 1; round <= ROUNDS; round++) {
        const written = TENANTS[round % TENANTS.length] as string;
        await outside.query(`UPDATE ${written}.items SET version = version + 1 WHERE id = 1`);
        await tracker.settled();
        for (const tenant of [...TENANTS, ...TENANTS]) {
          const shown = await read(tenant);
          const { rows } = await outside.query(`SELECT version FROM ${tenant}.items WHERE id = 1`);
          if (shown !== rows[0]?.version) problems.push(`${tenant}: ${shown}, and there is ${rows[0]?.version}`);
        }
      }
      return { name, hits, problems };
    }
  },
};
