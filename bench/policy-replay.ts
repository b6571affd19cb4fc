// Replays traces through policies: what the benches of both tiers' policies share.

import { existsSync } from 'node:fs';
import type { ReplayPolicy, ReplaySetup } from './policies/policy.ts';
import { readTrace, type Trace, traceFolder, traceNames } from './traces.ts';

const QUICK_REQUESTS = 300_000;

/** Parts of the bytes (without sizes: of the number) of all distinct objects. */
const cacheParts = [0.001, 0.01, 0.1];

export interface ReplayFlags {
  readonly traces: string | undefined;
  readonly quick: boolean;
}

/** Of requests, and of their bytes. */
export interface Ratios {
  readonly objects: number;
  readonly bytes: number;
}

/** One cache on one trace. */
export interface Setup extends ReplaySetup {
  readonly trace: Trace;
  readonly cachePart: number;
}

/** Every trace of these that can be read, in every size; what cannot is named. */
export function* setups({ traces, quick }: ReplayFlags, names = traceNames, parts = cacheParts): Iterable<Setup> {
  const folder = traceFolder(traces);
  const there = existsSync(folder);
  if (!there) console.log(`No traces: the folder ${folder} is not there; name one with --traces DIR.`);
  for (const name of there ? names : []) {
    const trace = readTrace(folder, name, quick ? QUICK_REQUESTS : Number.POSITIVE_INFINITY);
    if (typeof trace === 'string') {
      console.log(`${name}: not measured: ${trace}`);
      continue;
    }
    const allBytes = trace.sizes.reduce((sum, size) => sum + size, 0);
    const { ids, sizes, sized } = trace;
    for (const cachePart of parts) {
      yield { trace, cachePart, ids, sizes, sized, maxBytes: Math.max(1, Math.floor(allBytes * cachePart)) };
    }
  }
  if (quick) console.log(`--quick: the first ${QUICK_REQUESTS} requests of each trace.`);
}

export function replay(policy: ReplayPolicy, { ids, sizes }: ReplaySetup): Ratios {
  let hits = 0;
  let hitBytes = 0;
  let allBytes = 0;
  for (const id of ids) {
    const size = sizes[id]!;
    allBytes += size;
    if (!policy.access(id)) continue;
    hits++;
    hitBytes += size;
  }
  return { objects: hits / ids.length, bytes: hitBytes / allBytes };
}

/** As tables show it: without sizes the two are one. */
export function ratiosText(ratios: Ratios, sized: boolean): string {
  return sized ? `${ratioText(ratios.objects)} / ${ratioText(ratios.bytes)}` : ratioText(ratios.objects);
}

export function ratioText(value: number): string {
  return value.toFixed(3);
}
