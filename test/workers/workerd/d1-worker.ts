// The Worker of the races on D1: the truth is a table, each row with its version. It is written through the gate, and straight, by
// whoever knows nothing of Tidegate.

import { createD1Tracker, type D1Database, d1Drain, installD1Feed, withD1 } from '../../../src/workers/d1/index.ts';
import { adminApi, createGate } from '../../../src/workers/index.ts';
import type { Bindings, ExecutionContext } from '../../../src/workers/platform.ts';
import type { RaceSettings } from '../race/bench.ts';
import { gateConfig } from '../race/gate-config.ts';
import { ITEMS, LIST } from '../race/origin.ts';
import { abortable, racedWorker } from './raced-worker.ts';

declare const RACE: RaceSettings & { readonly drainMs: number };

interface Env extends Bindings {
  readonly DB: D1Database;
  readonly CONTROL: { fetch(url: string): Promise<unknown> };
}

const OF_ITEM = 'select version from items where path = ?';
const OF_LIST = 'select sum(version) as version from items';

async function read(DB: D1Database, path: string): Promise<string> {
  const statement = path === LIST ? DB.prepare(OF_LIST) : DB.prepare(OF_ITEM).bind(path);
  return String(await statement.first('version'));
}

async function written(DB: D1Database, path: string): Promise<Response> {
  const results = await DB.batch([
    DB.prepare('update items set version = version + 1 where path = ?').bind(path),
    DB.prepare(OF_ITEM).bind(path),
    DB.prepare(OF_LIST),
  ]);
  const [, [item] = [], [list] = []] = results.map(
    (result) => (result.results ?? []) as { readonly version: number }[],
  );
  return new Response(null, { headers: { 'x-version': String(item?.version), 'x-list': String(list?.version) } });
}

async function answer(request: Request, { DB }: Env): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (request.method !== 'GET') return written(DB, pathname);
  const version = await read(DB, pathname);
  return new Response(`${version};`, { headers: { 'cache-control': 'max-age=86400', 'x-version': version } });
}

const handler = withD1<Env>(answer, { DB: createD1Tracker({ source: 'shop' }) }, { drain: 'DRAIN' });

const gate = createGate<Env>({ ...gateConfig(RACE), origins: { shop: { handler } } }, { adminApi });

const raced = racedWorker(gate as never);

async function install(DB: D1Database): Promise<Response> {
  await DB.exec('create table items (path text primary key, version integer)');
  await DB.batch(ITEMS.map((path) => DB.prepare('insert into items values (?, 1)').bind(path)));
  return Response.json(await installD1Feed(DB));
}

/** `/install`, `/versions`, and `/straight/item/a` for a write past the gate. */
export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<unknown> {
    const { pathname } = new URL(request.url);
    if (pathname === '/install') return install(env.DB);
    if (pathname.startsWith('/straight')) return written(env.DB, pathname.slice('/straight'.length));
    if (pathname !== '/versions') return raced.fetch(request, env, context);
    const versions = [...ITEMS, LIST].map(async (path) => [path, Number(await read(env.DB, path))]);
    return Response.json(await Promise.all(versions));
  },
};

const Plain = d1Drain({ source: 'shop', database: 'DB', drainEvery: RACE.drainMs });

class CountedDrain extends (Plain as unknown as new (state: unknown, env: Env) => { alarm(): Promise<void> }) {
  readonly #control: Env['CONTROL'];

  constructor(state: unknown, env: Env) {
    super(state, env);
    this.#control = env.CONTROL;
  }

  override async alarm(): Promise<void> {
    await super.alarm();
    await this.#control.fetch('http://control/happened/drains');
  }
}

export const Drain = abortable(CountedDrain as never);
export { Objects, TidegateLog } from './raced-worker.ts';
