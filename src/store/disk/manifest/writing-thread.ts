// The manifest's thread (manifest-thread.ts), as this side asks it.
//
// A thread can end by itself. Then all pending requests fail, and so do all later ones.

import { Worker } from 'node:worker_threads';
import type { ThreadCalls, ThreadFault, ThreadReply, ThreadRequest } from './manifest-thread.ts';

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class WritingThread {
  readonly #thread: Worker;
  readonly #damaged: (error: Error) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #broken: Error | undefined;

  /** `damaged`: called when the database is damaged. */
  constructor(file: string, damaged: (error: Error) => void) {
    this.#damaged = damaged;
    this.#thread = new Worker(threadFile(), { workerData: file, execArgv: [], name: 'manifest' });
    this.#thread.on('message', (reply: ThreadReply) => this.#settle(reply));
    this.#thread.on('error', (error: Error) => this.#breakOff(error));
    this.#thread.on('exit', () => this.#breakOff(closedError()));
    this.#thread.unref();
  }

  ask<Call extends keyof ThreadCalls>(
    call: Call,
    given: Parameters<ThreadCalls[Call]>[0],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ReturnType<ThreadCalls[Call]>> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      // An idle thread does not keep the process alive; a pending request does.
      this.#thread.ref();
      this.#thread.postMessage({ id, call, given } satisfies ThreadRequest, [...transfer]);
    });
  }

  /** Resolves when the thread has ended and has closed its connection in order. */
  async end(): Promise<void> {
    if (this.#broken !== undefined) return;
    await this.ask('close', undefined);
    await this.#thread.terminate();
  }

  #settle(reply: ThreadReply): void {
    const pending = this.#pending.get(reply.id) as Pending;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#thread.unref();
    if ('result' in reply) return pending.resolve(reply.result);
    const error = writeError(reply.fault);
    if (reply.fault.isDamage) this.#damaged(error);
    pending.reject(error);
  }

  #breakOff(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** In the source, the file beside this one; in the package, the file that package.json names. */
function threadFile(): URL {
  const { url } = import.meta;
  return url.endsWith('.ts') ? new URL('./manifest-thread.ts', url) : new URL(import.meta.resolve('#manifest-thread'));
}

export function closedError(): Error {
  return new Error('expected the manifest to be open, got a closed one');
}

const SQLITE_FULL = 13;

/** SQLite's error, with the system's code where there is one. */
export function writeError({ message, errcode }: Pick<ThreadFault, 'message' | 'errcode'>): Error {
  const code = errcode !== undefined && (errcode & 0xff) === SQLITE_FULL ? 'ENOSPC' : undefined;
  return Object.assign(new Error(message), { errcode, ...(code !== undefined && { code }) });
}
