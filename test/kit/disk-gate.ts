// What a gate has of a disk in tests without time: tiers on a disk in memory, and the journal, which end and begin again.

import type { GateOptions } from '../../src/engine/gate.ts';
import { largeBodies } from '../../src/engine/http/large-bodies.ts';
import type { Tasks } from '../../src/ports.ts';
import { DiskStore } from '../../src/store/disk/disk-store.ts';
import { openJournal } from '../../src/store/disk/journal/journal.ts';
import { recover } from '../../src/store/disk/journal/recovery.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { MemoryFolder } from './memory-folder.ts';
import { MemoryManifest } from './memory-manifest.ts';

export type DiskTiers = 'disk' | 'memory+disk';

export class KeptDisk {
  readonly #folder = new MemoryFolder();
  #manifest = new MemoryManifest();
  #epochs = 0;

  /** The process is killed. */
  kill(): void {
    this.#folder.kill();
    this.#manifest = this.#manifest.restarted();
  }

  /** Begins on what is there. */
  async open(tiers: DiskTiers, tasks: Tasks): Promise<Omit<GateOptions, 'clock' | 'tasks' | 'random'>> {
    const folder = this.#folder.attach();
    const manifest = this.#manifest;
    const newEpoch = () => `epoch-${++this.#epochs}`;
    const { invalidations, openIntents, continuation } = recover({ folder, manifest, newEpoch, buckets: 256 });
    const image = () => invalidations.image();
    const log = await openJournal({ folder, manifest, tasks, image }, continuation);
    const memory = createMemoryStore({ maxBytes: 1024 * 1024 });
    const fault = (error: unknown) => {
      throw error;
    };
    const disk = new DiskStore({ folder, manifest, maxBytes: 64 * 1024 * 1024, tasks, random: () => 0.5, fault });
    await disk.loaded();
    return {
      stores: tiers === 'disk' ? [disk] : [memory, disk],
      memoryStats: () => memory.stats(),
      bodies: largeBodies(disk.bodies),
      history: { invalidations, log },
      unknownWrites: openIntents,
    };
  }
}
