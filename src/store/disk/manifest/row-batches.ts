// Collects changes on their way to the manifest into batches, since one transaction per change would cost more than all the
// rest.
//
// A failed batch stays first in the queue, since later changes may depend on it. Until it is committed nothing else is, and
// when too much waits, the store accepts no more entries.

import type { Cancel } from '../../../ports.ts';
import type { DiskPlatform, ManifestChange } from '../contract.ts';
import { DiskBackOff, isFull } from '../segments/full-disk.ts';

const DELAY_MS = 50;
const BATCH = 256;
const MAX_WAITING = 50_000;

export class RowBatches {
  readonly #platform: DiskPlatform;
  readonly #ranFull: () => void;
  readonly backOff: DiskBackOff;
  #waiting: ManifestChange[] = [];
  #given = 0;
  #committed = 0;
  #timer: Cancel | undefined;
  #isSoon = false;
  #pumping: Promise<void> | undefined;

  /** `ranFull`: called when the manifest finds no room on the disk. */
  constructor(platform: DiskPlatform, ranFull: () => void) {
    this.#platform = platform;
    this.#ranFull = ranFull;
    this.backOff = new DiskBackOff(platform);
  }

  /** Whether changes given now may never be committed. */
  get isOverloaded(): boolean {
    return this.#waiting.length > MAX_WAITING || this.backOff.isPaused;
  }

  add(change: ManifestChange): void {
    this.#waiting.push(change);
    this.#given++;
    if (this.#waiting.length === BATCH) this.#schedule(0);
    else if (this.#timer === undefined) this.#schedule(DELAY_MS);
  }

  /** Resolves when everything given before is committed, or cannot be. */
  async flush(): Promise<void> {
    const target = this.#given;
    for (let before = -1; before < this.#committed && this.#committed < target; ) {
      before = this.#committed;
      await this.#pump();
    }
  }

  /** Forgets waiting changes and clears the manifest. Changes given from now on come after that. */
  clear(): Promise<void> {
    this.#committed += this.#waiting.length;
    this.#waiting = [];
    const before = this.#pumping;
    return this.#occupied(async () => {
      await before;
      await this.#platform.manifest.clear();
    });
  }

  /** There is more room on the disk. */
  freed(): void {
    this.backOff.freed();
  }

  close(): void {
    this.#timer?.();
    this.backOff.close();
  }

  #schedule(delayMs: number): void {
    if (this.#isSoon && this.#timer !== undefined) return;
    this.#timer?.();
    this.#isSoon = delayMs === 0;
    this.#timer = this.#platform.tasks.later(delayMs, () => {
      this.#timer = undefined;
      if (this.backOff.isPaused) return;
      const goOn = () => {
        if (this.#waiting.length > 0 && !this.backOff.isPaused) this.#schedule(0);
      };
      this.#pump().then(goOn, goOn);
    });
  }

  /** Commits one batch; joins a running commit. */
  #pump(): Promise<void> {
    return this.#pumping ?? this.#occupied(() => this.#commit());
  }

  #occupied(work: () => Promise<void>): Promise<void> {
    const pumping = work().finally(() => {
      if (this.#pumping === pumping) this.#pumping = undefined;
    });
    this.#pumping = pumping;
    return pumping;
  }

  async #commit(): Promise<void> {
    const batch = this.#waiting.slice(0, BATCH);
    if (batch.length === 0) return;
    try {
      await this.#platform.manifest.commit(batch);
    } catch (error) {
      if (this.backOff.failed(error, () => this.#schedule(0)) && isFull(error)) this.#ranFull();
      return;
    }
    this.backOff.succeeded();
    // Abandoned changes have left the queue already.
    if (this.#waiting[0] === batch[0]) {
      this.#waiting.splice(0, batch.length);
      this.#committed += batch.length;
    }
  }
}
