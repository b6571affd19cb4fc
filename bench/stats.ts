// `bench -- stats`: what a hit costs with the gate's statistics and without them: the same gate, which is handed a recorder that
// counts nothing. `--rounds N` and `--seconds S` bound it.
//
// The two take short turns on one core, and what counts is the time that their processes were on it. Ratio of the medians,
// with the 95 % interval of 4,000 samples drawn from the rounds (bootstrap, with fixed numbers).

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHistogram } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { count, SKETCH_BUCKETS } from '../src/engine/statistics/sketch.ts';
import { Statistics } from '../src/engine/statistics/statistics.ts';
import { createLoad, type Load } from './hits/load.ts';
import { canPin, hasProcFolder, Processes, type Running } from './hits/processes.ts';
import { plainHead, TARGET } from './hits/resource.ts';
import { SERVER_CORE, startOrigin } from './hits/servers.ts';
import { printTable, type Report } from './report.ts';

const MOST = 1.03;
/** Of an interval that tells anything. */
const WIDEST = 0.1;
const KINDS = ['with', 'without'] as const;
type Kind = (typeof KINDS)[number];

interface Gate {
  readonly url: string;
  readonly running: Running;
  /** µs of CPU for each hit, a round each. */
  readonly costs: number[];
}

export async function run(flags: readonly string[]): Promise<Report> {
  const options = { rounds: { type: 'string', default: '15' }, seconds: { type: 'string', default: '2' } } as const;
  const { values } = parseArgs({ args: [...flags], options });
  const [rounds, seconds] = [wholeNumber('rounds', values.rounds), wholeNumber('seconds', values.seconds)];
  const records = recordCosts();
  printTable({
    title: 'one record of a duration in this process, median of 9 times 1,000,000',
    columns: ['what', 'ns'],
    rows: records.map(({ name, ns }) => [name, ns.toFixed(1)]),
  });
  if (!hasProcFolder) return notMeasured(records, 'needs /proc');
  const processes = new Processes();
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-stats-'));
  try {
    const origin = await startOrigin(processes);
    const gates = { with: await start('with'), without: await start('without') };
    const load = createLoad(processes, folder);
    await rounded(gates, load, { rounds, seconds });
    return reported(gates, { records, load: load.name });
    async function start(kind: Kind): Promise<Gate> {
      return startGate(processes, { folder, origin, kind });
    }
  } finally {
    await processes.endAll();
    rmSync(folder, { recursive: true, force: true });
  }
}

function wholeNumber(name: string, text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  const error = new RangeError(`--${name}: expected a whole number from 1 to 999; got '${text}'`);
  throw Object.assign(error, { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
}

async function startGate(
  processes: Processes,
  { folder, origin, kind }: { readonly folder: string; readonly origin: string; readonly kind: Kind },
): Promise<Gate> {
  const file = join(folder, `${kind}.config.json`);
  const config = {
    listen: { port: 0 },
    admin: { port: 0 },
    log: { level: 'error' },
    origins: { app: { url: origin } },
  };
  writeFileSync(file, JSON.stringify(config));
  const args = [join(import.meta.dirname, 'stats/gate.ts'), file, kind];
  const running = processes.start({ file: process.execPath, args, core: SERVER_CORE });
  const url = (await running.firstLine()) + TARGET;
  for (const expected of ['fwd=uri-miss', 'hit']) {
    const answer = await fetch(url);
    await answer.arrayBuffer();
    const got = answer.headers.get('cache-status') ?? '';
    if (!got.includes(expected)) throw new Error(`expected an answer with ${expected}; got ${got}`);
  }
  return { url, running, costs: [] };
}

async function rounded(
  gates: { readonly [kind in Kind]: Gate },
  load: Load,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<void> {
  // The first round warms both up.
  for (let round = 0; round <= rounds; round++) {
    const turn = { with: 0, without: 0 };
    for (const kind of round % 2 === 0 ? KINDS : KINDS.toReversed()) {
      const { url, running } = gates[kind];
      const before = cpuMicros(running.pid);
      const { requests, errors } = await load.run({ url, head: plainHead, seconds });
      if (errors > 0) throw new Error(`expected answers of 200 alone; got ${errors} others`);
      turn[kind] = (cpuMicros(running.pid) - before) / requests;
    }
    // Other work on the machine may leave a turn without an answer.
    if (round === 0 || !KINDS.every((kind) => Number.isFinite(turn[kind]))) continue;
    for (const kind of KINDS) gates[kind].costs.push(turn[kind]);
  }
}

/** Time that the threads of a process were on a processor. */
function cpuMicros(pid: number): number {
  const tasks = readdirSync(`/proc/${pid}/task`);
  return tasks.reduce((sum, task) => sum + onProcessorNs(`/proc/${pid}/task/${task}/schedstat`) / 1_000, 0);
}

function onProcessorNs(file: string): number {
  try {
    return Number(readFileSync(file, 'latin1').split(' ', 1)[0]);
  } catch (error) {
    // The thread has ended meanwhile.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return 0;
    throw error;
  }
}

function reported(
  gates: { readonly [kind in Kind]: Gate },
  beside: { readonly records: readonly Cost[]; readonly load: string },
): Report {
  const [counted, bare] = [gates.with.costs, gates.without.costs];
  if (counted.length === 0) return notMeasured(beside.records, 'no round in which both answered');
  const ratio = median(counted) / median(bare);
  const [lower, upper] = interval(counted, bare);
  printTable({
    title: `CPU of a hit, µs; load by ${beside.load}${canPin ? '' : '; not pinned to cores'}`,
    columns: ['statistics', 'median', 'least', 'most'],
    rows: KINDS.map((kind) => {
      const { costs } = gates[kind];
      return [kind, median(costs), Math.min(...costs), Math.max(...costs)].map((cell) =>
        typeof cell === 'number' ? cell.toFixed(2) : cell,
      );
    }),
  });
  const isTold = upper - lower <= WIDEST;
  const doubt = isTold ? '' : ': too much other work on the machine to tell';
  const got = `${ratio.toFixed(3)} (${lower.toFixed(3)} to ${upper.toFixed(3)})${doubt}`;
  const figures = { ...beside, ratio, lower, upper, with: counted, without: bare };
  return { goals: [{ name: GOAL, bound: `<= ${MOST}`, got, met: isTold && ratio <= MOST }], figures };
}

const GOAL = 'CPU of a hit with statistics, to without';

function notMeasured(records: readonly Cost[], why: string): Report {
  const got = `not measured: ${why}`;
  return { goals: [{ name: GOAL, bound: `<= ${MOST}`, got, met: false }], figures: { records } };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2;
}

const SAMPLES = 4_000;

/** Of the ratio of medians, 95 %. */
function interval(counted: readonly number[], bare: readonly number[]): readonly [number, number] {
  let state = 1;
  const below = (most: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
  const drawn = (from: readonly number[]) => median(from.map(() => from[below(from.length)] as number));
  const ratios = Array.from({ length: SAMPLES }, () => drawn(counted) / drawn(bare)).sort((one, other) => one - other);
  return [ratios[Math.floor(SAMPLES * 0.025)] as number, ratios[Math.floor(SAMPLES * 0.975)] as number];
}

interface Cost {
  readonly name: string;
  readonly ns: number;
}

/** Beside the histogram that Node brings, which no other process can be told of. */
function recordCosts(): Cost[] {
  const sketch = new Float64Array(SKETCH_BUCKETS);
  const histogram = createHistogram();
  const statistics = new Statistics();
  const route = { tenant: '-', originName: 'app', name: 'route-1' };
  return [
    cost('sketch', (ms) => count(sketch, ms)),
    cost('createHistogram of node:perf_hooks', (ms) => histogram.record(Math.ceil(ms * 1e6))),
    cost('all that a hit records', (ms) => {
      statistics.foundIn(0);
      statistics.answered(route, 'hit');
      statistics.ended('hit', ms, 2048);
    }),
  ];
}

function cost(name: string, record: (ms: number) => void): Cost {
  const times = Array.from({ length: 9 }, () => {
    const startedMs = performance.now();
    for (let at = 1; at <= 1_000_000; at++) record(0.001 * (1 + (at & 1023)));
    return performance.now() - startedMs;
  });
  return { name, ns: median(times) };
}
