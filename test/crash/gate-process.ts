// One life of the gate: `tidegate serve` as a process of its own, from its start to its end, which is mostly a SIGKILL.

import { type ChildProcess, spawn } from 'node:child_process';
import { cleanEnv } from '../runtime/node/kit.ts';

export interface GateProcessOptions {
  /** The executable `tidegate`. */
  readonly bin: string;
  readonly cwd: string;
  readonly life: number;
  /** Arguments of Node itself. */
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Listening {
  readonly url: string;
  readonly adminUrl: string;
  readonly afterMs: number;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A gate that does not listen by then hangs. */
const MAX_START_MS = 20_000;
/** Lines kept of what it says. */
const MAX_LINES = 400;

export class GateProcess {
  readonly life: number;
  readonly listening: Promise<Listening | undefined>;
  readonly ended: Promise<Ended>;
  /** What it said besides where it listens. */
  readonly lines: string[] = [];
  /** What this harness did to end it. */
  ordered: 'kill' | 'term' | undefined;
  /** True once it does not listen in time. */
  hangs = false;
  over = false;
  #rest = '';
  readonly #child: ChildProcess;
  readonly #startedMs = performance.now();

  constructor({ bin, cwd, life, execArgv, env }: GateProcessOptions) {
    this.life = life;
    const args = [...execArgv, bin, 'serve', '--port', '0', '--admin-port', '0'];
    this.#child = spawn(process.execPath, args, { cwd, env: cleanEnv(env), stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      this.#child.on('close', (code, signal) => {
        this.over = true;
        resolve({ code, signal });
      });
    });
    this.listening = new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.hangs = true;
        this.kill();
      }, MAX_START_MS);
      this.#child.stdout?.on('data', (chunk: Buffer) => {
        const found = this.#read(chunk);
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      });
      this.#child.on('close', () => {
        clearTimeout(timer);
        resolve(undefined);
      });
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#note(chunk.toString().trimEnd().split('\n')));
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** At once: the call returns when the signal has been sent. */
  kill(): void {
    if (this.over) return;
    this.ordered = 'kill';
    this.#child.kill('SIGKILL');
  }

  terminate(): void {
    if (this.over) return;
    this.ordered ??= 'term';
    this.#child.kill('SIGTERM');
  }

  #url = '';

  #read(chunk: Buffer): Listening | undefined {
    const lines = (this.#rest + chunk.toString()).split('\n');
    this.#rest = lines.pop() as string;
    let found: Listening | undefined;
    for (const line of lines) {
      const [, name, url] = /^(gate|admin): (\S+)$/.exec(line) ?? [];
      if (name === 'gate') this.#url = url as string;
      else if (name === 'admin') {
        found = { url: this.#url, adminUrl: url as string, afterMs: performance.now() - this.#startedMs };
      } else this.#note([line]);
    }
    return found;
  }

  #note(lines: readonly string[]): void {
    this.lines.push(...lines.slice(0, MAX_LINES - this.lines.length));
  }
}
