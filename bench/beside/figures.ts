// The benches that `bench -- beside` runs one tree after the other, in a short form, and which of their figures it compares.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DiskHits } from '../disk/hits.ts';
import type { DiskSpeed } from '../disk/speed.ts';
import type { DiskStart } from '../disk/start.ts';
import type { LagFigures } from '../feed/lag.ts';
import type { Figures as MatchFigures } from '../match-child.ts';
import type { Fill } from '../memory-fill.ts';
import type { Speed } from '../memory-speed.ts';

/** One figure of one run. `better` says whether more or less of it is better. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly better: 'more' | 'less';
}

/** A bench in a short form, run to its end. `read` takes the `figures` of its JSON. */
interface WholeRun {
  readonly bench: string;
  readonly flags: readonly string[];
  readonly read: (figures: never) => Figure[];
}

/** The name of our server, store and cache in the benches. */
export const OURS = 'tidegate';

export const WHOLE_RUNS: readonly WholeRun[] = [
  { bench: 'match', flags: ['--instances', '100000'], read: ofMatch },
  { bench: 'memory', flags: ['--entries', '200000'], read: ofMemory },
  { bench: 'policy', flags: ['--quick'], read: ofPolicy },
  { bench: 'disk', flags: ['--rounds', '4', '--entries', '50000'], read: ofDisk },
  { bench: 'feed', flags: ['--seconds', '8', '--only', 'SQLite, triggers'], read: ofFeed },
  { bench: 'feed', flags: ['--seconds', '8', '--only', 'PostgreSQL, logical'], read: ofFeed },
];

/** The figures of one run in one tree. */
export function measureWhole({ bench, flags, read }: WholeRun, tree: string, folder: string): Figure[] {
  const json = join(folder, 'figures.json');
  const args = ['bench/run.ts', bench, ...flags, '--json', json];
  const { status, signal, stderr } = spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`bench ${bench} in ${tree}: expected exit code 0; got ${status ?? signal}\n${stderr}`);
  return read((JSON.parse(readFileSync(json, 'utf8')) as { readonly figures: never }).figures);
}

function ofMatch(figures: readonly MatchFigures[]): Figure[] {
  return figures.flatMap((one) => [
    more('changes matched a second', one.ours.changesPerSecond),
    more('instances added a second', one.addsPerSecond),
    less('bytes an instance', one.bytesPerInstance),
  ]);
}

interface MemoryFigures {
  readonly fills: readonly Fill[];
  readonly speed: readonly Speed[];
  readonly values: readonly { readonly name: string; readonly bytes: number }[];
}

function ofMemory({ fills, speed, values }: MemoryFigures): Figure[] {
  const operations = ['get', 'set', 'set and evict'];
  const ns = speed.find(({ name }) => name === OURS)?.ns ?? [];
  return [
    ...fills.map(({ tagsPerEntry, heapBytes }) => less(`heap of responses, ${tagsPerEntry} tags`, heapBytes)),
    ...ns.map((value, at) => less(`${operations[at]}, ns`, value ?? undefined)),
    ...values
      .filter(({ name }) => name.startsWith(OURS))
      .map(({ name, bytes }) => less(`heap of values, ${name}`, bytes)),
  ];
}

type PolicyFigures = readonly {
  readonly trace: string;
  readonly cachePart: number;
  readonly ratios: Readonly<Record<string, { readonly objects: number; readonly bytes: number }>>;
}[];

function ofPolicy(figures: PolicyFigures): Figure[] {
  return figures.map(({ trace, cachePart, ratios }) => more(`hit ratio, ${trace} ${cachePart}`, ratios[OURS]?.objects));
}

interface DiskFigures {
  readonly speeds: readonly DiskSpeed[];
  readonly hits: DiskHits;
  readonly starts: readonly DiskStart[];
}

function ofDisk({ speeds, hits, starts }: DiskFigures): Figure[] {
  const full = starts.filter(({ entries }) => entries > 0);
  return [
    ...speeds
      .filter(({ name }) => name === OURS)
      .flatMap(({ bodyBytes, read, write }) => [
        less(`read of ${bodyBytes} bytes, CPU µs`, read?.cpuMicros),
        less(`write of ${bodyBytes} bytes, CPU µs`, write?.cpuMicros),
      ]),
    less('hit of a gate from disk, CPU µs', hits.diskMicros),
    less(
      'start with a full disk, CPU ms',
      full.reduce((sum, { cpuMs }) => sum + (cpuMs ?? Number.NaN), 0) / full.length,
    ),
  ];
}

interface FeedFigures {
  readonly lags: readonly LagFigures[];
}

function ofFeed({ lags }: FeedFigures): Figure[] {
  return lags.flatMap(({ name, changesPerSecond, p50Ms, cpu }) => [
    less(`${name}, ${changesPerSecond}/s: p50 of the lag`, p50Ms),
    less(`${name}, ${changesPerSecond}/s: CPU of application and gate`, cpu.origin + cpu.gate),
  ]);
}

/** Not measured is NaN; the comparison says so. */
function more(name: string, value: number | undefined): Figure {
  return { name, value: value ?? Number.NaN, better: 'more' };
}

export function less(name: string, value: number | undefined): Figure {
  return { name, value: value ?? Number.NaN, better: 'less' };
}
