// A disk that takes its time, as one process sees it: what need not be done at once is done later, and no more once the
// process is gone. The manifest does one thing after the other.

import type { InvalidationsImage } from '../../src/ledger/log.ts';
import type { DiskFile, DiskFolder, IndexRows, Manifest } from '../../src/store/disk/contract.ts';
import type { MemoryManifest } from './memory-manifest.ts';

/** Resolves after a time of its own; never once the process is gone. */
export type Wait = () => Promise<void>;

export function timedFolder(folder: DiskFolder, wait: Wait): DiskFolder {
  return {
    open: (name, options) => timedFile(folder.open(name, options), wait),
    remove: async (name) => {
      await wait();
      await folder.remove(name);
    },
    list: (name) => folder.list(name),
  };
}

/** It is closed once the last call that uses it has ended. */
function timedFile(file: DiskFile, wait: Wait): DiskFile {
  let users = 0;
  let closing = false;
  const using = async <T>(work: () => Promise<T>): Promise<T> => {
    users++;
    try {
      await wait();
      return await work();
    } finally {
      users--;
      if (closing && users === 0) file.close();
    }
  };
  return {
    read: (into, at) => using(() => file.read(into, at)),
    readNow: (into, at) => file.readNow(into, at),
    write: (bytes, at) => using(() => file.write(bytes, at)),
    writeNow: (bytes, at) => file.writeNow(bytes, at),
    // It is there before anyone hears of it.
    sync: () =>
      using(async () => {
        await file.sync();
        await wait();
      }),
    truncate: (bytes) => file.truncate(bytes),
    size: () => file.size(),
    close: () => {
      closing = true;
      if (users === 0) file.close();
    },
  };
}

export function timedManifest(manifest: MemoryManifest, wait: Wait): Manifest {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const before = last;
    const turn = (async () => {
      await before.catch(() => undefined);
      await wait();
      const result = await work();
      await wait();
      return result;
    })();
    last = turn;
    return turn;
  };
  return {
    commit: (changes) => inTurn(() => manifest.commit(changes)),
    lookUp: (key) => manifest.lookUp(key),
    scan: () => slowly(manifest.scan(), wait),
    find: (selector) => slowly(manifest.find(selector), wait),
    bodies: () => inTurn(() => manifest.bodies()),
    summary: () => inTurn(() => manifest.summary()),
    checkpoint: (image) => {
      const copy = copied(image);
      return inTurn(() => manifest.checkpoint(copy));
    },
    restore: () => {
      const image = manifest.restore();
      return image && copied(image);
    },
    clear: () => inTurn(() => manifest.clear()),
    close: () => inTurn(() => manifest.close()),
  };
}

function copied(image: InvalidationsImage): InvalidationsImage {
  return { ...image, patterns: [...image.patterns], buckets: image.buckets.slice() };
}

/** What there is at the first call, in portions that take their time. */
async function* slowly<T extends IndexRows | readonly unknown[]>(
  portions: AsyncIterable<T>,
  wait: Wait,
): AsyncGenerator<T> {
  for await (const portion of portions) {
    await wait();
    yield portion;
  }
}
