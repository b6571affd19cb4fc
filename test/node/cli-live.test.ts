// `tidegate tail` and `tidegate top` against a gate that runs: what they print, as text and as JSON.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { statsDocument } from '../../src/admin/stats.ts';
import type { GateStats } from '../../src/engine/contract.ts';
import type { GateCounts, RouteCounts } from '../../src/engine/statistics/counts.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import { TAIL } from '../../src/node/operator/cli/tail-command.ts';
import { figuresOf, TOP } from '../../src/node/operator/cli/top-command.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { startGate } from '../../src/node/serve.ts';
import { COUNTS, STATS } from '../admin/fake-gate.ts';
import { runCommand } from '../kit/run-command.ts';

const origin = createServer((request, response) => {
  const isBad = request.url?.startsWith('/bad') === true;
  response.writeHead(isBad ? 503 : 200, { 'cache-control': 'max-age=60' }).end('body');
});
let gate: RunningGate;

beforeAll(async () => {
  origin.listen(0, '127.0.0.1');
  await once(origin, 'listening');
  const { port } = origin.address() as AddressInfo;
  const config = {
    origins: { app: { url: `http://127.0.0.1:${port}` } },
    routes: [{ name: 'bad', match: { path: '/bad*' } }, { name: 'rest' }],
    listen: { port: 0 },
    admin: { port: 0 },
    log: { level: 'silent' },
  };
  gate = await startGate(resolveConfig(config));
});
afterAll(async () => {
  await gate.close({ grace: 0 });
  origin.close();
});

/** Runs the command, and asks for these paths again and again until it ends. */
async function tailed(paths: readonly string[], ...args: string[]) {
  const ended = runCommand([TAIL], ['tail', '--admin', gate.adminUrl, ...args]);
  let isOver = false;
  const over = ended.finally(() => {
    isOver = true;
  });
  while (!isOver) for (const path of paths) await (await fetch(gate.url + path)).text();
  return over;
}

describe('tail', { timeout: 30_000 }, () => {
  test('shows exchanges with their route, without the values of parameters', async () => {
    const { code, out } = await tailed(['/a?token=CANARY'], '--count', '2', '--json');
    expect(code).toBe(0);
    const lines = out.split('\n').map((text) => JSON.parse(text));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatchObject({ route: 'rest', method: 'GET', path: '/a?token=*', status: 200 });
    expect(lines[0].time).toMatch(/^\d{4}-\d\d-\d\dT/);
    expect(out).not.toContain('CANARY');
  });

  test.each([
    [['--route', 'bad'], / 503 {2}GET \S+\/bad /],
    [['--status', '5xx'], / 503 {2}GET /],
    [['--outcome', 'hit'], /^\S+ {2}hit {6} {2}\d{3} /],
    [['--url', '*/b'], /GET \S+\/b {2}/],
  ])('%j shows these alone', async (args, shown) => {
    const { out } = await tailed(['/a', '/b', '/bad'], '--count', '3', ...args);
    expect(out.split('\n')).toEqual([0, 1, 2].map(() => expect.stringMatching(shown)));
  });

  test('a filter that is none is refused by the gate, another outcome by the command line', async () => {
    const refused = await runCommand([TAIL], ['tail', '--admin', gate.adminUrl, '--status', '9xx']);
    expect(refused).toMatchObject({
      code: 1,
      err: expect.stringContaining('E_SELECTOR: expected a status such as 404'),
    });
    const wrong = await runCommand([TAIL], ['tail', '--admin', gate.adminUrl, '--outcome', 'mis']);
    expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('miss') });
  });
});

describe('top', { timeout: 30_000 }, () => {
  test('prints what went on in one interval', async () => {
    const top = runCommand([TOP], ['top', '--admin', gate.adminUrl, '--interval', '300ms', '--json']);
    for (let at = 0; at < 20; at++) await (await fetch(`${gate.url}/top`)).text();
    const figures = JSON.parse((await top).out);
    expect(figures.seconds).toBeGreaterThan(0.25);
    expect(figures.hitRatioSinceStart).toBeGreaterThan(0);
    expect(figures.memory.maxBytes).toBe(268_435_456);
    const { code, out } = await runCommand([TOP], ['top', '--admin', gate.adminUrl, '--interval', '250ms', '--once']);
    expect(code).toBe(0);
    expect(out).toMatch(/^requests {7}0\.0\/s/m);
    expect(out).toMatch(/^hit ratio {6}- now, \d+\.\d % since the start$/m);
    expect(out).not.toContain('\u001b');
  });

  test('reckons rates, hit ratios and the time of origins of the interval, by route too', () => {
    const [[key, route]] = Object.entries(COUNTS.routes) as [[string, RouteCounts]];
    const more = { hit: route.hit + 60, miss: route.miss + 40, originRequests: route.originRequests + 40 };
    const grown = { ...COUNTS, bytes: COUNTS.bytes + 4_000 };
    const look = (atMs: number, counts: GateCounts, gate: GateStats) => {
      return { atMs, stats: statsDocument({ fromMs: 0, toMs: 60_000, counts }, { gate }) };
    };
    const before = look(0, COUNTS, STATS);
    const now = look(
      2_000,
      { ...grown, routes: { [key]: { ...route, ...more, originMs: route.originMs + 400 } } },
      { ...STATS, refusedStores: { ...STATS.refusedStores, private: 15 } },
    );
    expect(figuresOf(before, now)).toMatchObject({
      ...{ seconds: 2, requestsPerSecond: 50, bytesPerSecond: 2_000, hitRatio: 0.6, originMs: 10, originPerSecond: 20 },
      notStored: { 'no-store': 0, private: 3 },
      routes: [{ route: 'pages', origin: 'demo', requestsPerSecond: 50, hitRatio: 0.6 }],
    });
    expect(figuresOf(before, { ...before, atMs: 2_000 })).toMatchObject({ hitRatio: null, originMs: null, routes: [] });
    // Started anew: nothing is counted backwards.
    expect(figuresOf(now, { ...before, atMs: 4_000 }).requestsPerSecond).toBe(0);
  });
});
