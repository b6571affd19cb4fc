// The simulated platform does what the platform does where a test would else see nothing.

import { expect, test } from 'vitest';
import type { DataCentreCache } from './cache-api.ts';
import { D1 } from './d1.ts';
import { DurableNamespace } from './durable.ts';
import { compile, type IsolateParts } from './isolate.ts';
import { fetcherTo } from './network.ts';
import { type ClientAnswer, WorkersPlatform } from './platform.ts';
import { World, type WorldOptions } from './world.ts';

const REPLY = {
  status: 200,
  headers: {},
  parts: [
    { text: 'one ', afterMs: 40 },
    { text: 'two', afterMs: 40 },
  ],
};

function platformOf(code: string, options: Partial<WorldOptions> & Pick<IsolateParts, 'cut'> = {}) {
  const world = new World({ seed: 3, ...options });
  const program = compile(code);
  const objects = new DurableNamespace({
    world,
    service: 'object',
    className: 'Counter',
    env: () => env,
    isolate: { program },
  });
  const database = new D1(world);
  const env: Record<string, unknown> = {
    ORIGIN: fetcherTo(world, 'origin', () => REPLY),
    OBJECT: objects.binding,
    DB: database.binding,
  };
  const cut = options.cut;
  const { dataCentres } = new WorkersPlatform({
    ...{ world, program, isolates: 1, dataCentres: ['east'], env: () => env },
    ...(cut !== undefined && { cut }),
  });
  const [east] = dataCentres;
  const ask = (path = '/'): Promise<ClientAnswer> =>
    world.run((east as NonNullable<typeof east>).ask({ method: 'GET', url: `http://a.example${path}` }));
  return { world, objects, database, ask, east };
}

const worker = (body: string) => `exports.default = { async fetch(request, env, ctx) { ${body} } };`;

const COUNTER = `
exports.Counter = class {
  constructor(ctx) {
    this.ctx = ctx;
    this.memory = 0;
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS n (n INTEGER)');
  }
  async add() {
    this.memory++;
    this.ctx.storage.sql.exec('INSERT INTO n VALUES (?)', this.memory);
    return [this.memory, this.ctx.storage.sql.exec('SELECT count(*) AS n FROM n').one().n];
  }
  async slow() { await new Promise((done) => setTimeout(done, 1000)); return 'slow'; }
  async wake() { await this.ctx.storage.setAlarm(Date.now() + 5000); }
  async alarm() { await this.add(); }
  async fail() { throw Object.assign(new Error('no'), { code: 'E_LOG' }); }
};`;

const counted = (method: string) =>
  `${worker(`try { return Response.json(await env.OBJECT.getByName('a').${method}() ?? null); } catch (error) { return Response.json({ message: error.message, code: error.code }); }`)}${COUNTER}`;

const textOf = (answer: ClientAnswer) => (answer.kind === 'answer' ? answer.body : answer.kind);

test('the clock of code moves at its events alone', async () => {
  const code = worker(`
    const began = Date.now();
    for (let at = 0; at < 1e5; at++);
    const same = Date.now() === began;
    await new Promise((done) => setTimeout(done, 500));
    return Response.json([same, Date.now() - began >= 500, performance.now() % 1]);`);
  expect(textOf(await platformOf(code).ask())).toBe('[true,true,0]');
});

test('code asks for no I/O outside of a request, and has nothing of Node', async () => {
  const code = `let told; try { setTimeout(() => {}); } catch (error) { told = error.message; }
    ${worker('return Response.json([told.slice(0, 20), typeof process, typeof Buffer, typeof globalThis.setImmediate, navigator.userAgent]);')}`;
  const told = textOf(await platformOf(code).ask());
  expect(JSON.parse(told)).toEqual([
    'Disallowed operation',
    'undefined',
    'undefined',
    'undefined',
    'Cloudflare-Workers',
  ]);
});

test('the body of a service arrives bit by bit', async () => {
  const code = worker(`
    const response = await env.ORIGIN.fetch('http://a.example/');
    const began = Date.now();
    const text = await response.text();
    return Response.json([text, Date.now() - began >= 79]);`);
  expect(textOf(await platformOf(code).ask())).toBe('["one two",true]');
});

test('a cut invocation goes no further; a dropped isolate loses its memory', async () => {
  const code = `let count = 0; ${worker('count++; await scheduler.wait(10); count += 10; return new Response(String(count));')}`;
  for (const [fate, then] of [
    ['invocation', '12'],
    ['isolate', '11'],
  ] as const) {
    let cuts = 1;
    const { ask } = platformOf(code, { cut: ({ events }) => (events === 1 && cuts-- > 0 ? fate : 'goes on') });
    expect(await ask()).toEqual({ kind: 'cut' });
    expect(textOf(await ask())).toBe(then);
  }
});

test('what nobody keeps ends with the answer; waitUntil keeps it', async () => {
  const code = `let done = []; ${worker(`
    const work = async (name) => { await scheduler.wait(100); done.push(name); };
    if (request.url.endsWith('/done')) return Response.json(done);
    if (request.url.endsWith('/kept')) ctx.waitUntil(work('kept')); else work('lost');
    return new Response('');`)}`;
  const { world, ask } = platformOf(code);
  await ask('/lost');
  await ask('/kept');
  await world.run(world.pause(1_000));
  expect(textOf(await ask('/done'))).toBe('["kept"]');
});

test('an object loses its memory at a restart and keeps its storage', async () => {
  const { ask, objects } = platformOf(counted('add'));
  expect(textOf(await ask())).toBe('[1,1]');
  expect(textOf(await ask())).toBe('[2,2]');
  objects.restart('test');
  expect(textOf(await ask())).toBe('[1,3]');
});

test('what an object has under way fails at its restart', async () => {
  const { world, ask, objects } = platformOf(counted('slow'));
  world.at(500, () => objects.restart('test'));
  expect(textOf(await ask())).toContain('reset');
});

test('an error of an object comes without its code', async () => {
  expect(textOf(await platformOf(counted('fail')).ask())).toBe('{"message":"no"}');
});

test('an alarm outlives a restart', async () => {
  const { world, ask, objects } = platformOf(counted('wake'));
  await ask();
  objects.restart('test');
  await world.run(world.pause(20_000));
  expect(objects.host('a').storage.exec('SELECT count(*) AS n FROM n').one()).toEqual({ n: 1 });
});

test('a lost answer leaves its effect behind', async () => {
  const { ask, objects } = platformOf(counted('add'), { passage: () => ({ fate: 'is lost after' }) });
  expect(textOf(await ask())).toContain('Network connection lost');
  expect(objects.host('a').storage.exec('SELECT count(*) AS n FROM n').one()).toEqual({ n: 1 });
});

test('D1: a batch is one transaction; a replica lags, and a bookmark keeps it off', async () => {
  const code = worker(`
    if (request.url.endsWith('/batch')) {
      const insert = (n) => env.DB.prepare('INSERT INTO t VALUES (?)').bind(n);
      return await env.DB.batch([insert(2), insert(1)]).then(() => new Response('done'), (error) => new Response(error.message));
    }
    const all = async (from) => (await from.prepare('SELECT n FROM t').all()).results.length;
    const later = env.DB.withSession('first-primary');
    return Response.json([await all(env.DB), await all(env.DB.withSession()), await all(later), await all(later), await all(env.DB.withSession(later.getBookmark()))]);`);
  const { world, ask, database } = platformOf(code);
  database.lagMs = 1_000;
  database.write('CREATE TABLE t (n INTEGER UNIQUE)');
  await world.run(world.pause(2_000));
  database.write('INSERT INTO t VALUES (1)');
  expect(textOf(await ask())).toBe('[1,0,1,1,1]');
  expect(textOf(await ask('/batch'))).toMatch(/^D1_ERROR: UNIQUE/);
  await world.run(world.pause(2_000));
  expect(textOf(await ask())).toBe('[1,1,1,1,1]');
});

test('the Cache API belongs to a data centre and refuses what it refuses', async () => {
  const world = new World({ seed: 1 });
  const program = compile(
    worker(`
    const key = 'http://cache.example/a';
    if (request.url.endsWith('/get')) return await caches.default.match(key) ?? new Response('none');
    const put = (init) => caches.default.put(key, new Response('x', init)).then(() => 'put', (error) => error.message);
    return new Response([await put({ status: 206 }), await put({ headers: { vary: '*' } }), await put({ headers: { 'cache-control': 'max-age=9' } })].join());`),
  );
  const { dataCentres } = new WorkersPlatform({
    world,
    program,
    isolates: 1,
    dataCentres: ['east', 'west'],
    env: () => ({}),
  });
  const [east, west] = dataCentres as [NonNullable<(typeof dataCentres)[0]>, NonNullable<(typeof dataCentres)[0]>];
  (east.cache as DataCentreCache).evicts = 0;
  const ask = async (place: typeof east, path: string) =>
    textOf(await world.run(place.ask({ method: 'GET', url: `http://a.example${path}` })));
  expect(await ask(east, '/put')).toMatch(/206,.*Vary.*,put/);
  expect([await ask(east, '/get'), await ask(west, '/get')]).toEqual(['x', 'none']);
  await world.run(world.pause(10_000));
  expect(await ask(east, '/get')).toBe('none');
});
