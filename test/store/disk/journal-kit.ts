// A journal on simulated parts: a folder that forgets, a manifest that holds images only, time that stands still.

import type { Invalidations } from '../../../src/ledger/invalidations.ts';
import type { InvalidationsImage } from '../../../src/ledger/log.ts';
import { type Journal, type JournalEvent, openJournal } from '../../../src/store/disk/journal/journal.ts';
import { type Recovery, recover } from '../../../src/store/disk/journal/recovery.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';
import { VolatileFolder } from './volatile-folder.ts';

/** Images that were written down, oldest first. */
export class ImageShelf {
  readonly images: InvalidationsImage[];
  steps = () => 1;
  fails = false;

  constructor(images: readonly InvalidationsImage[] = []) {
    this.images = images.map(copied);
  }

  async checkpoint(image: InvalidationsImage): Promise<void> {
    const copy = copied(image);
    for (let steps = this.steps(); steps > 0; steps--) await undefined;
    if (this.fails) throw Object.assign(new Error('ENOSPC: image'), { code: 'ENOSPC' });
    this.images.push(copy);
  }

  restore(): InvalidationsImage | undefined {
    const last = this.images.at(-1);
    return last && copied(last);
  }
}

function copied(image: InvalidationsImage): InvalidationsImage {
  return { ...image, buckets: image.buckets.slice() };
}

/** One life of a node's log. */
export interface Life {
  readonly folder: VolatileFolder;
  readonly shelf: ImageShelf;
  readonly time: SimulatedTime;
  readonly recovery: Recovery;
  readonly invalidations: Invalidations;
  readonly journal: Journal;
  readonly events: JournalEvent[];
}

let lives = 0;

export async function live(
  folder = new VolatileFolder(),
  shelf = new ImageShelf(),
  limits: { readonly records?: number; readonly bytes?: number } = {},
): Promise<Life> {
  const time = new SimulatedTime();
  const events: JournalEvent[] = [];
  const recovery = recover({ folder, manifest: shelf, newEpoch: () => `epoch-${++lives}`, buckets: 64 });
  const { invalidations, continuation } = recovery;
  const journal = await openJournal(
    {
      folder,
      manifest: shelf,
      tasks: time,
      image: () => invalidations.image(),
      onEvent: (event) => events.push(event),
      limits,
    },
    continuation,
  );
  journal.follow((position, change) => {
    if (change.kind === 'invalidate') invalidations.apply(change.selector, position);
  });
  return { folder, shelf, time, recovery, invalidations, journal, events };
}

/** Lets all that is under way end, as far as it can without time. */
export async function settled(): Promise<void> {
  for (let steps = 0; steps < 200; steps++) await undefined;
}
