import { describe, expect, test } from 'vitest';
import type { PopulateState } from '../../src/admin/contract.ts';
import type { ExchangeReport } from '../../src/engine/contract.ts';
import { Predictor } from '../../src/node/populate/predictor.ts';
import type { PredictionFigures } from '../../src/prediction/prediction.ts';
import type { Outcome } from '../../src/semantics/outcome.ts';
import { requestOf, routeTo } from '../kit/clients.ts';
import { ScriptedOrigin } from '../kit/scripted-origin.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { startOne, startSite } from './populate-kit.ts';

type PredictedState = PopulateState & { readonly prediction: PredictionFigures };

const HOST = 'http://example.org';
const STORED: Outcome = { hit: false, forward: 'uri-miss', stored: true };

function predicting(budget = 1) {
  const time = new SimulatedTime();
  const filled: { readonly uri: string; readonly fields?: readonly string[] }[] = [];
  const route = routeTo(new ScriptedOrigin());
  const predictor = new Predictor({
    ...{ clock: time, tasks: time, terms: () => ({ budget, leastPrecision: 0.5 }) },
    isStored: () => false,
    fill: (items) => {
      filled.push(...items);
      return [];
    },
  });
  const ask = (path: string, more: Partial<Parameters<typeof requestOf>[1]> = {}, outcome = STORED) => {
    const request = requestOf(route, { path, ...more });
    predictor.answered({ request, outcome, status: 200, forwardMs: 1 } satisfies ExchangeReport);
    time.advance(60);
  };
  return { predictor, ask, filled, time, route };
}

describe('a predictor', () => {
  test('learns from what is asked, and has filled what follows, with the fields that select a variant', () => {
    const { ask, filled, predictor } = predicting();
    const fields = ['accept-language', 'de', 'user-agent', 'x'];
    for (let id = 0; id < 30; id++) {
      ask(`/product/${id}`, { fields });
      ask(`/product/${id}/reviews`, { fields });
    }
    expect(filled).toContainEqual({ uri: `${HOST}/product/29/reviews`, fields: ['accept-language', 'de'] });
    expect(predictor.figures()?.predicted).toBe(filled.length);
  });

  test.each([
    ['a cookie', { fields: ['cookie', 'a=b'] }],
    ['Authorization', { fields: ['authorization', 'Basic x'] }],
    ['another method', { method: 'HEAD' }],
    ['a way past the cache', { bypass: true }],
  ])('learns nothing from requests with %s', (_, more) => {
    const { ask, filled, predictor } = predicting();
    for (let id = 0; id < 30; id++) {
      ask(`/product/${id}`, more);
      ask(`/product/${id}/reviews`, more);
    }
    expect([filled, predictor.figures()?.observed ?? 0]).toEqual([[], 0]);
  });

  test('notes nothing without a budget', () => {
    const { ask, predictor, time } = predicting(0);
    for (let id = 0; id < 30; id++) ask(`/product/${id}`);
    expect([predictor.figures(), time.idle]).toEqual([undefined, true]);
  });

  test('learns from so many requests at most, whatever comes', () => {
    const { predictor, time, route } = predicting();
    const request = requestOf(route, { path: '/a' });
    for (let at = 0; at < 10_000; at++)
      predictor.answered({ request, outcome: { hit: true }, status: 200, forwardMs: undefined });
    time.advance(1_000);
    expect(predictor.figures()?.observed).toBe(50);
  });
});

test('over sockets: what follows is a hit when it is asked for, and the figures say so', async () => {
  const site = await startSite();
  const gate = await startOne(site, { populate: { ratePerSecond: 0, prediction: { budget: 1 } } });
  const ask = async (path: string) => {
    const response = await fetch(gate.url + path);
    await response.text();
    return response.headers.get('cache-status') ?? '';
  };
  const state = async () => (await (await fetch(`${gate.adminUrl}/populate`)).json()) as PredictedState;
  let hits = 0;
  for (let id = 0; hits < 3 && id < 200; id++) {
    await ask(`/product/${id}`);
    // The time in which a person would read.
    await new Promise((turn) => setTimeout(turn, 70));
    if (/; hit/.test(await ask(`/product/${id}/reviews`))) hits++;
  }
  expect(hits).toBe(3);
  const { prediction, jobs } = await state();
  expect(prediction.hits).toBeGreaterThanOrEqual(3);
  expect(prediction.precision).toBeGreaterThan(0.5);
  expect(jobs).toMatchObject([{ cause: 'prediction', stored: expect.any(Number) }]);
  const metrics = await (await fetch(`${gate.adminUrl}/metrics`)).text();
  expect(metrics).toContain(`tidegate_predicted_total{end="hit"} ${prediction.hits}`);
}, 30_000);
