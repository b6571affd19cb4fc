// Repositories over D1 in workerd: four isolates, of which two share a log, over a slower tier that gives what it had before, or
// nothing, as KV may for a minute. Many write and read at once; then what each place gives is compared with the database.

import { fileURLToPath } from 'node:url';
import { Miniflare, type Request as MiniflareRequest, Response } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { randomOf } from '../orm/drizzle/random-kit.ts';
import type { Asked, Post } from './d1-repository-app.ts';

let workers: Miniflare;
const random = randomOf(7);
const upTo = (count: number) => Math.floor(random() * count);
/** All that was under a name, the last one last; undefined: nothing. */
const bytes = new Map<string, (Uint8Array | undefined)[]>();
let given = 0;

/** A write is seen by everyone some time later. */
async function lagging(request: MiniflareRequest): Promise<Response> {
  const { pathname } = new URL(request.url);
  const versions = bytes.get(pathname) ?? [undefined];
  bytes.set(pathname, versions);
  if (request.method === 'PUT') versions.push(new Uint8Array(await request.arrayBuffer()));
  if (request.method === 'DELETE') versions.push(undefined);
  const found = versions[Math.max(0, versions.length - 1 - upTo(3))];
  if (request.method !== 'GET' || found === undefined) return new Response(null, { status: 404 });
  given++;
  return new Response(found as never);
}

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('d1-repository-app.ts', import.meta.url)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const worker = (name: string, scriptName: string) => ({
    ...{ name, modules: true, script: output[0].code, compatibilityDate: '2026-06-01' },
    bindings: { MODE: scriptName === 'a' ? 'strict' : 'lease' },
    serviceBindings: { BYTES: lagging },
    d1Databases: { DB: scriptName },
    durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', scriptName, useSQLite: true } },
  });
  workers = new Miniflare({ workers: [worker('a', 'a'), worker('b', 'a'), worker('c', 'c'), worker('d', 'c')] });
  await workers.ready;
}, 60_000);

afterAll(() => workers?.dispose());

async function ask<T>(place: string, asked: Asked | undefined): Promise<T> {
  const { fetch } = (await workers.getWorker(place)) as unknown as {
    fetch(url: string, init: object): Promise<Response>;
  };
  const response = await fetch(`http://app.example/${asked === undefined ? 'stats' : ''}`, {
    ...{ method: 'POST', body: JSON.stringify(asked ?? null) },
  });
  if (response.status !== 200) throw new Error(await response.text());
  return (await response.json()) as T;
}

const IDS = 12;
const AUTHORS = 3;

function write(): Asked {
  const id = upTo(IDS);
  const kinds: readonly Asked[] = [
    { what: 'create', post: { id, author: upTo(AUTHORS), votes: upTo(100) } },
    { what: 'update', id, votes: upTo(100) },
    { what: 'update', id, votes: upTo(100) },
    { what: 'move', from: id, to: upTo(IDS) },
    { what: 'delete', id },
  ];
  return kinds[upTo(kinds.length)] as Asked;
}

const READS: readonly Asked[] = [
  ...Array.from({ length: IDS }, (_, id): Asked => ({ what: 'find', id })),
  ...Array.from({ length: AUTHORS }, (_, author): Asked => ({ what: 'list', author })),
];
const read = () => READS[upTo(READS.length)] as Asked;

test.each([
  ['strict', 'a', 'b'],
  ['lease', 'c', 'd'],
] as const)(
  'in the mode %s random work leaves nothing outdated in any isolate',
  async (_, one, other) => {
    const places = [one, other] as const;
    await ask(one, { what: 'make' });
    const database = await workers.getD1Database('DB', one);
    const wrong: string[] = [];
    for (let round = 0; round < 40; round++) {
      const place = () => (upTo(2) === 0 ? one : other);
      const work = [...Array.from({ length: 1 + upTo(2) }, write), ...Array.from({ length: 6 }, read)];
      await Promise.all(work.map((asked) => ask(place(), asked)));
      const results = (await database.prepare('select * from posts order by id').all()).results as unknown as Post[];
      for (const where of places) {
        for (const asked of READS) {
          const truth =
            asked.what === 'list'
              ? results.filter(({ author }) => author === asked.author)
              : (results.find(({ id }) => 'id' in asked && id === asked.id) ?? null);
          const found = await ask(where, asked);
          const differs = JSON.stringify(found) !== JSON.stringify(truth);
          if (differs)
            wrong.push(
              `${round} ${where} ${JSON.stringify(asked)}: ${JSON.stringify(found)}, not ${JSON.stringify(truth)}`,
            );
        }
      }
    }
    expect(wrong).toEqual([]);
    for (const where of places) {
      const [faults, { hits }] = await ask<[string[], { hits: number }]>(where, undefined);
      expect(faults).toEqual([]);
      expect(hits).toBeGreaterThan(100);
    }
    expect(given).toBeGreaterThan(20);
  },
  240_000,
);
