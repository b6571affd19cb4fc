// One workerd under Miniflare that can be killed at any instant: its isolates and objects vanish, what is stored stays.

import { AsyncLocalStorage } from 'node:async_hooks';
import type { ChildProcess } from 'node:child_process';
import { subscribe } from 'node:diagnostics_channel';
import type { Readable } from 'node:stream';
import { Miniflare, type WorkerOptions } from 'miniflare';

export interface ProcessOptions {
  readonly workers: readonly WorkerOptions[];
  /** What is stored is kept here. */
  readonly folder: string;
  /** Through this folder workerds find each other's Workers. */
  readonly registry: string;
}

/** Miniflare does not say which process it has started. */
const starting = new AsyncLocalStorage<WorkerdProcess>();
subscribe('child_process', (message) =>
  starting.getStore()?.hasStarted((message as { process: ChildProcess }).process),
);

export class WorkerdProcess {
  /** How often it began. */
  lives = 0;
  readonly #options: ProcessOptions;
  #miniflare: Promise<Miniflare>;
  #process: ChildProcess | undefined;

  constructor(options: ProcessOptions) {
    this.#options = options;
    this.#miniflare = this.#begin();
  }

  /** Where one of its Workers listens, once it does. */
  async at(worker: string): Promise<URL> {
    return (await this.#miniflare).unsafeGetDirectURL(worker);
  }

  hasStarted(process: ChildProcess): void {
    this.#process = process;
  }

  /** At once, in the middle of whatever it does; then it begins anew. */
  async kill(): Promise<void> {
    const killed = await this.#miniflare;
    this.#process?.kill('SIGKILL');
    this.#miniflare = killed.dispose().then(() => this.#begin());
    await this.#miniflare;
  }

  async dispose(): Promise<void> {
    await (await this.#miniflare).dispose();
  }

  async #begin(): Promise<Miniflare> {
    this.lives++;
    const { workers, folder, registry } = this.#options;
    const miniflare = starting.run(
      this,
      () =>
        new Miniflare({
          workers: [...workers],
          unsafeDevRegistryPath: registry,
          ...{ kvPersist: `${folder}/kv`, cachePersist: `${folder}/cache` },
          ...{ durableObjectsPersist: `${folder}/objects`, d1Persist: `${folder}/d1` },
          // The gate tells of every fault that the test makes.
          handleRuntimeStdio: (stdout: Readable, stderr: Readable) => {
            stdout.resume();
            stderr.resume();
          },
        }),
    );
    await miniflare.ready;
    return miniflare;
  }
}
