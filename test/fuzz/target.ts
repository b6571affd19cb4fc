// A target of `npm run fuzz`: a part of the product that reads what strangers, or a damaged disk, may have written.

import type { Dice } from '../sim/dice.ts';
import { mutateBytes, mutateJson } from './mutate.ts';

interface Target<Input> {
  readonly name: string;
  readonly seeds: readonly string[];
  /** What its inputs are made of. */
  readonly words: readonly string[];
  /** Throws when a rule is broken; a refusal that the product means to give is no error. Returns the shape of what came out. */
  readonly run: (input: Input) => string;
}

/** A target as the fuzzer and the replay use it: inputs are texts, bytes as latin1. */
export interface Runnable {
  readonly name: string;
  readonly seeds: readonly string[];
  readonly run: (text: string) => string;
  readonly mutate: (text: string, dice: Dice, others: readonly string[]) => string;
}

export function bytesTarget(target: Target<Buffer>): Runnable {
  const { name, seeds, words, run } = target;
  const bytes = (text: string) => Buffer.from(text, 'latin1');
  return {
    name,
    seeds,
    run: (text) => run(bytes(text)),
    mutate: (text, dice, others) =>
      mutateBytes(bytes(text), dice, { others: [bytes(dice.pick(others))], words }).toString('latin1'),
  };
}

export function jsonTarget(target: Target<unknown>): Runnable {
  const { name, seeds, words, run } = target;
  return {
    name,
    seeds,
    run: (text) => run(JSON.parse(text)),
    mutate: (text, dice, others) => {
      const made = mutateJson(JSON.parse(text), dice, { others: [JSON.parse(dice.pick(others))], words });
      return JSON.stringify(made) ?? 'null';
    },
  };
}

/** A broken rule. */
class BrokenRule extends Error {}

export function holds(rule: string, is: boolean): void {
  if (!is) throw new BrokenRule(rule);
}
