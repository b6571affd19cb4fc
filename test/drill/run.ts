// `npm run drill -- feed`: everything that can go wrong with the feed of changes, in the midst of load, while a checker
// that knows every committed version judges every answer. What is promised, and so judged, stands in judge.ts.
//   --seed N         the plan: what happens, and when; what comes of it is up to the processes. Default 1
//   --rounds N       of each set-up; default: each trouble once
//   --minutes M      ends after the round in which the time is up
//   --first N        the first round, 1 if not said: with --rounds 1, one round of a plan
//   --only NAME      sqlite or postgres; or one set-up alone, e.g. sqlite-feed-process
//   --trouble NAME   that one in every round
//   --keep           leaves the work folder, and says where it is
//   --mutant NAME    with one rule taken out, until a round finds it
//   --mutants        all of them
//   --json FILE      the figures as JSON too

import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { conclude } from '../../bench/report.ts';
import { TROUBLES, type TroubleName, troublesOf } from './events.ts';
import { drillFeed, type FeedDrillOptions } from './feed.ts';
import type { Found } from './figures.ts';
import { runMutants } from './mutant-runs.ts';
import { printDrill, reportOf } from './report.ts';
import { SET_UPS, type SetUp } from './settings.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    rounds: { type: 'string' },
    minutes: { type: 'string' },
    first: { type: 'string', default: '1' },
    only: { type: 'string' },
    trouble: { type: 'string' },
    keep: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const MAX_TOLD = 25;

if (positionals.length !== 1 || positionals[0] !== 'feed') {
  throw new TypeError(`expected the name of a drill (feed), got ${positionals.join(' ') || 'none'}`);
}
const { trouble } = values;
if (trouble !== undefined && !(trouble in TROUBLES)) {
  throw new TypeError(`expected --trouble to be one of ${Object.keys(TROUBLES).join('; ')}, got ${trouble}`);
}
const folder = mkdtempSync(join(tmpdir(), 'tidegate-drill-'));
// A server that is run by root runs as another user, who has to find his own folder in this one.
chmodSync(folder, 0o755);
const options: FeedDrillOptions = {
  seed: whole(values.seed, 'seed'),
  setUps: setUpsOf(values.only),
  rounds: values.rounds === undefined ? undefined : whole(values.rounds, 'rounds'),
  minutes: values.minutes === undefined ? undefined : whole(values.minutes, 'minutes'),
  first: whole(values.first, 'first'),
  folder,
  tell: tell(),
  ...(trouble !== undefined && { planned: (plan) => ({ ...plan, trouble: trouble as TroubleName }) }),
};
try {
  if (values.mutants || values.mutant !== undefined) await runMutants(options, values.mutant, values.json);
  else await run();
} finally {
  if (values.keep) console.log(`left in ${folder}`);
  else rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
// As in test/race/run.ts.
process.exit();

async function run(): Promise<void> {
  const end = await drillFeed(options);
  printDrill(end);
  const report = reportOf(end);
  if (report.goals.some(({ met }) => !met)) process.exitCode = 1;
  conclude('drill', report, values.json);
}

function setUpsOf(only: string | undefined): readonly SetUp[] {
  const isMeant = ({ name, dialect }: SetUp) => only === undefined || name === only || dialect === only;
  const has = (setUp: SetUp) => trouble === undefined || troublesOf(setUp).some((name) => name === trouble);
  const found = SET_UPS.filter((setUp) => isMeant(setUp) && has(setUp));
  if (found.length > 0) return found;
  throw new TypeError(
    `expected --only to be one of ${SET_UPS.map(({ name }) => name).join(', ')} that knows the trouble, got ${only}`,
  );
}

/** Prints the first findings as they come. */
function tell(): (found: Found) => void {
  let told = 0;
  return ({ fault, sentence, where }) => {
    if (told++ < MAX_TOLD) console.log(`${where}: ${fault}: ${sentence}`);
  };
}

function whole(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`expected a whole number for --${option}, got ${text}`);
  return Number(text);
}
