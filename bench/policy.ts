// `bench -- policy`: hit ratios on real traces of the memory store's policy, beside LRU, SIEVE and what could be reached by
// knowing the future. `--traces DIR` names the folder, `--quick` caps each trace's requests.
//
// Deterministic: the figures are the same on each run and machine.

import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { lru } from './policies/lru.ts';
import { farthest, farthestLargest } from './policies/offline.ts';
import { ours } from './policies/ours.ts';
import type { ReplayPolicy, ReplaySetup } from './policies/policy.ts';
import { sieve } from './policies/sieve.ts';
import { type Goal, printTable, type Report } from './report.ts';
import { readTrace, type Trace, traceFolder, traceNames } from './traces.ts';

const QUICK_REQUESTS = 300_000;

/** Parts of the bytes (without sizes: of the number) of all distinct objects. */
const cacheParts = [0.001, 0.01, 0.1];

const policies = {
  LRU: lru,
  SIEVE: sieve,
  tidegate: ours,
  'offline (objects)': farthestLargest,
  'offline (bytes)': farthest,
};
type PolicyName = keyof typeof policies;
const policyNames = Object.keys(policies) as PolicyName[];

/** Hit ratios of one policy on one trace, in one size. */
interface Ratios {
  readonly objects: number;
  readonly bytes: number;
}

interface Result {
  readonly trace: string;
  readonly sized: boolean;
  readonly cachePart: number;
  readonly ratios: { readonly [name in PolicyName]?: Ratios };
}

export async function run(flags: readonly string[]): Promise<Report> {
  const options = { traces: { type: 'string' }, quick: { type: 'boolean', default: false } } as const;
  const { traces, quick } = parseArgs({ args: [...flags], options }).values;
  const folder = traceFolder(traces);
  const there = existsSync(folder);
  if (!there) console.log(`No traces: the folder ${folder} is not there; name one with --traces DIR.`);
  const results: Result[] = [];
  for (const name of there ? traceNames : []) {
    const trace = readTrace(folder, name, quick ? QUICK_REQUESTS : Number.POSITIVE_INFINITY);
    if (typeof trace === 'string') console.log(`${name}: not measured: ${trace}`);
    else results.push(...replayAll(trace));
  }
  if (quick) console.log(`--quick: the first ${QUICK_REQUESTS} requests of each trace.`);
  if (results.length > 0) printResults(results);
  return { goals: goalsOf(results), figures: results };
}

function replayAll(trace: Trace): Result[] {
  const allBytes = trace.sizes.reduce((sum, size) => sum + size, 0);
  return cacheParts.map((cachePart) => {
    const setup = { ...trace, maxBytes: Math.max(1, Math.floor(allBytes * cachePart)) };
    const ratios: { [name in PolicyName]?: Ratios } = {};
    for (const name of policyNames) {
      // With one size for all, Belady's rule is the optimum in both senses.
      if (trace.sized || name !== 'offline (objects)') ratios[name] = replay(policies[name](setup), setup);
    }
    return { trace: trace.name, sized: trace.sized, cachePart, ratios };
  });
}

function replay(policy: ReplayPolicy, { ids, sizes }: ReplaySetup): Ratios {
  let hits = 0;
  let hitBytes = 0;
  let allBytes = 0;
  for (const id of ids) {
    const size = sizes[id]!;
    allBytes += size;
    if (!policy.access(id)) continue;
    hits++;
    hitBytes += size;
  }
  return { objects: hits / ids.length, bytes: hitBytes / allBytes };
}

function printResults(results: readonly Result[]): void {
  const cell = (result: Result, name: PolicyName): string => {
    const ratios = result.ratios[name];
    if (ratios === undefined) return '=';
    return result.sized ? `${ratio(ratios.objects)} / ${ratio(ratios.bytes)}` : ratio(ratios.objects);
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
      got: reached === undefined ? 'not measured' : `${ratio(reached)} (LRU ${ratio(web!.ratios.LRU!.objects)})`,
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

function ratio(value: number): string {
  return value.toFixed(3);
}
