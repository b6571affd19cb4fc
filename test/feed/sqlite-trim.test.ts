// Trimming the change log holds up nobody: it does not wait for writers, but after many attempts in vain.

import { expect, test } from 'vitest';
import { LogTrim } from '../../src/feed/sqlite/log.ts';
import type { SqliteRunner } from '../../src/feed/sqlite/runner.ts';

const told = `a:${'5000'.padStart(16, '0')}:${'0'.padStart(12, '0')}`;

/** Whoever writes does so all the time. The waits that its trims asked for, and the one that is left. */
async function trims(count: number, error: string) {
  const waits: number[] = [];
  let timeout = 5_000;
  const runner: Pick<SqliteRunner, 'all'> = {
    all: async (sql) => {
      const set = /^PRAGMA busy_timeout = (\d+)$/.exec(sql);
      if (set !== null) timeout = Number(set[1]);
      if (sql === 'PRAGMA busy_timeout') return [{ timeout }];
      if (!sql.startsWith('DELETE')) return [];
      waits.push(timeout);
      throw new Error(error);
    },
  };
  const trim = new LogTrim(0);
  trim.acknowledge(4_000);
  for (let at = 0; at < count; at++) await trim.run(runner as SqliteRunner, at * 1_000, told);
  return { waits, timeout };
}

test('it waits for nobody, and for a moment after twenty attempts in vain; then all is as it was', async () => {
  const { waits, timeout } = await trims(22, 'database is locked');
  expect(waits).toEqual([...Array.from({ length: 20 }, () => 0), 20, 20]);
  expect(timeout).toBe(5_000);
});

test('what is no other writer is told', async () => {
  await expect(trims(1, 'disk I/O error')).rejects.toThrow('disk I/O error');
});
