// Data caches of two isolates over D1, with a slower tier that they share: what one writes through Drizzle, or another program
// writes to the database, is not served by the other.

import { fileURLToPath } from 'node:url';
import { Miniflare, type Request as MiniflareRequest, Response } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomOf } from '../orm/drizzle/random-kit.ts';
import type { Query } from '../orm/drizzle/rows-databases.ts';
import { RowsQueries } from '../orm/drizzle/rows-queries.ts';

let workers: Miniflare;
const bytes = new Map<string, Uint8Array>();

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('d1-cache-app.ts', import.meta.url)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const modules = output.flatMap((chunk) =>
    chunk.type === 'chunk' ? [{ type: 'ESModule' as const, path: chunk.fileName, contents: chunk.code }] : [],
  );
  const BYTES = async (request: MiniflareRequest) => {
    const { pathname } = new URL(request.url);
    if (request.method === 'PUT') bytes.set(pathname, new Uint8Array(await request.arrayBuffer()));
    if (request.method === 'DELETE') bytes.delete(pathname);
    const found = bytes.get(pathname);
    return found === undefined ? new Response(null, { status: 404 }) : new Response(found as never);
  };
  const worker = (name: string) => ({
    ...{ name, modules, compatibilityDate: '2026-06-01', d1Databases: { DB: 'app' }, serviceBindings: { BYTES } },
    durableObjects: {
      TIDEGATE_LOG: { className: 'TidegateLog', scriptName: 'a', useSQLite: true },
      TIDEGATE_DRAIN: { className: 'Drain', scriptName: 'a', useSQLite: true },
    },
  });
  workers = new Miniflare({ workers: [worker('a'), worker('b')] });
  await workers.ready;
}, 60_000);

afterAll(() => workers?.dispose());

interface Found {
  readonly wrong: readonly string[];
  readonly hits: number;
  readonly faults: readonly string[];
}

async function ask<T>(place: 'a' | 'b', body: object): Promise<T> {
  const { fetch } = (await workers.getWorker(place)) as unknown as {
    fetch(url: string, init: object): Promise<Response>;
  };
  const response = await fetch('http://app.example/', { method: 'POST', body: JSON.stringify(body) });
  if (response.status !== 200) throw new Error(await response.text());
  return (await response.json()) as T;
}

test('random writes in either isolate leave nothing outdated in the other', { timeout: 240_000 }, async () => {
  let hits = 0;
  for (let seed = 1; seed <= 2; seed++) {
    const random = randomOf(seed);
    const queries = new RowsQueries('sqlite', random);
    const dropped = ['c', 'b', 'a'].map((name) => `drop table if exists ${name}`);
    await ask('a', { tables: [...dropped, ...queries.tables()] });
    const reads = Array.from({ length: 12 }, () => queries.read());
    for (let step = 0; step < 12; step++) {
      await ask(random() < 0.5 ? 'a' : 'b', { write: queries.statement() });
      for (const place of ['a', 'b'] as const) {
        const found = await ask<Found>(place, { reads });
        expect(found, `seed ${seed}`).toMatchObject({ wrong: [], faults: [] });
        hits += found.hits;
      }
    }
  }
  expect(hits).toBeGreaterThan(50);
});

test('what others write is seen after the next drain', { timeout: 30_000 }, async () => {
  const reads: Query[] = [{ text: 'select count(*) as n from a', values: [] }];
  const database = await workers.getD1Database('DB', 'a');
  for (const place of ['a', 'b'] as const) await ask(place, { reads });
  expect(await ask<Found>('b', { reads })).toMatchObject({ wrong: [], hits: 1 });
  await database.prepare('insert into a (k) values (77)').run();
  let found = await ask<Found>('b', { reads });
  for (let left = 100; left > 0 && found.wrong.length > 0; left--) {
    await new Promise((done) => setTimeout(done, 50));
    found = await ask<Found>('b', { reads });
  }
  expect(found.wrong).toEqual([]);
  expect(await ask<Found>('a', { reads })).toMatchObject({ wrong: [] });
});
