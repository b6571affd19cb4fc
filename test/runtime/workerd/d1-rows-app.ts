// A Worker that plays the random work and the cases of Drizzle by rows on its D1: bundled by d1-rows.test.ts and run in workerd.

import { drizzle } from 'drizzle-orm/d1';
import { ROWS_CASES, runRowsCase } from '../../orm/drizzle/rows-cases.ts';
import type { Row, RowsDatabase } from '../../orm/drizzle/rows-databases.ts';
import { rowsRun } from '../../orm/drizzle/rows-random.ts';

type D1 = Parameters<typeof drizzle>[0];

function rowsDatabase(d1: D1): RowsDatabase {
  return {
    db: drizzle(d1),
    run: async ({ text, values }) => {
      const { results } = await d1
        .prepare(text)
        .bind(...values)
        .all<Row>();
      return results;
    },
    hasTransactions: false,
    close: () => undefined,
  };
}

export default {
  async fetch(request: Request, env: { readonly DB: D1 }): Promise<Response> {
    const { searchParams } = new URL(request.url);
    const seed = searchParams.get('seed');
    if (seed !== null) return Response.json(await rowsRun('sqlite', rowsDatabase(env.DB), Number(seed), 20));
    const wrong: string[] = [];
    for (const given of ROWS_CASES.filter(({ dialects }) => dialects.includes('sqlite'))) {
      const problem = await runRowsCase('sqlite', rowsDatabase(env.DB), given);
      if (problem !== undefined) wrong.push(`${given.name}: ${problem}`);
    }
    return Response.json(wrong);
  },
};
