import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Context } from '../../src/engine/context.ts';
import { invalidateBy } from '../../src/engine/invalidating.ts';
import { OUTCOME_CLASSES, type OutcomeClass } from '../../src/engine/outcome-class.ts';
import { added, type GateCounts, since } from '../../src/engine/statistics/counts.ts';
import { StatsHistory } from '../../src/engine/statistics/history.ts';
import { percentilesOf } from '../../src/engine/statistics/sketch.ts';
import { Statistics } from '../../src/engine/statistics/statistics.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

const ROUTE = '["-","api","api"]';

function bench(parts: Parameters<typeof gateBench>[1] = {}) {
  const made = gateBench({}, parts);
  const { gate, origin } = made;
  const answer = (body: string, fields: readonly string[] = []) => origin.last.answer(200, [...FRESH, ...fields], body);
  return { ...made, answer, ofRoute: () => gate.counts().routes[ROUTE] };
}

describe('a gate counts', () => {
  test('exchanges by route and class, and what the origin was asked', () => {
    const { gate, get, ask, answer, ofRoute } = bench();
    get('/a');
    answer('one');
    get('/a');
    get('/a');
    ask({ method: 'POST', path: '/b' });
    answer('done');
    expect(ofRoute()).toMatchObject({ hit: 2, miss: 1, bypass: 1, originRequests: 2, fills: 1, originFailures: 0 });
    expect(gate.stats().requests).toMatchObject({ hit: 2, miss: 1, bypass: 1 });
    expect(gate.counts().tiers).toEqual({ memory: 2 });
  });

  test('how long its origin took', () => {
    const { get, answer, time, ofRoute } = bench();
    get('/a');
    time.advance(40);
    answer('one');
    expect(ofRoute()).toMatchObject({ originMs: 40, fills: 1, fillMs: 40 });
  });

  test('statements that a fill took, as its tracker says', () => {
    const { get, origin, ofRoute } = bench();
    for (const [path, said] of [
      ['/a', '3'],
      ['/b', '-1'],
      ['/c', '4'],
    ] as const) {
      get(path);
      origin.last.answer(200, [...FRESH, 'tidegate-queries', said]);
    }
    expect(get('/a').field('tidegate-queries')).toBeUndefined();
    expect(ofRoute()).toMatchObject({ fills: 3, fillQueries: 7 });
  });

  test('requests that no answer came to', () => {
    const { get, origin, ofRoute } = bench();
    get('/a');
    origin.last.fail('E_ORIGIN_CONNECT');
    expect(ofRoute()).toMatchObject({ originRequests: 1, originFailures: 1, error: 1, originMs: 0, fills: 0 });
  });

  test('an invalidation holds where what it named cannot be counted', () => {
    const invalidated: string[] = [];
    const faults: unknown[] = [];
    const invalidator = { invalidate: ({ kind }: Selector) => invalidated.push(kind), found: () => {} };
    const countHeld = () => {
      throw new Error('a tier that fails');
    };
    const context = { invalidator, tiers: { countHeld }, fault: (error: unknown) => void faults.push(error) };
    const selectors = [{ kind: 'url', uri: 'http://example.org/a' } as const, { kind: 'tag', tag: 'a' } as const];
    expect(invalidateBy(context as unknown as Context, 'write', selectors)).toEqual([1, 2]);
    expect([invalidated, faults.length]).toEqual([['url', 'tag'], 1]);
  });

  test('what a report names is counted up to a bound in all', async () => {
    const { gate, get, answer } = bench();
    for (let at = 0; at < 700; at++) {
      get(`/${at}`);
      answer('one', ['cache-tag', 'a, b']);
    }
    const named = async (tags: readonly string[]) => {
      const before = gate.counts().invalidations.source.entries;
      await gate.reportSource({ source: 'shop', session: 's', sequence: 1, leaseMs: 1_000, tags, lagMs: 0 });
      return gate.counts().invalidations.source.entries - before;
    };
    // A source that is heard of for the first time has a gap, and nothing here was read from it.
    expect([await named([]), await named(['b']), await named(['a', 'b'])]).toEqual([0, 700, 1_000]);
  });

  test('invalidations by their cause, with the entries that they named', async () => {
    const { gate, get, ask, answer } = bench();
    get('/a');
    answer('one', ['cache-tag', 'red']);
    get('/b');
    answer('two', ['cache-tag', 'red']);
    await gate.invalidate({ kind: 'tag', tag: 'red' });
    ask({ method: 'POST', path: '/a' });
    answer('done');
    const { call, write, source } = gate.counts().invalidations;
    expect([call, write, source]).toEqual([
      { count: 1, entries: 2 },
      { count: 1, entries: 1 },
      { count: 0, entries: 0 },
    ]);
  });

  test.each([
    ['the same bytes', 'one', [], 1],
    ['other bytes', 'two', [], 0],
    ['bytes of another length', 'three', [], 0],
    ['the same entity tag', 'one', ['etag', '"a"'], 1],
  ] as const)('a refill after an invalidation, needless or not: %s', async (_, body, fields, needless) => {
    const { gate, get, answer, ofRoute } = bench();
    get('/a');
    answer('one', fields);
    await gate.invalidate({ kind: 'tag', tag: 'red' });
    expect(ofRoute()?.refills).toBe(0);
    await gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    get('/a');
    answer(body, fields);
    expect(ofRoute()).toMatchObject({ refills: 1, needlessRefills: needless });
  });

  test('a 304 to an outdated entry as a needless refill', async () => {
    const { gate, get, answer, origin, ofRoute } = bench();
    get('/a');
    answer('one', ['etag', '"a"']);
    await gate.invalidate({ kind: 'all' });
    get('/a');
    expect(origin.last.field('if-none-match')).toBe('"a"');
    origin.last.answer(304, [...FRESH, 'etag', '"a"']);
    expect(ofRoute()).toMatchObject({ refills: 1, needlessRefills: 1 });
  });

  test('hits by the tier that had the entry', async () => {
    const fast = createMemoryStore({ maxBytes: 1_000_000 });
    const slow = createMemoryStore({ maxBytes: 1_000_000 });
    const { gate, get, answer } = bench({ stores: [fast, slow], tierNames: ['memory', 'disk'] });
    get('/a');
    answer('one');
    get('/a');
    fast.delete([...fast.find({ kind: 'all' })].map(({ key }) => key));
    get('/a');
    get('/a');
    expect(gate.counts().tiers).toEqual({ memory: 2, disk: 1 });
  });

  test('a bounded number of routes; the others together', () => {
    const statistics = new Statistics();
    for (let route = 0; route < 300; route++)
      statistics.answered({ tenant: '-', originName: 'api', name: `r${route}` }, 'hit');
    const { routes } = statistics.counts([]);
    expect(Object.keys(routes)).toHaveLength(201);
    expect(routes['["(others)","(others)","(others)"]']?.hit).toBe(100);
    expect(statistics.outcomes().hit).toBe(300);
  });

  test('routes of one name apart by tenant and origin', () => {
    const statistics = new Statistics();
    for (const tenant of ['a', 'b', 'a']) statistics.answered({ tenant, originName: 'api', name: 'r' }, 'miss');
    const { routes } = statistics.counts([]);
    expect(Object.entries(routes).map(([key, { miss }]) => [key, miss])).toEqual([
      ['["a","api","r"]', 2],
      ['["b","api","r"]', 1],
    ]);
  });
});

/** One thing that is counted: at which process of two, when, and what. */
interface Happening {
  readonly process: 0 | 1;
  readonly afterMs: number;
  readonly route: string;
  readonly kind: OutcomeClass;
  readonly ms: number;
  readonly bytes: number;
}

const happening: fc.Arbitrary<Happening> = fc.record({
  process: fc.constantFrom(0, 1),
  afterMs: fc.integer({ min: 0, max: 30_000 }),
  route: fc.constantFrom('a', 'b', '__proto__'),
  kind: fc.constantFrom(...OUTCOME_CLASSES),
  ms: fc.double({ min: 0.01, max: 1_000, noNaN: true }),
  bytes: fc.integer({ min: 0, max: 1_000 }),
});

const invalidations = {} as GateCounts['invalidations'];

describe('the counts of several processes, in windows of time,', () => {
  test('are what a naive count of all that happened in each window says', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(happening, { maxLength: 120 }), async (all) => {
        const time = new SimulatedTime();
        const processes = [new Statistics(), new Statistics()] as const;
        const counts = () =>
          added(
            { ...processes[0].counts(['memory']), invalidations },
            { ...processes[1].counts(['memory']), invalidations },
          );
        const history = new StatsHistory({
          clock: time,
          tasks: time,
          counts,
          fault: (error) => expect.fail(String(error)),
        });
        history.start();
        const told: (Happening & { readonly atMs: number })[] = [];
        for (const one of all) {
          await advance(time, one.afterMs);
          const of = { tenant: '-', originName: 'api', name: one.route };
          processes[one.process].answered(of, one.kind);
          processes[one.process].ended(one.kind, one.ms, one.bytes);
          told.push({ ...one, atMs: time.now() });
        }
        const whole = await history.whole();
        const steps = history.steps(whole);
        // What happened at the very end of a step, after the counts were noted, is of the next; the last has none.
        for (const { fromMs, toMs, counts: counted } of steps.slice(0, -1))
          expect(summary(counted)).toEqual(naive(told.filter(({ atMs }) => atMs >= fromMs && atMs < toMs)));
        for (const { fromMs, counts: counted } of [
          whole,
          history.last(whole, 60_000),
          history.last(whole, 600_000),
          ...steps.slice(-1),
        ])
          expect(summary(counted)).toEqual(naive(told.filter(({ atMs }) => atMs >= fromMs)));
        expect(steps.length).toBeLessThanOrEqual(60);
        for (const [at, { fromMs }] of steps.entries()) if (at > 0) expect(fromMs).toBe(steps[at - 1]?.toMs);
        const { fromMs, toMs } = history.last(whole, 60_000);
        // A step of ten seconds, and as long as time goes on here before a promise is heard.
        expect(toMs - fromMs).toBeLessThanOrEqual(60_000 + 10_000 + TURN_MS);
        expect(fromMs === whole.fromMs || toMs - fromMs >= 60_000).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  test('add and subtract without loss', () => {
    const table = fc.dictionary(
      fc.string(),
      fc.oneof(fc.integer({ min: 0, max: 1e6 }), fc.dictionary(fc.string(), fc.integer({ min: 0, max: 1e6 }))),
    );
    fc.assert(
      fc.property(table, (one) => {
        expect(since(added(one, one), one)).toEqual(one);
      }),
    );
  });
});

const TURN_MS = 1_000;

/** In turns, so that what waits for a turn of the event loop has it. */
async function advance(time: SimulatedTime, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= TURN_MS) {
    time.advance(Math.min(TURN_MS, left));
    await Promise.resolve();
    await Promise.resolve();
  }
}

function summary({ routes, latency, bytes }: GateCounts) {
  const answers = Object.entries(routes).flatMap(([key, row]) =>
    OUTCOME_CLASSES.flatMap((kind) => (row[kind] === 0 ? [] : [[`${key} ${kind}`, row[kind]] as const])),
  );
  const [hits, misses] = [percentilesOf(latency.hits).count, percentilesOf(latency.misses).count];
  return { answers: Object.fromEntries(answers.sort()), hits, misses, bytes };
}

function naive(all: readonly Happening[]) {
  const answers: Record<string, number> = {};
  let [hits, misses, bytes] = [0, 0, 0];
  for (const one of all) {
    const name = `${JSON.stringify(['-', 'api', one.route])} ${one.kind}`;
    answers[name] = (answers[name] ?? 0) + 1;
    bytes += one.bytes;
    if (one.kind === 'hit' || one.kind === 'stale') hits++;
    else if (['miss', 'validated', 'collapsed'].includes(one.kind)) misses++;
  }
  return { answers: Object.fromEntries(Object.entries(answers).sort()), hits, misses, bytes };
}
