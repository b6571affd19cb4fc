// `node test/workers/cache-race/mutant-run.ts NAME`: races with one rule taken out, until one shows something outdated; prints that,
// or `not caught`.

import { editSources } from '../../sim/source-edits.ts';
import { WORKERS_CACHE_MUTANTS } from './mutants.ts';

const SEEDS = 150;

const mutant = WORKERS_CACHE_MUTANTS.find(({ name }) => name === process.argv[2]);
if (mutant === undefined) throw new Error(`expected the name of a mutant, got ${process.argv[2]}`);
editSources(mutant.edits);
const { CacheRace } = await import('./race.ts');
let found: string | undefined;
for (let seed = 1; seed <= SEEDS && found === undefined; seed++) {
  const { outdated } = await new CacheRace(seed).run(150, false);
  if (outdated[0] !== undefined) found = `seed ${seed}: ${outdated[0]}`;
}
console.log(found ?? 'not caught');
