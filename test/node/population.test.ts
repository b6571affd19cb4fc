// What a gate fills in the background, as a whole, with an origin that the test answers for.

import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pino from 'pino';
// Loaded by the parser of sitemaps when it is needed: there it would take real time, which these tests do not wait for.
import 'saxes';
import { expect, test } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import { Population } from '../../src/node/populate/population.ts';
import type { Origin, OriginListener } from '../../src/ports.ts';
import { requestOf, routeTo } from '../kit/clients.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

function gates() {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const asked: { readonly path: string; readonly at: number; readonly listener: OriginListener }[] = [];
  const time = new SimulatedTime();
  const origin: Origin = {
    forward: ({ target }, listener) => {
      asked.push({ path: target, at: time.now(), listener });
      return { pause() {}, resume() {}, abort() {} };
    },
  };
  const populate = { ratePerSecond: 2 };
  const config = resolveConfig({ origins: { app: { url: 'http://127.0.0.1:1' } }, populate }, { env: {} });
  const open = () =>
    new Population({
      clock: time,
      tasks: time,
      random: () => 1,
      gate: { populate: async () => ({ kind: 'stored' }) },
      stores: [],
      usesOf: () => 0,
      config: () => config,
      requestOf: ({ uri }) => requestOf(routeTo(origin), { path: new URL(uri).pathname }),
      log: pino({ level: 'silent' }),
      journal: folder,
    });
  const pass = async (ms: number) => {
    for (let step = 0; step <= ms; step += 50) {
      for (let turn = 0; turn < 5; turn++) await new Promise((done) => setImmediate(done));
      if (step < ms) time.advance(50);
    }
  };
  const answer = (body: string) => {
    const { listener } = asked.at(-1)!;
    listener.head({ status: 200, fields: [] }, true);
    listener.data(Buffer.from(body));
    listener.end([]);
  };
  return { folder, asked, open, pass, answer };
}

const INDEX = `<sitemapindex>${['/1', '/2'].map((path) => `<sitemap><loc>http://example.org${path}</loc></sitemap>`).join('')}</sitemapindex>`;
const START = {
  cause: 'publish',
  source: { kind: 'sitemap', url: 'http://example.org/s', name: 's', fields: [] },
} as const;

test('sitemaps are asked for at the pace of their origin', async () => {
  const { open, asked, pass, answer } = gates();
  const population = open();
  population.begin(START);
  await pass(0);
  answer(INDEX);
  await pass(1_000);
  answer('<urlset/>');
  await pass(1_000);
  const [first] = asked;
  expect(asked.map(({ path, at }) => `${path} ${at - first!.at}`)).toEqual(['/s 0', '/1 450', '/2 1000']);
});

test('a job whose sitemap is read as the gate closes stays unfinished, and the next gate says so', async () => {
  const { folder, open, asked, pass, answer } = gates();
  const first = open();
  const { id } = first.begin(START);
  await pass(0);
  answer(INDEX);
  await pass(1_000);
  first.close();
  asked.at(-1)!.listener.failed(new TidegateError('E_ORIGIN_RESET', 'expected an answer, got the end'));
  await pass(1_000);
  expect(first.progress(id)).toMatchObject({ state: 'running', sealed: false });
  expect(readFileSync(join(folder, `${id}.jsonl`), 'utf8')).not.toContain('sealed');
  const second = open();
  second.start();
  await pass(1_000);
  const [job] = second.state().jobs;
  const error = expect.stringContaining('got a restart before they were known');
  expect(job).toMatchObject({ cause: 'publish', state: 'failed', error });
  expect(readdirSync(folder)).toEqual([]);
});

test('a job of what is filled again ends when all of it is, and the next invalidation begins another', async () => {
  const { open, pass } = gates();
  const population = open();
  const entry = (path: string) => ({ key: `- app GET http://example.org${path}`, uses: 1 });
  population.rehydrate([entry('/a')]);
  population.rehydrate([entry('/b')]);
  await pass(2_000);
  expect(population.state().jobs).toMatchObject([{ cause: 'rehydration', state: 'done', total: 2, stored: 2 }]);
  population.rehydrate([entry('/c')]);
  await pass(2_000);
  expect(population.state().jobs).toMatchObject([
    { state: 'done', total: 1 },
    { state: 'done', total: 2 },
  ]);
});
