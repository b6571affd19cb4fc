// `bench -- policy --tier disk`: hit ratios on real traces of the disk store's policy, segment by segment as the store
// applies it, beside policies that are free to evict single objects, which no append-only disk is; and what it writes.

import { fifo } from './policies/fifo.ts';
import { lru } from './policies/lru.ts';
import { farthest } from './policies/offline.ts';
import { s3Fifo } from './policies/s3-fifo.ts';
import { segments } from './policies/segments.ts';
import { sieve } from './policies/sieve.ts';
import { type Ratios, type ReplayFlags, ratiosText, ratioText, replay, type Setup, setups } from './policy-replay.ts';
import { type Goal, printTable, type Report } from './report.ts';

const MAX_WRITE_AMPLIFICATION = 1.4;
const MAX_NEVER_HIT_PART = 0.05;

const peers = { LRU: lru, FIFO: fifo, SIEVE: sieve, 'S3-FIFO': s3Fifo, 'offline (bytes)': farthest };
type PeerName = keyof typeof peers;
const peerNames = Object.keys(peers) as PeerName[];

interface Result {
  readonly trace: string;
  readonly sized: boolean;
  readonly cachePart: number;
  readonly tidegate: Ratios;
  readonly peers: { readonly [name in PeerName]: Ratios };
  /** Bytes written to bytes admitted. */
  readonly writeAmplification: number;
  /** Bytes in the main queue of objects asked for only once, to all bytes in it, at the end. */
  readonly neverHitPart: number;
}

export function runDiskPolicy(flags: ReplayFlags): Report {
  const results = Array.from(setups(flags), replayAll);
  if (results.length > 0) printResults(results);
  return { goals: goalsOf(results), figures: results };
}

function replayAll(setup: Setup): Result {
  const { trace, cachePart, ids, sizes } = setup;
  const disk = segments(setup);
  const tidegate = replay(disk, setup);
  const requests = new Uint32Array(sizes.length);
  for (const id of ids) requests[id] = requests[id]! + 1;
  let bytes = 0;
  let neverHitBytes = 0;
  for (const id of disk.proved()) {
    bytes += sizes[id]!;
    if (requests[id] === 1) neverHitBytes += sizes[id]!;
  }
  const ratios = peerNames.map((name) => [name, replay(peers[name](setup), setup)]);
  return {
    trace: trace.name,
    sized: trace.sized,
    cachePart,
    tidegate,
    peers: Object.fromEntries(ratios),
    writeAmplification: disk.written.all / disk.written.admitted,
    neverHitPart: bytes === 0 ? 0 : neverHitBytes / bytes,
  };
}

function printResults(results: readonly Result[]): void {
  printTable({
    title: 'hit ratio: of requests / of bytes; without sizes they are one',
    columns: ['trace', 'cache', ...peerNames, 'tidegate', 'written to admitted', 'never hit, of main'],
    rows: results.map((result) => [
      result.trace,
      percentText(result.cachePart),
      ...peerNames.map((name) => ratiosText(result.peers[name], result.sized)),
      ratiosText(result.tidegate, result.sized),
      result.writeAmplification.toFixed(2),
      `${(100 * result.neverHitPart).toFixed(1)} %`,
    ]),
  });
  const unsized = results.filter(({ sized }) => !sized);
  if (unsized.length === 0) return;
  const worst = worstOf(unsized, (result) => result.tidegate.bytes - result.peers['S3-FIFO'].bytes);
  const points = 100 * (worst.tidegate.bytes - worst.peers['S3-FIFO'].bytes);
  console.log(`  without sizes, against S3-FIFO, at worst: ${points.toFixed(1)} points at ${placeOf(worst)}`);
}

function goalsOf(results: readonly Result[]): Goal[] {
  const sized = results.filter((result) => result.sized).map(byteGoal);
  const none = { got: 'not measured', met: false };
  const byteGoals = sized.length > 0 ? sized : [{ name: 'byte hit ratio', bound: ">= S3-FIFO's", ...none }];
  return [
    ...byteGoals,
    {
      name: 'bytes written to bytes admitted, at worst',
      bound: `<= ${MAX_WRITE_AMPLIFICATION}`,
      ...(results.length === 0 ? none : boundedBy(MAX_WRITE_AMPLIFICATION, results, 'writeAmplification')),
    },
    {
      name: 'of the main queue, bytes asked for only once, at worst',
      bound: `<= ${MAX_NEVER_HIT_PART}`,
      ...(results.length === 0 ? none : boundedBy(MAX_NEVER_HIT_PART, results, 'neverHitPart')),
    },
  ];
}

function byteGoal(result: Result): Goal {
  const own = result.tidegate.bytes;
  const other = result.peers['S3-FIFO'].bytes;
  const points = 100 * (own - other);
  return {
    name: `${placeOf(result)}: byte hit ratio`,
    bound: `>= S3-FIFO's ${other.toFixed(4)}`,
    got: `${own.toFixed(4)} (${points < 0 ? '' : '+'}${points.toFixed(2)} points)`,
    met: own >= other,
  };
}

function boundedBy(
  bound: number,
  results: readonly Result[],
  figure: 'writeAmplification' | 'neverHitPart',
): Pick<Goal, 'got' | 'met'> {
  const worst = worstOf(results, (result) => -result[figure]);
  return { got: `${ratioText(worst[figure])} at ${placeOf(worst)}`, met: worst[figure] <= bound };
}

function worstOf(results: readonly Result[], worth: (result: Result) => number): Result {
  return results.reduce((worst, result) => (worth(result) < worth(worst) ? result : worst));
}

function placeOf({ trace, cachePart }: Result): string {
  return `${trace} at ${percentText(cachePart)}`;
}

function percentText(part: number): string {
  return `${100 * part} %`;
}
