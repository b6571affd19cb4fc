// The thread that writes the manifest, so that no request ever waits for SQLite or for a sync. It handles its requests in
// the order in which they came.
//
// An error's class and code do not travel between threads, so this file takes errors apart.

import { parentPort, workerData } from 'node:worker_threads';
import type { ManifestChange } from '../contract.ts';
import { isDamage, ManifestWriter } from './manifest-content.ts';
import { ManifestReads } from './manifest-reads.ts';
import { openForWriting } from './manifest-tables.ts';

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

/** The thread's calls, with their arguments. `commit` takes its ManifestChange rows as JSON. */
const calls = {
  commit: (changes: string) => writer.commit(JSON.parse(changes) as ManifestChange[]),
  checkpoint: writer.checkpoint.bind(writer),
  clear: writer.clear.bind(writer),
  scan: reads.scan.bind(reads),
  lastGeneration: reads.lastGeneration.bind(reads),
  find: reads.find.bind(reads),
  bodies: reads.bodies.bind(reads),
  summary: reads.summary.bind(reads),
  close: () => database.close(),
};
export type ThreadCalls = typeof calls;

port.on('message', ({ id, call, given }: ThreadRequest) => {
  try {
    const result = (calls[call] as (given: unknown) => unknown)(given);
    const moved = call === 'scan' ? (result as ReturnType<ThreadCalls['scan']>).rows : undefined;
    const buffers = moved === undefined ? [] : [moved.words.buffer, moved.generations.buffer];
    port.postMessage({ id, result } satisfies ThreadReply, buffers as ArrayBuffer[]);
  } catch (error) {
    const { message, errcode } = error as Error & { readonly errcode?: number };
    port.postMessage({ id, fault: { message, errcode, isDamage: isDamage(error) } } satisfies ThreadReply);
  }
});
