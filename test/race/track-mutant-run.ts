// `node test/race/track-mutant-run.ts NAME`: runs the cells of the mutant's part until one of them catches it; prints which,
// or `not caught`.

import { editSources } from '../sim/source-edits.ts';
import { TRACK_MUTANTS } from './track-mutants.ts';

const mutant = TRACK_MUTANTS.find(({ name }) => name === process.argv[2]);
if (mutant === undefined) throw new Error(`expected the name of a mutant, got ${process.argv[2]}`);
editSources(mutant.edits);
const { runPart, trackParts } = await import('./track-parts.ts');
const { trackCellName } = await import('./track-race.ts');

async function caughtBy(name: string, fills: readonly string[] | undefined): Promise<string | undefined> {
  const part = trackParts().find((one) => one.name === name);
  if (part === undefined) throw new Error(`expected the name of a part, got ${name}`);
  const pairs = part.pairs.filter(([, fill]) => fills?.includes(fill.name) !== false);
  for await (const [cell, { outdated }] of runPart({ ...part, pairs })) {
    if (outdated.length > 0) return `${trackCellName(cell)}: ${outdated[0]}`;
  }
  return undefined;
}

console.log((await caughtBy(mutant.part, mutant.fills)) ?? 'not caught');
