import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PopulateResult } from '../../src/engine/contract.ts';
import { type Fill, FillQueue, type Lane } from '../../src/engine/populate/queue.ts';
import { range, STORED, world } from '../kit/populate-world.ts';

describe('the queue', () => {
  it('asks for a URL once, however many jobs name it, as soon as the most eager of them wants', async () => {
    const { populator, job, begun, paths, pass } = world();
    const one = job(range(6));
    const two = populator.jobs.create({ cause: 'rehydration' });
    populator.add(two, [{ uri: 'http://A/5', hits: 9 }]);
    populator.jobs.seal(two);
    for (let at = 0; at < 6; at++) {
      begun[at]?.end(STORED);
      await pass(10);
    }
    expect(paths()).toEqual(['a/0', 'a/1', 'a/5', 'a/2', 'a/3', 'a/4']);
    expect([populator.jobs.progress(one)?.stored, populator.jobs.progress(two)?.stored]).toEqual([6, 1]);
  });

  it('fills first what has the most expected hits, then what came first', async () => {
    const { populator, paths, pass } = world(() => STORED, { limits: () => ({ concurrency: 1, ratePerSecond: 0 }) });
    const id = populator.jobs.create({ cause: 'operator' });
    const hits = [1, 3, 2, 3, 1];
    populator.add(
      id,
      hits.map((count, at) => ({ uri: `http://a/${at}`, hits: count })),
    );
    await pass(50);
    expect(paths()).toEqual(['a/1', 'a/3', 'a/2', 'a/0', 'a/4']);
  });

  it('goes by the cause first, also for what waited for another cause before', async () => {
    const { populator, job, paths, pass } = world(() => STORED, {
      limits: () => ({ concurrency: 1, ratePerSecond: 0 }),
    });
    const causes = ['prediction', 'startup', 'missing', 'operator', 'schedule', 'publish', 'rehydration'] as const;
    for (const cause of causes) job([`a/${cause}`, 'a/all'], { cause });
    const order = ['rehydration', 'publish', 'schedule', 'operator', 'missing', 'startup'].map((cause) => ({
      cause,
      waiting: 1,
    }));
    expect(populator.summary().queue).toEqual([{ cause: 'rehydration', waiting: 2 }, ...order.slice(1)]);
    await pass(50);
    const began = ['prediction', 'rehydration', 'all', 'publish', 'schedule', 'operator', 'missing', 'startup'];
    expect(paths()).toEqual(began.map((name) => `a/${name}`));
  });

  it('prefers the dear origin where hits are equal', async () => {
    const cost = (uri: string): PopulateResult => ({ kind: 'stored', forwardMs: uri.includes('dear') ? 500 : 5 });
    const { job, begun, paths, pass } = world(undefined, { limits: () => ({ concurrency: 40, ratePerSecond: 0 }) });
    job(['cheap/x', 'dear/x']);
    for (const { uri, end } of [...begun]) end(cost(uri));
    await pass(10);
    job([...range(60, 'cheap'), ...range(60, 'dear')]);
    for (const { uri, end } of begun.slice(2)) end(cost(uri));
    await pass(10);
    const began = paths().slice(2);
    // All of what there is room for goes to one origin only as far as that has room.
    expect(began.slice(64, 64 + 20).every((path) => path.startsWith('dear'))).toBe(true);
  });

  it('refuses what is too much, and then takes none of it', () => {
    const { populator, job } = world(undefined, { maxWaiting: 5 });
    job(range(5));
    const id = populator.jobs.create({ cause: 'operator' });
    const more = range(3, 'b').map((path) => ({ uri: `http://${path}` }));
    expect(() => populator.add(id, more)).toThrow(/expected at most 5 URLs waiting to be filled, got 3 and 3 more/);
    expect(populator.jobs.progress(id)?.total).toBe(0);
  });

  it('counts each place of what many want: a URL given often is as much as many URLs', () => {
    const { populator, job } = world(undefined, { maxWaiting: 5 });
    job(range(2));
    job(['b/x', 'b/y']);
    job(['a/x', 'a/x', 'a/x']);
    expect(populator.summary()).toMatchObject({ waiting: 3, inFlight: 4 });
    expect(() => job(['a/x', 'a/x', 'a/x'])).toThrow(/expected at most 5 URLs waiting to be filled, got 3 and 3 more/);
  });

  it('takes 40,000 equal URLs without copying what it has for each', async () => {
    const { populator, job, pass } = world(() => STORED);
    const id = job(Array<string>(40_000).fill('a/x'));
    await pass(20);
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'done', stored: 40_000 });
    expect(populator.summary()).toEqual({ waiting: 0, inFlight: 0, queue: [] });
  });

  it('takes a fill back that many wait for', () => {
    const queue = new FillQueue<string>();
    const lane: Lane<string> = { job: 'a', rank: 0, heap: [] };
    const shares = Array.from({ length: 300_000 }, (_, index) => ({ job: 'a', index }));
    queue.add({ text: 't', hits: 0, attempts: 0, shares: shares.slice(0, 1) }, lane);
    queue.add({ text: 't', hits: 0, attempts: 1, shares: shares.slice(1) }, lane);
    expect(queue.take(lane).shares).toHaveLength(300_000);
  });

  it('gives every fill out once, the best of its lane first', () => {
    // The first two lanes are of one rank, the third goes before them.
    const ranks = [1, 1, 0];
    const adds = fc.array(fc.record({ text: fc.nat(30), hits: fc.nat(4), lane: fc.nat(2), take: fc.boolean() }));
    fc.assert(
      fc.property(adds, (steps) => {
        const queue = new FillQueue<string>();
        const lanes: Lane<string>[] = ['a', 'b', 'c'].map((job, at) => {
          return { job, rank: ranks[at]!, heap: [] };
        });
        const model = new Map<string, { lane: number; hits: number; order: number; shares: number }>();
        const takeFrom = (at: number) => {
          const mine = [...model].filter(([, { lane }]) => lane === at);
          mine.sort(([, one], [, other]) => other.hits - one.hits || one.order - other.order);
          const [best] = mine;
          if (best === undefined) return expect(queue.first(lanes[at]!)).toBeUndefined();
          const fill: Fill<string> = queue.take(lanes[at]!);
          expect([fill.text, fill.hits, fill.shares.length]).toEqual([best[0], best[1].hits, best[1].shares]);
          model.delete(fill.text);
        };
        for (const [order, { text, hits, lane, take }] of steps.entries()) {
          const job = lanes[lane]!.job;
          queue.add({ text: `t${text}`, hits, attempts: 0, shares: [{ job, index: order }] }, lanes[lane]!);
          const there = model.get(`t${text}`);
          if (there === undefined) model.set(`t${text}`, { lane, hits, order, shares: 1 });
          else {
            there.hits = Math.max(there.hits, hits);
            there.shares++;
            if (ranks[lane]! < ranks[there.lane]!) Object.assign(there, { lane, order });
          }
          if (take) takeFrom(lane);
          expect(queue.size).toBe(model.size);
          expect(queue.shares).toBe([...model.values()].reduce((sum, { shares }) => sum + shares, 0));
        }
        while (model.size > 0) for (const at of [0, 1, 2]) takeFrom(at);
      }),
    );
  });
});

describe('the pace', () => {
  it('has turns for what is no fill, between those of fills', () => {
    const { populator } = world(undefined, { limits: () => ({ concurrency: 1, ratePerSecond: 10 }) });
    const [one, two] = [
      populator.jobs.create({ cause: 'operator' }),
      populator.jobs.create({ cause: 'operator', ratePerSecond: 2 }),
    ];
    const waits = [one, one, two, two].map((id) => populator.reserve(id, 'a'));
    expect(waits).toEqual([0, 50, 150, 450]);
  });

  it('has so many under way at one origin, others beside it', () => {
    const { job, paths } = world();
    job([...range(5, 'a'), ...range(5, 'b')]);
    expect(paths().sort()).toEqual(['a/0', 'a/1', 'b/0', 'b/1']);
  });

  it('asks an origin so often in a second; a job may want less', async () => {
    const limits = { concurrency: 50, ratePerSecond: 100 };
    const { job, begun, pass } = world(() => STORED, { limits: () => limits });
    job(range(500), {});
    await pass(1_000);
    expect(begun.length).toBeGreaterThanOrEqual(98);
    expect(begun.length).toBeLessThanOrEqual(107);
    const slow = world(() => STORED, { limits: () => limits });
    slow.job(range(500), { ratePerSecond: 10, concurrency: 1 });
    await slow.pass(1_000);
    expect(slow.begun.length).toBeGreaterThanOrEqual(10);
    expect(slow.begun.length).toBeLessThanOrEqual(12);
  });

  it('counts only what asked the origin', async () => {
    const { job, populator, time } = world(() => ({ kind: 'fresh' }), {
      limits: () => ({ concurrency: 1, ratePerSecond: 1 }),
    });
    const id = job(range(2_000));
    for (let turn = 0; turn < 10; turn++) {
      for (let step = 0; step < 10_000; step++) await Promise.resolve();
      time.advance(1);
    }
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'done', fresh: 2_000 });
  });

  it('lets others have their turn between fills that take no time', async () => {
    const { job, begun, time } = world(() => ({ kind: 'fresh' }));
    job(range(2_000));
    for (let turn = 0; turn < 10_000; turn++) await Promise.resolve();
    expect(begun.length).toBe(256);
    time.advance(0);
    for (let turn = 0; turn < 10_000; turn++) await Promise.resolve();
    expect(begun.length).toBe(512);
  });

  it('leaves an origin alone whose breaker is open, loses nothing, and asks others meanwhile', async () => {
    let open = true;
    const { job, begun, paths, populator, pass } = world((uri) =>
      open && uri.includes('//a/') ? { kind: 'failed', reason: 'E_ORIGIN_OPEN' } : STORED,
    );
    const id = job([...range(20, 'a'), ...range(20, 'b')]);
    await pass(900);
    expect(paths().filter((path) => path.startsWith('a')).length).toBe(2);
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'running', done: 20, failed: 0 });
    await pass(20_000);
    // One at a time after each pause, and each pause is longer.
    const tries = begun.filter(({ uri }) => uri.includes('//a/'));
    expect(
      tries
        .slice(2)
        .map(({ at }, n) => at - tries[n + 1]!.at)
        .map(Math.round),
    ).toEqual([1_000, 2_000, 4_000, 8_000]);
    open = false;
    await pass(60_000);
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'done', stored: 40, failed: 0 });
  });

  it.each([
    ['status-429', 30_000],
    ['status-503', 5_000],
  ])('waits after %s as long as the origin says', async (reason, retryAfterMs) => {
    let busy = true;
    const { job, begun, populator, pass, time } = world(() =>
      busy ? { kind: 'failed', reason, retryAfterMs, forwardMs: 1 } : STORED,
    );
    const start = time.now();
    const id = job(range(4));
    await pass(retryAfterMs - 100);
    expect(begun.length).toBe(2);
    busy = false;
    await pass(1_000);
    expect(begun[2]!.at - start).toBe(retryAfterMs);
    expect(populator.jobs.progress(id)).toMatchObject({ state: 'done', stored: 4 });
  });
});
