// `node test/log/lease-mutant-run.ts NAME`: runs the mutant through seeds of the simulation until one catches it; prints which,
// or `not caught`.

import { editSources } from '../sim/source-edits.ts';
import { LEASE_MUTANTS } from './lease-mutants.ts';

const SEEDS = 150;

const mutant = LEASE_MUTANTS.find(({ name }) => name === process.argv[2]);
if (mutant === undefined) throw new Error(`expected the name of a mutant, got ${process.argv[2]}`);
editSources(mutant.edits);
const { LeaseWorld } = await import('./lease-world.ts');

async function caught(): Promise<string> {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new LeaseWorld(seed, 'lease');
    await world.run();
    if (world.problems.length > 0) return `seed ${seed}: ${world.problems[0]}`;
  }
  return 'not caught';
}

process.on('uncaughtException', (error) => {
  console.log(`thrown: ${error.message}`);
  process.exit(0);
});
console.log(await caught());
process.exit(0);
