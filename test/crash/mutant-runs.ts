// The harness proves that it can fail: gates with a rule taken out, and disks that were tampered with.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { conclude, type Goal, printTable } from '../../bench/report.ts';
import type { Found } from './figures.ts';
import { MUTANT_VARIABLE, MUTANTS, type Mutant, mutantOf } from './mutants.ts';
import { planRound, Rounds } from './round.ts';
import { Session, type SessionOptions } from './session.ts';
import { TAMPERINGS, type Tampering, tamper } from './tampering.ts';
import { makeWorld } from './world.ts';

const PRELOAD = fileURLToPath(new URL('./preload.ts', import.meta.url));
const MAX_ROUNDS = 80;

export interface MutantOptions extends SessionOptions {
  readonly seed: number;
}

/** Rounds until the mutant is caught. */
export async function runMutant(options: MutantOptions, name: string): Promise<void> {
  const { met } = await catchMutant(options, mutantOf(name));
  if (!met) process.exitCode = 1;
}

export async function runMutants(options: MutantOptions & { readonly json: string | undefined }): Promise<void> {
  const goals: Goal[] = [];
  for (const mutant of MUTANTS) goals.push(await catchMutant(options, mutant));
  if (options.disk) goals.push(...(await tamperAll(options)));
  if (goals.some(({ met }) => !met)) process.exitCode = 1;
  conclude('crash mutants', { goals, figures: {} }, options.json);
}

async function catchMutant(options: MutantOptions, mutant: Mutant): Promise<Goal> {
  const { name, faults } = mutant;
  const found: Found[] = [];
  const folder = join(options.folder, name);
  mkdirSync(folder);
  const world = await makeWorld(options.seed, (each) => found.push(each));
  const env = { [MUTANT_VARIABLE]: name };
  const rounds = new Rounds(new Session(world, { ...options, folder, execArgv: ['--import', PRELOAD], env }));
  const caught = () => found.find(({ fault }) => (faults as readonly string[]).includes(fault));
  for (let round = 1; round <= MAX_ROUNDS && caught() === undefined; round++) {
    world.figures.round = round;
    await rounds.run({ ...planRound(options.seed, round), ...mutant.focus });
  }
  world.origin.close();
  const [told = found[0]] = [caught()];
  const got = told === undefined ? `nothing in ${MAX_ROUNDS} rounds` : `${told.fault}, round ${told.round}`;
  console.log(`${name}: ${got}${told === undefined ? '' : `: ${told.sentence}`}`);
  for (const line of told?.fault === 'unexpected' ? told.said : []) console.log(`  the gate said: ${line}`);
  return { name: `mutant ${name}`, bound: 'caught', got, met: caught() !== undefined };
}

async function tamperAll(options: MutantOptions): Promise<Goal[]> {
  const folder = join(options.folder, 'tampering');
  mkdirSync(folder);
  const goals: Goal[] = [];
  const rows: string[][] = [];
  for (const tampering of TAMPERINGS) {
    const said: Found[] = [];
    const world = await makeWorld(options.seed, (each) => said.push(each));
    const { hits, old, others } = await tamper(new Session(world, { ...options, folder }), tampering);
    world.origin.close();
    const sentence = said.find(({ fault }) => fault !== 'lost invalidation')?.sentence ?? '';
    rows.push([tampering.name, String(hits), String(old), String(others), sentence.slice(0, 60)]);
    goals.push(tamperingGoal(tampering, { hits, old, others }));
  }
  printTable({ title: 'tampering', columns: ['with', 'hits before', 'old answers', 'other faults', ''], rows });
  return goals;
}

const BOUNDS = { old: 'old answers, seen', none: '0 old answers', either: 'old answers or none' };

function tamperingGoal(
  { name, expected }: Tampering,
  { hits, old, others }: { readonly hits: number; readonly old: number; readonly others: number },
): Goal {
  const right = expected === 'either' || (expected === 'old' ? old > 0 : old === 0);
  const bound = BOUNDS[expected];
  const got = `${old} old answers${others > 0 ? `, ${others} other faults` : ''}${hits === 0 ? ', nothing on disk' : ''}`;
  return { name: `tampering: ${name}`, bound, got, met: right && others === 0 && hits > 0 };
}
