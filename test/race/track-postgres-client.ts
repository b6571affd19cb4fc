// The application's connections in the race over PostgreSQL, whose reads go step by step.

import type { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import { SESSION_QUERY } from '../../src/sql/postgres/session.ts';
import type { Stops } from './track-steps.ts';

export const READ = 'SELECT version FROM items WHERE id = $1';
export const READ_NOTE = 'SELECT version FROM notes WHERE id = $1';

/** With a stop before a statement of a read is sent, and one before its answer comes; the question before it is under way too. */
export function steppedClient(steps: AsyncLocalStorage<Stops>, during: <T>(work: () => Promise<T>) => Promise<T>) {
  return class extends pg.Client {
    override query(...given: unknown[]): never {
      const run = (...rest: unknown[]) => Reflect.apply(super.query, this, rest) as Promise<unknown>;
      const text: unknown = (given[0] as { readonly text?: unknown } | undefined)?.text;
      if (text === SESSION_QUERY) {
        const answered = Promise.withResolvers<void>();
        void during(() => answered.promise);
        const [question, callback] = given as [object, (...rest: unknown[]) => void];
        run(question, (...rest: unknown[]) => {
          callback(...rest);
          answered.resolve();
        });
        return undefined as never;
      }
      if (text !== READ && text !== READ_NOTE) return run(...given) as never;
      return stepped(steps.getStore(), () => during(() => run(...given))) as never;
    }
  };
}

async function stepped<T>(stops: Stops | undefined, run: () => Promise<T>): Promise<T> {
  await stops?.stop();
  const answer = await run();
  await stops?.stop();
  return answer;
}
