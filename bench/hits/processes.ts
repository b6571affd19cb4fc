// Child processes of a bench: each on one core, ended by its id, and what they used of the processor.
//
// A server may be several processes (nginx and Varnish have a manager and a worker), so its time is
// that of the process and its descendants.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

export interface Running {
  readonly pid: number;
  /** The first line of its output; rejects when it ends before it has written one. */
  firstLine(): Promise<string>;
  /** How it ended, with what it wrote as errors; undefined: it runs. */
  ended(): string | undefined;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly core: number;
}

const END_MS = 5_000;

/** Where programs for the superuser are, which the PATH of other users may leave out. */
const MORE_FOLDERS = ['/usr/sbin', '/usr/local/sbin'];

/** The file of a program; undefined: it is not installed. */
export function programFile(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), ...MORE_FOLDERS];
  return folders.map((folder) => join(folder, name)).find((file) => existsSync(file));
}

/** False: processes run on whichever core the system gives them. */
export const canPin = programFile('taskset') !== undefined && availableParallelism() >= 2;

/** The children of one bench. All end at `endAll`, on SIGINT and SIGTERM, and when this process ends. */
export class Processes {
  readonly #running = new Set<ChildProcess>();
  readonly #killAll = (): void => {
    for (const { pid } of this.#running) killTree(pid!);
  };
  readonly #interrupted = (): void => process.exit(130);

  constructor() {
    process.on('exit', this.#killAll);
    process.on('SIGINT', this.#interrupted);
    process.on('SIGTERM', this.#interrupted);
  }

  start(command: Command): Running {
    const child = this.#spawn(command);
    const errors = textOf(child.stderr!);
    const first = Promise.withResolvers<string>();
    let ended: string | undefined;
    createInterface({ input: child.stdout! }).once('line', first.resolve);
    child.once('close', (code, signal) => {
      ended = `${command.file} ended with ${code ?? signal}: ${errors()}`;
      first.reject(new Error(ended));
    });
    // Not everyone waits for a line.
    first.promise.catch(() => {});
    return { pid: child.pid!, firstLine: () => first.promise, ended: () => ended };
  }

  /** Runs a process to its end; its output. */
  async output(command: Command): Promise<string> {
    const child = this.#spawn(command);
    const text = textOf(child.stdout!);
    const errors = textOf(child.stderr!);
    const { promise, resolve } = Promise.withResolvers<number | string | null>();
    child.once('close', (code, signal) => resolve(code ?? signal));
    const got = await promise;
    if (got !== 0) throw new Error(`expected ${command.file} to exit with 0; got ${got}: ${errors()}`);
    return text();
  }

  /** Ends one of them, as `endAll` does. */
  async end({ pid }: Running): Promise<void> {
    for (const child of this.#running) if (child.pid === pid) await end(child);
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#running].map(end));
    process.off('exit', this.#killAll);
    process.off('SIGINT', this.#interrupted);
    process.off('SIGTERM', this.#interrupted);
  }

  #spawn({ file, args, core }: Command): ChildProcess {
    const line = canPin ? ['taskset', '-c', String(core), file, ...args] : [file, ...args];
    const child = spawn(line[0]!, line.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    if (child.pid === undefined) throw new Error(`expected to start ${file}; it cannot be run`);
    this.#running.add(child);
    child.once('exit', () => this.#running.delete(child));
    return child;
  }
}

/** Gathers what the stream brings. */
function textOf(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

async function end(child: ChildProcess): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('exit', () => resolve());
  const timer = setTimeout(() => killTree(child.pid!), END_MS);
  child.kill('SIGTERM');
  await promise;
  clearTimeout(timer);
}

/** Ends the process and its descendants at once, each by its id. */
function killTree(root: number): void {
  for (const pid of tree(root)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      // It has ended meanwhile.
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

export const hasProcFolder = existsSync('/proc/self/stat');

/** Of a second; what Linux counts the time of processes in. */
const TICKS_PER_SECOND = 100;

/** Time on a processor, in user and kernel mode, of the process and its descendants. */
export function cpuMs(root: number): number {
  let ticks = 0;
  for (const pid of tree(root)) {
    const stat = statOf(pid);
    if (stat !== undefined) ticks += stat.ticks;
  }
  return (1000 * ticks) / TICKS_PER_SECOND;
}

/** The process and its descendants. */
function tree(root: number): number[] {
  if (!hasProcFolder) return [root];
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) parents.set(Number(name), stat.parent);
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found;
}

/** From proc_pid_stat(5); undefined: the process has ended. */
function statOf(pid: number): { readonly parent: number; readonly ticks: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name of the program, in parentheses, may hold anything.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
}

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject).listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error(`expected a port; got ${address}`);
  return address.port;
}
