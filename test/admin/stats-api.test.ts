import { describe, expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { AdminDeps } from '../../src/admin/contract.ts';
import type { StatsDocument } from '../../src/admin/stats-contract.ts';
import { COUNTS, fakeGate, STATS } from './fake-gate.ts';

async function call(path: string, overrides: Partial<AdminDeps> = {}) {
  const api = createAdminApi(fakeGate(overrides).deps);
  const { status, body } = await api({ method: 'GET', path, query: '', fields: [], bodyText: '' });
  return { status, body: JSON.parse(body) };
}

const stats = async (overrides: Partial<AdminDeps> = {}): Promise<StatsDocument> =>
  (await call('/v1/stats', overrides)).body;

const gate = (counts: typeof COUNTS) => ({
  gate: { ...fakeGate().deps.gate, counts: () => counts },
  history: {
    whole: () => ({ fromMs: 0, toMs: 1_000, counts }),
    last: (whole: object) => whole,
  } as unknown as AdminDeps['history'],
});

describe('GET /v1/stats', () => {
  test('makes figures of the counts', async () => {
    const { total } = await stats();
    expect(total).toMatchObject({
      ...{ requests: 68, hits: 41, misses: 9, passes: 5, errors: 13, hitRatio: 0.82, bytes: 4096 },
      ...{ originRequests: 12, originFailures: 6, originMs: 300, originMsSaved: 1640, queriesSaved: 123 },
      ...{ refills: 5, needlessRefills: 2, outcomes: STATS.requests },
      latency: { hits: { count: 0, p50: null, max: null } },
      invalidations: { count: 7, entries: 13, byCause: COUNTS.invalidations },
    });
    expect(total.answeredBy).toEqual([
      { tier: 'memory', answers: 38, part: 38 / 55 },
      { tier: 'disk', answers: 3, part: 3 / 55 },
      { tier: 'origin', answers: 14, part: 14 / 55 },
    ]);
    expect(total.routes).toMatchObject([
      { tenant: '-', origin: 'demo', route: 'pages', hits: 41, originMsSaved: 1640 },
    ]);
  });

  test('has what stands beside them', async () => {
    const { gate: inner, tiers, origins, sources, populate } = await stats();
    expect(inner).toEqual(STATS);
    expect(tiers).toEqual([
      { tier: 'memory', entries: 18, bytes: 19_000, maxBytes: 20_000, evictions: 21, declined: 22, faults: 0 },
    ]);
    expect(origins).toEqual([{ origin: 'demo', processes: 1, open: 0, waiting: 0, queued: 3, refused: 1 }]);
    expect(sources).toEqual([{ source: 'shop', live: true, gaps: 1, expirations: 0, lagMs: null }]);
    expect(populate).toEqual({
      ...{ waiting: 0, inFlight: 0, runningJobs: 1 },
      ...{ stored: 1, fresh: 0, refused: 0, failed: 0 },
    });
  });

  test('says that nothing is known, and not 0, where nothing was counted', async () => {
    const row = Object.fromEntries(Object.keys(Object.values(COUNTS.routes)[0] as object).map((name) => [name, 0]));
    const routes = { '["-","demo","pages"]': { ...row, hit: 2 } } as unknown as typeof COUNTS.routes;
    const { total } = await stats(gate({ ...COUNTS, routes }));
    expect(total).toMatchObject({ hits: 2, hitRatio: 1, originMsSaved: null, queriesSaved: null });
    expect((await stats(gate({ ...COUNTS, routes: {} }))).total).toMatchObject({
      requests: 0,
      hitRatio: null,
      routes: [],
    });
  });

  test('sums what routes of one origin saved, each by its own fills', async () => {
    const row = Object.values(COUNTS.routes)[0] as (typeof COUNTS.routes)[string];
    const cheap = { ...row, hit: 10, stale: 0, fillMs: 6, fillQueries: 0 };
    const routes = { '["-","demo","pages"]': row, '["-","demo","cheap"]': cheap };
    const { total } = await stats(gate({ ...COUNTS, routes }));
    expect(total.byOrigin).toMatchObject([{ origin: 'demo', originMsSaved: 1650, queriesSaved: 123, hits: 51 }]);
    expect(total.byTenant).toMatchObject([{ hits: 51, requests: total.requests }]);
    expect(total.routes.map(({ route }) => route)).toEqual(['pages', 'cheap']);
  });
});

test('GET /v1/stats/history has the steps', async () => {
  const { status, body } = await call('/v1/stats/history');
  expect(status).toBe(200);
  expect(body.points).toEqual([
    {
      ...{ at: 1_767_225_600_000, seconds: 0, requests: 68, hits: 41, misses: 9 },
      ...{ hitP50: null, hitP99: null, missP50: null, missP99: null },
      ...{ originRequests: 12, invalidations: 7, bytes: 4096 },
    },
  ]);
});
