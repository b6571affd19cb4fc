// The tiers of a running gate as the operator sees them, one by one.

import type { TierAgreement, TierApi, TierHoldings } from '../../admin/contract.ts';
import { TidegateError } from '../../errors.ts';
import type { DiskStore } from '../../store/disk/disk-store.ts';
import type { MemoryStore } from '../../store/memory.ts';

/** Findings of a check that are no disagreement. */
const IN_ORDER: ReadonlySet<string> = new Set(['rows', 'entries', 'agreeing']);

interface GateStores {
  readonly memory: MemoryStore;
  readonly disk: DiskStore | undefined;
}

export function tierControl(stores: GateStores): TierApi {
  const { memory, disk } = stores;
  return {
    holdings: async () => {
      const { entries, bytes, maxBytes } = memory.stats();
      const held = { memory: { entries, bytes, maxBytes } };
      return disk === undefined ? held : { ...held, disk: shownDisk(disk), manifest: await disk.named() };
    },
    check: () => check(stores),
    clear: async (what) => {
      if (what === 'memory') return memory.delete([...memory.find({ kind: 'all' })].map(({ key }) => key));
      if (disk === undefined) throw new TidegateError('E_SELECTOR', `expected memory, the only tier, got ${what}`);
      const { entries } = disk.stats();
      await (what === 'disk' ? disk.clearBytes() : disk.clear());
      return entries;
    },
  };
}

function shownDisk(disk: DiskStore): TierHoldings['disk'] & object {
  const { entries, bytes, maxBytes, segments, largeBodies, indexLoaded } = disk.stats();
  return { entries, bytes, maxBytes, segments, largeBodies, indexLoaded };
}

async function check({ memory, disk }: GateStores): Promise<TierAgreement> {
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
