// One life of the application or of the feed process.

import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cleanEnv } from '../runtime/node/kit.ts';
import { type ProcessSettings, SETTINGS_VARIABLE } from './settings.ts';

const MAX_LINES = 200;

export interface DrillProcessOptions {
  /** A file of this folder. */
  readonly main: 'application.ts' | 'feed-process.ts';
  readonly settings: ProcessSettings;
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export class DrillProcess {
  /** False: it ended before. */
  readonly listening: Promise<boolean>;
  readonly ended: Promise<void>;
  /** What it said of its faults. */
  readonly lines: string[] = [];
  /** The drill ended it. */
  isOrdered = false;
  #isOver = false;
  readonly #child: ChildProcess;

  constructor({ main, settings, execArgv, env }: DrillProcessOptions) {
    const file = fileURLToPath(new URL(main, import.meta.url));
    this.#child = spawn(process.execPath, [...execArgv, file], {
      env: cleanEnv({ ...env, [SETTINGS_VARIABLE]: JSON.stringify(settings) }),
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', () => {
        this.#isOver = true;
        resolve();
      });
    });
    this.listening = new Promise((resolve) => {
      this.#child.stdout?.on('data', () => resolve(true));
      this.#child.on('close', () => resolve(false));
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      const said = chunk.toString().trimEnd().split('\n');
      this.lines.push(...said.slice(0, MAX_LINES - this.lines.length));
    });
  }

  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#isOver) return;
    if (name === 'SIGKILL') this.isOrdered = true;
    this.#child.kill(name);
  }
}
