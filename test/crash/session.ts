// One run on one work folder: gates are started in it one after the other, on the same disk folder, until that is
// replaced by an empty one.
//
// A gate that does not start. That is a fault, and the run goes on: with another attempt, and at
// last with an empty folder.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TidegateConfig } from '../../src/node/config/config-types.ts';
import { GateProcess } from './gate-process.ts';
import { ORIGIN_NAME } from './selections.ts';
import { makeAgent, type Running, type World } from './world.ts';

export interface SessionOptions {
  /** The executable `tidegate`. */
  readonly bin: string;
  /** A folder of the run's own. */
  readonly folder: string;
  /** False: the gates have no disk tier. */
  readonly disk: boolean;
  /** Processes that serve. SIGKILL hits the one that started them; they must end with it. */
  readonly workers: number;
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface GateSizes {
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

const ATTEMPTS = 3;

export class Session {
  readonly world: World;
  readonly diskFolder: string;
  readonly hasDisk: boolean;
  /** When the last gate was over. */
  endMs = 0;
  #life = 0;
  readonly #options: SessionOptions;

  constructor(world: World, options: SessionOptions) {
    this.world = world;
    this.#options = options;
    this.hasDisk = options.disk;
    this.diskFolder = join(options.folder, 'disk');
    this.replaceDisk();
  }

  /** An empty folder takes the place of the disk folder. */
  replaceDisk(): void {
    rmSync(this.diskFolder, { recursive: true, force: true });
    mkdirSync(this.diskFolder);
    this.world.damaged = false;
  }

  spawn(sizes: GateSizes): GateProcess {
    const { bin, folder, execArgv, env } = this.#options;
    writeFileSync(join(folder, 'tidegate.config.json'), JSON.stringify(this.#config(sizes), undefined, 2));
    const cached = { NODE_COMPILE_CACHE: join(folder, 'compiled'), ...env };
    const process = new GateProcess({ bin, cwd: folder, life: ++this.#life, execArgv, env: cached });
    this.world.figures.heard = () => process.lines;
    return process;
  }

  /** A gate that listens; undefined: none could be started, and the disk folder is a new one. */
  async start(sizes: GateSizes): Promise<Running | undefined> {
    const { figures } = this.world;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const process = this.spawn(sizes);
      const listening = await process.listening;
      if (listening !== undefined) {
        figures.startMs.push(listening.afterMs);
        return { ...listening, process, agent: makeAgent() };
      }
      const { code, signal } = await process.ended;
      const how = process.hangs ? 'hangs' : `ended with ${code ?? signal}`;
      figures.find('unexpected', `the gate does not start: ${how}`);
    }
    this.replaceDisk();
    return undefined;
  }

  /** Waits for the end of a gate, which must be as ordered. */
  async over({ process, agent }: Running, patienceMs: number): Promise<void> {
    const { figures } = this.world;
    const timer = setTimeout(() => {
      figures.find('unexpected', `the gate does not end within ${patienceMs} ms of SIGTERM`);
      process.kill();
    }, patienceMs);
    const { code, signal } = await process.ended;
    clearTimeout(timer);
    agent.destroy();
    this.endMs = performance.now();
    if (process.ordered === undefined || (process.ordered === 'term' && code !== 0)) {
      figures.find('unexpected', `the gate ended with ${code ?? signal}`);
    }
  }

  #config({ memoryBytes, diskBytes }: GateSizes): TidegateConfig {
    return {
      memory: { maxBytes: memoryBytes },
      workers: this.#options.workers,
      ...(this.hasDisk && { disk: { path: 'disk', maxBytes: diskBytes } }),
      origins: { [ORIGIN_NAME]: { url: this.world.origin.url, circuitBreaker: { failures: 0 } } },
      log: { level: 'warn' },
      // How busy the machine is decides nothing here: a request that is shed shows nothing of a crash.
      limits: { overload: { eventLoopDelay: 0 } },
    };
  }
}
