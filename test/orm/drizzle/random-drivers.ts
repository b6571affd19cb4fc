// Drivers whose statements are held for random turns: one that has a single connection for all, and one that gives each
// transaction its own.

import { DatabaseSync } from 'node:sqlite';
import { createClient } from '@libsql/client';
import { drizzle as drizzleLibsql } from 'drizzle-orm/libsql';
import { drizzle as drizzleProxy } from 'drizzle-orm/sqlite-proxy';
import type { RandomDriver, RandomHooks } from './random-kit.ts';
import { liteSchema } from './wrapped-kit.ts';

export function oneConnection(path: string, { pause, loses }: RandomHooks): RandomDriver {
  const connection = new DatabaseSync(path);
  const db = drizzleProxy(
    async (text, params, method) => {
      await pause();
      const statement = connection.prepare(text);
      statement.setReturnArrays(true);
      const given = params as string[];
      const rows = method === 'run' ? [statement.run(...given)] : statement.all(...given);
      await pause();
      if (text.startsWith('update') && !connection.isTransaction && loses()) throw new Error('lost');
      return { rows };
    },
    { schema: liteSchema },
  );
  return { db, close: () => connection.close() };
}

interface Executes {
  execute(statement: { sql: string; args: string[] }): Promise<unknown>;
}

export function ownConnections(path: string, { pause, loses }: RandomHooks): RandomDriver {
  const client = createClient({ url: `file:${path}` });
  const held = (executes: object, isAlone: boolean): object =>
    new Proxy(executes, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'execute')
          return (statement: { sql: string; args: string[] }) => run(target as Executes, statement, isAlone);
        if (name === 'transaction') return async () => held(await client.transaction('write'), false);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const run = async (on: Executes, statement: { sql: string; args: string[] }, isAlone: boolean) => {
    await pause();
    const answer = await on.execute(statement);
    await pause();
    if (isAlone && statement.sql.startsWith('update') && loses()) throw new Error('lost');
    return answer;
  };
  const db = drizzleLibsql(held(client, true) as typeof client, { schema: liteSchema });
  return { db, close: () => client.close() };
}
