// The statistics of a running gate against what its client counted itself, over real connections.

import { request } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { StatsDocument, StatsPoint } from '../../src/admin/stats-contract.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { ask, connections, crewBefore, VersionedOrigin } from '../runtime/node/crew-kit.ts';
import { tempFolder } from '../runtime/node/kit.ts';
import { startOne, startSite } from './populate-kit.ts';

interface Got {
  readonly outcome: 'hit' | 'miss' | 'pass';
  readonly ms: number;
  readonly bytes: number;
}

function get(url: string, method = 'GET'): Promise<Got> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    const asked = request(url, { method }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      response.on('error', reject);
      response.on('end', () => {
        const status = String(response.headers['cache-status']);
        const outcome = /; hit/.test(status) ? 'hit' : /fwd=(?:method|bypass)/.test(status) ? 'pass' : 'miss';
        resolve({ outcome, ms: performance.now() - startedMs, bytes });
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

async function statsOf({ adminUrl }: Pick<RunningGate, 'adminUrl'>): Promise<StatsDocument> {
  return (await fetch(`${adminUrl}/v1/stats`)).json() as Promise<StatsDocument>;
}

const longest = (some: readonly Got[]) => Math.max(...some.map(({ ms }) => ms));

describe('the statistics of a gate', () => {
  test('are what its client counted', async () => {
    const site = await startSite();
    const gate = await startOne(site, { populate: { rehydrate: { maxEntries: 0 } } });
    const got: Got[] = [];
    for (const path of ['/a', '/b', '/a', '/a', '/b', '/c']) got.push(await get(gate.url + path));
    got.push(await get(`${gate.url}/a`, 'POST'));
    for (const path of ['/a', '/a']) got.push(await get(gate.url + path));
    const of = (outcome: Got['outcome']) => got.filter((one) => one.outcome === outcome);
    const { total, lastMinute, tiers, origins, populate, gate: inner } = await statsOf(gate);
    expect([of('hit').length, of('miss').length, of('pass').length]).toEqual([4, 4, 1]);
    expect(total).toMatchObject({
      ...{ requests: got.length, hits: 4, misses: 4, passes: 1, errors: 0, hitRatio: 0.5 },
      bytes: got.reduce((sum, { bytes }) => sum + bytes, 0),
      ...{ originRequests: site.asked.length, originFailures: 0, refills: 1, needlessRefills: 1 },
      latency: { hits: { count: 4 }, misses: { count: 4 } },
    });
    const { hits, misses } = total.latency;
    for (const [tolds, gots] of [
      [hits, of('hit')],
      [misses, of('miss')],
    ] as const) {
      expect(tolds.p50).toBeGreaterThan(0);
      expect(tolds.p50).toBeLessThanOrEqual(tolds.max as number);
      // A client sees more than the gate does; a bucket is 1.6 % too long at most.
      expect(tolds.max).toBeLessThan(longest(gots) * 1.016);
    }
    expect(total.answeredBy).toEqual([
      { tier: 'memory', answers: 4, part: 4 / 9 },
      { tier: 'origin', answers: 5, part: 5 / 9 },
    ]);
    expect(total.routes).toMatchObject([{ tenant: '-', origin: 'site', route: 'route-1', requests: 9, hits: 4 }]);
    expect(total.byOrigin).toMatchObject([{ origin: 'site', requests: 9, hitRatio: 0.5 }]);
    expect(total.originMsSaved).toBeGreaterThan(0);
    expect(total.originMsSaved).toBeLessThan(4 * longest(of('miss')));
    expect(total.invalidations).toMatchObject({ count: 1, entries: 1, byCause: { write: { count: 1, entries: 1 } } });
    expect(lastMinute).toMatchObject({ requests: 9, hits: 4, originMsSaved: total.originMsSaved });
    expect(tiers).toMatchObject([{ tier: 'memory', entries: 3 }]);
    expect(origins).toEqual([{ origin: 'site', processes: 1, open: 0, waiting: 0, queued: 0, refused: 0 }]);
    expect(populate).toMatchObject({ waiting: 0, runningJobs: 0 });
    const plain = (await (await fetch(`${gate.adminUrl}/stats`)).json()) as StatsDocument['gate'];
    expect(inner.requests).toEqual(plain.requests);
  });

  test('have a history', async () => {
    const gate = await startOne(await startSite());
    for (const path of ['/a', '/a', '/b']) await get(gate.url + path);
    const { points } = (await (await fetch(`${gate.adminUrl}/v1/stats/history`)).json()) as { points: StatsPoint[] };
    expect(points).toMatchObject([{ requests: 3, hits: 1, misses: 2, originRequests: 2, invalidations: 0 }]);
    expect(points[0]?.hitP99).toBeGreaterThan(0);
  });

  test('tell hits on the disk from those in memory', async () => {
    const { path, remove } = tempFolder();
    onTestFinished(remove);
    const gate = await startOne(await startSite(), { disk: { path } });
    await get(`${gate.url}/a`);
    await get(`${gate.url}/a`);
    await fetch(`${gate.adminUrl}/tiers/clear`, { method: 'POST', body: '{"tier":"memory"}' });
    await get(`${gate.url}/a`);
    await get(`${gate.url}/a`);
    expect((await statsOf(gate)).total.answeredBy.map(({ tier, answers }) => [tier, answers])).toEqual([
      ['memory', 2],
      ['disk', 1],
      ['origin', 1],
    ]);
  });

  test('of two processes are those of both', { timeout: 60_000 }, async () => {
    const origin = await new VersionedOrigin().start();
    const gate = await crewBefore(origin);
    const agents = connections(12);
    for (let round = 0; round < 3; round++)
      await Promise.all(agents.map((agent, at) => ask({ url: `${gate.url}/${at % 4}`, agent })));
    const { total, origins } = await statsOf(gate);
    expect(total).toMatchObject({ requests: 36, bytes: 36, originRequests: origin.gets });
    expect(total.hits + total.misses).toBe(36);
    expect(total.latency.hits.count + total.latency.misses.count).toBe(36);
    expect(origins).toMatchObject([{ origin: 'app', processes: 3, open: 0 }]);
  });
});
