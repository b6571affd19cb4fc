// Populating with a real gate in front of a real origin, through the admin API and the command line.

import { existsSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JobProgress } from '../../src/engine/populate/job.ts';
import { POPULATE } from '../../src/node/operator/cli/populate-command.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { runCommand } from '../kit/run-command.ts';
import { fresh, startOne, startSite } from './populate-kit.ts';

/** What the calls of these tests answer with, taken together. */
interface Called extends JobProgress {
  readonly jobs: readonly JobProgress[];
}

const call = async (gate: RunningGate, path: string, body?: object) => {
  const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
  return (await fetch(gate.adminUrl + path, init)).json() as Promise<Called>;
};

/** Waits for the end of a job as the API tells of it. */
async function follow(gate: RunningGate, id: string): Promise<JobProgress> {
  const response = await fetch(`${gate.adminUrl}/populate?job=${id}&follow`);
  const lines = (await response.text()).trim().split('\n');
  return JSON.parse(lines.at(-1) as string) as JobProgress;
}

const cli = (gate: RunningGate, ...args: string[]) =>
  runCommand([POPULATE], ['populate', '--admin', gate.adminUrl, ...args]);

const urls = (...paths: string[]) => paths.map((path) => `http://example.org${path}`);
const get = async (gate: RunningGate, path: string, headers = {}) => {
  const response = await fetch(gate.url + path, { headers });
  return { text: await response.text(), status: response.headers.get('cache-status') ?? '' };
};

/** Asks until it is a hit: an answer may be read to its end before it is stored. */
async function hit(gate: RunningGate, path: string): Promise<void> {
  while (!/; hit/.test((await get(gate, path)).status));
}

describe('the admin API', () => {
  test('fills the very entries that clients get', async () => {
    const site = await startSite();
    const gate = await startOne(site);
    const host = new URL(gate.url).host;
    const begun = await call(gate, '/populate', {
      urls: [`http://${host}/a`, `http://${host}/b`, 'http://other.test/'],
    });
    expect(await follow(gate, begun.id)).toMatchObject({
      state: 'done',
      stored: 2,
      refused: 1,
      reasons: { 'no-route': 1 },
      notStored: [{ url: 'http://other.test/', reason: 'no-route' }],
    });
    expect((await get(gate, '/a')).status).toMatch(/; hit/);
    expect(site.asked.sort()).toEqual(['/a', '/b']);
    expect(await follow(gate, (await call(gate, '/populate', { manifest: true })).id)).toMatchObject({
      fresh: 2,
      stored: 0,
    });
    await call(gate, '/purge', { url: `http://${host}/a` });
    expect((await call(gate, '/populate')).jobs.map(({ cause }: JobProgress) => cause)).toEqual([
      'operator',
      'operator',
    ]);
  });

  test('cancels, and refuses more for what is over', async () => {
    const site = await startSite();
    site.answer = () => {};
    const gate = await startOne(site);
    const { id } = await call(gate, '/populate', { urls: urls('/a'), more: true });
    expect(await call(gate, '/populate/cancel', { job: id })).toMatchObject({ state: 'cancelled', cancelled: true });
    expect(await call(gate, '/populate', { job: id, urls: [] })).toMatchObject({ error: { code: 'E_POPULATE' } });
  });

  test('a sitemap of another host is asked from nobody, and the job says why', async () => {
    const site = await startSite();
    const gate = await startOne(site);
    const { id } = await call(gate, '/populate', { sitemap: 'http://other.test/sitemap.xml' });
    const end = await follow(gate, id);
    expect(end).toMatchObject({
      state: 'failed',
      total: 0,
      error: expect.stringContaining('on a host that a route takes'),
    });
    expect(site.asked).toEqual([]);
  });
});

describe('after an invalidation', () => {
  test('what clients had asked for is filled again before anyone asks', async () => {
    const site = await startSite();
    const gate = await startOne(site);
    await get(gate, '/unused');
    await hit(gate, '/used');
    site.answer = fresh('two');
    await call(gate, '/invalidate', { tag: 'all' });
    const { jobs } = await call(gate, '/populate');
    expect(jobs).toMatchObject([{ cause: 'rehydration', total: 1 }]);
    while (((await call(gate, '/populate')).jobs[0] as JobProgress).done < 1)
      await new Promise((turn) => setImmediate(turn));
    expect(site.asked).toEqual(['/unused', '/used', '/used']);
    expect(await get(gate, '/used')).toMatchObject({ text: 'two', status: expect.stringMatching(/; hit/) });
  });

  test('nothing is filled where the configuration says so', async () => {
    const site = await startSite();
    const gate = await startOne(site, { populate: { rehydrate: { maxEntries: 0 } } });
    await hit(gate, '/used');
    await call(gate, '/invalidate', { tag: 'all' });
    expect((await call(gate, '/populate')).jobs).toEqual([]);
  });
});

describe('the configuration', () => {
  test('says what is filled at the start', async () => {
    const site = await startSite();
    const gate = await startOne(site, { populate: { onStart: { urls: urls('/start') } } });
    const [job] = (await call(gate, '/populate')).jobs as [JobProgress];
    expect(await follow(gate, job.id)).toMatchObject({ cause: 'startup', name: '1 URL', stored: 1 });
  });
});

describe('tidegate populate', () => {
  test('fills URLs and says what came of them', async () => {
    const site = await startSite();
    const gate = await startOne(site);
    const { code, out, err } = await cli(gate, '--url', ...urls('/a', '/b'), '-H', 'Accept-Language: de');
    expect([code, out.replace(/\(.*?\)|[\d.]+\/s/g, '…')]).toEqual([
      0,
      'done …: 2 of 2: 2 stored, 0 fresh already, 0 refused, 0 failed; …',
    ]);
    expect(err).toContain('100 % 2 of 2');
    expect((await cli(gate, '--list')).out).toContain('operator 2 URLs');
  });

  test('fills a file, a sitemap, the manifest', async () => {
    const site = await startSite();
    site.answer = (request, response) => {
      const sitemap = `<urlset>${urls('/c')
        .map((loc) => `<url><loc>${loc}</loc></url>`)
        .join('')}</urlset>`;
      fresh(request.url === '/sitemap.xml' ? sitemap : 'page')(request, response);
    };
    const gate = await startOne(site, { populate: { ratePerSecond: 0 } });
    const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'urls');
    const paths = Array.from({ length: 400 }, (_, at) => `/${'x'.repeat(1_000)}${at}`);
    writeFileSync(file, urls(...paths).join('\n'));
    const ends = async (...args: string[]) => JSON.parse((await cli(gate, ...args, '--json')).out) as JobProgress;
    expect(await ends('--file', file)).toMatchObject({ total: 400, stored: 400, name: file });
    expect(await ends('--sitemap', 'http://example.org/sitemap.xml')).toMatchObject({ total: 1, stored: 1 });
    expect(await ends('--from-manifest')).toMatchObject({ total: 401, fresh: 401 });
  }, 30_000);

  test('fills what another node has and this one lacks', async () => {
    const site = await startSite();
    const [one, two] = [await startOne(site), await startOne(site)];
    site.answer = fresh('x', { vary: 'accept-language' });
    await cli(one, '--url', ...urls('/a', '/b'), '-H', 'accept-language: de');
    const { code, out } = await cli(two, '--from-node', one.adminUrl, '--json');
    expect([code, JSON.parse(out)]).toMatchObject([0, { cause: 'missing', stored: 2, fresh: 0 }]);
    const keys = async (gate: RunningGate) => (await gate.gate.list({})).entries.map(({ key }) => key);
    expect(await keys(two)).toEqual(await keys(one));
  });

  test('ends with 1 when something failed, and does not wait when told so', async () => {
    const site = await startSite();
    const gate = await startOne(site);
    site.answer = (_, response) => void response.writeHead(500).end();
    const begun = await cli(gate, '--url', ...urls('/a'), '--no-wait');
    expect([begun.code, begun.out]).toEqual([0, expect.stringMatching(/^job \S+: 1 URL so far$/)]);
    const id = begun.out.split(/[ :]/)[1] as string;
    expect((await cli(gate, '--cancel', id)).out).toContain(`cancelled (${id})`);
    expect(await cli(gate, '--sitemap', 'http://example.org/s')).toMatchObject({
      code: 1,
      out: expect.stringContaining('expected 200 from its origin, got 500'),
    });
    expect(await cli(gate, '--cancel', 'none')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/^E_POPULATE: expected the id/),
    });
  });

  test('ends with 1 when a URL is none, or no route takes it', async () => {
    const gate = await startOne(await startSite());
    expect(await cli(gate, '--url', 'http://other.test/a')).toMatchObject({
      code: 1,
      err: expect.stringContaining('100 % 1 of 1'),
    });
    const file = join(mkdtempSync(join(tmpdir(), 'tidegate-')), 'urls');
    writeFileSync(file, 'ftp://x/');
    const { code, out } = await cli(gate, '--file', file);
    expect([code, out]).toEqual([1, expect.stringMatching(/^done .*\n {2}not-a-url 1, ftp:\/\/x\/$/)]);
  });

  test('wants to be told one thing', async () => {
    const gate = await startOne(await startSite());
    for (const args of [[], ['--list', '--from-manifest']]) {
      expect(await cli(gate, ...args)).toMatchObject({
        code: 2,
        err: expect.stringContaining('expected one of --from-manifest'),
      });
    }
    const wrong = [
      ['--url', 'http://a/', '-H', 'x'],
      ['--url', '/a'],
      ['--sitemap', '/x'],
      ['--from-node', '1:8081'],
    ];
    for (const args of wrong) expect((await cli(gate, ...args)).code).toBe(2);
  });
});

describe('a restart', () => {
  test('lets a job go on with the next gate', async () => {
    const site = await startSite();
    const path = mkdtempSync(join(tmpdir(), 'tidegate-'));
    const disk = { path };
    site.answer = (request, response) => {
      if (request.url !== '/b') fresh('x')(request, response);
    };
    const first = await startOne(site, { disk });
    const { id } = await call(first, '/populate', { urls: urls('/a', '/b', '/c'), cause: 'publish', concurrency: 1 });
    while (site.asked.length < 2) await new Promise((turn) => setImmediate(turn));
    await first.close({ grace: 0 });
    expect(existsSync(join(path, 'populate', `${id}.jsonl`))).toBe(true);
    site.answer = fresh('y');
    const second = await startOne(site, { disk });
    const [job] = (await call(second, '/populate')).jobs as [JobProgress];
    expect(await follow(second, job.id)).toMatchObject({ cause: 'publish', name: '3 URLs', state: 'done', failed: 0 });
    expect(new Set(site.asked)).toEqual(new Set(['/a', '/b', '/c']));
    expect(readdirSync(join(path, 'populate'))).toEqual([]);
  });
});
