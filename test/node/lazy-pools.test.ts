import { expect, onTestFinished, test } from 'vitest';
import { platformClock, platformTasks } from '../../src/cache/platform.ts';
import { NodeOrigin } from '../../src/node/origin/origin.ts';
import { httpOrigin } from '../runtime/node/fault-kit.ts';

async function lateOrigin(most: number) {
  const paths: string[] = [];
  let connections = 0;
  const { url, server } = await httpOrigin((request, response) => {
    paths.push(request.url as string);
    response.end();
  });
  server.on('connection', () => connections++);
  const limits = { connectTimeoutMs: 5000, headTimeoutMs: 5000, bodyTimeoutMs: 5000, retries: 0 };
  const bounds = { connections: most, perClient: 0.5, queue: { max: 100, timeoutMs: 5000 } };
  const breaker = { failures: 5, openMs: 1000 };
  const origin = new NodeOrigin(
    { name: 'shop', url, ...limits, ...bounds, breaker },
    { clock: platformClock, tasks: platformTasks },
  );
  onTestFinished(() => origin.destroy());
  const ask = (path: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const listener = { interim() {}, head() {}, data() {}, end: () => resolve(), failed: reject };
    origin.forward({ method: 'GET', target: path, fields: [], body: undefined, retryable: true }, listener);
    return promise;
  };
  return { origin, ask, paths, connections: () => connections };
}

test('what is sent before the HTTP client is there goes out in its order', async () => {
  const { ask, paths } = await lateOrigin(1);
  await Promise.all(['/1', '/2', '/3'].map(ask));
  expect(paths).toEqual(['/1', '/2', '/3']);
});

test('an origin closed while it loads finishes what was begun', async () => {
  const { origin, ask, paths } = await lateOrigin(1);
  const asked = ask('/1');
  await origin.close();
  await asked;
  expect(paths).toEqual(['/1']);
});

test('an origin that is closed also sends what waits for a connection', async () => {
  const { origin, ask, paths } = await lateOrigin(1);
  const asked = ['/1', '/2', '/3'].map(ask);
  await origin.close();
  await Promise.all(asked);
  expect(paths).toEqual(['/1', '/2', '/3']);
});

test('an origin that was never asked is closed at once', async () => {
  const { origin, connections } = await lateOrigin(1);
  await origin.close();
  expect(connections()).toBe(0);
});
