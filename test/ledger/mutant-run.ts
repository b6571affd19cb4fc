// `node test/ledger/mutant-run.ts NAME`: the model against the ledger with one rule taken out; prints what it objects to, or
// `not caught`.

import fc from 'fast-check';
import { editSources } from '../sim/source-edits.ts';
import { LEDGER_MUTANTS } from './mutants.ts';

const mutant = LEDGER_MUTANTS.find(({ name }) => name === process.argv[2]);
if (mutant === undefined) throw new Error(`expected the name of a mutant, got ${process.argv[2]}`);
editSources(mutant.edits);
const { ledgerProperty } = await import('./world.ts');
const { failed, errorInstance } = fc.check(ledgerProperty, { numRuns: 20_000, seed: 1, endOnFailure: true });
console.log(failed ? (errorInstance as Error).message : 'not caught');
