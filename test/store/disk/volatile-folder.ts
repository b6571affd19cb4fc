// A folder that forgets. What was written and not synced may be lost, whole or in part, when the power is cut; when the
// process is killed it stays. Writes and syncs can be made to fail.

import type { DiskFile, DiskFolder } from '../../../src/store/disk/contract.ts';

interface Write {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** `durable`: what a power cut leaves for sure; undefined: not even the name. */
interface Content {
  durable: Uint8Array | undefined;
  seen: Uint8Array;
  unsynced: Write[];
}

/** Steps of a sync that does not end. */
export const NEVER = Number.POSITIVE_INFINITY;

export type Failing = 'write' | 'sync';

export class VolatileFolder implements DiskFolder {
  readonly files = new Map<string, Content>();
  /** Says that a call fails. */
  fails: (call: Failing, name: string) => boolean = () => false;
  /** Steps that a sync takes. */
  syncSteps = () => 1;
  syncs = 0;
  #dead = false;

  open(name: string, { create }: { readonly create: boolean }): DiskFile {
    this.#check();
    let content = this.files.get(name);
    if (content === undefined) {
      if (!create) throw Object.assign(new Error(`ENOENT: ${name}`), { code: 'ENOENT' });
      content = { durable: undefined, seen: new Uint8Array(), unsynced: [] };
      this.files.set(name, content);
    }
    return this.#file(name, content);
  }

  remove(name: string): Promise<void> {
    this.files.delete(name);
    return Promise.resolve();
  }

  list(): string[] {
    return [...this.files.keys()];
  }

  /** The disk as the next process finds it; this one can do nothing more. */
  killed(): VolatileFolder {
    this.#dead = true;
    const next = new VolatileFolder();
    for (const [name, { seen }] of this.files)
      next.files.set(name, { durable: seen.slice(), seen: seen.slice(), unsynced: [] });
    return next;
  }

  /** As after `killed`, but each write that was not synced is there, or not, or only its beginning. */
  withoutPower(random: () => number): VolatileFolder {
    this.#dead = true;
    const next = new VolatileFolder();
    for (const [name, { durable, unsynced }] of this.files) {
      if (durable === undefined && random() < 0.5) continue;
      let seen: Uint8Array = durable?.slice() ?? new Uint8Array();
      for (const { at, bytes } of unsynced) {
        const fate = random();
        if (fate < 0.4) continue;
        seen = written(seen, {
          at,
          bytes: fate < 0.8 ? bytes : bytes.subarray(0, Math.floor(random() * bytes.length)),
        });
      }
      next.files.set(name, { durable: seen, seen: seen.slice(), unsynced: [] });
    }
    return next;
  }

  #check(): void {
    if (this.#dead) throw new Error('a process that is gone');
  }

  #refuse(call: Failing, name: string): void {
    this.#check();
    if (this.fails(call, name)) throw Object.assign(new Error(`ENOSPC: ${call} of ${name}`), { code: 'ENOSPC' });
  }

  #file(name: string, content: Content): DiskFile {
    const readNow = (into: Uint8Array, at: number) => {
      const part = content.seen.subarray(at, at + into.length);
      into.set(part);
      return part.length;
    };
    const writeNow = (bytes: Uint8Array, at: number) => {
      this.#refuse('write', name);
      content.seen = written(content.seen, { at, bytes });
      content.unsynced.push({ at, bytes: bytes.slice() });
    };
    return {
      readNow,
      read: (into, at) => Promise.resolve(readNow(into, at)),
      writeNow,
      write: async (bytes, at) => writeNow(bytes, at),
      sync: async () => {
        this.syncs++;
        const covered = content.unsynced.length;
        const steps = this.syncSteps();
        if (steps === NEVER) return new Promise(() => {});
        for (let step = 0; step < steps; step++) await undefined;
        this.#refuse('sync', name);
        content.durable = content.unsynced.splice(0, covered).reduce(written, content.durable ?? new Uint8Array());
      },
      truncate: (bytes) => {
        content.seen = content.seen.slice(0, bytes);
      },
      size: () => content.seen.length,
      close: () => {},
    };
  }
}

/** Into the array itself where it has the room. */
function written(onto: Uint8Array, { at, bytes }: Write): Uint8Array {
  let result = onto;
  if (at + bytes.length > onto.length) {
    result = new Uint8Array(at + bytes.length);
    result.set(onto);
  }
  result.set(bytes, at);
  return result;
}
