// The thread that writes the manifest, so that no request ever waits for SQLite or for a sync. It handles its requests in
// the order in which they came.
//
// An error's class and code do not travel between threads, so this file takes errors apart.

import { parentPort, workerData } from 'node:worker_threads';
import type { ManifestChange } from '../contract.ts';
import type { ImageChanges } from './manifest-image.ts';
import { ManifestReads } from './manifest-reads.ts';
import { isDamage, ManifestWriter } from './manifest-rows.ts';
import { openForWriting } from './manifest-tables.ts';

/** The thread's calls, with their arguments. */
export interface ThreadCalls {
  /** `changes`: ManifestChange rows as JSON. */
  commit(changes: string): void;
  checkpoint(changes: ImageChanges): void;
  clear(): void;
  scan: ManifestReads['scan'];
  lastGeneration: ManifestReads['lastGeneration'];
  find: ManifestReads['find'];
  bodies: ManifestReads['bodies'];
  summary: ManifestReads['summary'];
  close(): void;
}

export interface ThreadRequest {
  readonly id: number;
  readonly call: keyof ThreadCalls;
  readonly given: unknown;
}

export type ThreadReply =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly fault: ThreadFault };

export interface ThreadFault {
  readonly message: string;
  readonly errcode: number | undefined;
  readonly isDamage: boolean;
}

const port = parentPort;
if (port === null) throw new TypeError('expected to be started as a thread, got a main thread');
const database = openForWriting(workerData as string);
const writer = new ManifestWriter(database);
const reads = new ManifestReads(database);

const calls: ThreadCalls = {
  commit: (changes) => writer.commit(JSON.parse(changes) as ManifestChange[]),
  checkpoint: (changes) => writer.checkpoint(changes),
  clear: () => writer.clear(),
  scan: (range) => reads.scan(range),
  lastGeneration: () => reads.lastGeneration(),
  find: (query) => reads.find(query),
  bodies: (after) => reads.bodies(after),
  summary: () => reads.summary(),
  close: () => database.close(),
};

port.on('message', ({ id, call, given }: ThreadRequest) => {
  try {
    const result = (calls[call] as (given: unknown) => unknown)(given);
    port.postMessage({ id, result } satisfies ThreadReply, call === 'scan' ? buffersOf(result) : []);
  } catch (error) {
    const { message, errcode } = error as Error & { readonly errcode?: number };
    port.postMessage({ id, fault: { message, errcode, isDamage: isDamage(error) } } satisfies ThreadReply);
  }
});

function buffersOf(portion: unknown): ArrayBuffer[] {
  const { rows } = portion as ReturnType<ManifestReads['scan']>;
  return [rows.words.buffer as ArrayBuffer, rows.generations.buffer as ArrayBuffer];
}
