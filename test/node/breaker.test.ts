import fc from 'fast-check';
import { expect, test } from 'vitest';
import { admit, type BreakerState, CLOSED, settle } from '../../src/node/origin/origin.ts';
import type { Permit, Reach } from '../../src/node/origin/origin-forward.ts';

const POLICY = { failures: 3, openMs: 100 };

test('so many failures in a row open it; a success in between begins anew', () => {
  const fail = (state: BreakerState) => settle(state, { permit: 'usual', reach: 'unreachable', nowMs: 5 }, POLICY);
  const succeed = (state: BreakerState) => settle(state, { permit: 'usual', reach: 'reached', nowMs: 5 }, POLICY);
  expect(fail(fail(CLOSED))).toEqual({ kind: 'closed', failures: 2 });
  expect(fail(fail(succeed(fail(fail(CLOSED)))))).toEqual({ kind: 'closed', failures: 2 });
  expect(fail(fail(fail(CLOSED)))).toEqual({ kind: 'open', untilMs: 105 });
});

test('open refuses until its time, then lets one probe through', () => {
  const open: BreakerState = { kind: 'open', untilMs: 105 };
  expect(admit(open, 104)).toEqual({ state: open, permit: undefined });
  const { state, permit } = admit(open, 105);
  expect(permit).toBe('probe');
  expect(admit(state, 1000).permit).toBeUndefined();
});

test.each([
  ['reached', CLOSED],
  ['unreachable', { kind: 'open', untilMs: 300 }],
  ['unknown', { kind: 'open', untilMs: 200 }],
] as const)('a probe that ends %s decides', (reach, next) => {
  expect(settle({ kind: 'half-open' }, { permit: 'probe', reach, nowMs: 200 }, POLICY)).toEqual(next);
});

test.each(['reached', 'unreachable'] as const)(
  'a request from before it opened that ends %s changes nothing',
  (reach) => {
    for (const state of [{ kind: 'open', untilMs: 105 }, { kind: 'half-open' }] as const) {
      expect(settle(state, { permit: 'usual', reach, nowMs: 50 }, POLICY)).toBe(state);
    }
  },
);

test('zero failures: it never opens', () => {
  let state = CLOSED;
  for (let n = 0; n < 100; n++) {
    state = settle(state, { permit: 'usual', reach: 'unreachable', nowMs: n }, { failures: 0, openMs: 100 });
  }
  expect(state.kind).toBe('closed');
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
      let state = CLOSED;
      let nowMs = 0;
      let inARow = 0;
      for (const { passMs, act, which, reach } of run) {
        nowMs += passMs;
        if (act === 'ask') {
          const before = state;
          const admission = admit(state, nowMs);
          state = admission.state;
          if (before.kind === 'closed') expect(admission.permit).toBe('usual');
          else expect(admission.permit).not.toBe('usual');
          if (admission.permit !== undefined) running.push(admission.permit);
        } else if (running.length > 0) {
          const [permit] = running.splice(which % running.length, 1);
          const wasClosed = state.kind === 'closed';
          state = settle(state, { permit: permit as Permit, reach, nowMs }, POLICY);
          if (wasClosed && reach !== 'unknown') inARow = reach === 'reached' ? 0 : inARow + 1;
          if (wasClosed) expect(state.kind).toBe(inARow >= POLICY.failures ? 'open' : 'closed');
          if (state.kind !== 'closed' || !wasClosed) inARow = 0;
        }
        const probes = running.filter((permit) => permit === 'probe').length;
        expect(probes).toBe(state.kind === 'half-open' ? 1 : 0);
        if (state.kind === 'open') expect(admit(state, nowMs + POLICY.openMs).permit).toBe('probe');
      }
    }),
    { numRuns: 300 },
  );
});
