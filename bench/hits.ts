// `bench -- hits`: what a hit costs in the gate, beside bare node:http, nginx and Varnish, in one run. A body of 2 KB, 32
// connections, one core for the server and another for the load. `--rounds N` and `--seconds S` bound it. `--against COMMIT`: the
// gate alone beside that of another commit, and how far two runs of the same code differ.
//
// Other work on the machine. So servers take short turns, what counts is the time that the processes
// of a server were on a processor, and each figure is compared with bare node:http's of the same round. Latencies cannot
// be mended so: the table says what part of its core each server had, and p99 says little where that is far from 100 %.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CONNECTIONS, createLoad, type Load } from './hits/load.ts';
import { canPin, cpuMs, hasProcFolder, Processes } from './hits/processes.ts';
import type { PromiseCount } from './hits/promises.ts';
import { browserHead, plainHead, type RequestHead } from './hits/resource.ts';
import {
  LOAD_CORE,
  SERVER_CORE,
  type Server,
  startBare,
  startGate,
  startNginx,
  startOrigin,
  startVarnish,
} from './hits/servers.ts';
import { type Goal, printTable, type Report } from './report.ts';

const MIN_OF_BARE = 0.8;
const WARM_SECONDS = 1;
const heads = [plainHead, browserHead];

/** One round of one server under one request head. */
export interface Sample {
  readonly requestsPerSecond: number;
  readonly cpuMicrosPerRequest: number;
  /** Of the core, while under load. */
  readonly corePart: number;
  readonly p99Ms: number;
  readonly answerBytes: number;
}

/** All rounds of one server under one request head. */
interface Series {
  readonly server: string;
  readonly head: string;
  readonly samples: Sample[];
}

/** Medians over the rounds; what is relative is so to bare node:http in the same round. */
interface Result {
  readonly server: string;
  readonly head: string;
  readonly requestsPerSecond: number;
  readonly cpuMicrosPerRequest: number;
  readonly perCpuSecondToBare: number;
  /** Quartiles of the rounds. */
  readonly lower: number;
  readonly upper: number;
  readonly corePart: number;
  readonly p99Ms: number;
  readonly p99ToBare: number;
  readonly answerBytes: number;
}

export async function run(flags: readonly string[]): Promise<Report> {
  const options = {
    rounds: { type: 'string', default: '15' },
    seconds: { type: 'string', default: '1' },
    against: { type: 'string' },
  } as const;
  const { values } = parseArgs({ args: [...flags], options });
  const bounds = { rounds: wholeNumber('rounds', values.rounds), seconds: wholeNumber('seconds', values.seconds) };
  if (values.against !== undefined) {
    // Here and not above, since that bench measures with this one.
    const { hitsAgainst } = await import('./beside.ts');
    return await hitsAgainst(values.against, Math.max(2, bounds.rounds));
  }
  const processes = new Processes();
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-hits-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.on('exit', removeFolder);
  try {
    const promises = await countPromises(processes);
    const results = await compare({ processes, folder, ...bounds });
    printPromises(promises);
    return { goals: [costGoal(results), promiseGoal(promises)], figures: { ...bounds, results, promises } };
  } finally {
    await processes.endAll();
    removeFolder();
    process.off('exit', removeFolder);
  }
}

function wholeNumber(flag: string, text: string): number {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  const error = new RangeError(`--${flag}: expected a whole number from 1; got '${text}'`);
  throw Object.assign(error, { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
}

interface Comparison {
  readonly processes: Processes;
  readonly folder: string;
  readonly rounds: number;
  readonly seconds: number;
}

async function compare({ processes, folder, rounds, seconds }: Comparison): Promise<Result[]> {
  if (!hasProcFolder) {
    console.log('Not measured: the time of processes is read from /proc, which this system does not have.');
    return [];
  }
  const servers = await startServers(processes, folder);
  const load = createLoad(processes, folder);
  const place = canPin
    ? `servers on core ${SERVER_CORE}, load on core ${LOAD_CORE}`
    : 'not bound to cores: that takes taskset and two cores';
  console.log(`Load by ${load.name}, ${CONNECTIONS} connections; ${place}; ${rounds} rounds of ${seconds} s.`);
  const series = await measureAll(servers, load, { rounds, seconds });
  const results = series.map((each) => resultOf(each, bareOf(series, each.head)));
  for (const head of heads) printResults(head, results);
  return results;
}

/** Those that are installed; the others are named. */
async function startServers(processes: Processes, folder: string): Promise<Server[]> {
  const place = { processes, folder, origin: await startOrigin(processes) };
  const servers: Server[] = [];
  for (const start of [startGate, startBare, startNginx, startVarnish]) {
    const server = await start(place);
    if ('absent' in server) console.log(`${server.name} is absent: ${server.absent}`);
    else servers.push(server);
  }
  return servers;
}

async function measureAll(
  servers: readonly Server[],
  load: Load,
  { rounds, seconds }: { readonly rounds: number; readonly seconds: number },
): Promise<Series[]> {
  const series = heads.flatMap((head) =>
    servers.map((server) => ({ server: server.name, head: head.name, samples: [] as Sample[] })),
  );
  for (const head of heads) for (const server of servers) await measure(server, head, { load, seconds: WARM_SECONDS });
  for (let round = 0; round < rounds; round++) {
    for (const head of heads) {
      // Whoever comes first does so once in a while only.
      for (let turn = 0; turn < servers.length; turn++) {
        const server = servers[(round + turn) % servers.length]!;
        const own = series.find((each) => each.server === server.name && each.head === head.name)!;
        own.samples.push(await measure(server, head, { load, seconds }));
      }
    }
  }
  return series;
}

/** Throws when an answer is not good. */
export async function measure(
  server: Server,
  head: RequestHead,
  { load, seconds }: { readonly load: Load; readonly seconds: number },
): Promise<Sample> {
  const { pid, ended } = server.running;
  const beforeMs = cpuMs(pid);
  const seen = await load.run({ url: server.url, head, seconds });
  const usedMs = cpuMs(pid) - beforeMs;
  if (seen.errors > 0 || seen.requests === 0) {
    const got = ended() ?? `${seen.errors} others beside ${seen.requests - seen.errors}`;
    throw new Error(`${server.name}: expected good answers only; got ${got}`);
  }
  return {
    requestsPerSecond: seen.requests / seen.seconds,
    cpuMicrosPerRequest: (1000 * usedMs) / seen.requests,
    corePart: usedMs / (1000 * seen.seconds),
    p99Ms: seen.p99Ms,
    answerBytes: seen.bytes / seen.requests,
  };
}

function bareOf(series: readonly Series[], head: string): Series {
  return series.find((each) => each.server === 'bare node:http' && each.head === head)!;
}

function resultOf({ server, head, samples }: Series, bare: Series): Result {
  const perCpuSecond = samples.map((own, at) => bare.samples[at]!.cpuMicrosPerRequest / own.cpuMicrosPerRequest);
  return {
    server,
    head,
    requestsPerSecond: median(samples.map((sample) => sample.requestsPerSecond)),
    cpuMicrosPerRequest: median(samples.map((sample) => sample.cpuMicrosPerRequest)),
    perCpuSecondToBare: median(perCpuSecond),
    lower: quantile(perCpuSecond, 0.25),
    upper: quantile(perCpuSecond, 0.75),
    corePart: median(samples.map((sample) => sample.corePart)),
    p99Ms: median(samples.map((sample) => sample.p99Ms)),
    p99ToBare: median(samples.map((sample, at) => sample.p99Ms / bare.samples[at]!.p99Ms)),
    answerBytes: median(samples.map((sample) => sample.answerBytes)),
  };
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Between two values in proportion. */
function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * part;
  const below = sorted[Math.floor(place)]!;
  return below + (sorted[Math.ceil(place)]! - below) * (place % 1);
}

function printResults(head: RequestHead, results: readonly Result[]): void {
  const lines = head.fields.length + 1;
  const toBare = ['per CPU-s to bare', 'half of rounds'];
  printTable({
    title: `hits, ${head.name} request head (${lines} ${lines === 1 ? 'field' : 'fields'}); medians of the rounds`,
    columns: ['server', 'requests/s', 'of its core', 'CPU µs/request', ...toBare, 'p99 ms', 'p99 to bare', 'bytes'],
    rows: results
      .filter((result) => result.head === head.name)
      .map((result) => [
        result.server,
        result.requestsPerSecond.toFixed(0),
        `${(100 * result.corePart).toFixed(0)} %`,
        result.cpuMicrosPerRequest.toFixed(2),
        result.perCpuSecondToBare.toFixed(2),
        `${result.lower.toFixed(2)} to ${result.upper.toFixed(2)}`,
        result.p99Ms.toFixed(2),
        result.p99ToBare.toFixed(2),
        result.answerBytes.toFixed(0),
      ]),
  });
}

/** In a process of its own, since the hook slows it down. */
async function countPromises(processes: Processes): Promise<PromiseCount[]> {
  const args = [join(import.meta.dirname, 'hits/promises.ts')];
  return JSON.parse(await processes.output({ file: process.execPath, args, core: SERVER_CORE })) as PromiseCount[];
}

function printPromises(counts: readonly PromiseCount[]): void {
  printTable({
    title: 'promises made while hits are answered on one keep-alive connection',
    columns: ['server', 'hits', 'promises', 'per hit'],
    rows: counts.map(({ server, hits, promises }) => [
      server,
      String(hits),
      String(promises),
      (promises / hits).toFixed(2),
    ]),
  });
  for (const { server, first } of counts) if (first !== undefined) console.log(`  first of ${server}: ${first}`);
}

function costGoal(results: readonly Result[]): Goal {
  const gate = results.find((result) => result.server === 'tidegate' && result.head === plainHead.name);
  return {
    name: 'requests per CPU-second, plain head',
    bound: `>= ${MIN_OF_BARE} x bare node:http`,
    got: gate === undefined ? 'not measured' : gate.perCpuSecondToBare.toFixed(2),
    met: gate !== undefined && gate.perCpuSecondToBare >= MIN_OF_BARE,
  };
}

function promiseGoal(counts: readonly PromiseCount[]): Goal {
  const { promises, hits } = counts.find(({ server }) => server === 'tidegate')!;
  return { name: `promises in ${hits} hits`, bound: '0', got: String(promises), met: promises === 0 };
}
