// `npm run cluster`: five gates and three programs with a data cache, as processes on one log, with clients over real sockets and a fault
// every few seconds. After an acknowledgement nobody may be given what was before it.
//   --minutes N      default 30
//   --seed N         the schedule; what happens meanwhile is up to the processes
//   --only TEXT      faults whose names hold the text
//   --mutants        cluster members with a rule taken out, each until it is caught
//   --mutant NAME    one of them
//   --json FILE      the figures as JSON too

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { conclude } from '../../bench/report.ts';
import { NO_REDIS } from '../kit/redis.ts';
import { runMutants } from './mutant-runs.ts';
import { reportOf } from './report.ts';
import { Stage } from './stage.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    mutants: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    json: { type: 'string' },
  },
});

const folder = mkdtempSync(join(tmpdir(), 'tidegate-cluster-'));
const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new TypeError(`expected a number of minutes above 0, got ${values.minutes}`);
const options = { folder, seed: Number(values.seed), only: values.only };
try {
  if (values.mutants || values.mutant !== undefined) await runMutants(options, values.mutant, values.json);
  else await runDrill();
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

async function runDrill(): Promise<void> {
  const stage = await Stage.open(options);
  if (stage === undefined) {
    console.log(`cluster: ${NO_REDIS}`);
    process.exitCode = 1;
    return;
  }
  try {
    const { figures } = stage;
    await stage.play(minutes * 60_000, () => true);
    const report = reportOf(figures, minutes);
    if (report.goals.some(({ met }) => !met)) process.exitCode = 1;
    conclude('cluster', report, values.json);
  } finally {
    await stage.close();
  }
}
