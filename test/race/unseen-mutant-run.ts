// `node test/race/unseen-mutant-run.ts NAME`: runs the cells of the mutant's race until one of them shows something that is
// wrong; prints which, or `not caught`.

import { editSources } from '../sim/source-edits.ts';
import { UNSEEN_MUTANTS } from './unseen-mutants.ts';

const mutant = UNSEEN_MUTANTS.find(({ name }) => name === process.argv[2]);
if (mutant === undefined) throw new Error(`expected the name of a mutant, got ${process.argv[2]}`);
editSources(mutant.edits);
const { UNSEEN } = await import('./unseen.ts');

async function caughtBy(name: string): Promise<string | undefined> {
  const race = UNSEEN.find((one) => one.name === name);
  if (race === undefined) throw new Error(`expected the name of a race, got ${name}`);
  for await (const { name: cell, problems } of race.cells()) {
    // That nothing is stored is no answer that is wrong.
    const wrong = problems.find((problem) => problem !== 'expected hits, got none');
    if (wrong !== undefined) return `${cell}: ${wrong}`;
  }
  return undefined;
}

console.log((await caughtBy(mutant.race)) ?? 'not caught');
process.exit();
