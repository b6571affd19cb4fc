// What the bench `disk` writes to and reads from: the disk tier, a file for each entry, and blobs in SQLite.

import fs from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { platformRandom, platformTasks } from '../../src/cache/platform.ts';
import type { StoredResponse } from '../../src/entry/stored-response.ts';
import type { Eventually } from '../../src/ports.ts';
import { DiskStore } from '../../src/store/disk/disk-store.ts';
import { type Durable, openDurable } from '../../src/store/disk/durable.ts';

export interface DiskPeer {
  readonly name: string;
  /** Of the entry; 0: it is not there. */
  readonly read?: (entry: StoredResponse) => Eventually<number>;
  readonly write?: (entry: StoredResponse) => Eventually<void>;
  /** What was written is where it shall be; nothing is synced to the disk by any of them. */
  readonly settle: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface OpenedDisk {
  readonly durable: Durable;
  readonly store: DiskStore;
}

/** As the gate opens it. */
export async function openDisk(path: string, maxBytes: number): Promise<OpenedDisk> {
  const durable = await openDurable(path, { tasks: platformTasks, newEpoch: () => 'bench' });
  const { folder, manifest } = durable;
  const fault = (error: unknown) => console.error('disk tier:', error);
  const store = new DiskStore({ folder, manifest, maxBytes, tasks: platformTasks, random: platformRandom, fault });
  await store.loaded();
  return { durable, store };
}

/** All that was put is written and in the manifest. */
export async function settled(store: DiskStore): Promise<void> {
  await store.find({ kind: 'url', uri: 'http://none.example/' })[Symbol.asyncIterator]().next();
}

async function tier(folder: string, maxBytes: number): Promise<DiskPeer> {
  const { durable, store } = await openDisk(folder, maxBytes);
  const lengthOf = (entry: Awaited<ReturnType<DiskStore['get']>>) =>
    entry?.kind === 'response' ? entry.bytes.length : 0;
  return {
    name: 'tidegate',
    read(entry) {
      const got = store.get(entry.key);
      return got instanceof Promise ? got.then(lengthOf) : lengthOf(got);
    },
    write: (entry) => store.put(entry),
    settle: () => settled(store),
    async close() {
      const { declined, corrupt } = store.stats();
      if (declined + corrupt > 0) throw new Error(`expected all to be taken in; got ${declined} declined`);
      await store.close();
      await durable.close();
    },
  };
}

/** Two ways to read, one to write: a new file is written beside the old and renamed, so that no reader sees half of it. */
function files(folder: string): DiskPeer[] {
  fs.mkdirSync(folder);
  const names = new Map<string, string>();
  const pathOf = ({ key }: StoredResponse): string => {
    let path = names.get(key);
    if (path === undefined) {
      // Folders of some hundred files, as such stores make them.
      const parent = join(folder, String(names.size % 64));
      fs.mkdirSync(parent, { recursive: true });
      path = join(parent, String(names.size));
      names.set(key, path);
    }
    return path;
  };
  const rest = { settle: async () => {}, close: async () => {} };
  return [
    {
      name: 'file, open+read+close',
      read(entry) {
        const descriptor = fs.openSync(pathOf(entry), 'r');
        const bytes = Buffer.allocUnsafeSlow(fs.fstatSync(descriptor).size);
        const read = fs.readSync(descriptor, bytes, 0, bytes.length, 0);
        fs.closeSync(descriptor);
        return read;
      },
      write(entry) {
        const path = pathOf(entry);
        fs.writeFileSync(`${path}.new`, entry.bytes);
        fs.renameSync(`${path}.new`, path);
      },
      ...rest,
    },
    {
      name: 'file, promises.readFile',
      read: async (entry) => (await fs.promises.readFile(pathOf(entry))).length,
      ...rest,
    },
  ];
}

function sqlite(folder: string): DiskPeer {
  fs.mkdirSync(folder);
  const database = new DatabaseSync(join(folder, 'blobs.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL');
  database.exec('CREATE TABLE entries (id INTEGER PRIMARY KEY, key TEXT UNIQUE, bytes BLOB)');
  const select = database.prepare('SELECT bytes FROM entries WHERE key = ?');
  const upsert = database.prepare(
    'INSERT INTO entries (key, bytes) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes',
  );
  return {
    name: 'SQLite blob',
    read: ({ key }) => (select.get(key)?.bytes as Uint8Array | undefined)?.length ?? 0,
    write: ({ key, bytes }) => void upsert.run(key, bytes),
    settle: async () => {},
    close: async () => database.close(),
  };
}

export async function openPeers(folder: string, maxBytes: number): Promise<DiskPeer[]> {
  return [await tier(join(folder, 'tier'), maxBytes), ...files(join(folder, 'files')), sqlite(join(folder, 'sqlite'))];
}
