// Processes of the bench `data`, each with one operation of one library, which run a round each in turn.

import { type ChildProcess, fork } from 'node:child_process';
import type { Told } from './data-child.ts';

interface Child {
  readonly process: ChildProcess;
  ask(): Promise<Told>;
}

/** One operation of one library, in the process of a script like data-child.ts. */
export interface Runner {
  readonly name: string;
  readonly script: string;
}

export const OWN_SCRIPT = `${import.meta.dirname}/data-child.ts`;

export interface RoundsInTurn {
  /** Of each runner in its order; of one whose library has no such operation none. */
  readonly rounds: readonly (readonly Told[])[];
  /** Libraries that are not installed. */
  readonly absent: readonly string[];
}

/** The order turns around with each round, so that none comes always after the same one. */
export async function roundsInTurn(
  runners: readonly Runner[],
  { operation, rounds }: { readonly operation: string; readonly rounds: number },
): Promise<RoundsInTurn> {
  const children: { readonly at: number; readonly child: Child }[] = [];
  const told: Told[][] = runners.map(() => []);
  const absent: string[] = [];
  try {
    for (const [at, runner] of runners.entries()) {
      const { child, first } = await started(runner, operation);
      if (first.kind === 'without' && first.absent) absent.push(runner.name);
      if (first.kind === 'ready') children.push({ at, child });
      else child.process.disconnect();
    }
    for (let round = 0; round < rounds; round++) {
      for (const { at, child } of round % 2 === 0 ? children : children.toReversed()) {
        told[at]?.push(await child.ask());
      }
    }
  } finally {
    for (const { child } of children) child.process.disconnect();
  }
  return { rounds: told, absent };
}

async function started({ name, script }: Runner, operation: string): Promise<{ child: Child; first: Told }> {
  const child = fork(script, [name, operation], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  let hear: (told: Told) => void = () => {};
  let fail: (error: Error) => void = () => {};
  child.on('message', (message) => hear(message as Told));
  child.on('exit', (code) => fail(new Error(`expected a figure of ${name}, ${operation}; got its end with ${code}`)));
  const next = () =>
    new Promise<Told>((resolve, reject) => {
      hear = resolve;
      fail = reject;
    });
  const ask = () => {
    const answer = next();
    child.send('round');
    return answer;
  };
  return { child: { process: child, ask }, first: await next() };
}

/** Median ns of the rounds that one runner told; undefined of none. */
export function medianNs(told: readonly Told[]): number | undefined {
  return median(told.flatMap((each) => (each.kind === 'round' ? [each.ns] : [])));
}

/** Undefined of none. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;
}
