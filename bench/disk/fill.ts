// Child of the bench `disk`: fills a folder's disk tier with entries as a gate would have stored them, in the epoch that
// the folder has. Arguments: the folder, how many, bytes of a body.

import { type EntrySetup, entryOf } from './entries.ts';
import { openDisk, settled } from './peers.ts';

/** So that rows do not come faster than the manifest takes them. */
const PER_BATCH = 5_000;

async function fill(folder: string, entries: number, bodyBytes: number): Promise<void> {
  const { durable, store } = await openDisk(folder, 2 ** 31);
  const { epoch, applied } = durable.recovery.invalidations;
  const setup: EntrySetup = { bodyBytes, epoch, stamp: applied, bornMs: Date.now() };
  for (let number = 0; number < entries; number++) {
    await store.put(entryOf(number, setup));
    if (number % PER_BATCH === PER_BATCH - 1) await settled(store);
  }
  await settled(store);
  const { entries: stored, declined } = store.stats();
  await store.close();
  await durable.close();
  if (stored !== entries) throw new Error(`expected ${entries} entries; got ${stored}, ${declined} declined`);
}

await fill(process.argv[2]!, Number(process.argv[3]), Number(process.argv[4]));
