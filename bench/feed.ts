// `npm run bench -- feed`: from a commit of another program to the moment when the gate no longer serves what was before, with
// SQLite and PostgreSQL; and what following them costs those who write.
//   --seconds N   of each case that is a goal, default 15
//   --only NAME   cases and costs whose name begins so
//   --disk        the gate has a disk tier
//
// All of it shares one machine: gate, application, writer, clients, and PostgreSQL. So the load is
// printed next to the figures, and PostgreSQL writes ten rows with each commit of the larger load.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { freshDatabase, type PostgresServer, startServer, withSession } from '../test/feed/postgres-kit.ts';
import { postgresCosts, sqliteCosts, type WriteCost } from './feed/costs.ts';
import { type LagCase, type LagFigures, measureLag } from './feed/lag.ts';
import { POSTGRES_ROWS, SQLITE_ROWS, type Way } from './feed/rows.ts';
import { type Goal, printTable, type Report } from './report.ts';

interface Plan {
  readonly name: string;
  readonly way: Way;
  readonly changesPerSecond: number;
  readonly isGoal: boolean;
  readonly pollMs?: number;
}

const MAX_P99_MS = 20;
const OTHERS_SECONDS = 8;
/** From so many changes a second on, a commit of PostgreSQL has several rows. */
const LARGE = 2_000;
const LARGE_ROWS = 10;

const PLANS: readonly Plan[] = [100, LARGE].flatMap((changesPerSecond) => [
  { name: 'SQLite, triggers', way: 'sqlite', changesPerSecond, isGoal: true },
  { name: 'PostgreSQL, logical replication', way: 'logical', changesPerSecond, isGoal: true },
  { name: 'PostgreSQL, triggers and LISTEN', way: 'triggers', changesPerSecond, isGoal: false },
  ...(changesPerSecond === LARGE
    ? []
    : ([{ name: 'max-age=1 alone, just filled', way: 'ttl', changesPerSecond, isGoal: false }] as const)),
]);

export async function run(flags: readonly string[]): Promise<Report> {
  const options = {
    seconds: { type: 'string', default: '15' },
    only: { type: 'string', default: '' },
    disk: { type: 'boolean', default: false },
  } as const;
  const { seconds, only, disk } = parseArgs({ args: [...flags], options }).values;
  if (!(Number(seconds) >= 1)) throw new RangeError(`--seconds: expected a number from 1; got '${seconds}'`);
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-bench-feed-'));
  // A commit waits for the disk, as it does where it matters.
  const server = await startServer('fsync=on');
  try {
    const lags: LagFigures[] = [];
    for (const [at, plan] of PLANS.filter(({ name }) => name.startsWith(only)).entries()) {
      const place = join(folder, String(at));
      mkdirSync(place);
      lags.push(await measureLag(await caseOf(plan, { server, place, seconds: Number(seconds), disk })));
    }
    printLags(lags);
    const costs = [
      ...('SQLite'.startsWith(only) ? await sqliteCosts(folder) : []),
      ...('PostgreSQL'.startsWith(only) ? await postgresCosts(server) : []),
    ];
    printCosts(costs);
    return { goals: goalsOf(lags), figures: { load: loadavg(), cores: availableParallelism(), lags, costs } };
  } finally {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Site {
  readonly server: PostgresServer;
  readonly place: string;
  readonly seconds: number;
  readonly disk: boolean;
}

async function caseOf(plan: Plan, { server, place, seconds, disk }: Site): Promise<LagCase> {
  const { name, way, changesPerSecond, isGoal } = plan;
  const isPostgres = way === 'logical' || way === 'triggers';
  const database = isPostgres ? await freshDatabase(server, `${way}_${changesPerSecond}`) : join(place, 'rows.db');
  if (isPostgres) await withSession(database, (session) => session.query(POSTGRES_ROWS));
  else makeFile(database);
  return {
    name,
    followed: { way, database },
    load: { changesPerSecond, rowsPerCommit: isPostgres && changesPerSecond >= LARGE ? LARGE_ROWS : 1 },
    seconds: isGoal ? seconds : Math.min(seconds, OTHERS_SECONDS),
    disk: disk ? place : undefined,
  };
}

function makeFile(path: string): void {
  const database = new DatabaseSync(path);
  database.exec(SQLITE_ROWS);
  database.close();
}

const ms = (value: number): string => value.toFixed(1);
const percent = (value: number): string => `${value.toFixed(1)} %`;

function printLags(lags: readonly LagFigures[]): void {
  const load = loadavg().map((one) => one.toFixed(1));
  printTable({
    title: `commit to the first answer that is not the old one, ms; load ${load.join(' ')} on ${availableParallelism()} cores`,
    columns: ['', 'changes/s', 'written', 'rows a commit', 'samples', 'p50', 'p99', 'max', 'stolen'],
    rows: lags.map((one) => [
      one.name,
      String(one.changesPerSecond),
      one.reachedPerSecond.toFixed(0),
      String(one.rowsPerCommit),
      String(one.samples),
      ms(one.p50Ms),
      ms(one.p99Ms),
      ms(one.maxMs),
      Number.isNaN(one.stolen) ? '-' : percent(one.stolen),
    ]),
  });
  console.log('  From the return of the commit to the end of the answer, by the monotonic clock that processes share.');
  console.log('  Stolen: processor time that the host of this machine gave to others meanwhile.');
  printTable({
    title: 'meanwhile: answers to 100 reads/s of the rows written, and time on a processor in % of a core',
    columns: ['', 'changes/s', 'answers', 'hits', 'outdated', 'at most, ms', 'old later', 'app at rest', 'app', 'gate'],
    rows: lags.map(({ name, changesPerSecond, readers, relapses, cpu }) => [
      name,
      String(changesPerSecond),
      String(readers.answers),
      String(readers.hits),
      String(readers.outdated),
      ms(readers.worstMs),
      String(relapses),
      percent(cpu.idle),
      percent(cpu.origin),
      percent(cpu.gate),
    ]),
  });
  console.log(
    '  outdated: a newer commit had returned when it was asked for. Old later: after a newer answer, or a second',
  );
  console.log('  after all was quiet.');
}

function printCosts(costs: readonly WriteCost[]): void {
  const rate = (value: number) => Math.round(value).toLocaleString('en-US');
  printTable({
    title: 'rows written a second by one connection: medians of interleaved rounds',
    columns: ['', 'rows a commit', 'insert', 'update', 'delete'],
    rows: costs.map((one) => [one.name, String(one.rowsPerCommit), ...[one.insert, one.update, one.delete].map(rate)]),
  });
}

function goalsOf(lags: readonly LagFigures[]): Goal[] {
  const wanted = PLANS.filter(({ isGoal }) => isGoal);
  const goals = wanted.map(({ name, changesPerSecond }) => {
    const found = lags.find((one) => one.name === name && one.changesPerSecond === changesPerSecond);
    return {
      name: `${name}: p99 at ${changesPerSecond} changes/s`,
      bound: `<= ${MAX_P99_MS} ms`,
      got: found === undefined ? 'not measured' : `${ms(found.p99Ms)} ms`,
      met: found !== undefined && found.p99Ms <= MAX_P99_MS,
    };
  });
  const followed = lags.filter(({ sessions }) => sessions > 0);
  const relapses = followed.reduce((sum, one) => sum + one.relapses, 0);
  return [
    ...goals,
    {
      name: 'old answers later than that',
      bound: '0',
      got: String(relapses),
      met: followed.length > 0 && relapses === 0,
    },
  ];
}
