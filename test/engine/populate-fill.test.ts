import { describe, expect, it } from 'vitest';
import type { PopulateResult } from '../../src/engine/contract.ts';
import { requestOf } from '../kit/clients.ts';
import { FRESH, type GateBench, gateBench } from '../kit/gate-bench.ts';

/** Populates, and gives the result once it is there. */
function populate({ gate, route }: GateBench, path: string, fields: readonly string[] = []) {
  const run: { result: PopulateResult | undefined } = { result: undefined };
  const over = gate.populate(requestOf(route, { path, fields })).then((result) => {
    run.result = result;
  });
  return { run, over };
}

/** Until what is promised at once has been promised. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

describe('a fill without a client', () => {
  it('makes the very entry that a client gets', async () => {
    const bench = gateBench();
    const { run, over } = populate(bench, '/a', ['accept-language', 'de']);
    await settle();
    bench.origin.last.answer(200, [...FRESH, 'vary', 'accept-language'], 'gut');
    await over;
    expect(run.result?.kind).toBe('stored');
    const client = bench.get('/a', ['accept-language', 'de']);
    expect([client.text, client.outcome?.hit, bench.origin.count]).toEqual(['gut', true, 1]);
    expect(bench.get('/a', ['accept-language', 'en']).state).toBe('waiting');
  });

  it('asks nothing where the answer is stored and fresh, and does not count as a use', async () => {
    const bench = gateBench();
    bench.get('/a');
    bench.origin.last.answer(200, [...FRESH, 'vary', 'accept'], 'one');
    const { run, over } = populate(bench, '/a');
    await over;
    expect([run.result?.kind, bench.origin.count]).toEqual(['fresh', 1]);
    const { key } = (await bench.gate.list({})).entries[0]!;
    expect(bench.memory.usesOf(key)).toBe(0);
    bench.get('/a');
    expect(bench.memory.usesOf(key)).toBe(1);
  });

  it('validates what is stale or outdated', async () => {
    const bench = gateBench();
    bench.get('/a');
    bench.origin.last.answer(200, [...FRESH, 'etag', '"1"'], 'one');
    await bench.gate.invalidate({ kind: 'all' });
    const { run, over } = populate(bench, '/a');
    await settle();
    expect(bench.origin.last.field('if-none-match')).toBe('"1"');
    bench.origin.last.head(304, ['etag', '"1"', ...FRESH]).end();
    await over;
    expect([run.result?.kind, bench.get('/a').text, bench.origin.count]).toEqual(['stored', 'one', 2]);
  });

  it('validates what would be stale before it is to be fresh until, once, and clients get hits meanwhile', async () => {
    const bench = gateBench();
    const { gate, time, origin, route } = bench;
    const fill = async (aheadMs: number) => {
      const over = gate.populate(requestOf(route, { path: '/a' }), time.now() + aheadMs);
      await settle();
      return over;
    };
    bench.get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=3', 'etag', '"1"'], 'one');
    time.advance(1_000);
    expect([await fill(1_900), origin.count]).toEqual([{ kind: 'fresh' }, 1]);
    const ahead = fill(2_100);
    await settle();
    expect([origin.count, origin.last.field('if-none-match')]).toEqual([2, '"1"']);
    expect(bench.get('/a').outcome?.hit).toBe(true);
    origin.last.head(304, ['etag', '"1"', 'cache-control', 'max-age=3']).end();
    expect(await ahead).toMatchObject({ kind: 'stored' });
    time.advance(2_500);
    expect([bench.get('/a').outcome?.hit, origin.count]).toEqual([true, 2]);
  });

  it('does not fill again what another has just filled, where its lifetime is shorter than that', async () => {
    const bench = gateBench();
    bench.get('/a');
    const ahead = bench.gate.populate(requestOf(bench.route, { path: '/a' }), bench.time.now() + 60_000);
    await settle();
    bench.origin.last.answer(200, ['cache-control', 'max-age=3'], 'one');
    expect([await ahead, bench.origin.count]).toEqual([{ kind: 'fresh' }, 1]);
  });

  it('is fenced by its stamp: what was invalidated while it ran is not stored', async () => {
    const bench = gateBench();
    const { run, over } = populate(bench, '/a');
    await settle();
    bench.origin.last.head(200, FRESH).data('old');
    await bench.gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    bench.origin.last.end();
    await over;
    expect(run.result).toMatchObject({ kind: 'refused', reason: 'invalidated-during-fill' });
    expect(bench.get('/a').state).toBe('waiting');
  });

  it('waits for a client that asks already, and is waited for by one that comes', async () => {
    const bench = gateBench();
    const first = bench.get('/a');
    const { run, over } = populate(bench, '/a');
    await settle();
    expect(bench.origin.count).toBe(1);
    bench.origin.last.answer(200, FRESH, 'one');
    await over;
    expect([first.text, run.result?.kind]).toEqual(['one', 'fresh']);
    const second = populate(bench, '/b');
    await settle();
    const client = bench.get('/b');
    expect(bench.origin.count).toBe(2);
    bench.origin.last.answer(200, FRESH, 'two');
    await second.over;
    expect([client.text, client.outcome?.collapsed]).toEqual(['two', true]);
  });

  it('does not wait for a fill that began before an invalidation', async () => {
    const bench = gateBench();
    bench.get('/a');
    await bench.gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    const { run, over } = populate(bench, '/a');
    await settle();
    expect(bench.origin.count).toBe(2);
    bench.origin.last.answer(200, FRESH, 'new');
    await over;
    bench.origin.forwarded[0]!.answer(200, FRESH, 'old');
    expect([run.result?.kind, bench.get('/a').text]).toEqual(['stored', 'new']);
  });

  it('leaves what a client with such a cookie would be answered by the origin alone', async () => {
    const { gate, origin, route } = gateBench({ ttlMs: 60_000 });
    const request = { route, method: 'GET', uri: 'http://example.org/a', target: '/a', body: undefined } as const;
    const fields = ['cookie', 'session=1'];
    const result = await gate.populate({ ...request, fields, bypass: 'credentials' });
    expect([result, origin.count]).toEqual([{ kind: 'refused', reason: 'credentials' }, 0]);
  });

  it('leaves what is not for storing, and remembers it', async () => {
    const bench = gateBench();
    const { run, over } = populate(bench, '/a');
    await settle();
    bench.origin.last.head(200, ['cache-control', 'no-store']);
    await over;
    expect(run.result).toMatchObject({ kind: 'refused', reason: 'no-store' });
    expect(bench.origin.last.aborted).toBe(true);
    const again = populate(bench, '/a');
    await again.over;
    expect([again.run.result, bench.origin.count]).toEqual([{ kind: 'refused', reason: 'hit-for-miss' }, 1]);
  });

  it('says when the origin asks for time, and when it does not answer', async () => {
    const bench = gateBench();
    const busy = populate(bench, '/a');
    await settle();
    bench.origin.last.answer(503, ['retry-after', '7'], 'busy');
    await busy.over;
    expect(busy.run.result).toMatchObject({ kind: 'failed', reason: 'status-503', retryAfterMs: 7_000 });
    const gone = populate(bench, '/b');
    await settle();
    bench.origin.last.fail('E_ORIGIN_OPEN');
    await gone.over;
    expect(gone.run.result).toMatchObject({ kind: 'failed', reason: 'E_ORIGIN_OPEN' });
  });

  it('completes a stored part', async () => {
    const bench = gateBench();
    bench.get('/a', ['range', 'bytes=0-2']);
    const part = ['etag', '"1"', 'content-range', 'bytes 0-2/6', ...FRESH];
    bench.origin.last.answer(206, part, 'abc');
    const { run, over } = populate(bench, '/a');
    await settle();
    bench.origin.last.answer(206, ['etag', '"1"', 'content-range', 'bytes 3-5/6', ...FRESH], 'def');
    await over;
    expect([run.result?.kind, bench.get('/a').text, bench.origin.count]).toEqual(['stored', 'abcdef', 2]);
  });

  it('does not validate in vain what is validated at every use', async () => {
    const bench = gateBench();
    bench.get('/a');
    bench.origin.last.answer(200, ['cache-control', 'no-cache', 'etag', '"1"'], 'one');
    const { run, over } = populate(bench, '/a');
    await over;
    expect([run.result?.kind, bench.origin.count]).toEqual(['fresh', 1]);
  });
});
