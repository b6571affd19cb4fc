// `npm run attack`: sends what attackers send to a real gate over real sockets, and says of each what had to happen and what did.
//   --group NAME     this group alone; may be repeated
//   --row TEXT       rows whose name has the text
//   --short          leaves out the long rows, and runs three groups that mostly wait at a time: at most two minutes
//   --json FILE      every row as JSON too
//
// rows.ts says how to add rows.

import { parseArgs } from 'node:util';
import { conclude } from '../../bench/report.ts';
import { GROUPS } from './groups.ts';
import { printGroup, reportOf } from './report.ts';
import type { Group } from './rows.ts';
import { type Outcome, runGroup } from './runner.ts';

const { values } = parseArgs({
  options: {
    group: { type: 'string', multiple: true, default: [] },
    row: { type: 'string' },
    short: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const unknown = values.group.filter((name) => !GROUPS.some((group) => group.name === name));
if (unknown.length > 0) {
  console.error(`attack: expected of ${GROUPS.map(({ name }) => name).join(', ')}; got ${unknown.join(', ')}`);
  process.exit(2);
}
const began = performance.now();
const outcomes: Outcome[] = [];

async function run(group: Group): Promise<void> {
  const rows = group.rows.filter(({ name, long }) => name.includes(values.row ?? '') && !(long && values.short));
  if (rows.length === 0) return;
  const found = await runGroup(group, rows);
  printGroup(found);
  outcomes.push(found);
}

const chosen = GROUPS.filter(({ name }) => values.group.length === 0 || values.group.includes(name));
const waiting = values.short ? chosen.filter(({ waits }) => waits) : [];
for (const group of chosen) if (!waiting.includes(group)) await run(group);
const lane = async () => {
  for (let group = waiting.shift(); group !== undefined; group = waiting.shift()) await run(group);
};
await Promise.all([lane(), lane(), lane()]);
const report = reportOf(outcomes, performance.now() - began);
if (report.goals.length === 0 || report.goals.some(({ met }) => !met)) process.exitCode = 1;
conclude('attack', report, values.json);
