// A wrapped D1 binding over one of the test's own, whose answers come when the test says.

import { expect, test } from 'vitest';
import type { D1Database, D1PreparedStatement, D1Result } from '../../src/workers/d1/binding.ts';
import { createD1Tracker } from '../../src/workers/d1/tracker.ts';

/** What a request is told. */
function opened(database: Partial<D1Database>) {
  const told: string[] = [];
  const request = {
    tags: () => undefined,
    refuse: (reason: string) => void told.push(`refuse ${reason.split(':')[0]}`),
    invalidate: async () => void told.push('invalidate'),
    doubt: async () => void told.push('doubt'),
  };
  const bare = { prepare: () => statement(async () => ({ success: true, results: [] })), ...database } as D1Database;
  return { db: createD1Tracker({ source: 'app' }).wrap(bare, request), told };
}

function statement(all: () => Promise<D1Result>): D1PreparedStatement {
  const own: D1PreparedStatement = { bind: () => own, all, run: all, first: async () => null, raw: async () => [] };
  return own;
}

test('where nobody knows what became of a write without a change log, all is invalidated again when it is over', async () => {
  const lost = { exec: () => Promise.reject(new Error('D1_ERROR: Network connection lost.')) };
  const { db, told } = opened(lost);
  await expect(db.exec('create table t (id)')).rejects.toThrow('lost');
  expect(told).toEqual(['refuse after-write', 'doubt']);
  const refused = opened({ exec: () => Promise.reject(new Error('D1_ERROR: near "x": syntax error: SQLITE_ERROR')) });
  await expect(refused.db.exec('create table t (id)')).rejects.toThrow('near');
  expect(refused.told).toEqual(['refuse after-write', 'invalidate']);
});

test('an answer of the primary says nothing of a read that was sent before it', async () => {
  const answers: ((isPrimary: boolean) => void)[] = [];
  const sent = () =>
    new Promise<D1Result>((resolve) => {
      answers.push((served_by_primary) => resolve({ success: true, results: [], meta: { served_by_primary } }));
    });
  const session = { prepare: () => statement(sent), batch: async () => [], getBookmark: () => null };
  const { db, told } = opened({ withSession: () => session });
  const own = db.withSession?.('00000001-bookmark');
  const reads = [1, 2].map(() => own?.prepare('select 1').all());
  answers[0]?.(true);
  await reads[0];
  answers[1]?.(false);
  await reads[1];
  expect(told).toContain('refuse replica');
  told.length = 0;
  const last = own?.prepare('select 1').all();
  answers[2]?.(false);
  await last;
  expect(told).not.toContain('refuse replica');
});
