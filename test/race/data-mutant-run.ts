// `node test/race/data-mutant-run.ts NAME`: runs the mutant's cells, then the model, then the race of late tags, until one of
// them catches it; prints which, or `not caught`.

import fc from 'fast-check';
import { editSources } from '../sim/source-edits.ts';
import type { DataCell } from './data-cells.ts';
import { DATA_MUTANTS } from './data-mutants.ts';

const mutant = DATA_MUTANTS.find(({ name }) => name === process.argv[2]);
if (mutant === undefined) throw new Error(`expected the name of a mutant, got ${process.argv[2]}`);
editSources(mutant.edits);
const { allDataCells, dataCellName } = await import('./data-cells.ts');
const { DataModel } = await import('./data-model.ts');
const { dataSteps } = await import('./data-steps.ts');
const { runDataCell } = await import('./data-race.ts');
const { LATE_TAGS } = await import('./unseen-late-tags.ts');

/** True of what the engine as it is passes; what it does not shows nothing. */
function isPassed({ way, kind, tiers }: DataCell): boolean {
  if (way.sets !== 'alone') return true;
  return kind.promotes === true || (tiers === 'memory' && kind.name !== 'get and set');
}

async function caughtByCell(ways: readonly string[]): Promise<string | undefined> {
  for (const cell of allDataCells()) {
    if (!ways.includes(cell.way.name) || !isPassed(cell)) continue;
    const { outdated, stored, broken } = await runDataCell(cell);
    const wrong = [...outdated, ...stored, ...broken];
    if (wrong.length > 0) return `${dataCellName(cell)}: ${wrong[0]}`;
  }
  return undefined;
}

async function caughtByModel(): Promise<string | undefined> {
  for (const steps of fc.sample(dataSteps, { seed: 1, numRuns: 3_000 })) {
    const model = new DataModel(false);
    await model.run(steps);
    if (model.objections.length > 0) return `the model: ${model.objections[0]}`;
  }
  return undefined;
}

async function caughtByLateTags(): Promise<string | undefined> {
  for await (const { name, problems } of LATE_TAGS.cells())
    if (problems[0] !== undefined) return `${name}: ${problems[0]}`;
  return undefined;
}

const isOfLateTags = mutant.ways.length === 0;
const caught = isOfLateTags ? await caughtByLateTags() : ((await caughtByCell(mutant.ways)) ?? (await caughtByModel()));
console.log(caught ?? 'not caught');
