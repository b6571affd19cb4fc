// One member of the cluster: a gate, or a program with a data cache, with its own link to the engine. It can be ended and stopped like
// any process, and begins again where it was ended.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Relay } from '../kit/relay.ts';
import { MemberProcess } from './member-process.ts';
import type { Reader } from './truth.ts';

export interface MemberParts {
  readonly name: string;
  readonly kind: Reader;
  readonly folder: string;
  /** Of a gate. */
  readonly workers: number;
  readonly hasDisk: boolean;
  readonly originUrl: string;
  readonly cluster: string;
  readonly leaseMs: number;
  /** Where the engine is now. */
  readonly enginePort: () => number;
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const BIN = fileURLToPath(new URL('../../src/node/bin.ts', import.meta.url));
const APP = fileURLToPath(new URL('./app.ts', import.meta.url));

export class Member {
  readonly parts: MemberParts;
  readonly link: Relay;
  /** Undefined while it does not run. */
  process: MemberProcess | undefined;
  url: string | undefined;
  isStopped = false;
  /** Since when nothing disturbs it; undefined: something does. */
  healedMs: number | undefined;

  constructor(parts: MemberParts) {
    this.parts = parts;
    this.link = new Relay(parts.enginePort);
  }

  async begin(): Promise<void> {
    const { kind, folder, name } = this.parts;
    const cwd = join(folder, name);
    mkdirSync(cwd, { recursive: true });
    if (this.link.port === 0) await this.link.listen();
    if (kind === 'gate') writeFileSync(join(cwd, 'tidegate.config.json'), JSON.stringify(this.#config()));
    await this.start();
  }

  /** Throws where it does not come to listen. */
  async start(): Promise<void> {
    const { kind, originUrl, cluster, leaseMs, folder, name, execArgv, env } = this.parts;
    const args =
      kind === 'gate'
        ? [BIN, 'serve', '--port', '0', '--admin-port', '0']
        : [APP, this.#engineUrl, originUrl, cluster, String(leaseMs)];
    const started = new MemberProcess({ args: [...execArgv, ...args], cwd: join(folder, name), env });
    this.process = started;
    this.url = await started.listening;
    if (this.url === undefined && this.process === started && !started.isOrdered) {
      throw new Error(`expected ${name} to listen, got its end:\n${started.lines.slice(-20).join('\n')}`);
    }
  }

  async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const ending = this.process;
    this.url = undefined;
    ending?.signal(signal);
    await ending?.ended;
  }

  pause(): void {
    this.isStopped = true;
    this.process?.signal('SIGSTOP');
  }

  goOn(): void {
    this.isStopped = false;
    this.process?.signal('SIGCONT');
  }

  async close(): Promise<void> {
    this.goOn();
    await this.end('SIGKILL');
    this.link.close();
  }

  get #engineUrl(): string {
    return `redis://127.0.0.1:${this.link.port}`;
  }

  #config() {
    const { workers, hasDisk, originUrl, cluster, leaseMs } = this.parts;
    return {
      workers,
      origins: { api: { url: originUrl } },
      log: { level: 'warn' },
      ...(hasDisk && { disk: { path: './disk' } }),
      cluster: { url: this.#engineUrl, name: cluster, lease: leaseMs },
    };
  }
}
