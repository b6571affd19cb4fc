// `npm run model`: the protocol as Promela models, searched exhaustively with spin. Configurations must hold, and each mutant, which has one
// rule taken out, must be caught.
//   --seconds N        of each search, 600 if not said
//   --only TEXT        checks whose names or models hold the text
//   --install-peers    installs spin and gcc by Debian's packages
//   --json FILE        the figures as JSON too

import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { conclude, type Goal, printTable } from '../../bench/report.ts';
import { CHECKS } from './checks.ts';
import { checkModel, hasSpin, INSTALL } from './spin.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    only: { type: 'string', default: '' },
    'install-peers': { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

if (!hasSpin() && values['install-peers']) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('sh', ['-c', `apt-get -qq update && ${INSTALL} -qq -y --no-install-recommends`], {
    env,
    stdio: 'inherit',
  });
}
if (!hasSpin()) {
  console.log(`model: expected spin and gcc, got none: ${INSTALL}, or --install-peers`);
  process.exit(1);
}

const seconds = Number(values.seconds);
const goals: Goal[] = [];
const rows: string[][] = [];
for (const check of CHECKS.filter(({ name, model }) => `${model}: ${name}`.includes(values.only))) {
  const { got, states, seconds: took } = await checkModel(check, seconds);
  const { name, model, expected } = check;
  rows.push([`${model}: ${name}`, got, states, `${took.toFixed(1)} s`]);
  goals.push({ name: `${model}: ${name}`, bound: expected, got, met: got === expected });
}
printTable({ title: 'searches', columns: ['', 'result', 'states', 'time'], rows });
if (goals.some(({ met }) => !met)) process.exitCode = 1;
conclude('model', { goals, figures: rows }, values.json);
