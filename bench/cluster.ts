// `bench -- cluster`: from an invalidation to its acknowledgement, and until it is in force in each other process, over a log on Redis, beside
// bare publish and subscribe of the same engine to as many subscribers. `--seconds S` bounds each part.
//
// The two take turns, and what is compared is the 99th of a hundred.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { createCache } from '../src/index.ts';
import { NO_REDIS, Redis } from '../test/kit/redis.ts';
import type { Asked, Given } from './cluster/contract.ts';
import { leaseCost } from './cluster/lease-cost.ts';
import { type Goal, printTable, type Report } from './report.ts';

const LEASE_MS = 2_000;
const PARTS = [
  { nodes: 3, perSecond: 200 },
  { nodes: 3, perSecond: 2_000 },
  { nodes: 10, perSecond: 200 },
  { nodes: 10, perSecond: 2_000 },
] as const;
/** For 3 nodes at 200 a second. */
const MOST_MS = 5;
/** Of bare publish and subscribe, else. */
const MOST_TIMES = 3;
const MOST_COST = 0.01;
/** docs/operations.md, sizing. */
const GATE_HIT_NS = 25_000;

interface Measured {
  readonly acknowledgedMs: readonly number[];
  readonly reachedMs: readonly number[];
}

export async function run(flags: readonly string[]): Promise<Report> {
  const { values } = parseArgs({ args: [...flags], options: { seconds: { type: 'string', default: '5' } } });
  const seconds = Number(values.seconds);
  if (!Number.isInteger(seconds) || seconds < 1) {
    const error = new RangeError(`--seconds: expected a whole number above 0; got '${values.seconds}'`);
    throw Object.assign(error, { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
  }
  const redis = await Redis.start();
  if (redis === undefined)
    return { goals: [{ name: 'an engine', bound: 'Redis', got: NO_REDIS, met: false }], figures: {} };
  try {
    const measures = await speeds(redis.url, seconds);
    const cost = await leaseCost(redis.url, LEASE_MS, createCache);
    printTable({
      title: 'a look at the lease, of a hit',
      columns: ['', 'ns', 'of it'],
      rows: [
        ['the look', cost.lookNs.toFixed(0), ''],
        ['a hit of a data cache', cost.hitNs.toFixed(0), percent(cost.lookNs / cost.hitNs)],
        ['a hit of a gate (25 µs)', String(GATE_HIT_NS), percent(cost.lookNs / GATE_HIT_NS)],
      ],
    });
    const part = cost.lookNs / GATE_HIT_NS;
    const name = 'the look at the lease, of a hit of a gate';
    const goal = { name, bound: `≤ ${percent(MOST_COST)}`, got: percent(part), met: part <= MOST_COST };
    return { goals: [...measures.goals, goal], figures: { parts: measures.figures, cost } };
  } finally {
    await redis.end();
  }
}

async function speeds(url: string, seconds: number): Promise<Report & { readonly figures: readonly unknown[] }> {
  const rows: string[][] = [];
  const goals: Goal[] = [];
  const figures: unknown[] = [];
  for (const part of PARTS) {
    const { log, bare } = await measured(url, part, seconds);
    const [acknowledged, ours, theirs] = [log.acknowledgedMs, log.reachedMs, bare.reachedMs].map(quantiles) as [
      Quantiles,
      Quantiles,
      Quantiles,
    ];
    const name = `${part.nodes} nodes, ${part.perSecond} a second`;
    rows.push([name, ...[acknowledged, ours, theirs].flatMap(({ p50, p99 }) => [ms(p50), ms(p99)])]);
    const times = ours.p99 / theirs.p99;
    const isFirst = part.nodes === 3 && part.perSecond === 200;
    goals.push({
      name: `in force everywhere, p99: ${name}`,
      bound: `${isFirst ? `≤ ${MOST_MS} ms, or ` : ''}≤ ${MOST_TIMES} × bare`,
      got: `${ms(ours.p99)} ms, ${times.toFixed(1)} ×`,
      met: times <= MOST_TIMES || (isFirst && ours.p99 <= MOST_MS),
    });
    figures.push({ ...part, acknowledged, reached: ours, bare: theirs });
  }
  printTable({
    title: 'from an invalidation (ms): acknowledged, in force in the others, and a bare message heard',
    columns: ['', 'ack p50', 'p99', 'in force p50', 'p99', 'bare p50', 'p99'],
    rows,
  });
  return { goals, figures };
}

async function measured(url: string, { nodes, perSecond }: (typeof PARTS)[number], seconds: number) {
  const name = `bench-${nodes}-${perSecond}`;
  const file = new URL('./cluster/node.ts', import.meta.url);
  const children = Array.from({ length: nodes }, () =>
    fork(file, [url, name, String(LEASE_MS)], { serialization: 'advanced' }),
  );
  try {
    await Promise.all(children.map((child) => once(child, 'message')));
    const both: Record<'log' | 'bare', Measured> = { log: EMPTY, bare: EMPTY };
    // Once for nothing, so that all code has run.
    for (const [round, how] of (['log', 'bare', 'log', 'bare'] as const).entries()) {
      const of = await sent(children, { kind: 'send', how, perSecond, seconds: round < 2 ? 1 : seconds });
      both[how] = of;
    }
    return both;
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

const EMPTY: Measured = { acknowledgedMs: [], reachedMs: [] };

async function sent(
  children: readonly ChildProcess[],
  asked: Extract<Asked, { readonly kind: 'send' }>,
): Promise<Measured> {
  const [first, ...others] = children as [ChildProcess, ...ChildProcess[]];
  const { sentMs, doneMs } = (await told(first, asked)) as Extract<Given, { readonly kind: 'sent' }>;
  const reachedMs: number[] = [];
  for (const other of others) {
    const { heardMs } = (await told(other, { kind: 'heard' })) as Extract<Given, { readonly kind: 'heard' }>;
    for (const [number, at] of heardMs) reachedMs.push(at - (sentMs[number] as number));
  }
  await told(first, { kind: 'heard' });
  return { acknowledgedMs: doneMs.map((at, number) => at - (sentMs[number] as number)), reachedMs };
}

async function told(child: ChildProcess, asked: Asked): Promise<Given> {
  const answer = once(child, 'message');
  child.send(asked);
  return (await answer)[0] as Given;
}

interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function ms(value: number): string {
  return value.toFixed(2);
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`;
}
