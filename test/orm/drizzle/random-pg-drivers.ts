// Drivers of PostgreSQL whose statements are held for random turns.

import { drizzle as drizzleNodePg } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import type { RandomDriver, RandomHooks } from './random-kit.ts';
import { pgSchema } from './wrapped-kit.ts';

type Query = (...args: readonly unknown[]) => Promise<unknown>;

const WRITES = /^(?:update|insert|with|select bump)/;
const MAX_CONNECTIONS = 4;

/** A write whose answer is lost was done all the same; the error has its answer, for the test alone. */
async function held(
  text: string,
  run: () => PromiseLike<unknown>,
  { pause, loses }: Partial<RandomHooks>,
): Promise<unknown> {
  await pause?.();
  const answer = await run();
  await pause?.();
  if (WRITES.test(text) && loses?.() === true) throw Object.assign(new Error('lost'), { lost: answer });
  return answer;
}

export function nodePostgres(url: string, hooks: RandomHooks): RandomDriver {
  const pool = new pg.Pool({ connectionString: url, max: MAX_CONNECTIONS });
  const query = pool.query.bind(pool) as unknown as Query;
  const connect = pool.connect.bind(pool) as unknown as (...args: readonly unknown[]) => Promise<pg.PoolClient>;
  const known = new WeakSet<pg.PoolClient>();
  Object.assign(pool, {
    query: (config: { readonly text: string }, ...rest: readonly unknown[]) =>
      held(config.text, () => query(config, ...rest), hooks),
    connect: async (...args: readonly unknown[]) => {
      const client = await connect(...args);
      if (args.length > 0 || known.has(client)) return client;
      known.add(client);
      const send = client.query.bind(client) as unknown as Query;
      const isCalledBack = (given: readonly unknown[]) => given.some((each) => typeof each === 'function');
      return Object.assign(client, {
        query: (...given: readonly unknown[]) =>
          isCalledBack(given) ? send(...given) : held('', () => send(...given), { pause: hooks.pause }),
      });
    },
  });
  return { db: drizzleNodePg(pool, { schema: pgSchema }), close: () => pool.end() };
}

type Unsafe = (text: string, params?: never[]) => PromiseLike<unknown> & { values(): PromiseLike<unknown> };

export function postgresJs(url: string, hooks: RandomHooks): RandomDriver {
  const client = postgres(url, { max: MAX_CONNECTIONS, onnotice: () => undefined });
  const heldIn = (target: object, own: Partial<RandomHooks>): object =>
    new Proxy(target, {
      get(_, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'unsafe') return unsafe(value as Unsafe, own);
        if (name !== 'begin' && name !== 'savepoint') return value;
        return (...args: readonly unknown[]) => {
          const work = args.at(-1) as (inner: object) => unknown;
          const inside = (inner: object) => work(heldIn(inner, { pause: hooks.pause }));
          return (value as Query)(...args.slice(0, -1), inside);
        };
      },
    });
  const db = drizzlePostgresJs(heldIn(client, hooks) as typeof client, { schema: pgSchema });
  return { db, close: () => client.end() };
}

/** Its answer is a promise that can also be asked for rows as lists. */
function unsafe(send: Unsafe, hooks: Partial<RandomHooks>) {
  return (text: string, params?: never[]) => {
    const values = () => held(text, () => send(text, params).values(), hooks);
    const objects = () => held(text, () => send(text, params), hooks);
    const answer = Promise.resolve();
    return Object.assign(Object.create(answer), {
      values,
      // biome-ignore lint/suspicious/noThenProperty: it stands for a promise that is asked for only when it is awaited.
      then: (...callbacks: Parameters<Promise<unknown>['then']>) => objects().then(...callbacks),
    });
  };
}
