// The fill protocol against a model that knows every version: whatever is stored, shared or served is as new as it must be.

import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import { LEDGER_MUTANTS } from './mutants.ts';
import { ledgerProperty, World } from './world.ts';

describe('the ledger', () => {
  test('lets nothing be stored, shared or served that is older than it must be', () => {
    fc.assert(ledgerProperty, { numRuns: 3_000 });
  });

  test('stores and shares where nothing stands against it', () => {
    const { ledger } = new World();
    const read = { versions: {}, tags: ['t1'] };
    const subject = { uri: 'k1', origin: 'o', tags: ['t1'] };
    const fill = ledger.begin('k1', read);
    ledger.apply(1, { kind: 'invalidate', selector: { kind: 'tag', tag: 't2' } });
    expect(ledger.mayShare(fill, ledger.arrive(), subject)).toBe(true);
    expect(ledger.judge(fill, subject)).toBeUndefined();
    ledger.apply(2, { kind: 'invalidate', selector: { kind: 'tag', tag: 't1' } });
    expect(ledger.judge(fill, subject)).toBe('invalidated-during-fill');
  });

  test('looks for what affects a read only where something was invalidated since', () => {
    const { ledger } = new World();
    const subject = { uri: 'k1', origin: 'o', tags: ['t1'] };
    const sought = vi.spyOn(Invalidations.prototype, 'lastAffecting');
    ledger.apply(1, { kind: 'invalidate', selector: { kind: 'tag', tag: 't1' } });
    const stamp = ledger.stamp();
    expect([ledger.isAffectedSince(stamp, subject), sought.mock.calls.length]).toEqual([false, 0]);
    ledger.apply(2, { kind: 'invalidate', selector: { kind: 'tag', tag: 't1' } });
    expect([ledger.isAffectedSince(stamp, subject), sought.mock.calls.length]).toEqual([true, 1]);
    sought.mockRestore();
  });

  test('lets a fill that began later be stored after a superseding of its key', () => {
    const { ledger } = new World();
    const read = { versions: {}, tags: [] };
    const subject = { uri: 'k1', origin: 'o', tags: [] };
    const [older, newer] = [ledger.begin('k1', read), ledger.begin('k1', read)];
    ledger.apply(1, { kind: 'invalidate', selector: { kind: 'url', uri: 'k1' } });
    ledger.fills.supersede('k1', 1, older.keyStamp.position);
    ledger.fills.settle(older);
    expect([ledger.judge(older, subject), ledger.judge(newer, subject)]).toEqual([undefined, undefined]);
    ledger.fills.settle(newer);
    expect(ledger.judge(older, subject)).toBe('overtaken');
    const third = ledger.begin('k1', read);
    ledger.apply(2, { kind: 'invalidate', selector: { kind: 'url', uri: 'k1' } });
    expect(ledger.judge(third, subject)).toBe('invalidated-during-fill');
  });

  test('keeps a bounded number of fills that were given up, and refuses the oldest', () => {
    const { ledger } = new World();
    const read = { versions: {}, tags: [] };
    const fills = Array.from({ length: 1_001 }, (_, n) => ledger.begin(`k${n}`, read));
    for (const fill of fills) ledger.fills.giveUp(fill);
    const verdicts = fills.map((fill) => ledger.judge(fill, { uri: fill.key, origin: 'o', tags: [] }));
    expect([verdicts[0], verdicts[1], verdicts.at(-1)]).toEqual(['overtaken', undefined, undefined]);
    expect([ledger.fills.of('k0').length, ledger.fills.of('k1').length]).toEqual([0, 1]);
  });

  test('keeps a bounded number of variants that have overtaken a fill, and refuses the fill beyond', () => {
    const { ledger } = new World();
    const read = { versions: {}, tags: [] };
    const subject = { uri: 'k1', origin: 'o', tags: [] };
    const slow = ledger.begin('k1', read);
    const store = (variant: number) => {
      const fill = ledger.begin('k1', read);
      ledger.fills.settle(fill, `k1 v${variant}`);
      ledger.fills.end(fill);
    };
    for (let variant = 0; variant < 64; variant++) store(variant);
    expect([ledger.judge(slow, subject, 'k1 v0'), ledger.judge(slow, subject, 'k1 other')]).toEqual([
      'overtaken',
      undefined,
    ]);
    for (let variant = 64; variant < 1_000; variant++) store(variant);
    expect([ledger.judge(slow, subject, 'k1 other'), slow.overtakenIn.size]).toEqual(['overtaken', 65]);
  });
});

test.each(LEDGER_MUTANTS.map(({ name }) => name))('the model catches a ledger that %s', (name) => {
  const script = `${import.meta.dirname}/mutant-run.ts`;
  const { stdout, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' });
  expect([stdout.trim(), stderr]).toEqual([expect.stringMatching(/^(?:stored|shared|served)/), '']);
});
