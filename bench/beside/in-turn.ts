// Benches of which `bench -- beside` runs all trees at once: their processes work in short slices in turn, so that other work
// on the machine falls on all alike. A round has new processes, since these differ too, even of the same code.

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { medianNs, OWN_SCRIPT, roundsInTurn } from '../data-processes.ts';
import { OPERATIONS } from '../data-subject.ts';
import { createLoad } from '../hits/load.ts';
import { Processes } from '../hits/processes.ts';
import { browserHead, plainHead } from '../hits/resource.ts';
import { startGateWith, startOrigin } from '../hits/servers.ts';
import { measure } from '../hits.ts';
import { type Figure, less, OURS } from './figures.ts';

const DATA_SLICES = 40;
const HITS_SLICES = 6;
const SECONDS = 1;

/** Each operation of the data cache, ns of computing. */
export async function dataInTurn(trees: readonly string[]): Promise<Figure[][]> {
  const runners = trees.map((tree) => {
    // One way of measuring for all.
    const script = join(tree, 'bench/data-child.ts');
    if (script !== OWN_SCRIPT) copyFileSync(OWN_SCRIPT, script);
    return { name: OURS, script };
  });
  const figures = trees.map((): Figure[] => []);
  for (const operation of OPERATIONS) {
    const { rounds } = await roundsInTurn(runners, { operation, rounds: DATA_SLICES });
    for (const [at, told] of rounds.entries()) figures[at]!.push(less(`${operation}, ns`, medianNs(told)));
  }
  return figures;
}

/** Hits of a gate, µs of a processor each. */
export async function hitsInTurn(trees: readonly string[], folder: string): Promise<Figure[][]> {
  const processes = new Processes();
  try {
    const place = { processes, folder, origin: await startOrigin(processes) };
    const gates = [];
    for (const [at, tree] of trees.entries()) {
      gates.push(await startGateWith(place, `gate ${at}`, { bin: join(tree, 'src/node/bin.ts') }));
    }
    const load = createLoad(processes, folder);
    const figures = gates.map((): Figure[] => []);
    for (const head of [plainHead, browserHead]) {
      const micros = gates.map((): number[] => []);
      // The first slice warms them.
      for (let slice = 0; slice <= HITS_SLICES; slice++) {
        for (const [at, gate] of slice % 2 === 0 ? [...gates.entries()] : [...gates.entries()].toReversed()) {
          const { cpuMicrosPerRequest } = await measure(gate, head, { load, seconds: SECONDS });
          if (slice > 0) micros[at]!.push(cpuMicrosPerRequest);
        }
      }
      for (const [at, each] of micros.entries()) {
        const mean = each.reduce((sum, one) => sum + one, 0) / each.length;
        figures[at]!.push(less(`${head.name} request, CPU µs of a hit`, mean));
      }
    }
    return figures;
  } finally {
    await processes.endAll();
  }
}
