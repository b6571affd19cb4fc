// `npm run crash -- --rounds 300`: so many lives of a gate on one disk, most of them ended by SIGKILL.
//   --rounds N       default 100
//   --seconds N      ends after the round in which the time is up
//   --seed N         the schedule: what is damaged, when each gate ends. What happens meanwhile is up to the processes
//   --first N        the first round, 1 if not said: with --rounds 1, one round of a schedule
//   --no-disk        gates without a disk tier
//   --workers N      gates of so many processes
//   --bin FILE       the executable `tidegate` of another working tree
//   --keep           leaves the work folder, and says where it is
//   --mutant NAME    a gate with one rule taken out, until a round catches it
//   --mutants        all of them, and tampering that no damage is as sly as
//   --json FILE      the figures as JSON too

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { conclude } from '../../bench/report.ts';
import type { Found } from './figures.ts';
import { runMutant, runMutants } from './mutant-runs.ts';
import { printRun, reportOf } from './report.ts';
import { planRound, Rounds } from './round.ts';
import { Session, type SessionOptions } from './session.ts';
import { makeWorld } from './world.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '1' },
    'no-disk': { type: 'boolean', default: false },
    workers: { type: 'string', default: '1' },
    bin: { type: 'string', default: fileURLToPath(new URL('../../src/node/bin.ts', import.meta.url)) },
    keep: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const DEFAULT_ROUNDS = 100;
const MAX_TOLD = 25;

const seed = whole(values.seed, 'seed');
const seconds = values.seconds === undefined ? undefined : whole(values.seconds, 'seconds');
const asked = values.rounds === undefined ? undefined : whole(values.rounds, 'rounds');
const rounds = asked ?? (seconds === undefined ? DEFAULT_ROUNDS : Number.POSITIVE_INFINITY);

const folder = mkdtempSync(join(tmpdir(), 'tidegate-crash-'));
const workers = whole(values.workers, 'workers');
const options: SessionOptions = { bin: values.bin, folder, disk: !values['no-disk'], workers, execArgv: [], env: {} };
try {
  if (values.mutants) await runMutants({ ...options, seed, json: values.json });
  else if (values.mutant !== undefined) await runMutant({ ...options, seed }, values.mutant);
  else await runRounds();
} finally {
  if (values.keep) console.log(`left in ${folder}`);
  else rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function whole(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`expected a whole number for --${option}, got ${text}`);
  return Number(text);
}

async function runRounds(): Promise<void> {
  const started = performance.now();
  const world = await makeWorld(seed, tell());
  const { figures } = world;
  const running = new Rounds(new Session(world, options));
  const first = whole(values.first, 'first');
  let done = 0;
  while (done < rounds && (seconds === undefined || performance.now() - started < seconds * 1000)) {
    figures.round = first + done;
    await running.run(planRound(seed, figures.round));
    done++;
  }
  world.origin.close();
  const durationMs = performance.now() - started;
  const end = {
    figures,
    rounds: done,
    asked: seconds === undefined ? asked : undefined,
    disk: options.disk,
    seed,
    durationMs,
  };
  printRun(end);
  const report = reportOf(end);
  if (report.goals.some(({ met }) => !met)) process.exitCode = 1;
  conclude('crash', report, values.json);
}

/** Prints the first findings as they come. */
function tell(): (found: Found) => void {
  let told = 0;
  return ({ fault, sentence, round, said }) => {
    if (told++ >= MAX_TOLD) return;
    console.log(`round ${round}: ${fault}: ${sentence}`);
    for (const line of said) console.log(`  the gate said: ${line}`);
  };
}
