// `npm run fuzz -- --minutes 10`: mutated inputs for every part that reads what strangers or a damaged disk may have written.
//   --minutes N      time for all targets together; default 10
//   --target NAME    one target alone
//   --seed N         of the mutations; default: another one each time, and printed
//   --no-keep        leaves test/fuzz/corpus as it is (failing inputs are always kept, in test/fuzz/failures)
//   --json FILE      the figures as JSON too

import { parseArgs } from 'node:util';
import { conclude, printTable } from '../../bench/report.ts';
import { Dice } from '../sim/dice.ts';
import { addInputs, readInputs } from './corpus.ts';
import { Coverage } from './coverage.ts';
import { type Findings, fuzz } from './fuzzer.ts';
import type { Runnable } from './target.ts';
import { TARGETS } from './targets.ts';

const { values } = parseArgs({
  allowNegative: true,
  options: {
    minutes: { type: 'string', default: '10' },
    target: { type: 'string' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
    keep: { type: 'boolean', default: true },
    json: { type: 'string' },
  },
});

/** Inputs of a run of ten minutes. */
const INPUTS_OF_TEN_MINUTES = 1_000_000;
const MAX_HEAP_GROWTH_MB = 32;

const minutes = Number(values.minutes);
if (!(minutes > 0)) throw new TypeError(`expected a number above 0 for --minutes, got ${values.minutes}`);
const targets = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (targets.length === 0) {
  throw new TypeError(`expected --target to be ${TARGETS.map(({ name }) => name).join(' or ')}, got ${values.target}`);
}

function heapMb(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

interface Ran extends Findings {
  readonly target: Runnable;
  readonly grewMb: number;
}

/** In slices, so that what one target has loaded and compiled is not measured as another's. */
function runAll(): readonly Ran[] {
  const coverage = new Coverage();
  const sliceMs = (minutes * 60_000) / targets.length;
  const ran = targets.map((target, at) => {
    const dice = new Dice(Number(values.seed) + at);
    const corpus = readInputs('corpus', target.name);
    // A second of warming up, whose compiled code is no leak.
    const warm = fuzz(target, {
      coverage,
      dice,
      corpus,
      endMs: performance.now() + Math.min(1_000, sliceMs / 4),
      maxInputs: 5_000,
    });
    const heapBefore = heapMb();
    const endMs = performance.now() + sliceMs;
    const found = fuzz(target, {
      coverage,
      dice,
      corpus: [...corpus, ...warm.kept],
      endMs,
      maxInputs: Number.POSITIVE_INFINITY,
    });
    found.kept.unshift(...warm.kept);
    found.edges += warm.edges;
    for (const [text, why] of warm.failures) found.failures.set(text, why);
    return { ...found, target, known: warm.known, grewMb: heapMb() - heapBefore };
  });
  coverage.close();
  return ran;
}

process.on('unhandledRejection', (error) => {
  console.error(error);
  process.exitCode = 1;
});
console.log(`seed ${values.seed}`);
const ran = runAll();
printTable({
  title: 'targets',
  columns: ['target', 'inputs', 'corpus', 'edges', 'new edges', 'shapes', 'new shapes', 'kept', 'failures', 'heap'],
  rows: ran.map(({ target: { name }, inputs, known, edges, shapes, kept, failures, grewMb }) => [
    ...[name, String(inputs), String(readInputs('corpus', name).length), String(known.edges), String(edges)],
    ...[String(known.shapes), String(shapes.size - known.shapes), String(kept.length), String(failures.size)],
    `${grewMb.toFixed(1)} MB`,
  ]),
});
for (const { target, failures, kept } of ran) {
  if (failures.size > 0) addInputs('failures', target.name, [...failures.keys()]);
  for (const [text, why] of failures) console.log(`${target.name}: ${JSON.stringify(text.slice(0, 400))}\n${why}`);
  if (values.keep) addInputs('corpus', target.name, kept);
}
const inputs = ran.reduce((sum, one) => sum + one.inputs, 0);
const failures = ran.reduce((sum, one) => sum + one.failures.size, 0);
const grewMb = Math.max(...ran.map((one) => one.grewMb));
const wanted = Math.round((INPUTS_OF_TEN_MINUTES * minutes) / 10);
const goals = [
  { name: 'inputs', bound: `>= ${wanted}`, got: String(inputs), met: inputs >= wanted },
  { name: 'broken rules and uncaught exceptions', bound: '0', got: String(failures), met: failures === 0 },
  {
    name: 'growth of the heap, one target',
    bound: `<= ${MAX_HEAP_GROWTH_MB} MB`,
    got: `${grewMb.toFixed(1)} MB`,
    met: grewMb <= MAX_HEAP_GROWTH_MB,
  },
];
conclude('fuzz', { goals, figures: { inputs, failures, grewMb } }, values.json);
if (goals.some(({ met }) => !met)) process.exitCode = 1;
