// The figures of a run: what was simulated, what was exercised, what went wrong, and whether the goals are met.

import { CAUSES } from './populating.ts';
import type { SeedResult } from './simulate.ts';
import { Tally } from './tally.ts';
import type { Violation } from './world.ts';

export interface Report {
  readonly seeds: number;
  readonly tally: Tally;
  readonly failures: readonly { readonly seed: number; readonly violation: Violation }[];
  readonly goals: readonly { readonly name: string; readonly met: boolean }[];
  /** Classes of events that a run of this size should have shown and did not. */
  readonly unseen: readonly string[];
}

/** What the figures call each fault. */
const FAULTS: { readonly [fault in Violation['fault']]: string } = {
  outdated: 'outdated answers',
  kept: 'answers kept that were read during a write',
  'wrong bytes': 'answers with wrong bytes',
  leaked: 'answers for one client given to another',
  'not cacheable again': 'keys not cacheable again',
  leak: 'leaks',
  crash: 'crashes',
};

/** Paths that must have been walked before a run of many seeds says anything. */
const CLASSES: readonly string[] = [
  ...['hit', 'stale', 'validated', 'collapsed', 'miss', 'bypass', 'error', 'refused'].map((name) => `outcome ${name}`),
  ...['outdated', 'stale-while-revalidate', 'stale-if-error', 'grace', 'hit-for-miss', 'only-if-cached'].map(
    (name) => `detail ${name}`,
  ),
  ...['uri-miss', 'vary-miss', 'request', 'stale', 'partial', 'method', 'bypass'].map((name) => `forward ${name}`),
  ...['invalidated-during-fill', 'intent-open', 'too-large', 'keep-good', 'incomplete', 'not-delimited'].map(
    (name) => `not stored ${name}`,
  ),
  ...['private', 'no-store', 'set-cookie', 'authorization', 'request-no-store'].map((name) => `not stored ${name}`),
  ...['200', '206', '304', '404', '410', '416', '500'].map((status) => `status ${status} from the store`),
  ...['url', 'tag', 'prefix', 'pattern', 'origin', 'all'].flatMap((kind) => [`invalidate ${kind}`, `purge ${kind}`]),
  ...['connect', 'timeout', 'reset', 'broken-body', 'cut-body'].map((fault) => `fault ${fault}`),
  ...[
    'done',
    'refused',
    'error-before',
    'error-after',
    'reset-before',
    'reset-after',
    'late',
    'late-error',
    'connect',
  ].map((course) => `write ${course}`),
  ...['evictions', 'declined', 'same second', 'interim responses', 'client left', 'client failed'],
  ...['again hit', 'again validation'],
  ...['kill', 'power cut', 'at the start'].map((how) => `crash ${how}`),
  ...['exact', 'unknown', 'new'].map((kind) => `recovery ${kind}`),
  ...['flip', 'cut', 'remove', 'swap', 'set', 'lose'].map((what) => `damage ${what}`),
  ...['full disks', 'journal fenced', 'journal checkpoint-failed', 'starts refused by a full disk'],
  ...['disk evictions', 'disk corrupt', 'disk write failures', 'disk faults', 'disk large bodies'],
  ...['recovered intents', 'writes that outlived their process', 'client cut', 'requests that nobody was there for'],
  ...['members died', 'members slowed down', 'members revoked', 'processes that began to serve'],
  ...CAUSES.map((cause) => `populate ${cause}`),
  ...['stored', 'fresh', 'refused', 'failed'].map((kind) => `populated ${kind}`),
  ...['rehydrated entries', 'coded bodies', 'coded answers', 'hits on what an earlier node stored'],
];

/** The rarest class is missing in 200 worlds now and then; fewer than these say nothing about what is never seen. */
const SEEDS_FOR_CLASSES = 500;

export function reportOf(results: readonly SeedResult[]): Report {
  const tally = new Tally();
  for (const result of results) tally.add(result.tally);
  const failures = results.flatMap(({ seed, violations }) => violations.map((violation) => ({ seed, violation })));
  const faults = Object.keys(FAULTS) as Violation['fault'][];
  const goals = faults.map((fault) => ({
    name: `0 ${FAULTS[fault]}`,
    met: !failures.some(({ violation }) => violation.fault === fault),
  }));
  const unseen = CLASSES.filter((name) => tally.of(name) === 0);
  if (results.length >= SEEDS_FOR_CLASSES) goals.push({ name: 'every class seen', met: unseen.length === 0 });
  return { seeds: results.length, tally, failures, goals, unseen };
}

export function printReport(report: Report): void {
  const { tally, seeds, failures, goals, unseen } = report;
  const figures: [string, number][] = [
    ['seeds', seeds],
    ['events', tally.of('events')],
    ['requests', tally.of('requests')],
    ['answers checked', tally.of('answers checked')],
    ['hits', tally.of('hits')],
    ['collapsed', tally.of('outcome collapsed')],
    ['forwards', tally.of('forwards')],
    ['writes through the gate', tally.of('writes through the gate')],
    ['changes behind the gate', tally.of('changes behind the gate')],
    ['two versions in one second', tally.of('same second')],
    ['invalidations', tally.sum('invalidate ')],
    ['purges', tally.sum('purge ')],
    ['evictions', tally.of('evictions')],
    ['keys asked for again', tally.sum('again ')],
  ];
  for (const [fault, name] of Object.entries(FAULTS)) {
    figures.push([name, failures.filter(({ violation }) => violation.fault === fault).length]);
  }
  for (const [name, figure] of figures) line(name, figure);
  console.log(`\nclasses seen, ${CLASSES.length - unseen.length} of ${CLASSES.length}`);
  for (const name of CLASSES) line(name, tally.of(name));
  printFailures(report);
  console.log(`sim: goals met ${goals.filter(({ met }) => met).length} of ${goals.length}`);
}

const MAX_FAILING = 20;

function printFailures({ seeds, failures, goals, unseen }: Report): void {
  console.log('');
  const failing = [...new Set(failures.map(({ seed }) => seed))];
  for (const seed of failing.slice(0, MAX_FAILING)) {
    const [first, ...others] = failures.filter((failure) => failure.seed === seed).map(({ violation }) => violation);
    console.log(
      `seed ${seed}: ${first?.fault}: ${first?.sentence}${others.length > 0 ? `; ${others.length} more` : ''}`,
    );
    console.log(`  see it alone: npm run sim -- --seed ${seed}`);
  }
  if (failing.length > MAX_FAILING) console.log(`… and ${failing.length - MAX_FAILING} more seeds`);
  for (const { name, met } of goals) if (!met) console.log(`not met: ${name}`);
  if (unseen.length === 0) return;
  const isJudged = seeds >= SEEDS_FOR_CLASSES;
  console.log(
    isJudged ? `never seen: ${unseen.join(', ')}` : `classes never seen count from ${SEEDS_FOR_CLASSES} seeds on`,
  );
}

function line(name: string, figure: number): void {
  console.log(`${name.padEnd(44)} ${String(figure).padStart(10)}`);
}

export function reportAsJson(report: Report): object {
  return { ...report, tally: Object.fromEntries([...report.tally.counts].sort()) };
}
