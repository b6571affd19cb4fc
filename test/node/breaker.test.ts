import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Breaker, type BreakerState, CLOSED } from '../../src/node/origin/breaker.ts';
import type { Permit, Reach } from '../../src/node/origin/origin-forward.ts';

const POLICY = { failures: 3, openMs: 100 };

function breakerIn(state: BreakerState, policy = POLICY): Breaker {
  const breaker = new Breaker(policy);
  breaker.state = state;
  return breaker;
}

test('so many failures in a row open it; a success in between begins anew', () => {
  const after = (...reaches: Reach[]) => {
    const breaker = new Breaker(POLICY);
    for (const reach of reaches) breaker.settle('usual', reach, 5);
    return breaker.state;
  };
  const [fail, succeed] = ['unreachable', 'reached'] as const;
  expect(after(fail, fail)).toEqual({ kind: 'closed', failures: 2 });
  expect(after(fail, fail, succeed, fail, fail)).toEqual({ kind: 'closed', failures: 2 });
  expect(after(fail, fail, fail)).toEqual({ kind: 'open', untilMs: 105 });
});

test('open refuses until its time, then lets one probe through', () => {
  const open: BreakerState = { kind: 'open', untilMs: 105 };
  const breaker = breakerIn(open);
  expect(breaker.admit(104)).toBeUndefined();
  expect(breaker.state).toBe(open);
  expect(breaker.admit(105)).toBe('probe');
  expect(breaker.admit(1000)).toBeUndefined();
});

test.each([
  ['reached', CLOSED],
  ['unreachable', { kind: 'open', untilMs: 300 }],
  ['unknown', { kind: 'open', untilMs: 200 }],
] as const)('a probe that ends %s decides', (reach, next) => {
  const breaker = breakerIn({ kind: 'half-open' });
  breaker.settle('probe', reach, 200);
  expect(breaker.state).toEqual(next);
});

test.each(['reached', 'unreachable'] as const)(
  'a request from before it opened that ends %s changes nothing',
  (reach) => {
    for (const state of [{ kind: 'open', untilMs: 105 }, { kind: 'half-open' }] as const) {
      const breaker = breakerIn(state);
      breaker.settle('usual', reach, 50);
      expect(breaker.state).toBe(state);
    }
  },
);

test('says for how long it is open: a second at least, and while a probe is on its way', () => {
  const breaker = breakerIn({ kind: 'open', untilMs: 30_000 });
  expect([0, 10_000, 29_500].map((nowMs) => breaker.openForMs(nowMs))).toEqual([30_000, 20_000, 1_000]);
  expect(breakerIn({ kind: 'half-open' }).openForMs(0)).toBe(1_000);
});

test('zero failures: it never opens', () => {
  const breaker = new Breaker({ failures: 0, openMs: 100 });
  for (let n = 0; n < 100; n++) breaker.settle('usual', 'unreachable', n);
  expect(breaker.state.kind).toBe('closed');
});

interface Step {
  readonly passMs: number;
  readonly act: 'ask' | 'settle';
  readonly which: number;
  readonly reach: Reach;
}

const steps = fc.array(
  fc.record<Step>({
    passMs: fc.nat({ max: 60 }),
    act: fc.constantFrom('ask', 'settle'),
    which: fc.nat(),
    reach: fc.constantFrom('reached', 'unreachable', 'unreachable', 'unreachable', 'unknown'),
  }),
  { maxLength: 200, size: 'max' },
);

test('whatever happens: one probe at a time, nothing else while open, and it never stays shut for good', () => {
  fc.assert(
    fc.property(steps, (run) => {
      const running: Permit[] = [];
      const breaker = new Breaker(POLICY);
      let nowMs = 0;
      let inARow = 0;
      for (const { passMs, act, which, reach } of run) {
        nowMs += passMs;
        if (act === 'ask') {
          const before = breaker.state;
          const permit = breaker.admit(nowMs);
          if (before.kind === 'closed') expect(permit).toBe('usual');
          else expect(permit).not.toBe('usual');
          if (permit !== undefined) running.push(permit);
        } else if (running.length > 0) {
          const [permit] = running.splice(which % running.length, 1);
          const wasClosed = breaker.state.kind === 'closed';
          breaker.settle(permit as Permit, reach, nowMs);
          const { state } = breaker;
          if (wasClosed && reach !== 'unknown') inARow = reach === 'reached' ? 0 : inARow + 1;
          if (wasClosed) expect(state.kind).toBe(inARow >= POLICY.failures ? 'open' : 'closed');
          if (state.kind !== 'closed' || !wasClosed) inARow = 0;
        }
        const probes = running.filter((permit) => permit === 'probe').length;
        const { state } = breaker;
        expect(probes).toBe(state.kind === 'half-open' ? 1 : 0);
        if (state.kind === 'open') expect(breakerIn(state).admit(nowMs + POLICY.openMs)).toBe('probe');
      }
    }),
    { numRuns: 300 },
  );
});
