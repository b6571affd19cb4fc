// Runs mutated inputs of one target in batches. When a batch reached a block of code that none before it did, it is halved until
// the input is found that reaches it; that one, like one whose result has a new shape, joins the corpus.

import type { Dice } from '../sim/dice.ts';
import type { Coverage } from './coverage.ts';
import type { Runnable } from './target.ts';

export interface Findings {
  inputs: number;
  /** Of the corpus before the run, and found in it. */
  readonly known: { readonly edges: number; readonly shapes: number };
  edges: number;
  readonly shapes: Set<string>;
  readonly kept: string[];
  readonly failures: Map<string, string>;
}

interface Run {
  readonly coverage: Coverage;
  readonly dice: Dice;
  readonly corpus: readonly string[];
  /** `performance.now()` at which it ends. */
  readonly endMs: number;
  readonly maxInputs: number;
}

const BATCH = 128;
/** An input that takes longer, twice, is a failure: one such request would hold up all others. */
const SLOW_MS = 250;
const MAX_FAILURES = 10;

export function fuzz(target: Runnable, { coverage, dice, corpus, endMs, maxInputs }: Run): Findings {
  const before = coverage.edges;
  const shapes = new Set<string>();
  const failures = new Map<string, string>();
  const inputs = [...new Set([...target.seeds, ...corpus])];
  coverage.news(true);
  for (const text of inputs) attempt(target, text, { shapes, failures });
  const ofCorpus = coverage.news(true);
  const known = { edges: ofCorpus.length, shapes: shapes.size };
  const found: Findings = { inputs: 0, known, edges: 0, shapes, kept: [], failures };
  while (performance.now() < endMs && found.inputs < maxInputs && failures.size < MAX_FAILURES) {
    const batch = Array.from({ length: BATCH }, () => target.mutate(pickOf(inputs, dice), dice, inputs));
    const news = batch.filter((text) => {
      const had = shapes.size;
      attempt(target, text, { shapes, failures });
      return shapes.size > had;
    });
    found.inputs += batch.length;
    const reached = coverage.news(false);
    if (reached.length > 0) news.push(...reaching(target, batch, coverage));
    // Some of it no input reaches alone: what earlier ones left in a memory decided.
    coverage.know(reached);
    const kept = [...new Set(news)];
    found.kept.push(...kept);
    inputs.push(...kept);
  }
  found.edges = coverage.edges - before - known.edges;
  return found;
}

/** Inputs found last are the furthest in, so they are taken more often. */
function pickOf(inputs: readonly string[], dice: Dice): string {
  const recent = dice.chance(0.4) ? inputs.slice(-20) : inputs;
  return dice.pick(recent);
}

/** The inputs of the batch that reach something new, which is known afterwards. */
function reaching(target: Runnable, batch: readonly string[], coverage: Coverage): readonly string[] {
  const ignored = { shapes: new Set<string>(), failures: new Map<string, string>() };
  for (const text of batch) attempt(target, text, ignored);
  if (coverage.news(batch.length === 1).length === 0) return [];
  if (batch.length === 1) return batch;
  const half = batch.length >> 1;
  return [...reaching(target, batch.slice(0, half), coverage), ...reaching(target, batch.slice(half), coverage)];
}

function attempt(
  target: Runnable,
  text: string,
  { shapes, failures }: { readonly shapes: Set<string>; readonly failures: Map<string, string> },
): void {
  try {
    const tookMs = timed(() => shapes.add(target.run(text)));
    // Once more: the first time may have compiled it or collected garbage.
    if (tookMs > SLOW_MS && timed(() => target.run(text)) > SLOW_MS)
      failures.set(text, `took ${Math.round(tookMs)} ms`);
  } catch (error) {
    failures.set(text, error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

/** Time of this thread on a processor: other work on the machine takes none of it. */
function timed(work: () => unknown): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}
