// The drill proves that it can fail: members with a rule taken out.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { conclude, type Goal } from '../../bench/report.ts';
import { MUTANT_VARIABLE, MUTANTS, type Mutant, mutantOf } from './mutants.ts';
import { Stage, type StageOptions } from './stage.ts';

const PRELOAD = fileURLToPath(new URL('./preload.ts', import.meta.url));
const MOST_MS = 180_000;

export async function runMutants(
  options: StageOptions,
  name: string | undefined,
  json: string | undefined,
): Promise<void> {
  const goals: Goal[] = [];
  for (const mutant of name === undefined ? MUTANTS : [mutantOf(name)]) goals.push(await caught(options, mutant));
  if (goals.some(({ met }) => !met)) process.exitCode = 1;
  conclude('cluster mutants', { goals, figures: {} }, json);
}

async function caught(options: StageOptions, { name, only = options.only }: Mutant): Promise<Goal> {
  const folder = join(options.folder, name);
  mkdirSync(folder);
  const env = { [MUTANT_VARIABLE]: name };
  const stage = await Stage.open({ ...options, folder, only, execArgv: ['--import', PRELOAD], env });
  if (stage === undefined) throw new Error('expected a Redis, got none');
  try {
    const beganMs = performance.now();
    await stage.play(MOST_MS, () => stage.figures.findings.length === 0);
    const seconds = Math.round((performance.now() - beganMs) / 1_000);
    const met = stage.figures.findings.length > 0;
    console.log(`${name}: ${met ? 'caught' : 'not caught'} in ${seconds} s`);
    return { name: `mutant ${name}`, bound: 'caught', got: `${met ? 'caught' : 'not caught'} in ${seconds} s`, met };
  } finally {
    await stage.close();
  }
}
