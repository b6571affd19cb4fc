// One life of a member: it says where it listens on its standard output.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cleanEnv } from '../runtime/node/kit.ts';

const MAX_START_MS = 30_000;
const MAX_LINES = 400;

export interface MemberProcessOptions {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

export class MemberProcess {
  /** Undefined: it has ended before, or took too long. */
  readonly listening: Promise<string | undefined>;
  readonly ended: Promise<void>;
  /** What it said of its faults. */
  readonly lines: string[] = [];
  /** The drill ended it. */
  isOrdered = false;
  #isOver = false;
  readonly #child: ChildProcess;

  constructor({ args, cwd, env }: MemberProcessOptions) {
    this.#child = spawn(process.execPath, args, { cwd, env: cleanEnv(env), stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', () => {
        this.#isOver = true;
        resolve();
      });
    });
    this.listening = new Promise((resolve) => {
      const late = setTimeout(() => this.signal('SIGKILL'), MAX_START_MS);
      this.#child.on('close', () => {
        clearTimeout(late);
        resolve(undefined);
      });
      let said = '';
      this.#child.stdout?.on('data', (chunk: Buffer) => {
        said = (said + chunk).slice(-2_000);
        this.#note(chunk);
        const [, url] = /^gate: (\S+)$/m.exec(said) ?? [];
        if (url === undefined || !/^admin: \S+$/m.test(said)) return;
        clearTimeout(late);
        resolve(url);
      });
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#note(chunk));
  }

  /** Processes that it has begun. */
  children(): readonly number[] {
    const { pid } = this.#child;
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  }

  signal(name: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): void {
    if (this.#isOver) return;
    if (name === 'SIGKILL' || name === 'SIGTERM') this.isOrdered = true;
    this.#child.kill(name);
  }

  #note(chunk: Buffer): void {
    this.lines.push(...chunk.toString().trimEnd().split('\n'));
    this.lines.splice(0, this.lines.length - MAX_LINES);
  }
}
