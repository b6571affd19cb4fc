// Child of the bench `data`: one operation of one library, in a process of its own, so that no other's types are in its
// compiled code. Runs a round whenever told, and tells what it took.
//
// The rounds are short, so that what else the machine does is in those of all libraries alike. The clock
// of the thread goes in steps of some 4 ms where the kernel counts in ticks; that of the process does not.

import { Absent } from '../test/race/peers/peer.ts';
import { bentocache, cacheable, cacheManager, cachified } from './data-libraries.ts';
import { ourEngine, ourSkin } from './data-ours.ts';
import { bareMap, lruCache } from './data-plain.ts';
import { neverCalled, type Operation, type OperationName, type Subject, type TagBench } from './data-subject.ts';

/** What a child tells of itself. */
export type Told =
  | { readonly kind: 'ready' }
  /** `absent`: not installed. Else it has no such operation. */
  | { readonly kind: 'without'; readonly absent: boolean }
  | { readonly kind: 'round'; readonly ns: number }
  | { readonly kind: 'tag'; readonly figures: TagFigures };

/** Of one invalidation by tag, in ns. */
export interface TagFigures {
  readonly few: number;
  readonly many: number;
  /** A get of an entry that was not invalidated: before, the first after, and later ones. */
  readonly before: number;
  readonly firstAfter: number;
  readonly later: number;
}

export const SUBJECTS: readonly Subject[] = [
  ourSkin,
  ourEngine,
  bentocache,
  cacheable,
  cachified,
  cacheManager,
  lruCache,
  bareMap,
];

export const FEW = 10;
export const MANY = 10_000;
/** Reads of the first look after an invalidation, and between two looks at the time. */
const READS = 10_000;
const ROUND_MS = 20;
/** Of reads beside an invalidation. */
const READS_MS = 100;
const WARM_MS = 200;

let at = 0;
/** What was got last: of what nobody uses, nothing would be computed. */
let kept: unknown;
process.on('exit', () => {
  if (kept === neverCalled) throw new Error('expected a value, got the fill');
});

async function runSome({ isAsync, run }: Operation, count: number): Promise<number> {
  const start = cpuNs();
  const end = at + count;
  if (isAsync) for (; at < end; at++) kept = await run(at);
  else for (; at < end; at++) kept = run(at);
  return (cpuNs() - start) / count;
}

/** Time this process has computed, collecting garbage too: what else the machine does is not in it. */
function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Runs until it is compiled; how many make up a round. */
async function warmedUp(operation: Operation): Promise<number> {
  let count = 16;
  const end = performance.now() + WARM_MS;
  for (;;) {
    const ns = await runSome(operation, count);
    if (performance.now() > end) return Math.max(16, Math.round((ROUND_MS * 1e6) / ns));
    if (ns * count < (ROUND_MS * 1e6) / 4) count *= 2;
  }
}

async function measureTag(bench: TagBench): Promise<TagFigures> {
  const few = await timedInvalidation(bench, FEW);
  const before = await reads(bench);
  const many = await timedInvalidation(bench, MANY);
  return { few, many, before, firstAfter: await firstReads(bench), later: await reads(bench) };
}

async function timedInvalidation(bench: TagBench, count: number): Promise<number> {
  await bench.fill(count);
  await reads(bench);
  const start = process.hrtime.bigint();
  await bench.invalidate(count);
  return Number(process.hrtime.bigint() - start);
}

async function reads(bench: TagBench): Promise<number> {
  let count = 0;
  const start = cpuNs();
  const end = performance.now() + READS_MS;
  for (; performance.now() < end; count += READS) {
    for (let read = 0; read < READS; read++) await bench.readOther(read);
  }
  return (cpuNs() - start) / count;
}

/** Too short for the clock of computing time. */
async function firstReads(bench: TagBench): Promise<number> {
  const start = process.hrtime.bigint();
  for (let read = 0; read < READS; read++) await bench.readOther(read);
  return Number(process.hrtime.bigint() - start) / READS;
}

async function serve(name: string, operation: string): Promise<void> {
  const tell = (told: Told) => process.send?.(told);
  const subject = SUBJECTS.find((each) => each.name === name) as Subject;
  try {
    if (operation === 'tag') {
      const make = subject.tag;
      if (make === undefined) return void tell({ kind: 'without', absent: false });
      const bench = await make();
      // The first time it is not compiled yet.
      process.on('message', async () => tell({ kind: 'tag', figures: await measureTag(bench) }));
      await measureTag(bench);
      return void tell({ kind: 'ready' });
    }
    const make = subject.operations[operation as OperationName];
    if (make === undefined) return void tell({ kind: 'without', absent: false });
    const made = await make();
    const count = await warmedUp(made);
    process.on('message', async () => tell({ kind: 'round', ns: await runSome(made, count) }));
    tell({ kind: 'ready' });
  } catch (error) {
    if (!(error instanceof Absent)) throw error;
    tell({ kind: 'without', absent: true });
  }
}

if (import.meta.main) await serve(process.argv[2] as string, process.argv[3] as string);
