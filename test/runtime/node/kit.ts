// What the runtime tests share: the gate as a process of its own, other programs, folders that go away, and waiting for a
// condition with a deadline.
//
// The servers the gate stands in front of are a private package in registry/. Whichever test file
// comes first installs it; the others wait for that one.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GateStats } from '../../../src/engine/contract.ts';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const BIN = join(ROOT, 'node_modules', '.bin');
/** The Node that this repository pins. */
export const NODE = join(BIN, 'node');

/** Waits until `look` gives something; throws after `withinMs`, with `what` was expected. */
export async function until<Found>(
  what: string,
  look: () => Found | undefined | false | Promise<Found | undefined | false>,
  withinMs = 20_000,
): Promise<Found> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`expected ${what} within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** A folder of the test's own. */
export function tempFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'tidegate-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

/** Writes a file as JSON. */
export function writeJson(path: string, value: unknown): void {
  writeFileSync(path, JSON.stringify(value, null, 2));
}

/** A port that was free just now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export function portOf(server: { address(): unknown }): number {
  return (server.address() as { readonly port: number }).port;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly withinMs?: number;
  readonly input?: string;
}

export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly text: string;
  readonly stderr: string;
}

/** The environment without what `npm test` adds to it, with the pinned Node first on the path. */
export function cleanEnv(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => {
    return (
      !name.startsWith('npm_') && !name.startsWith('VITEST') && !['NODE_ENV', 'NODE_OPTIONS', 'INIT_CWD'].includes(name)
    );
  });
  return { ...Object.fromEntries(kept), PATH: `${BIN}${delimiter}${process.env.PATH}`, ...more };
}

/** A program that is running; its output is kept. */
export class Program {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly stdout: Buffer[] = [];
  readonly stderr: Buffer[] = [];
  running = true;

  constructor(command: string, args: readonly string[], { cwd, env, input }: RunOptions = {}) {
    this.child = spawn(command, args, { cwd, env: cleanEnv(env), stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stdin?.on('error', () => this.child.stdin?.destroy());
    this.child.stdin?.end(input);
    this.child.stdout?.on('data', (chunk: Buffer) => this.stdout.push(chunk));
    this.child.stderr?.on('data', (chunk: Buffer) => this.stderr.push(chunk));
    this.exited = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code) => {
        this.running = false;
        resolve(code);
      });
    });
  }

  get out(): string {
    return Buffer.concat(this.stdout).toString();
  }

  get err(): string {
    return Buffer.concat(this.stderr).toString();
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Ends it, at once if need be. */
  async stop(): Promise<void> {
    if (!this.running) return;
    this.signal('SIGTERM');
    const timer = setTimeout(() => this.signal('SIGKILL'), 3_000);
    await this.exited;
    clearTimeout(timer);
  }
}

/** Runs a program to its end. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const program = new Program(command, args, options);
  const { withinMs = 60_000 } = options;
  const timer = setTimeout(() => program.signal('SIGKILL'), withinMs);
  const code = await program.exited;
  clearTimeout(timer);
  return { code, stdout: Buffer.concat(program.stdout), text: program.out, stderr: program.err };
}

/** Runs a program that must succeed. */
export async function runWell(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const ran = await run(command, args, options);
  if (ran.code === 0) return ran;
  throw new Error(`expected ${command} ${args.join(' ')} to succeed, got ${ran.code}\n${ran.text}\n${ran.stderr}`);
}

/** True when the program can be started. */
export async function isInstalled(command: string): Promise<boolean> {
  return run(command, ['--version']).then(
    ({ code }) => code === 0,
    () => false,
  );
}

/** The command `tidegate` of this working tree. */
export function tidegate(args: readonly string[], options: RunOptions = {}): Program {
  return new Program(NODE, [join(ROOT, 'src', 'node', 'bin.ts'), ...args], options);
}

export interface GateProcess {
  readonly program: Program;
  readonly url: string;
  readonly port: number;
  readonly adminUrl: string;
}

/** The gate as a process, once it has said where it listens. */
export async function serveWith(program: Program): Promise<GateProcess> {
  const found = await until('the lines "gate: URL" and "admin: URL"', () => {
    if (!program.running) throw new Error(`expected a running gate, got its end\n${program.out}${program.err}`);
    const [, url] = /^gate: (\S+)\n/m.exec(program.out) ?? [];
    const [, adminUrl] = /^admin: (\S+)\n/m.exec(program.out) ?? [];
    return url !== undefined && adminUrl !== undefined && { url, adminUrl };
  });
  return { program, ...found, port: Number(new URL(found.url).port) };
}

/** `tidegate serve` on free ports. */
export async function serve(args: readonly string[], options: RunOptions = {}): Promise<GateProcess> {
  return serveWith(tidegate(['serve', ...args, '--port', '0', '--admin-port', '0'], options));
}

export async function stats(adminUrl: string): Promise<GateStats> {
  const response = await fetch(`${adminUrl}/stats`);
  return (await response.json()) as GateStats;
}

/** Requests that went to the origin so far. */
export function forwardsIn({ forwards }: GateStats): number {
  return Object.values(forwards).reduce((sum, count) => sum + count, 0);
}

const SERVERS = fileURLToPath(new URL('registry/', import.meta.url));

/** A file of the private package. */
export function serversFile(path: string): string {
  return join(SERVERS, path);
}

/** Installs the servers the tests need; the result says why that cannot be done, or undefined. */
export async function installServers(): Promise<string | undefined> {
  if (!existsSync(LOCK) && serversInstalled()) return undefined;
  const release = await lockInstall();
  try {
    if (serversInstalled()) return undefined;
    const args = ['install', '--prefix', SERVERS, '--no-audit', '--no-fund', '--loglevel', 'error'];
    const { code, stderr } = await run('npm', args, { cwd: tmpdir(), withinMs: 120_000 });
    if (code === 0) return undefined;
    const unreachable = code === null ? 'npm did not finish in two minutes' : unreachableIn(stderr);
    if (unreachable !== undefined) return unreachable;
    throw new Error(`expected npm to install ${SERVERS}, got ${code}\n${stderr}`);
  } finally {
    release();
  }
}

/** What npm says when the registry cannot be reached; undefined: it says something else. */
export function unreachableIn(stderr: string): string | undefined {
  const codes = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENETUNREACH)\b/;
  return codes.test(stderr) ? `the npm registry cannot be reached: ${stderr.split('\n')[0]}` : undefined;
}

function serversInstalled(): boolean {
  const { dependencies } = readJson(join(SERVERS, 'package.json')) as { dependencies: Record<string, string> };
  return Object.entries(dependencies).every(([name, version]) => {
    const file = join(SERVERS, 'node_modules', name, 'package.json');
    return existsSync(file) && (readJson(file) as { version: string }).version === version;
  });
}

export function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'));
}

const LOCK = join(SERVERS, '.cache', 'installing');

/** One test file at a time; a lock whose process is gone is void. */
async function lockInstall(): Promise<() => void> {
  mkdirSync(join(SERVERS, '.cache'), { recursive: true });
  await until('another test file to install the servers', () => takeLock(), 150_000);
  return () => rmSync(LOCK, { force: true });
}

function takeLock(): boolean {
  try {
    writeFileSync(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    const holder = Number(existsSync(LOCK) ? readFileSync(LOCK, 'utf8') : 0);
    // 0: written just now, or gone already; the next look tells.
    if (holder !== 0 && !isAlive(holder)) rmSync(LOCK, { force: true });
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
