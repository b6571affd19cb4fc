// The tier workers-cache in workerd: isolates of one data centre with memory of their own, one log, and between the gate and its
// cached entrypoint the imitated platform, or nothing but workerd's own loopback.

import { fileURLToPath } from 'node:url';
import { Miniflare, type Request as MiniflareRequest, Response as MiniflareResponse } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { realTime, WorkersCacheImitation } from './platform/workers-cache.ts';
import { imitationAnswer } from './workerd/imitation-service.ts';

async function bundled(tiers: string): Promise<string> {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('stored-app.ts', import.meta.url)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    logLevel: 'silent',
    transform: { define: { TIERS: JSON.stringify(tiers.split(',')) } },
  });
  const { output } = await bundle.generate({ format: 'esm' });
  return output[0].code;
}

type Place = 'a' | 'b';

class Worker {
  readonly cache = new WorkersCacheImitation({ time: realTime, upperMs: () => 1, upwardMs: () => 20 });
  /** What the origin says, and how often it was asked to read. */
  truth = 'first';
  reads = 0;
  isDown = false;
  workers!: Miniflare;

  async start(tiers: string, hasPlatform: boolean): Promise<void> {
    const script = await bundled(tiers);
    const TRUTH = async (request: MiniflareRequest) => {
      if (request.method === 'PUT') this.truth = await request.text();
      else this.reads++;
      return new MiniflareResponse(this.truth);
    };
    const serviceBindings = {
      TRUTH,
      ...(hasPlatform && { PLATFORM: (asked: MiniflareRequest) => this.#platform(asked) }),
    };
    const worker = (name: string) => ({
      ...{ name, modules: true, script, compatibilityDate: '2026-06-01', serviceBindings },
      ...{ bindings: { TOKEN: 'secret', PLACE: 'ams' }, kvNamespaces: { TIDEGATE_KV: 'shared' } },
      durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', scriptName: 'a', useSQLite: true } },
    });
    this.workers = new Miniflare({ workers: [worker('a'), worker('b')] });
    await this.workers.ready;
  }

  /** The platform's cache, which runs the entrypoint in one of the isolates. */
  #platform(request: MiniflareRequest): Promise<MiniflareResponse> {
    if (this.isDown) throw new Error('expected the cache in reach, got no answer');
    const ask = async (_: string, url: string, headers: object) => (await this.#fetch('a', url, headers)) as never;
    return imitationAnswer(this.cache, request, ask);
  }

  async #fetch(place: Place, url: string, headers: object, init: object = {}): Promise<MiniflareResponse> {
    const worker = (await this.workers.getWorker(place)) as unknown as {
      fetch(url: string, init: object): Promise<MiniflareResponse>;
    };
    return worker.fetch(url, { ...init, headers });
  }

  async ask(place: Place, path: string, init: { method?: string; body?: string; headers?: object } = {}) {
    const response = await this.#fetch(place, `http://app.example${path}`, init.headers ?? {}, init);
    const outcome = response.headers.get('cache-status') ?? '';
    const fields = [...response.headers].flat().join(' ');
    return { status: response.status, text: await response.text(), outcome, fields };
  }

  async figures(place: Place) {
    const { text } = await this.ask(place, '/_tidegate/stats', { headers: { authorization: 'Bearer secret' } });
    const { shards, purges } = JSON.parse(text).workersCache;
    return { ...shards.one, purges };
  }

  tell(place: Place, call: 'invalidate' | 'purge', what: object) {
    const init = { method: 'POST', body: JSON.stringify(what), headers: { authorization: 'Bearer secret' } };
    return this.ask(place, `/_tidegate/${call}`, init);
  }

  async faults(place: Place): Promise<readonly string[]> {
    return JSON.parse((await this.ask(place, '/faults')).text);
  }
}

describe('behind the imitated platform', { timeout: 30_000 }, () => {
  const worker = new Worker();
  beforeAll(() => worker.start('memory,workers-cache', true), 60_000);
  afterAll(() => worker.workers?.dispose());

  test('what one isolate has read serves another, and clients see nothing of how', async () => {
    const first = await worker.ask('a', '/one');
    expect(first).toMatchObject({ status: 200, text: 'first', outcome: expect.stringContaining('fwd=uri-miss') });
    expect(await worker.ask('b', '/one')).toMatchObject({ text: 'first', outcome: expect.stringContaining('stored') });
    expect(worker.reads).toBe(1);
    expect((await worker.ask('b', '/one')).outcome).toContain('; hit');
    expect(first.fields).not.toMatch(/tidegate-|max-age=599|cache-tag|cf-cache-status/);
    expect(first.fields).toContain('max-age=600');
    expect(await worker.figures('b')).toMatchObject({ asks: 1, answers: 1 });
  });

  test('what a route says to caches outside is no part of what the platform keeps', async () => {
    const { reads } = worker;
    for (const place of ['a', 'b'] as const) {
      const { fields } = await worker.ask(place, '/held');
      expect(fields).toMatch(/(?<!-)cache-control s-maxage=[78], max-age=[56], must-revalidate/);
      expect(fields).toMatch(/cloudflare-cdn-cache-control max-age=[78], must-revalidate/);
    }
    expect(worker.reads).toBe(reads + 1);
  });

  test('after a write in one isolate no isolate answers what was before, and they share the new answer', async () => {
    await worker.ask('b', '/one', { method: 'PUT', body: 'second' });
    const reads = worker.reads;
    expect([(await worker.ask('a', '/one')).text, (await worker.ask('b', '/one')).text]).toEqual(['second', 'second']);
    expect(worker.reads).toBe(reads + 1);
  });

  test('after the invalidation of a tag the platform still has the old answer, and nobody gets it', async () => {
    await worker.ask('a', '/two');
    worker.truth = 'third';
    expect((await worker.tell('b', 'invalidate', { tag: 'told' })).status).toBe(200);
    const reads = worker.reads;
    for (const place of ['a', 'b', 'a'] as const) expect((await worker.ask(place, '/two')).text).toBe('third');
    expect(worker.reads).toBe(reads + 1);
    expect([...worker.cache.layer('ams').kept.values()].flat().length).toBeGreaterThan(3);
  });

  test('a client that says the fields of the tier is answered as any other', async () => {
    const headers = {
      'tidegate-stored-name': '/tidegate/x/e/1/k',
      'tidegate-heard': '99999',
      'tidegate-stored-note': '{}',
    };
    expect(await worker.ask('a', '/three', { headers })).toMatchObject({ status: 200, text: 'third' });
    expect((await worker.ask('b', '/three')).text).toBe('third');
    const { past } = await worker.figures('b');
    expect(past).toMatchObject({ 'other-answer': 0, failed: 0, outdated: 0 });
  });

  test('what is purged is gone from the platform, too, and what it refuses is told', async () => {
    const kept = () => [...worker.cache.layer('ams').kept.values()].flat().length;
    await worker.ask('a', '/five');
    await worker.ask('a', '/six');
    const before = kept();
    await worker.tell('a', 'purge', { url: 'http://app.example/five' });
    await expect.poll(kept).toBe(before - 1);
    await worker.tell('a', 'purge', { tag: 'told' });
    await expect.poll(kept).toBe(0);
    expect(await worker.figures('a')).toMatchObject({ purges: { calls: 2, refused: 0, waiting: 2 } });
    for (let call = 0; call < 23; call++) await worker.tell('b', 'purge', { tag: `t${call}` });
    expect(await worker.faults('a')).toEqual([]);
    expect((await worker.tell('a', 'purge', { prefix: 'http://app.example/' })).status).toBe(200);
    expect(await worker.figures('a')).toMatchObject({ purges: { calls: 3, refused: 1, waiting: 3 } });
    expect(await worker.faults('a')).toEqual([expect.stringContaining('got none taken (refused)')]);
  });

  test('while the platform is down the origin answers', async () => {
    worker.isDown = true;
    expect(await worker.ask('a', '/four')).toMatchObject({ status: 200, text: 'third' });
    worker.isDown = false;
    const { past } = await worker.figures('a');
    expect(past.failed + past['other-answer']).toBe(1);
  });

  test('a read that writes does so once, though the cached entrypoint runs it, and however it ends', async () => {
    const { reads } = worker;
    expect(await worker.ask('a', '/counted')).toMatchObject({ status: 200, text: 'third' });
    expect(worker.reads).toBe(reads + 1);
    expect(await worker.ask('a', '/miscounted')).toMatchObject({ status: 500 });
    expect(worker.reads).toBe(reads + 2);
  });
});

describe.each([
  ['memory,workers-cache', false],
  ['memory,workers-cache,kv', true],
  ['workers-cache', true],
] as const)('with the tiers %s', { timeout: 30_000 }, (tiers, hasPlatform) => {
  const worker = new Worker();
  beforeAll(() => worker.start(tiers, hasPlatform), 60_000);
  afterAll(() => worker.workers?.dispose());

  test('answers are right before and after a write', async () => {
    for (const truth of ['second', 'third']) {
      for (const place of ['a', 'b', 'a', 'b'] as const)
        expect((await worker.ask(place, '/one')).text).toBe(worker.truth);
      expect((await worker.ask('a', '/one', { method: 'PUT', body: truth })).status).toBe(200);
    }
    expect((await worker.ask('b', '/one')).text).toBe('third');
    expect(await worker.faults('b')).toEqual([]);
    const { answers, past } = await worker.figures('b');
    expect([answers > 0, past.failed, past['other-answer']]).toEqual([true, 0, 0]);
    await worker.tell('b', 'purge', { tag: 'told' });
    // In workerd there is no cache to purge.
    expect((await worker.faults('b')).length).toBe(hasPlatform ? 0 : 1);
  });
});
