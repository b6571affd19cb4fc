// `withD1`: what becomes of a response by what the tracker says of its statements, with a context of the test's own.

import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, test } from 'vitest';
import type { D1Database, TaggedRequest } from '../../src/workers/d1/binding.ts';
import { type D1HandlerOptions, type OriginHandler, trackedHandler } from '../../src/workers/d1/handler.ts';
import { createD1Tracker, type D1Tracker } from '../../src/workers/d1/tracker.ts';

/** As the platform's `withEnv`. */
const storage = new AsyncLocalStorage<object>();
const scope = {
  get env() {
    return (storage.getStore() ?? {}) as Readonly<Record<string, unknown>>;
  },
  withEnv: <T>(env: object, work: () => T): T => storage.run(env, work),
};
const withD1 = (
  handler: OriginHandler<Readonly<Record<string, unknown>>>,
  trackers: Readonly<Record<string, D1Tracker>>,
  options: D1HandlerOptions = {},
) => trackedHandler(handler, trackers, { ...options, scope });

const DB = { prepare: () => undefined, batch: () => undefined, exec: () => undefined };

/** A handler that is given the request as its binding has it. */
function opened(handle: (tagged: TaggedRequest) => Response | Promise<Response>, hasLog = true) {
  const tags: string[] = [];
  const invalidated: string[][] = [];
  const timers: (() => void)[] = [];
  const tracker = { wrap: (_: unknown, tagged: TaggedRequest) => tagged } as unknown as D1Tracker;
  const tasks = {
    later: (_: number, work: () => void) => {
      timers.push(work);
      return () => undefined;
    },
  };
  const handler = withD1((_, env) => handle(env.DB as TaggedRequest), { DB: tracker }, { tasks });
  const context = {
    waitUntil: () => undefined,
    tidegate: {
      tags: (...names: string[]) => void tags.push(...names),
      invalidate: async (selection: { readonly tags?: readonly string[] }) => {
        if (!hasLog) throw new Error('E_LOG');
        invalidated.push([...(selection.tags ?? [])]);
        return { invalidated: 0 };
      },
    },
  };
  const call = handler as (request: Request, env: object, context: object) => Promise<Response>;
  const answer = () => call(new Request('http://app.example/'), { DB }, context);
  return { answer, tags, invalidated, timers };
}

test('a response of which all is understood is as the handler has made it, with its tags', async () => {
  const made = new Response('made', { headers: { 'cache-control': 'max-age=9' } });
  const { answer, tags } = opened(async (tagged) => {
    await tagged.tags('r1', 'k2');
    return made;
  });
  expect(await answer()).toBe(made);
  expect(tags).toEqual([expect.stringMatching(/^d/), 'r1', 'k2']);
});

test('a refused one says so to caches alone', async () => {
  const { answer } = opened(async (tagged) => {
    await tagged.refuse('uncovered-table: a; b');
    await tagged.refuse('replica');
    return new Response('made', { status: 404, headers: { 'cache-control': 'max-age=9' } });
  });
  const response = await answer();
  expect([response.status, await response.text()]).toEqual([404, 'made']);
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'cache-control': 'max-age=9',
    'cdn-cache-control': 'no-store',
    'tidegate-untracked': 'uncovered-table: a, b; replica',
  });
});

test('what is read after the response has been returned invalidates that response, once', async () => {
  let kept: TaggedRequest | undefined;
  const { answer, tags, invalidated } = opened((tagged) => {
    kept = tagged;
    return new Response('made');
  });
  await answer();
  await Promise.all([kept?.tags('r1'), kept?.refuse('after-write')]);
  expect(tags).toHaveLength(1);
  expect(invalidated).toEqual([tags]);
});

test('where nobody hears of that, the read fails: its body is cut, and not stored', async () => {
  let kept: TaggedRequest | undefined;
  const { answer } = opened((tagged) => {
    kept = tagged;
    return new Response('made');
  }, false);
  await answer();
  await expect(kept?.tags('r1')).rejects.toThrow('E_LOG');
});

test('a write of unknown outcome invalidates at once, and again when it is over', async () => {
  const { answer, invalidated, timers } = opened(async (tagged) => {
    await tagged.doubt?.({ tags: ['a1'] });
    return new Response('made');
  });
  await answer();
  expect(invalidated).toEqual([['a1']]);
  for (const work of timers) work();
  expect(invalidated).toEqual([['a1'], ['a1']]);
});

test('a binding that is not there is named', async () => {
  const handler = withD1(() => new Response('made'), { OTHER: {} as D1Tracker });
  const context = { tidegate: { tags: () => undefined } };
  const call = handler as (request: Request, env: object, context: object) => Promise<Response>;
  await expect(call(new Request('http://app.example/'), { DB }, context)).rejects.toThrow(
    /withD1: expected a D1 database bound as OTHER, got nothing; it comes by "d1_databases": \[\{ "binding": "OTHER"/,
  );
});

test('what is read by work that no request began leaves unstored what is being made meanwhile', async () => {
  const statement = { all: async () => ({ success: true, results: [] }), run: () => undefined, bind: () => statement };
  const bare = { ...DB, prepare: () => statement };
  let kept: D1Database | undefined;
  const handler = withD1(
    async (_, env) => {
      if (kept !== undefined) await storage.exit(() => kept?.prepare('select n from t').all());
      kept ??= env.DB as D1Database;
      return new Response('made');
    },
    { DB: createD1Tracker({ source: 'app' }) },
  );
  const context = { tidegate: { tags: () => undefined, invalidate: async () => undefined } };
  const call = handler as (request: Request, env: object, context: object) => Promise<Response>;
  const ask = () => call(new Request('http://app.example/'), { DB: bare }, context);
  expect((await ask()).headers.has('tidegate-untracked')).toBe(false);
  const second = await ask();
  expect(second.headers.get('cdn-cache-control')).toBe('no-store');
  expect(second.headers.get('tidegate-untracked')).toMatch(/^outside-request: /);
});

/** A handler that reads by `env.DB`, over a binding of the class of one's own, and what its response says. */
async function readBy(bare: object) {
  const handler = withD1(
    async (_, env) => {
      await (env.DB as D1Database).prepare('select n from t').all();
      return new Response('made');
    },
    { DB: createD1Tracker({ source: 'app' }) },
  );
  const context = { tidegate: { tags: () => undefined, invalidate: async () => undefined } };
  const call = handler as (request: Request, env: object, context: object) => Promise<Response>;
  return (
    (await call(new Request('http://app.example/'), { DB: bare }, context)).headers.get('tidegate-untracked') ?? ''
  );
}

class Statement {
  bind() {
    return new Statement();
  }
  async all() {
    return { success: true, results: [] };
  }
  run() {
    return this.all();
  }
  async first() {
    return null;
  }
  async raw() {
    return [];
  }
}

class Database {
  readonly #made = () => new Statement();
  prepare() {
    return this.#made();
  }
  async batch() {
    return [];
  }
  async exec() {
    return undefined;
  }
}

test('a binding whose calls cannot be seen leaves the response unstored', async () => {
  class Frozen extends Database {}
  for (const name of ['prepare', 'batch', 'exec'] as const) {
    Object.defineProperty(Frozen.prototype, name, { value: Database.prototype[name], writable: false });
  }
  expect(await readBy(new Frozen())).toMatch(/^unseen: expected methods of the binding that can be replaced, got /);
});

test('what instrumentation calls for the wrapper is the call of the wrapper', async () => {
  const database = new Database();
  const instrumented = new Proxy(database, {
    get: (target, name) => {
      const value = target[name as 'prepare'];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const plain = await readBy(database);
  expect(plain).not.toContain('unseen');
  expect(await readBy(instrumented)).toBe(plain);
});

test('methods are replaced once, whoever has the binding', async () => {
  await readBy(new Database());
  const { prepare, batch, exec } = Database.prototype;
  const { all } = Statement.prototype;
  await readBy(new Database());
  expect([Database.prototype, Statement.prototype]).toMatchObject([{ prepare, batch, exec }, { all }]);
});
