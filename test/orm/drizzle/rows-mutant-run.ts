// `node test/orm/drizzle/rows-mutant-run.ts NAME`: runs what is to catch the mutant until it does; prints how, or `not caught`.

import { PGlite } from '@electric-sql/pglite';
import { editSources } from '../../sim/source-edits.ts';
import type { RowsDialect } from './rows-databases.ts';
import { ROWS_MUTANTS } from './rows-mutants.ts';

const mutant = ROWS_MUTANTS.find(({ name }) => name === process.argv[2]);
if (mutant === undefined) throw new Error(`expected the name of a mutant, got ${process.argv[2]}`);
editSources(mutant.edits);

const SEEDS = 60;

async function caughtByRace(): Promise<string | undefined> {
  const { DRIZZLE_ROWS } = await import('../../race/drizzle-rows.ts');
  for await (const { name, problems } of DRIZZLE_ROWS.cells()) {
    const wrong = problems.find(isOutdated);
    if (wrong !== undefined) return `${name}: ${wrong}`;
  }
  return undefined;
}

async function caughtByCases(dialect: RowsDialect): Promise<string | undefined> {
  const { libsqlDatabase, pgliteDatabase } = await import('./rows-databases.ts');
  const { rowsRun } = await import('./rows-random.ts');
  const { ROWS_CASES, runRowsCase } = await import('./rows-cases.ts');
  const client = dialect === 'postgres' ? await PGlite.create() : undefined;
  const opened = async () => (client === undefined ? await libsqlDatabase() : pgliteDatabase(client));
  for (const each of ROWS_CASES.filter(({ dialects }) => dialects.includes(dialect))) {
    const wrong = await runRowsCase(dialect, await opened(), each);
    if (wrong !== undefined && isOutdated(wrong)) return `${each.name}: ${wrong}`;
  }
  for (let seed = 1; seed <= SEEDS && client === undefined; seed++) {
    const { outdated } = await rowsRun(dialect, await opened(), seed);
    if (outdated[0] !== undefined) return `seed ${seed}: ${outdated[0]}`;
  }
  return undefined;
}

/** That nothing is stored, or more than need be is dropped, is no answer that is wrong. */
function isOutdated(problem: string): boolean {
  return !/^expected (?:a|no) hit/.test(problem);
}

console.log((await (mutant.by === 'race' ? caughtByRace() : caughtByCases(mutant.by))) ?? 'not caught');
process.exit();
