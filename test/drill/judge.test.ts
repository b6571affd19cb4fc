import { describe, expect, it } from 'vitest';
import { type Answer, judge } from './judge.ts';
import type { Op } from './model.ts';
import { nowMs, Truth } from './truth.ts';

const PROMISED = { leaseMs: 600, maxLagMs: 400, isSchemaSettled: true };
const URL = '/row/1';
const INSERT: Op = { kind: 'insert', table: 'items', row: { id: 1, version: 1, grp: 0, place: 0, amount: 0 } };
const update = (version: number): Op => ({ kind: 'update', table: 'items', id: 1, set: { version } });
const shown = (version: number) => JSON.stringify([Object.entries({ id: 1, version, grp: 0, place: 0, amount: 0 })]);

/** Commits of which the last came to pass so long ago. */
function truthOf(ops: readonly Op[], agoMs: number, isAcknowledged = false): Truth {
  const truth = new Truth();
  const ledger = ops.map((op, at) => {
    const transaction = truth.begin([op]);
    truth.returned(transaction, nowMs() - agoMs);
    if (isAcknowledged) truth.acknowledge(transaction);
    return { n: at + 1, tx: transaction.id };
  });
  truth.learn(ledger);
  return truth;
}

function faultsOf(truth: Truth, answer: Partial<Answer>): readonly string[] {
  const startMs = nowMs();
  const asked: Answer = {
    url: URL,
    text: shown(1),
    startMs,
    endMs: startMs + 1,
    from: 'cache',
    isUnknown: false,
    ...answer,
  };
  return judge(asked, truth, PROMISED).faults.map(({ fault }) => fault);
}

describe('the judge of the drill', () => {
  it('finds no fault with what is true, or was within the stated lag', () => {
    expect(faultsOf(truthOf([INSERT], 5_000), {})).toEqual([]);
    expect(faultsOf(truthOf([INSERT, update(2)], 1_000), {})).toEqual([]);
  });

  it('finds what is outdated beyond the stated lag', () => {
    expect(faultsOf(truthOf([INSERT, update(2)], 1_300), {})).toEqual(['outdated beyond the stated lag']);
  });

  it('allows an answer that is not from the cache no lag', () => {
    const truth = truthOf([INSERT, update(2)], 100);
    expect(faultsOf(truth, { from: 'origin' })).toEqual(['outdated, and not from the cache']);
    expect(faultsOf(truth, { from: 'collapsed' })).toEqual([]);
    expect(faultsOf(truth, { from: 'collapsed', isUnknown: true })).toEqual(['outdated while the gate does not know']);
  });

  it('finds each hit of a gate that does not hear of the source', () => {
    expect(faultsOf(truthOf([INSERT], 100), { isUnknown: true })).toEqual(['hit while the gate does not know']);
  });

  it('finds what is from before an acknowledged write', () => {
    const truth = truthOf([INSERT, update(2)], 10, true);
    expect(faultsOf(truth, {})).toEqual(['outdated after an acknowledged write']);
    expect(faultsOf(truth, { startMs: nowMs() - 1_000 })).toEqual([]);
  });

  it('finds what was never true', () => {
    expect(faultsOf(truthOf([INSERT], 100), { text: shown(9) })).toEqual(['never true']);
  });
});
