// `npm run test:tenants`: is a tenant alone? Random sequences over one gate with several tenants and over gates with one each,
// whose every answer must be alike; and a tenant that floods, beside whom the others keep their hits.
//   --sequences N    default 10000
//   --seed N         of the first batch, default 1; each batch of 100 has the next
//   --json FILE      the figures as JSON too
//
// Tags share hashed buckets: a collision costs a needless miss. A batch with a difference is run again under another key of that
// hash; what is still there is a leak.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pino from 'pino';
import { conclude, type Goal, printTable } from '../../bench/report.ts';
import { SCOPES } from '../../src/admin/tenants-contract.ts';
import { Tenants } from '../../src/node/tenants/tenants.ts';
import { flood } from './flood.ts';
import { fileConfig, type Leak, NAMES, Pair, specOf } from './pair.ts';
import { Dice, runSequence, Trackers } from './sequence.ts';

const BATCH = 100;
const LEAKS: readonly Leak[] = ['tag', 'purge', 'source', 'figures'];
const MOST_POINTS = 2;

const { values } = parseArgs({
  options: {
    sequences: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});

async function provisioned(folder: string) {
  const tenants = new Tenants(fileConfig({ disk: { path: folder } }), pino({ level: 'silent' }));
  tenants.attach({
    gate: { purge: async () => ({ position: 0, matched: 0 }) },
    reload: async () => {},
    hostOwner: () => undefined,
    figures: () => ({}),
  });
  const tokens: Record<string, string> = {};
  for (const name of NAMES) {
    await tenants.create(name, specOf(name));
    tokens[name] = tenants.tokens.issue(name, { scopes: SCOPES, expiresInMs: 86_400_000 }).token;
  }
  return { tenants, tokens };
}

type Provisioned = Awaited<ReturnType<typeof provisioned>>;

async function runBatch(parts: Provisioned, batch: { seed: number; epoch: string; leak?: Leak; count?: number }) {
  const { seed, epoch, leak, count = BATCH } = batch;
  const pair = new Pair({ ...parts, epoch, leak });
  const dice = new Dice(seed);
  const trackers = new Trackers();
  for (let sequence = 0; sequence < count; sequence++) {
    await runSequence(pair, dice, trackers);
    await pair.clear();
    if (pair.differences.length > 0) break;
  }
  return { differences: pair.differences, compared: pair.compared };
}

async function isolation(parts: Provisioned) {
  const wanted = Number(values.sequences);
  const first = Number(values.seed);
  const found: string[] = [];
  let [sequences, compared, collisions] = [0, 0, 0];
  for (let seed = first; sequences < wanted && found.length === 0; seed++) {
    let batch = await runBatch(parts, { seed, epoch: `one ${seed}` });
    if (batch.differences.length > 0) {
      const again = await runBatch(parts, { seed, epoch: `two ${seed}` });
      if (again.differences.length === 0) collisions++;
      else found.push(...batch.differences.map((difference) => `seed ${seed}: ${difference}`));
      batch = again;
    }
    sequences += BATCH;
    compared += batch.compared;
  }
  return { sequences, compared, collisions, found };
}

async function leaksSeen(parts: Provisioned): Promise<Leak[]> {
  const seen: Leak[] = [];
  for (const leak of LEAKS) {
    const { differences } = await runBatch(parts, { seed: 1, epoch: 'leaks', leak });
    if (differences.length > 0) seen.push(leak);
  }
  return seen;
}

const folder = mkdtempSync(join(tmpdir(), 'tidegate-tenants-'));
const parts = await provisioned(folder);
const alone = await isolation(parts);
const seen = await leaksSeen(parts);
parts.tenants.close();
rmSync(folder, { recursive: true, force: true });

const runs = {
  'no flood': await flood({ isFlooded: false, hasQuotas: true }),
  flood: await flood({ isFlooded: true, hasQuotas: true }),
  'flood, no quota': await flood({ isFlooded: true, hasQuotas: false }),
};
const quiet = Object.keys(runs.flood.hitRatios);
const lost = (run: keyof typeof runs) =>
  Math.max(...quiet.map((name) => 100 * ((runs['no flood'].hitRatios[name] ?? 0) - (runs[run].hitRatios[name] ?? 0))));

printTable({
  title: 'a tenant beside others, and alone',
  columns: ['', ''],
  rows: [
    ['sequences', String(alone.sequences)],
    ['answers, lists, explanations, purges, reports and figures compared', String(alone.compared)],
    ['batches run again for a collision of two tags', String(alone.collisions)],
    ['leaks put in on purpose and found', `${seen.length} of ${LEAKS.length}`],
  ],
});
printTable({
  title: 'hit ratio of quiet tenants',
  columns: ['', ...quiet, "the noisy one's bytes"],
  rows: Object.entries(runs).map(([name, { hitRatios, noisyBytes }]) => [
    name,
    ...quiet.map((one) => `${(100 * (hitRatios[one] ?? 0)).toFixed(1)} %`),
    String(noisyBytes),
  ]),
});
for (const difference of alone.found.slice(0, 5)) console.log(difference);

const goals: Goal[] = [
  {
    name: 'isolation: sequences without a difference',
    bound: '>= 10,000',
    got: alone.found.length === 0 ? String(alone.sequences) : `a difference: ${alone.found.length}`,
    met: alone.found.length === 0 && alone.sequences >= 10_000,
  },
  {
    name: 'leaks put in on purpose are found',
    bound: `${LEAKS.length} of ${LEAKS.length}`,
    got: `${seen.length} of ${LEAKS.length}`,
    met: seen.length === LEAKS.length,
  },
  {
    name: 'points of hit ratio that a flood costs the others',
    bound: `<= ${MOST_POINTS}`,
    got: lost('flood').toFixed(2),
    met: lost('flood') <= MOST_POINTS,
  },
  {
    name: 'and without quotas, so that the flood is one',
    bound: `> ${MOST_POINTS}`,
    got: lost('flood, no quota').toFixed(2),
    met: lost('flood, no quota') > MOST_POINTS,
  },
];
conclude('tenants', { goals, figures: { alone, seen, runs } }, values.json);
if (goals.some(({ met }) => !met)) process.exitCode = 1;
