// `node test/engine/stated-read-mutant-run.ts NAME`: the model of stated reads against the engine with one rule taken out;
// prints what it objects to, or `not caught`.

import fc from 'fast-check';
import { editSources } from '../sim/source-edits.ts';
import { STATED_READ_MUTANTS } from './stated-read-mutants.ts';

const mutant = STATED_READ_MUTANTS.find(({ name }) => name === process.argv[2]);
if (mutant === undefined) throw new Error(`expected the name of a mutant, got ${process.argv[2]}`);
editSources(mutant.edits);
const { statedReads } = await import('./stated-reads.ts');
const { failed, errorInstance } = await fc.check(statedReads, { numRuns: 5_000, seed: 1, endOnFailure: true });
console.log(failed ? (errorInstance as Error).message : 'not caught');
