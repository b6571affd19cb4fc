// What a read and a write cost in the disk tier, beside a file for each entry and SQLite, in interleaved rounds.
//
// Processors are shared and caches are warm. So what counts is the time of this process on a
// processor, all its threads included (the tier writes its manifest in one, file reads run in others), and everything is
// in the page cache: what is compared is the way there, not the disk.

import { mkdirSync } from 'node:fs';
import type { StoredResponse } from '../../src/entry/stored-response.ts';
import { type EntrySetup, entryOf } from './entries.ts';
import { type DiskPeer, openPeers } from './peers.ts';

/** So many entries of a size, each written and read once in a round. */
const sizes = [
  { bodyBytes: 2 * 1024, entries: 1500 },
  { bodyBytes: 64 * 1024, entries: 200 },
  { bodyBytes: 1024 * 1024, entries: 24 },
];
/** So that the tier does not evict, however many rounds. */
const MAX_BYTES = 2 ** 31;

export interface Cost {
  readonly wallMicros: number;
  readonly cpuMicros: number;
}

/** Medians over the rounds; undefined: the peer has no such way of its own. */
export interface DiskSpeed {
  readonly name: string;
  readonly bodyBytes: number;
  readonly read: Cost | undefined;
  readonly write: Cost | undefined;
  /** CPU of the tier to this one's, the median of the rounds. */
  readonly tierToReads: number | undefined;
  readonly tierToWrites: number | undefined;
}

export async function diskSpeeds(folder: string, rounds: number): Promise<DiskSpeed[]> {
  mkdirSync(folder);
  const peers = await openPeers(folder, MAX_BYTES);
  const speeds: DiskSpeed[] = [];
  for (const { bodyBytes, entries } of sizes) {
    const setup: EntrySetup = { bodyBytes, epoch: 'bench', stamp: 0, bornMs: Date.now() };
    const first = bodyBytes * 10_000;
    const own = Array.from({ length: entries }, (_, at) => entryOf(first + at, setup));
    speeds.push(...(await measureSize(peers, own, rounds)));
  }
  for (const peer of peers) await peer.close();
  return speeds;
}

async function measureSize(peers: readonly DiskPeer[], entries: readonly StoredResponse[], rounds: number) {
  const costs = peers.map(() => ({ reads: [] as Cost[], writes: [] as Cost[] }));
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    for (let turn = 0; turn < peers.length; turn++) {
      const at = (round + turn) % peers.length;
      const peer = peers[at]!;
      const write = peer.write && (await costOf(entries, peer.write, peer.settle));
      if (round > 0 && write !== undefined) costs[at]!.writes.push(write);
    }
    for (let turn = 0; turn < peers.length; turn++) {
      const at = (round + turn) % peers.length;
      const peer = peers[at]!;
      const read = peer.read && (await costOf(entries, checkedRead(peer.name, peer.read), peer.settle));
      if (round > 0 && read !== undefined) costs[at]!.reads.push(read);
    }
  }
  const tier = costs[0]!;
  const bodyBytes = entries[0]!.bytes.length - entries[0]!.headBytes;
  return peers.map(
    ({ name }, at): DiskSpeed => ({
      name,
      bodyBytes,
      read: medianCost(costs[at]!.reads),
      write: medianCost(costs[at]!.writes),
      tierToReads: medianRatio(tier.reads, costs[at]!.reads),
      tierToWrites: medianRatio(tier.writes, costs[at]!.writes),
    }),
  );
}

function checkedRead(name: string, read: NonNullable<DiskPeer['read']>) {
  const check = (bytes: number, entry: StoredResponse) => {
    if (bytes !== entry.bytes.length) throw new Error(`${name}: expected ${entry.bytes.length} bytes; got ${bytes}`);
  };
  return (entry: StoredResponse) => {
    const got = read(entry);
    if (!(got instanceof Promise)) return check(got, entry);
    return got.then((bytes) => check(bytes, entry));
  };
}

/** For each entry one after the other; what is synchronous is not awaited, as in the gate. */
async function costOf(
  entries: readonly StoredResponse[],
  operation: (entry: StoredResponse) => void | Promise<void>,
  settle: () => Promise<void>,
): Promise<Cost> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  for (const entry of entries) {
    const done = operation(entry);
    if (done instanceof Promise) await done;
  }
  await settle();
  const wallMs = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  return { wallMicros: (1000 * wallMs) / entries.length, cpuMicros: (user + system) / entries.length };
}

function medianCost(costs: readonly Cost[]): Cost | undefined {
  if (costs.length === 0) return undefined;
  return {
    wallMicros: median(costs.map(({ wallMicros }) => wallMicros)),
    cpuMicros: median(costs.map(({ cpuMicros }) => cpuMicros)),
  };
}

function medianRatio(tier: readonly Cost[], others: readonly Cost[]): number | undefined {
  if (others.length === 0) return undefined;
  return median(tier.map(({ cpuMicros }, round) => cpuMicros / others[round]!.cpuMicros));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
