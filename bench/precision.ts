// `npm run bench -- precision`: four sites with published shapes, each replayed against one cache under five rules; what
// does each rule give up needlessly, and what does it keep too long?
//   --workload NAME   one of them alone
//   --requests N      reads and writes of each, default 15000
//   --seed N          default 1

import { parseArgs } from 'node:util';
import { auction } from './precision/auction.ts';
import { blog } from './precision/blog.ts';
import { cms } from './precision/cms.ts';
import { links } from './precision/links.ts';
import { type CacheFigures, replay, type TemplateFigures, type WorkloadFigures } from './precision/replay.ts';
import { type Goal, printTable, type Report } from './report.ts';

const WORKLOADS = [auction, blog, links, cms];
/** Sets what a time of 60 s is worth, and nothing else. */
const REQUESTS_PER_SECOND = 50;
const TTL_MS = 60_000;

export async function run(flags: readonly string[]): Promise<Report> {
  const options = {
    workload: { type: 'string' },
    requests: { type: 'string', default: '15000' },
    seed: { type: 'string', default: '1' },
  } as const;
  const { values } = parseArgs({ args: [...flags], options });
  const chosen = WORKLOADS.filter(({ name }) => values.workload === undefined || values.workload === name);
  if (chosen.length === 0) {
    throw misspelt(
      `--workload: expected one of ${WORKLOADS.map(({ name }) => name).join(', ')}, got ${values.workload}`,
    );
  }
  const settings = {
    requests: whole(values.requests, 'requests'),
    seed: whole(values.seed, 'seed'),
    requestsPerSecond: REQUESTS_PER_SECOND,
    ttlMs: TTL_MS,
  };
  const all = chosen.map((workload) => {
    const figures = replay(workload, settings);
    printCaches(figures);
    printTemplates(figures);
    return figures;
  });
  return { goals: goalsOf(all), figures: all.map(plain) };
}

function misspelt(message: string): Error {
  return Object.assign(new RangeError(message), { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
}

function whole(text: string, option: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw misspelt(`--${option}: expected a whole number from 1, got ${text}`);
  return Number(text);
}

/** 1 where nothing was named: nothing of it was needless. */
function precisionOf(named: number, needless: number): number {
  return named === 0 ? 1 : (named - needless) / named;
}

function printCaches({ name, reads, writes, changes, urls, caches }: WorkloadFigures): void {
  printTable({
    title: `${name}: ${reads} reads of ${urls} URLs, ${writes} writes of ${changes} rows, ${REQUESTS_PER_SECOND} requests/s`,
    columns: [
      'cache',
      'hit ratio',
      'invalidated',
      'needless',
      'precision',
      'origin queries',
      'lookups',
      'outdated answers',
    ],
    rows: caches.map((one) => [
      one.name,
      ratio(one.hits / reads),
      String(one.invalidated),
      String(one.needless),
      one.invalidated === 0 ? '-' : ratio(precisionOf(one.invalidated, one.needless)),
      String(one.originQueries),
      String(one.lookups),
      String(one.outdated),
    ]),
  });
}

function printTemplates({ name, templates }: WorkloadFigures): void {
  printTable({
    title: `${name}: queries of tidegate's entries that were said to be affected`,
    columns: ['template', 'key-exact', 'named', 'needless', 'precision', 'where it is lost'],
    rows: [...templates.values()].map((one) => {
      const precision = precisionOf(one.named, one.needless);
      const counts = [String(one.named), String(one.needless), ratio(precision)];
      return [one.name, one.isKeyExact ? 'yes' : 'no', ...counts, precision < 0.8 ? lossesOf(one) : ''];
    }),
  });
}

/** The two that cost most, and what the analysis noted. */
function lossesOf({ reasons, fallbacks }: TemplateFigures): string {
  const most = [...reasons].sort((one, other) => other[1] - one[1]).slice(0, 2);
  return [...most.map(([reason, times]) => `${reason} ${times}`), ...fallbacks].join('; ');
}

function ratio(value: number): string {
  return value.toFixed(3);
}

function goalsOf(all: readonly WorkloadFigures[]): Goal[] {
  const templates = all.flatMap((one) => [...one.templates.values()]).filter(({ isKeyExact }) => isKeyExact);
  const exact = precisionOf(sum(templates, 'named'), sum(templates, 'needless'));
  const ours = all.map((one) => cacheOf(one, 'tidegate'));
  const whole = precisionOf(sum(ours, 'invalidated'), sum(ours, 'needless'));
  const outdated = sum(ours, 'outdated') + sum(all, 'outdatedInSweeps');
  return [
    { name: 'precision on key-exact templates', bound: '>= 0.9', got: ratio(exact), met: exact >= 0.9 },
    { name: 'precision over all', bound: '>= 0.8', got: ratio(whole), met: whole >= 0.8 },
    ...all.map(hitRatioGoal),
    {
      name: `outdated answers of ${sum(ours, 'hits')} hits and ${sum(all, 'swept')} entries looked at`,
      bound: '0',
      got: String(outdated),
      met: outdated === 0,
    },
  ];
}

function hitRatioGoal(one: WorkloadFigures): Goal {
  const points = (100 * (cacheOf(one, 'oracle').hits - cacheOf(one, 'tidegate').hits)) / one.reads;
  return {
    name: `${one.name}: hit ratio below the oracle's`,
    bound: '<= 3 points',
    got: points.toFixed(1),
    met: points <= 3,
  };
}

function cacheOf({ caches }: WorkloadFigures, name: string): CacheFigures {
  return caches.find((one) => one.name === name) as CacheFigures;
}

function sum<Key extends string>(all: readonly { readonly [key in Key]: number }[], key: Key): number {
  return all.reduce((total, one) => total + one[key], 0);
}

function plain({ templates, ...rest }: WorkloadFigures): unknown {
  const shown = [...templates.values()].map(({ reasons, ...one }) => ({
    ...one,
    reasons: Object.fromEntries(reasons),
  }));
  return { ...rest, templates: shown };
}
