import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PREDICTION_BOUNDS, Prediction, type PredictionBounds } from '../../src/prediction/prediction.ts';
import { shapeOf } from '../../src/prediction/shape.ts';

const HOST = 'http://example.org';

/** A cache that forgets all that is old: what was filled within the last `keeps` requests is stored. */
function site(
  terms: { budget?: number; leastPrecision?: number } = {},
  bounds: Partial<PredictionBounds> = {},
  keeps = 20,
) {
  const all = { ...PREDICTION_BOUNDS, withinRequests: 20, withinMs: 0, ...bounds };
  const model = new Prediction({ budget: 1, leastPrecision: 0.5, ...terms }, all);
  const storedAt = new Map<string, number>();
  const filled: string[] = [];
  let at = 0;
  let forwards = 0;
  const isStored = (uri: string) => at - (storedAt.get(uri) ?? Number.NEGATIVE_INFINITY) < keeps;
  const ask = (path: string, more: { client?: string; now?: number; isStorable?: boolean } = {}) => {
    at++;
    const uri = HOST + path;
    const isHit = isStored(uri);
    if (!isHit) {
      forwards++;
      model.allowance.forwarded();
      storedAt.set(uri, at);
    }
    if (model.isFilled(uri)) model.asked(uri, isHit ? 'hit' : 'miss');
    const wanted = model.observe(shapeOf(uri)!, { client: '', now: 0, isStorable: true, isStored, ...more });
    for (const one of wanted) {
      storedAt.set(one, at);
      model.stored(one);
      filled.push(one.slice(HOST.length));
    }
    return isHit;
  };
  return { model, ask, filled, forwards: () => forwards };
}

describe('a prediction', () => {
  test('carries the parameter over, to URIs that nobody has asked for before', () => {
    const { ask, filled, model } = site();
    let hits = 0;
    for (let id = 0; id < 100; id++) {
      ask(`/product/${id}`);
      if (ask(`/product/${id}/reviews`)) hits++;
    }
    expect(filled).toContain('/product/99/reviews');
    expect(hits).toBeGreaterThan(80);
    const figures = model.figures();
    expect(figures.hits).toBeGreaterThanOrEqual(hits);
    expect([figures.joined, figures.precision! > 0.9]).toEqual([0, true]);
  });

  test('knows successors that have nothing in common with what they follow', () => {
    const { ask, filled } = site();
    const pairs = Array.from({ length: 30 }, (_, at) => [`/page${at}`, `/data${(at * 7) % 30}`] as const);
    let hits = 0;
    for (let round = 0; round < 20; round++) {
      for (const [page, data] of pairs) {
        ask(page);
        if (ask(data) && round >= 10) hits++;
      }
    }
    expect(filled.every((path) => path.startsWith('/data') || path.startsWith('/page'))).toBe(true);
    expect(hits).toBeGreaterThan(250);
  });

  test('keeps the sequences of clients apart', () => {
    const { ask, filled } = site();
    for (let id = 0; id < 100; id++) {
      for (const client of ['a', 'b', 'c', 'd', 'e', 'f']) ask(`/${client}x/${id}`, { client });
      for (const client of ['a', 'b', 'c', 'd', 'e', 'f']) ask(`/${client}y/${id}`, { client });
    }
    const crossed = filled.filter((path) => !/^\/(.)[xy]\/\d+$/.test(path));
    expect(filled.length).toBeGreaterThan(100);
    expect(crossed).toEqual([]);
  });

  test('fills nothing that may not be stored, but learns what follows it', () => {
    const { ask, filled } = site();
    for (let id = 0; id < 50; id++) {
      ask(`/cart/${id}`, { isStorable: false });
      ask(`/product/${id}`);
    }
    expect(filled.length).toBeGreaterThan(20);
    expect(filled.filter((path) => path.startsWith('/cart'))).toEqual([]);
  });

  test('fills nothing without a budget', () => {
    const { ask, filled } = site({ budget: 0 });
    for (let id = 0; id < 100; id++) {
      ask(`/product/${id}`);
      ask(`/product/${id}/reviews`);
    }
    expect(filled).toEqual([]);
  });

  test('fills at the beginning of a half hour what was popular in it the day before', () => {
    const { ask, filled } = site({}, { withinMs: 1_000 });
    const day = 86_400_000;
    for (let days = 0; days < 12; days++) {
      for (let at = 0; at < 4; at++) for (let many = 0; many < 16; many++) ask(`/news`, { now: days * day + at });
      // At other times all asks are for other things.
      for (let at = 0; at < 40; at++) ask(`/other/${days * 40 + at}x`, { now: days * day + 7_200_000 + at });
      ask('/start', { now: (days + 1) * day - 1 });
      ask(`/first/x${days}`, { now: (days + 1) * day });
    }
    expect(filled).toContain('/news');
  });

  test('wastes no more than the budget and what is saved up, whatever is asked', () => {
    const asks = fc.array(fc.record({ kind: fc.nat(3), id: fc.nat(6) }), { minLength: 200, maxLength: 1_500 });
    fc.assert(
      fc.property(asks, fc.constantFrom(0.05, 0.1, 0.5), (all, budget) => {
        const { ask, model, forwards } = site({ budget, leastPrecision: 0 }, { withinRequests: 5 }, 3);
        for (const { kind, id } of all) ask(`/${'abcd'[kind]}/${id}`);
        const { predicted, hits, joined, unused, open } = model.figures();
        expect(predicted).toBe(hits + joined + unused + open);
        expect(predicted - hits - joined).toBeLessThanOrEqual(budget * forwards() + 1);
      }),
      { numRuns: 50 },
    );
  });

  test('predicts less when too little of it is asked for before it is evicted, and tries again later', () => {
    const { ask, model } = site({ budget: 0.4 });
    /** Pairs of requests; `evicted`: what is filled ahead has left the cache when it is asked for. */
    const predicted = (from: number, to: number, evicted: boolean) => {
      const before = model.figures().predicted;
      for (let id = from; id < to; id++) {
        ask(`/product/x${(id * 7919) % 100_003}`);
        const next = `/product/x${(id * 7919) % 100_003}/reviews`;
        if (evicted && model.isFilled(HOST + next)) model.asked(HOST + next, 'miss');
        ask(next);
      }
      return (model.figures().predicted - before) / (to - from);
    };
    predicted(0, 100, false);
    expect([model.figures().threshold, predicted(100, 200, false) > 0.9]).toEqual([0.5, true]);
    predicted(200, 1_000, true);
    expect(model.figures().threshold).toBeGreaterThan(0.55);
    expect(predicted(1_000, 1_500, true)).toBeLessThan(0.4);
    predicted(1_500, 5_000, false);
    expect(predicted(5_000, 5_500, false)).toBeGreaterThan(0.9);
  });

  test('counts what was joined, and what was stored already or asked for by a client before, as no waste', () => {
    const { ask, model } = site();
    for (let id = 0; id < 50; id++) {
      ask(`/product/x${id}`);
      ask(`/product/x${id}/reviews`);
    }
    for (let at = 0; at < 100; at++) ask(`/else/${(at * 7919) % 100_003}x`);
    const next = (path: string) => {
      const uri = `${HOST}${path}/reviews`;
      const from = { client: '', now: 0, isStorable: true, isStored: () => false };
      expect(model.observe(shapeOf(HOST + path)!, from)).toEqual([uri]);
      return uri;
    };
    const before = model.figures();
    model.asked(next('/product/x90'), 'joined');
    model.spared(next('/product/x91'));
    const late = next('/product/x92');
    // The client's own request came first; the fill then joined that, or asked the origin itself.
    model.asked(late, 'miss');
    model.spared(late);
    const { hits, joined, unused, predicted, spared } = model.figures();
    expect([hits - before.hits, joined - before.joined, unused - before.unused]).toEqual([0, 1, 0]);
    expect([predicted - before.predicted, spared - before.spared]).toEqual([3, 2]);
    const twice = next('/product/x93');
    model.asked(twice, 'miss');
    model.stored(twice);
    expect(model.figures().unused - before.unused).toBe(1);
  });

  test('forgets what was filled and nobody asks for', () => {
    const { ask, model } = site({}, { withinMs: 1_000 });
    for (let id = 0; id < 50; id++) {
      ask(`/product/${id}`);
      if (id < 49) ask(`/product/${id}/reviews`);
    }
    const { open, unused } = model.figures();
    expect(open).toBeGreaterThan(0);
    ask('/x', { now: 3_700_000 });
    expect(model.figures()).toMatchObject({ open: 0, unused: unused + open });
  });
});
