// A Redis for tests: that of Debian, installed where it is missing and this user may.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from 'redis';

const PLACES = ['/usr/bin/redis-server', '/usr/bin/valkey-server', '/usr/local/bin/redis-server'];
const INSTALL =
  'test -x /usr/bin/redis-server || (apt-get -qq update && apt-get -qq install -y --no-install-recommends redis-server)';

/** For `beforeAll`: an installation takes a while. */
export const START_MS = 300_000;
/** Why tests are left out where there is none. */
export const NO_REDIS = 'no Redis: apt-get install redis-server, or name one in TIDEGATE_REDIS';

/** Undefined: there is none, and none can be had here. */
function program(): string | undefined {
  const known = () => [process.env.TIDEGATE_REDIS ?? '', ...PLACES].find((place) => place !== '' && existsSync(place));
  const found = known();
  if (found !== undefined || process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return found;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  try {
    // Several test files may want it at once.
    execFileSync('flock', ['/tmp/tidegate-redis.lock', 'sh', '-c', INSTALL], { env, stdio: 'pipe' });
  } catch (error) {
    console.warn(`Redis could not be installed: ${(error as Error).message}`);
  }
  return known();
}

export class Redis {
  readonly port: number;
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidegate-redis-'));
  readonly #program: string;
  #process: ChildProcess | undefined;

  private constructor(at: string, port: number) {
    this.#program = at;
    this.port = port;
  }

  /** Undefined where there is none; then its tests are left out, and say so. */
  static async start(): Promise<Redis | undefined> {
    const at = program();
    if (at === undefined) return void console.warn(`left out: ${NO_REDIS}`);
    const redis = new Redis(at, await freePort());
    await redis.begin();
    return redis;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Begins the process, with what its file has. */
  async begin(...options: readonly string[]): Promise<void> {
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder, '--save', '', ...options];
    this.#process = spawn(this.#program, args, { stdio: 'ignore' });
    for (let tries = 0; ; tries++) {
      const client = createClient({ url: this.url, socket: { reconnectStrategy: false } });
      client.on('error', () => {});
      try {
        await client.connect();
        await client.ping();
        return client.destroy();
      } catch (error) {
        if (tries === 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** What it had is lost. */
  async kill(): Promise<void> {
    const gone = this.#process && once(this.#process, 'exit');
    this.signal('SIGKILL');
    await gone;
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('expected a port');
  return address.port;
}
