// `bench -- attack`: what each attack does to honest hits and misses of a gate, beside nginx as a caching proxy and bare node:http
// under the same attack, in one run and in turns.
//   --rounds N      default 3
//   --seconds S     of each attack in a round, default 4
//   --only TEXT     the attacks whose name has the text
//
// Attackers send at fixed rates, whatever the server does. Honest requests have fixed times too, and their latency counts from
// these. Servers have a core; attackers, honest clients and the origin share the other, each in a thread.

import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type ConnectTo, RawClient } from '../test/attack/client.ts';
import { type Attacked, FLOODS, type Flood } from '../test/attack/floods/floods.ts';
import { SLOW_UPLOADS } from '../test/attack/floods/slow-uploads.ts';
import { quantile } from '../test/attack/honest.ts';
import { askHonestly, type HonestTook } from './attack/honest.ts';
import { GATE, type Subject, startSubjects } from './attack/subjects.ts';
import { canPin, cpuMs, Processes } from './hits/processes.ts';
import { LOAD_CORE } from './hits/servers.ts';
import { type Goal, printTable, type Report } from './report.ts';

const HONEST_PER_SECOND = 90;
/** From the beginning of an attack to the first honest request: most attackers have come. */
const LEAD_MS = 500;
/** From the end of an attack to what follows it. */
const QUIET_MS = 300;

const QUIET: Flood = { name: 'no attack', rule: 'none', run: async (_, untilMs) => pauseUntil(untilMs) };
const ATTACKS: readonly Flood[] = [QUIET, ...FLOODS, ...SLOW_UPLOADS];

/** All rounds of one attack on one server. */
interface Series {
  readonly attack: string;
  readonly server: string;
  readonly took: HonestTook;
  /** Of its core, in each round. */
  readonly coreParts: number[];
}

export async function run(flags: readonly string[]): Promise<Report> {
  const options = {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '4' },
    only: { type: 'string', default: '' },
  } as const;
  const { values } = parseArgs({ args: [...flags], options });
  const bounds = { rounds: wholeNumber('rounds', values.rounds), seconds: wholeNumber('seconds', values.seconds) };
  const attacks = ATTACKS.filter((attack) => attack === QUIET || attack.name.includes(values.only));
  // Its threads come with it.
  if (canPin) spawnSync('taskset', ['-acp', String(LOAD_CORE), String(process.pid)]);
  const processes = new Processes();
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-bench-attack-'));
  const originThread = new Worker(new URL('./attack/origin-thread.ts', import.meta.url));
  try {
    const [originPort] = (await once(originThread, 'message')) as [number];
    const subjects = await startSubjects({ processes, folder, origin: `http://127.0.0.1:${originPort}` });
    const series = await measureAll(attacks, subjects, { ...bounds, originThread });
    print(series);
    return { goals: goalsOf(series), figures: { ...bounds, series: series.map(figuresOf) } };
  } finally {
    await processes.endAll();
    await originThread.terminate();
    rmSync(folder, { recursive: true, force: true });
  }
}

function wholeNumber(flag: string, text: string): number {
  if (/^[1-9]\d{0,2}$/.test(text)) return Number(text);
  const error = new RangeError(`--${flag}: expected a whole number from 1; got '${text}'`);
  throw Object.assign(error, { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
}

interface Bounds {
  readonly rounds: number;
  readonly seconds: number;
  readonly originThread: Worker;
}

async function measureAll(attacks: readonly Flood[], subjects: readonly Subject[], bounds: Bounds): Promise<Series[]> {
  const series = attacks.flatMap(({ name }) =>
    subjects.map((subject): Series => ({ attack: name, server: subject.name, took: nothingYet(), coreParts: [] })),
  );
  // One that counts for nothing warms them.
  for (const subject of subjects) await measure(QUIET, subject, { ...bounds, run: 'warm' });
  for (let round = 0; round < bounds.rounds; round++) {
    for (const [at, attack] of attacks.entries()) {
      for (let turn = 0; turn < subjects.length; turn++) {
        const subject = subjects[(round + turn) % subjects.length]!;
        const own = series.find((each) => each.attack === attack.name && each.server === subject.name)!;
        const { took, corePart } = await measure(attack, subject, { ...bounds, run: `${round}-${at}` });
        add(own.took, took);
        own.coreParts.push(corePart);
      }
    }
  }
  return series;
}

async function measure(
  attack: Flood,
  { name, port, running }: Subject,
  { seconds, run, originThread }: Bounds & { readonly run: string },
): Promise<{ readonly took: HonestTook; readonly corePart: number }> {
  const attackers = new Attackers(port, run, originThread);
  const usedMs = cpuMs(running.pid);
  const beganMs = performance.now();
  const untilMs = beganMs + LEAD_MS + seconds * 1_000;
  const attacking = attack.run(attackers, untilMs);
  await sleep(LEAD_MS);
  const took = await askHonestly({ port, perSecond: HONEST_PER_SECOND, seconds, run });
  await attacking;
  const corePart = (cpuMs(running.pid) - usedMs) / (performance.now() - beganMs);
  attackers.end();
  const ended = running.ended();
  if (ended !== undefined) throw new Error(`${name}, ${attack.name}: expected a server that runs; got ${ended}`);
  await sleep(QUIET_MS);
  return { took, corePart };
}

/** The world of an attack: the server in the place of the gate. */
class Attackers implements Attacked {
  readonly port: number;
  readonly origin: Attacked['origin'];
  readonly #run: string;
  readonly #clients: RawClient[] = [];

  constructor(port: number, run: string, originThread: Worker) {
    this.port = port;
    this.#run = run;
    this.origin = { answerUnder: (prefix, answer) => originThread.postMessage({ prefix, answer }) };
  }

  #paths = 0;

  path(prefix = '/a'): string {
    return `${prefix}/${this.#run}/${this.#paths++}`;
  }

  connect(how: Partial<ConnectTo> = {}): RawClient {
    const client = new RawClient({ port: this.port, tls: true, ...how });
    this.#clients.push(client);
    return client;
  }

  end(): void {
    for (const client of this.#clients) client.destroy();
  }
}

function pauseUntil(untilMs: number): Promise<void> {
  return sleep(Math.max(0, untilMs - performance.now()));
}

function nothingYet(): HonestTook {
  return { hits: [], misses: [], sentLate: [], refused: {}, late: 0, wrong: 0 };
}

function add(all: HonestTook, more: HonestTook): void {
  for (const figure of ['hits', 'misses', 'sentLate'] as const) all[figure].push(...more[figure]);
  for (const [what, count] of Object.entries(more.refused)) all.refused[what] = (all.refused[what] ?? 0) + count;
  all.late += more.late;
  all.wrong += more.wrong;
}

function figuresOf({ attack, server, took, coreParts }: Series) {
  const ascending = (values: readonly number[]) => [...values].sort((one, other) => one - other);
  const [hits, misses, sentLate] = [took.hits, took.misses, took.sentLate].map(ascending) as [
    number[],
    number[],
    number[],
  ];
  return {
    ...{ attack, server, answered: hits.length + misses.length - took.late },
    ...{ hitP50Ms: quantile(hits, 0.5), hitP99Ms: quantile(hits, 0.99) },
    ...{ missP50Ms: quantile(misses, 0.5), missP99Ms: quantile(misses, 0.99) },
    worstMs: Math.max(hits.at(-1) ?? Number.NaN, misses.at(-1) ?? Number.NaN),
    sentLateP99Ms: quantile(sentLate, 0.99),
    corePart: coreParts.reduce((sum, part) => sum + part, 0) / coreParts.length,
    ...{ refused: took.refused, late: took.late, wrong: took.wrong },
  };
}

function print(series: readonly Series[]): void {
  const ms = (value: number) => value.toFixed(1);
  printTable({
    title: `honest requests, ${HONEST_PER_SECOND} a second, beside an attack: milliseconds from the time at which each had to be sent`,
    columns: [
      'attack',
      'server',
      'hit p50',
      'p99',
      'miss p50',
      'p99',
      'worst',
      'sent late p99',
      'of its core',
      'amiss',
    ],
    rows: series.map((each) => {
      const figures = figuresOf(each);
      return [
        ...[each.attack, each.server, ms(figures.hitP50Ms), ms(figures.hitP99Ms), ms(figures.missP50Ms)],
        ...[ms(figures.missP99Ms), ms(figures.worstMs), ms(figures.sentLateP99Ms)],
        ...[`${(100 * figures.corePart).toFixed(0)} %`, amiss(each.took)],
      ];
    }),
  });
}

function amiss({ refused, late, wrong }: HonestTook): string {
  const words = Object.entries(refused).map(([what, count]) => `${count} refused (${what})`);
  if (late > 0) words.push(`${late} late`);
  if (wrong > 0) words.push(`${wrong} wrong`);
  return words.join('; ');
}

/** Of the gate: every honest request is answered within 5 s, and none refused. */
function goalsOf(series: readonly Series[]): Goal[] {
  return series
    .filter(({ server }) => server === GATE)
    .map((each) => {
      const got = amiss(each.took);
      const { answered } = figuresOf(each);
      const met = got === '' && answered > 0;
      return { name: each.attack, bound: 'all answered within 5 s', got: got || `${answered} answered`, met };
    });
}
