// Processes of the bench `data`, each with one operation of one library, which run a round each in turn.

import { type ChildProcess, fork } from 'node:child_process';
import type { Told } from './data-child.ts';

interface Child {
  readonly process: ChildProcess;
  ask(): Promise<Told>;
}

export interface RoundsInTurn {
  /** Of each library in its order; of one that has no such operation none. */
  readonly rounds: readonly (readonly Told[])[];
  /** Libraries that are not installed. */
  readonly absent: readonly string[];
}

/** The order turns around with each round, so that none comes always after the same one. */
export async function roundsInTurn(
  names: readonly string[],
  { operation, rounds }: { readonly operation: string; readonly rounds: number },
): Promise<RoundsInTurn> {
  const children: { readonly at: number; readonly child: Child }[] = [];
  const told: Told[][] = names.map(() => []);
  const absent: string[] = [];
  try {
    for (const [at, name] of names.entries()) {
      const { child, first } = await started(name, operation);
      if (first.kind === 'without' && first.absent) absent.push(name);
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

async function started(name: string, operation: string): Promise<{ child: Child; first: Told }> {
  const script = `${import.meta.dirname}/data-child.ts`;
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

/** Undefined of none. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;
}
