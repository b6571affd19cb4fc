// `bench -- policy`: hit ratios on real traces of the memory store's policy, beside LRU, SIEVE and what could be reached by
// knowing the future. `--traces DIR` names the folder, `--quick` caps each trace's requests. `--tier disk` does it for the
// disk store's policy (policy-disk.ts).
//
// Deterministic: the figures are the same on each run and machine.

import { parseArgs } from 'node:util';
import { lru } from './policies/lru.ts';
import { farthest, farthestLargest } from './policies/offline.ts';
import { ours } from './policies/ours.ts';
import { sieve } from './policies/sieve.ts';
import { runDiskPolicy } from './policy-disk.ts';
import { type Ratios, ratiosText, ratioText, replay, type Setup, setups } from './policy-replay.ts';
import { type Goal, printTable, type Report } from './report.ts';
import { traceNames } from './traces.ts';

const policies = {
  LRU: lru,
  SIEVE: sieve,
  tidegate: ours,
  'offline (objects)': farthestLargest,
  'offline (bytes)': farthest,
};
type PolicyName = keyof typeof policies;
const policyNames = Object.keys(policies) as PolicyName[];

interface Result {
  readonly trace: string;
  readonly sized: boolean;
  readonly cachePart: number;
  readonly ratios: { readonly [name in PolicyName]?: Ratios };
}

export async function run(flags: readonly string[]): Promise<Report> {
  const options = {
    tier: { type: 'string', default: 'memory' },
    traces: { type: 'string' },
    quick: { type: 'boolean', default: false },
  } as const;
  const { tier, traces, quick } = parseArgs({ args: [...flags], options }).values;
  if (tier === 'disk') return runDiskPolicy({ traces, quick });
  if (tier !== 'memory') {
    const error = new RangeError(`--tier: expected memory or disk; got '${tier}'`);
    throw Object.assign(error, { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
  }
  const results = Array.from(setups({ traces, quick }), replayAll);
  if (results.length > 0) printResults(results);
  return { goals: goalsOf(results), figures: results };
}

function replayAll(setup: Setup): Result {
  const { trace, cachePart } = setup;
  const ratios: { [name in PolicyName]?: Ratios } = {};
  for (const name of policyNames) {
    // With one size for all, Belady's rule is the optimum in both senses.
    if (trace.sized || name !== 'offline (objects)') ratios[name] = replay(policies[name](setup), setup);
  }
  return { trace: trace.name, sized: trace.sized, cachePart, ratios };
}

function printResults(results: readonly Result[]): void {
  const cell = (result: Result, name: PolicyName): string => {
    const ratios = result.ratios[name];
    return ratios === undefined ? '=' : ratiosText(ratios, result.sized);
  };
  printTable({
    title: 'hit ratio: of requests / of bytes; without sizes they are one, and the offline optimum is exact',
    columns: ['trace', 'cache', ...policyNames],
    rows: results.map((result) => [
      result.trace,
      `${result.cachePart * 100} %`,
      ...policyNames.map((name) => cell(result, name)),
    ]),
  });
}

function goalsOf(results: readonly Result[]): Goal[] {
  const web = results.find((result) => result.trace === 'adaptsize' && result.cachePart === 0.01);
  const reached = web?.ratios.tidegate?.objects;
  return [
    {
      name: 'adaptsize at 1 %: object hit ratio',
      bound: '>= 0.29',
      got:
        reached === undefined ? 'not measured' : `${ratioText(reached)} (LRU ${ratioText(web!.ratios.LRU!.objects)})`,
      met: reached !== undefined && reached >= 0.29,
    },
    ...traceNames.map((name) => notFarBelowLru(name, results)),
  ];
}

/** The worst object hit ratio against LRU's over the sizes. */
function notFarBelowLru(trace: string, results: readonly Result[]): Goal {
  let worst: { readonly points: number; readonly cachePart: number } | undefined;
  for (const { ratios, cachePart } of results.filter((result) => result.trace === trace)) {
    const points = 100 * (ratios.tidegate!.objects - ratios.LRU!.objects);
    if (worst === undefined || points < worst.points) worst = { points, cachePart };
  }
  return {
    name: `${trace}: object hit ratio against LRU, at worst`,
    bound: '>= -2 points',
    got: worst === undefined ? 'not measured' : `${worst.points.toFixed(1)} at ${worst.cachePart * 100} %`,
    met: worst !== undefined && worst.points >= -2,
  };
}
