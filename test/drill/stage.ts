// All that runs in one set-up: the database, the application, the gate, and the network between them.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TidegateConfig } from '../../src/node/config/config-types.ts';
import { GateProcess } from '../crash/gate-process.ts';
import { Relay } from '../kit/relay.ts';
import { ask } from './client.ts';
import type { DrillDatabase } from './database.ts';
import { DrillProcess } from './drill-process.ts';
import type { Figures } from './figures.ts';
import { freePort, startPostgres } from './postgres.ts';
import { type SetUp, STATUS } from './settings.ts';
import { openSqlite } from './sqlite.ts';
import { SourceWatch } from './watch.ts';

export const SOURCE = 'drill';
export const TIMES = { leaseMs: 600, maxLagMs: 400, settleMs: 1_500 };

const BIN = fileURLToPath(new URL('../../src/node/bin.ts', import.meta.url));
const HEAD_TIMEOUT_MS = 8_000;

export interface StageOptions {
  readonly setUp: SetUp;
  /** Of this set-up alone. */
  readonly folder: string;
  readonly figures: Figures;
  readonly execArgv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface RunningGate {
  readonly life: number;
  readonly url: string;
  readonly adminUrl: string;
  readonly process: GateProcess;
  readonly agent: Agent;
}

export interface GateTiers {
  readonly hasDisk: boolean;
  readonly memoryBytes: number;
}

/** The processes that the drill wrote. */
export type Part = 'application' | 'feed process';

interface Ports {
  readonly application: number;
  readonly feed: number;
}

export class Stage {
  readonly setUp: SetUp;
  readonly database: DrillDatabase;
  /** Between whoever follows the database and the gate's admin API. */
  readonly relay: Relay;
  /** Between the application and the feed process. */
  readonly feedRelay: Relay;
  readonly watch: SourceWatch;
  readonly figures: Figures;
  gate: RunningGate | undefined;
  tiers: GateTiers = { hasDisk: false, memoryBytes: 8 * 1024 ** 2 };
  /** How long clients wait for an answer. */
  patienceMs = 2_000;
  #lives = 0;
  #outdated = 0;
  readonly #options: StageOptions;
  readonly #ports: Ports;
  readonly #processes = new Map<Part, DrillProcess>();
  readonly #outdatedBy = new Map<DrillProcess | undefined, number>();

  static async open(options: StageOptions): Promise<Stage> {
    const { folder, setUp } = options;
    mkdirSync(folder, { recursive: true });
    const database = setUp.dialect === 'sqlite' ? openSqlite(folder) : await startPostgres(folder);
    const stage = new Stage(options, database, { application: await freePort(), feed: await freePort() });
    await stage.relay.listen();
    await stage.feedRelay.listen();
    return stage;
  }

  private constructor(options: StageOptions, database: DrillDatabase, ports: Ports) {
    this.#options = options;
    this.#ports = ports;
    this.setUp = options.setUp;
    this.database = database;
    this.figures = options.figures;
    this.relay = new Relay(() => (this.gate === undefined ? undefined : Number(new URL(this.gate.adminUrl).port)));
    this.feedRelay = new Relay(() => ports.feed);
    this.watch = new SourceWatch(SOURCE, () => this.gate);
  }

  get applicationUrl(): string {
    return urlAt(this.#ports.application);
  }

  /** Tags that changes made outdated, in all lives of the tracker. */
  get outdated(): number {
    return this.#outdated;
  }

  /** Who follows the database. */
  get follower(): Part {
    return this.setUp.hasFeedProcess ? 'feed process' : 'application';
  }

  async begin(): Promise<void> {
    await this.startGate();
    if (this.setUp.hasFeedProcess) await this.start('feed process');
    await this.start('application');
  }

  async startGate(tiers: GateTiers = this.tiers): Promise<void> {
    const { folder, execArgv } = this.#options;
    if (!tiers.hasDisk) rmSync(join(folder, 'disk'), { recursive: true, force: true });
    this.tiers = tiers;
    writeFileSync(join(folder, 'tidegate.config.json'), JSON.stringify(this.#config(tiers)));
    const process = new GateProcess({ bin: BIN, cwd: folder, life: ++this.#lives, execArgv, env: this.#env });
    const listening = await process.listening;
    if (listening === undefined) throw new Error(`expected a gate that starts, got: ${process.lines.join('; ')}`);
    const { url, adminUrl } = listening;
    this.gate = { life: process.life, url, adminUrl, process, agent: new Agent({ keepAlive: true, maxSockets: 32 }) };
    void process.ended.then(({ code, signal }) => {
      if (process.ordered === undefined) this.figures.find('unexpected', `the gate ended with ${code ?? signal}`);
    });
  }

  async endGate(how: 'kill' | 'terminate'): Promise<void> {
    const { gate } = this;
    this.gate = undefined;
    gate?.process[how]();
    await gate?.process.ended;
    gate?.agent.destroy();
  }

  async start(part: Part): Promise<void> {
    const { execArgv, setUp } = this.#options;
    const { application, feed } = this.#ports;
    const settings = {
      dialect: setUp.dialect,
      port: part === 'application' ? application : feed,
      source: SOURCE,
      admin: urlAt(this.relay.port),
      feed: setUp.hasFeedProcess ? urlAt(this.feedRelay.port) : undefined,
      ...TIMES,
      database: this.database.settings(),
    };
    const main = part === 'application' ? 'application.ts' : 'feed-process.ts';
    const process = new DrillProcess({ main, settings, execArgv, env: this.#env });
    this.#processes.set(part, process);
    if (!(await process.listening)) throw new Error(`expected the ${part} to start, got: ${process.lines.join('; ')}`);
    void process.ended.then(() => {
      if (process.isOrdered) return;
      this.figures.find('unexpected', `the ${part} ended: ${process.lines.slice(-10).join('; ')}`);
    });
  }

  signal(part: Part, name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#processes.get(part)?.signal(name);
  }

  async kill(part: Part): Promise<void> {
    if (part === this.follower) await this.tracker();
    const process = this.#processes.get(part);
    process?.signal('SIGKILL');
    await process?.ended;
  }

  /** What who follows the database says of itself; and its count is added up. */
  async tracker(): Promise<string> {
    const url = this.setUp.hasFeedProcess ? `${urlAt(this.#ports.feed)}/status` : this.applicationUrl + STATUS;
    const reply = await ask({ url, timeoutMs: 500 });
    if (reply?.status !== 200) return `no answer of the ${this.follower}`;
    const { counts } = JSON.parse(reply.text) as { readonly counts: { readonly outdated: number } };
    const process = this.#processes.get(this.follower);
    this.#outdated += counts.outdated - (this.#outdatedBy.get(process) ?? 0);
    this.#outdatedBy.set(process, counts.outdated);
    return reply.text;
  }

  async close(): Promise<void> {
    await this.watch.stop();
    for (const part of this.#processes.keys()) await this.kill(part);
    await this.endGate('kill');
    this.relay.close();
    this.feedRelay.close();
    await this.database.close();
  }

  get #env(): Readonly<Record<string, string>> {
    return { NODE_COMPILE_CACHE: join(this.#options.folder, 'compiled'), ...this.#options.env };
  }

  #config({ hasDisk, memoryBytes }: GateTiers): TidegateConfig {
    return {
      memory: { maxBytes: memoryBytes },
      ...(hasDisk && { disk: { path: 'disk', maxBytes: 256 * 1024 ** 2 } }),
      origins: {
        app: { url: this.applicationUrl, circuitBreaker: { failures: 0 }, headTimeout: HEAD_TIMEOUT_MS },
      },
      // The load looks whether its writes have waited.
      routes: [{ showTags: true }],
      log: { level: 'error' },
    };
  }
}

function urlAt(port: number): string {
  return `http://127.0.0.1:${port}`;
}
