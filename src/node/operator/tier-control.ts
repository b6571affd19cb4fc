// The tiers of a running gate as the operator sees them, one by one.

import type { Clearable, TierAgreement, TierApi, TierHoldings } from '../../admin/contract.ts';
import { TidegateError } from '../../errors.ts';
import type { DiskStore } from '../../store/disk/disk-store.ts';
import type { MemoryStore } from '../../store/memory.ts';

/** Findings of a check that are no disagreement. */
const IN_ORDER: ReadonlySet<string> = new Set(['rows', 'entries', 'agreeing']);

export function tierControl(tiers: { readonly memory: MemoryStore; readonly disk: DiskStore | undefined }): TierApi {
  return {
    holdings: () => holdings(tiers),
    check: () => check(tiers),
    clear: (what) => clear(tiers, what),
  };
}

type Both = Parameters<typeof tierControl>[0];

async function holdings({ memory, disk }: Both): Promise<TierHoldings> {
  const { entries, bytes, maxBytes } = memory.stats();
  const held = { memory: { entries, bytes, maxBytes } };
  if (disk === undefined) return held;
  const { entries: onDisk, bytes: diskBytes, maxBytes: room, segments, largeBodies, indexLoaded } = disk.stats();
  const manifest = await disk.named();
  const shown = { entries: onDisk, bytes: diskBytes, maxBytes: room, segments, largeBodies, indexLoaded };
  return { ...held, disk: shown, manifest };
}

async function check({ memory, disk }: Both): Promise<TierAgreement> {
  const inMemory = memory.stats().entries;
  if (disk === undefined) {
    return { agree: true, memory: { entries: inMemory, notOnDisk: 0, differing: 0 }, examples: [] };
  }
  const { examples, ...found } = await disk.check();
  const stamps = new Map<string, string>();
  for await (const { key, epoch, stamp } of disk.find({ kind: 'all' })) stamps.set(key, `${epoch} ${stamp}`);
  let [notOnDisk, differing] = [0, 0];
  const differences: string[] = [];
  for (const { key, kind, epoch, stamp } of memory.find({ kind: 'all' })) {
    const there = stamps.get(key);
    if (there === undefined) notOnDisk++;
    else if (kind === 'response' && there !== `${epoch} ${stamp}`) {
      differing++;
      if (differences.length < 10) differences.push(`another fill in memory than on the disk: ${key}`);
    }
  }
  const agree = differing === 0 && Object.entries(found).every(([name, count]) => IN_ORDER.has(name) || count === 0);
  const counts = { entries: inMemory, notOnDisk, differing };
  return { agree, memory: counts, disk: found, examples: [...examples, ...differences] };
}

async function clear({ memory, disk }: Both, what: Clearable): Promise<number> {
  if (what === 'memory') {
    const keys = [...memory.find({ kind: 'all' })].map(({ key }) => key);
    return memory.delete(keys);
  }
  if (disk === undefined) throw new TidegateError('E_SELECTOR', `expected memory, the only tier, got ${what}`);
  const { entries } = disk.stats();
  if (what === 'disk') await disk.clearBytes();
  else await disk.clear();
  return entries;
}
