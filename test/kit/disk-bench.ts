// A disk store on a disk and a manifest in memory, which can be ended and begun again.

import { DiskStore, type DiskStoreOptions } from '../../src/store/disk/disk-store.ts';
import { MemoryFolder } from './memory-folder.ts';
import { MemoryManifest } from './memory-manifest.ts';
import { SimulatedTime } from './simulated-time.ts';

interface DiskBenchOptions {
  readonly maxBytes?: number;
  readonly segmentBytes?: number;
  readonly replicas?: DiskStoreOptions['replicas'];
  readonly parts?: DiskStoreOptions['parts'];
}

export class DiskBench {
  readonly disk: MemoryFolder;
  readonly faults: unknown[] = [];
  readonly #options: DiskBenchOptions;
  readonly #random = dice(1);
  manifest: MemoryManifest;
  time = new SimulatedTime();
  store: DiskStore;

  /** `before`: a bench on whose disk this one goes on. */
  constructor(options: DiskBenchOptions = {}, before?: DiskBench) {
    this.#options = options;
    before?.disk.kill();
    this.disk = before?.disk ?? new MemoryFolder();
    this.manifest = before?.manifest.restarted() ?? new MemoryManifest();
    this.store = this.#open();
  }

  /** The process is killed, or with `random` the power is cut; another one begins. */
  crash(random?: () => number): void {
    if (random === undefined) this.disk.kill();
    else this.disk.cutPower({ random });
    this.#begin(random);
  }

  /** The process ends in order; another one begins. */
  async restart(): Promise<void> {
    await this.drive(this.store.close());
    this.disk.kill();
    this.#begin();
  }

  /** Lets time pass until the work is done. */
  async drive<T>(work: T | Promise<T>): Promise<T> {
    let isDone = !(work instanceof Promise);
    const done = () => {
      isDone = true;
    };
    Promise.resolve(work).then(done, done);
    while (!isDone) {
      await turn();
      if (!isDone) this.time.advance(5);
    }
    return work;
  }

  /** Lets time pass, with turns in between for what waits for promises. */
  async pass(ms: number): Promise<void> {
    const end = this.time.now() + ms;
    while (this.time.now() < end) {
      await turn();
      this.time.advance(Math.min(Math.max(5, ms / 50), end - this.time.now()));
    }
    await turn();
  }

  #begin(random?: () => number): void {
    this.manifest = this.manifest.restarted(random);
    this.time = new SimulatedTime(this.time.now());
    this.store = this.#open();
  }

  #open(): DiskStore {
    return new DiskStore({
      folder: this.disk.attach(),
      manifest: this.manifest,
      maxBytes: this.#options.maxBytes ?? 64 * 1024 * 1024,
      ...(this.#options.segmentBytes !== undefined && { segmentBytes: this.#options.segmentBytes }),
      replicas: this.#options.replicas,
      parts: this.#options.parts,
      tasks: this.time,
      random: this.#random,
      fault: (error) => this.faults.push(error),
    });
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Numbers in [0, 1) that are the same for the same seed. */
export function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mix = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mix = Math.imul(mix ^ (mix >>> 15), 0x735a2d97);
    return ((mix ^ (mix >>> 15)) >>> 0) / 2 ** 32;
  };
}
