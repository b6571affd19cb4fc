// Child of the bench `match`: fills an index with so many instances and writes, as JSON, what they weigh and how fast
// changes are matched. To be run with --expose-gc, in a process of its own, as garbage of others would count.

import { affects } from '../src/dependency/affected.ts';
import type { Change } from '../src/dependency/change.ts';
import { DependencyIndex, type DependencyIndexStats } from '../src/dependency/index/dependency-index.ts';
import type { Instance } from '../src/dependency/template.ts';
import { makeMix } from './match-mix.ts';

export interface Speed {
  readonly changesPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
}

export interface Figures {
  readonly instances: number;
  readonly bytesPerInstance: number;
  readonly addsPerSecond: number;
  readonly ours: Speed;
  /** Each affected instance taken out and put in again, as after a refill. */
  readonly withRefills: Speed;
  readonly affectedPerChange: number;
  readonly mostAffected: number;
  readonly looksPerChange: number;
  readonly unaffecting: number;
  readonly stats: DependencyIndexStats;
  /** A walk through all instances of the table; undefined: too slow to wait for. */
  readonly walk: Speed | undefined;
  /** Changes for which index and walk named the same. */
  readonly agreed: number;
  readonly compared: number;
}

const CHANGES = 200_000;
const ROUNDS = 3;
const REFILLED = 50_000;

function run(count: number, walked: number): Figures {
  const mix = makeMix(count);
  const changes = Array.from({ length: CHANGES }, (_, at) => mix.change(at));
  warm(count, changes);
  const before = measure();
  const index = new DependencyIndex({ maxInstances: 2 * count });
  const beganMs = performance.now();
  for (let id = 0; id < count; id++) index.add(id, mix.instance(id));
  const addMs = performance.now() - beganMs;
  const bytesPerInstance = (measure() - before) / count;
  const found = changes.map((change) => index.match([change]).ids.size);
  const looks = index.stats().looks;
  const ours = speedOf(changes, ROUNDS, (change) => void index.match([change]));
  const stats = index.stats();
  const walk = walked === 0 ? undefined : walkThrough(index, makeInstances(count), changes.slice(0, walked));
  const withRefills = speedOf(changes.slice(0, REFILLED), 1, (change) => {
    for (const id of index.match([change]).ids) index.add(id, mix.instance(id));
  });
  return {
    instances: count,
    bytesPerInstance,
    addsPerSecond: count / (addMs / 1000),
    ours,
    withRefills,
    affectedPerChange: found.reduce((sum, size) => sum + size, 0) / CHANGES,
    mostAffected: found.reduce((most, size) => Math.max(most, size), 0),
    looksPerChange: looks / CHANGES,
    unaffecting: found.filter((size) => size === 0).length / CHANGES,
    stats,
    walk: walk?.speed,
    agreed: walk?.agreed ?? 0,
    compared: walked,
  };
}

/** So that code is compiled, and what it keeps for good is there, before anything is weighed. */
function warm(count: number, changes: readonly Change[]): void {
  const index = new DependencyIndex({});
  const mix = makeMix(count);
  for (let id = 0; id < 20_000; id++) index.add(id, mix.instance(id));
  for (const change of changes) index.match([change]);
}

/** Changes per second of CPU over whole rounds, the median; the percentiles of a further one, in which each is timed. */
function speedOf(changes: readonly Change[], rounds: number, step: (change: Change) => void): Speed {
  const rates: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const began = process.cpuUsage();
    for (const change of changes) step(change);
    const { user, system } = process.cpuUsage(began);
    rates.push(changes.length / ((user + system) / 1_000_000));
  }
  const us = new Float64Array(changes.length);
  for (const [at, change] of changes.entries()) {
    const beganMs = performance.now();
    step(change);
    us[at] = (performance.now() - beganMs) * 1000;
  }
  us.sort();
  const part = (share: number): number => us[Math.min(us.length - 1, Math.floor(us.length * share))] as number;
  rates.sort((one, other) => one - other);
  return {
    changesPerSecond: rates[rates.length >> 1] as number,
    p50Us: part(0.5),
    p99Us: part(0.99),
    maxUs: part(1),
  };
}

function makeInstances(count: number): Instance[] {
  const mix = makeMix(count);
  return Array.from({ length: count }, (_, id) => mix.instance(id));
}

function walkThrough(index: DependencyIndex, instances: readonly Instance[], changes: readonly Change[]) {
  const find = (change: Change): number[] => {
    const ids: number[] = [];
    for (let id = 0; id < instances.length; id++) {
      for (const read of (instances[id] as Instance).reads) {
        if (affects(read, change) === undefined) continue;
        ids.push(id);
        break;
      }
    }
    return ids;
  };
  let agreed = 0;
  for (const change of changes) {
    const { ids } = index.match([change]);
    const walked = find(change);
    if (walked.length === ids.size && walked.every((id) => ids.has(id))) agreed++;
  }
  return { speed: speedOf(changes, 1, find), agreed };
}

function measure(): number {
  for (let times = 0; times < 4; times++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

if (import.meta.main) console.log(JSON.stringify(run(Number(process.argv[2]), Number(process.argv[3]))));
