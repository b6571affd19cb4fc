// By rows: a write leaves what it cannot change, and nothing outdated; a rule less, and something is.

import { spawnSync } from 'node:child_process';
import type { PGlite } from '@electric-sql/pglite';
import { beforeAll, describe, expect, test } from 'vitest';
import { startedPglite } from '../../kit/pglite.ts';
import { ROWS_CASES, runRowsCase } from './rows-cases.ts';
import { libsqlDatabase, pgliteDatabase, type RowsDialect } from './rows-databases.ts';
import { ROWS_MUTANTS } from './rows-mutants.ts';
import { rowsRun } from './rows-random.ts';

let client: PGlite;
beforeAll(async () => {
  client = await startedPglite();
});

const DIALECTS: readonly RowsDialect[] = ['sqlite', 'postgres'];
const opened = async (dialect: RowsDialect) => (dialect === 'sqlite' ? await libsqlDatabase() : pgliteDatabase(client));

describe.each(DIALECTS)('%s', (dialect) => {
  const cases = ROWS_CASES.filter(({ dialects }) => dialects.includes(dialect));
  test.each(cases.map((each) => [each.isLeft ? 'leaves' : 'drops', each.name, each] as const))(
    '%s %s',
    async (_, _name, given) => {
      const database = await opened(dialect);
      try {
        expect(await runRowsCase(dialect, database, given)).toBe(undefined);
      } finally {
        database.close();
      }
    },
  );

  test('random work finds nothing outdated, and much that a write has left', { timeout: 120_000 }, async () => {
    const seeds = dialect === 'sqlite' ? 40 : 6;
    let kept = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      const database = await opened(dialect);
      const result = await rowsRun(dialect, database, seed);
      database.close();
      expect(result.outdated, `seed ${seed}`).toEqual([]);
      kept += result.kept;
    }
    expect(kept).toBeGreaterThan(seeds * 10);
  });
});

describe('a mutant', () => {
  test.each(ROWS_MUTANTS.map(({ name }) => [name]))('that %s is caught', { timeout: 120_000 }, (name) => {
    const script = `${import.meta.dirname}/rows-mutant-run.ts`;
    const { stdout, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect(stdout.trim()).toMatch(/: /);
  });
});
