// `bench -- workers`: what the gate costs on Cloudflare Workers beside the platform's own cache and OpenNext. Operations are
// counted in simulated time, on the simulated platform of the tests; latencies and the start are those of workerd.
//
// `--seconds N`: simulated time of each workload.

import { parseArgs } from 'node:util';
import { deployed, WORKERS } from '../test/workers/bundle-size.ts';
import { type Goal, printTable, type Report } from './report.ts';
import { coordinationOfReads, costs, type RaceRow, type Row, race } from './workers/costs.ts';
import { latencies } from './workers/latency.ts';
import { installOpenNext } from './workers/opennext/install.ts';
import { openNext, openNextCode } from './workers/opennext/system.ts';
import { gateCode, ours } from './workers/ours.ts';
import { platformCache } from './workers/platform-cache.ts';
import type { System } from './workers/site.ts';
import { type Start, startUps } from './workers/startup.ts';

const SECONDS = 20;
/** Rare events need more of it. */
const RACE_FACTOR = 3;
const START_ROUNDS = 7;

const LEASE_CALLS = 0.05;
const STRICT_CALLS = 1;
const BUNDLE_BYTES = 60_000;
/** What ours.ts asks for. */
const BOUND_MS = 1_000;

export async function run(flags: readonly string[]): Promise<Report> {
  const { values } = parseArgs({
    args: [...flags],
    options: { seconds: { type: 'string', default: String(SECONDS) } },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new RangeError(`expected --seconds with a number above 0, got ${values.seconds}`);
  const systems = await systemsOf();
  const rows = await costs(systems.all, seconds);
  const raced = await race(systems.all, seconds * RACE_FACTOR);
  const strictCalls = await coordinationOfReads(systems.strict, seconds);
  const latency = await latencies();
  const bundles = await bundlesOf();
  const starts = await startOf();
  return {
    goals: [...callGoals(systems, rows, strictCalls), ...raceGoals(systems, raced), bundleGoal(bundles)],
    figures: { costs: rows, race: raced, strictCalls, latency, bundles, starts },
  };
}

interface Systems {
  readonly lease: System;
  readonly cached: System;
  readonly tiers: System;
  readonly strict: System;
  readonly bounded: System;
  readonly all: readonly System[];
}

async function systemsOf(): Promise<Systems> {
  const gate = await gateCode();
  const own = {
    lease: ours('lease', ['memory'], gate),
    cached: ours('lease', ['memory', 'workers-cache'], gate),
    tiers: ours('lease', ['memory', 'cache-api', 'kv'], gate),
    strict: ours('strict', ['memory'], gate),
    bounded: ours('bounded', ['memory'], gate),
  };
  const all = [...Object.values(own), platformCache];
  if (!installOpenNext()) return { ...own, all };
  const code = await openNextCode();
  return { ...own, all: [...all, openNext('objects', code), openNext('regional', code), openNext('d1', code)] };
}

type Bundles = Readonly<Record<keyof typeof WORKERS, number>>;

/** Bytes after gzip. */
async function bundlesOf(): Promise<Bundles> {
  const sizes: [string, number][] = [];
  for (const [name, source] of Object.entries(WORKERS)) sizes.push([name, (await deployed(source)).gzipBytes]);
  printTable({
    title: 'bundles, minified',
    columns: ['what the Worker imports', 'bytes after gzip'],
    rows: sizes.map(([name, bytes]) => [name, String(bytes)]),
  });
  return Object.fromEntries(sizes) as Bundles;
}

/** Undefined: this system does not tell. */
async function startOf(): Promise<readonly Start[] | undefined> {
  const module = `${WORKERS.gate}
import { createGate } from '${new URL('../src/workers/index.ts', import.meta.url).pathname}';
const gate = createGate({ origins: { site: { url: 'http://127.0.0.1:9' } } });
export const { TidegateLog } = gate;
export default { fetch: () => new Response('') };`;
  const options = {
    modules: true,
    script: (await deployed(module)).code,
    compatibilityDate: '2026-07-01',
    durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', useSQLite: true } },
  };
  const starts = await startUps([{ name: 'the gate', options }], START_ROUNDS);
  printTable({
    title: `CPU of workerd until the first answer, medians of ${START_ROUNDS} rounds`,
    columns: ['Worker', 'ms', 'more than one line'],
    rows: (starts ?? []).map(({ name, cpuMs, aboveEmptyMs }) => [name, cpuMs.toFixed(0), aboveEmptyMs.toFixed(0)]),
  });
  return starts;
}

function callGoals({ lease, strict }: Systems, rows: readonly Row[], strictCalls: number): Goal[] {
  const row = rows.find(({ system, hitRatio }) => system === lease.name && hitRatio === 0.99);
  const calls = row?.figures.coordinationPerRequest ?? Number.NaN;
  return [
    {
      name: `coordination calls a request at 99 % hits and 50 requests/s an isolate, ${lease.name}`,
      bound: `<= ${LEASE_CALLS}`,
      got: calls.toFixed(3),
      met: calls <= LEASE_CALLS,
    },
    {
      name: `coordination calls a read, ${strict.name}`,
      bound: `<= ${STRICT_CALLS}`,
      got: strictCalls.toFixed(3),
      met: strictCalls <= STRICT_CALLS,
    },
  ];
}

function raceGoals({ lease, cached, tiers, strict, bounded }: Systems, raced: readonly RaceRow[]): Goal[] {
  const outdated = (of: System) => raced.find(({ system }) => system === of.name)?.figures.outdated;
  const never = [lease, cached, tiers, strict].map((system) => {
    const answers = outdated(system)?.answers ?? Number.NaN;
    return { name: `outdated answers, ${system.name}`, bound: '0', got: String(answers), met: answers === 0 };
  });
  const longestMs = outdated(bounded)?.longestMs ?? Number.NaN;
  const name = `longest time outdated, ${bounded.name}`;
  return [
    ...never,
    { name, bound: `<= ${BOUND_MS} ms`, got: `${longestMs.toFixed(0)} ms`, met: longestMs <= BOUND_MS },
  ];
}

function bundleGoal(bundles: Bundles): Goal {
  const { gate } = bundles;
  const name = 'bundle of the gate without parts and SQL analysis, minified, after gzip';
  return { name, bound: `<= ${BUNDLE_BYTES} bytes`, got: `${gate} bytes`, met: gate <= BUNDLE_BYTES };
}
