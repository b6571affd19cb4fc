// What a Worker reaches by its bindings: each that is missing is named at the first request, with what adds it; a drain starts by itself.

import { describe, expect, test } from 'vitest';
import { createWorkersCache } from '../../src/workers/cache.ts';
import { type D1HandlerOptions, trackedHandler } from '../../src/workers/d1/handler.ts';

const waited: Promise<unknown>[] = [];
const context = {
  waitUntil: (work: Promise<unknown>) => void waited.push(work.catch(String)),
  tidegate: { tags: () => undefined },
};
const withD1 = (options: D1HandlerOptions) => {
  const handler = trackedHandler(
    () => new Response('made'),
    {},
    {
      ...options,
      scope: { env: {}, withEnv: (_, work) => work() },
    },
  );
  return async (env: object) =>
    (handler as (...call: unknown[]) => Promise<unknown>)(new Request('http://a/'), env, context);
};
const lacking = { idFromName: (name: string) => name, get: () => ({ renew: () => Promise.reject(new Error('down')) }) };
const cached = (options: D1HandlerOptions) => {
  const cacheOf = createWorkersCache(options);
  return async (env: object) => cacheOf({ TIDEGATE_LOG: lacking, ...env }, context);
};

describe.each([
  ['withD1', withD1],
  ['createWorkersCache', cached],
])('%s', (_, opened) => {
  test('names the binding of a drain that is missing, and what adds it', async () => {
    const failed = opened({ drain: 'DRAIN' })({}).catch((error) => error);
    expect(await failed).toMatchObject({
      code: 'E_CONFIG',
      message:
        'the Worker has one problem:\n  drain: expected a namespace of Durable Objects bound as DRAIN, got nothing; it comes by "durable_objects": { "bindings": [{ "name": "DRAIN", "class_name": "TidegateDrain" }] } and "migrations": [{ "tag": "TidegateDrain-1", "new_sqlite_classes": ["TidegateDrain"] }]',
    });
  });

  test.each(['DRAIN', 'TIDEGATE_DRAIN'])(
    'starts the drain bound as %s, and again with the next request where that failed',
    async (name) => {
      let starts = 0;
      const start = () => (++starts === 1 ? Promise.reject(new Error('lost')) : Promise.resolve());
      const env = { [name]: { idFromName: (object: string) => object, get: () => ({ start }) } };
      const ask = opened(name === 'TIDEGATE_DRAIN' ? {} : { drain: name });
      waited.length = 0;
      for (let request = 0; request < 3; request++) {
        await ask(env);
        await Promise.all(waited);
      }
      expect([starts, await Promise.all(waited)]).toEqual([2, ['Error: lost', undefined]]);
    },
  );

  test('needs no drain', async () => {
    waited.length = 0;
    await opened({})({});
    expect(waited).toEqual([]);
  });
});

test('a data cache names the binding of its log', async () => {
  const failed = createWorkersCache({ log: 'LOG' })({ LOG: 'x' }, context).catch((error) => error);
  expect((await failed).message).toMatch(
    /log: expected a namespace of Durable Objects bound as LOG, got a text; it comes by /,
  );
});
