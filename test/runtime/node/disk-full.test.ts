// A small disk that is full: caching stops, serving goes on, what is invalidated stays so, and with room there is caching
// again. The disk is a file system in memory, a few MiB large, which only root may mount.

import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { DurableDiskStats } from '../../../src/engine/contract.ts';
import type { TidegateConfig } from '../../../src/node/config/config-types.ts';
import { httpOrigin } from './fault-kit.ts';
import { freePort, type GateProcess, serveWith, stats, tempFolder, tidegate, until } from './kit.ts';

const MIB = 1024 ** 2;
const DISK_MIB = 8;
const BODY_BYTES = 100_000;

/** Why no small file system can be mounted here; undefined: it can. */
function whyNotMountable(): string | undefined {
  const { path, remove } = tempFolder();
  try {
    mount(path);
    unmount(path);
    return undefined;
  } catch (error) {
    return `a tmpfs cannot be mounted: ${(error as { readonly stderr?: Buffer }).stderr ?? error}`.trim();
  } finally {
    remove();
  }
}

function mount(path: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_MIB}m`, 'tmpfs', path], { stdio: 'pipe' });
}

function unmount(path: string): void {
  execFileSync('umount', ['-l', path], { stdio: 'pipe' });
}

/** Takes all room that is left on a disk. */
class Filler {
  readonly #path: string;

  constructor(disk: string) {
    this.#path = join(disk, 'filler');
  }

  fill(): void {
    const file = openSync(this.#path, 'a');
    try {
      for (const bytes of [64 * 1024, 4096]) writeUntilFull(file, Buffer.alloc(bytes));
    } finally {
      closeSync(file);
    }
    expect(statSync(this.#path).size).toBeGreaterThan(0);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }
}

function writeUntilFull(file: number, bytes: Buffer): void {
  for (;;) {
    try {
      writeSync(file, bytes);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      return;
    }
  }
}

/** A page is its path and version, over and over. */
function pageOf(path: string, version: number): string {
  const line = `${path} ${version}\n`;
  return line.repeat(Math.ceil(BODY_BYTES / line.length)).slice(0, BODY_BYTES);
}

class Bench {
  version = 1;
  readonly filler: Filler;
  readonly #cwd: string;
  readonly #port: number;
  #gate: GateProcess | undefined;

  constructor(cwd: string, port: number) {
    this.#cwd = cwd;
    this.#port = port;
    this.filler = new Filler(join(cwd, 'mounted'));
  }

  static async open(): Promise<Bench> {
    const { path: cwd, remove } = tempFolder();
    onTestFinished(remove);
    const mounted = join(cwd, 'mounted');
    mkdirSync(mounted);
    mount(mounted);
    onTestFinished(() => unmount(mounted));
    const bench = new Bench(cwd, await freePort());
    onTestFinished(() => bench.#gate?.program.stop());
    const { url } = await httpOrigin(bench.#answer);
    // More than there is room for, and no memory: what is a hit has come from the disk.
    const config: TidegateConfig = {
      memory: { maxBytes: 0 },
      disk: { path: 'mounted/disk', maxBytes: 64 * MIB },
      origins: { app: { url } },
      log: { level: 'warn' },
    };
    writeFileSync(join(cwd, 'tidegate.config.json'), JSON.stringify(config));
    await bench.start();
    return bench;
  }

  readonly #answer: RequestListener = ({ url: path = '/' }, response) => {
    response.writeHead(200, { 'cache-control': 'max-age=36000', etag: `"${this.version}"` });
    response.end(pageOf(path, this.version));
  };

  get gate(): GateProcess {
    if (this.#gate === undefined) throw new Error('expected a gate that runs, got none');
    return this.#gate;
  }

  /** On the same port, which stands in the cache keys. */
  async start(): Promise<void> {
    const args = ['serve', '--port', String(this.#port), '--admin-port', '0'];
    this.#gate = await serveWith(tidegate(args, { cwd: this.#cwd }));
  }

  async kill(): Promise<void> {
    this.gate.program.signal('SIGKILL');
    await this.gate.program.exited;
  }

  /** Reads a page, which must be right; true: it was a hit. */
  async read(path: string): Promise<boolean> {
    const response = await fetch(this.gate.url + path, { signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    expect([response.status, response.status === 200 ? '' : text]).toEqual([200, '']);
    expect(text === pageOf(path, this.version), `the page ${path} at version ${this.version}`).toBe(true);
    return /^tidegate; hit/.test(response.headers.get('cache-status') ?? '');
  }

  /** Returns how many were hits. */
  async readAll(paths: readonly string[]): Promise<number> {
    let hits = 0;
    for (const path of paths) if (await this.read(path)) hits++;
    return hits;
  }

  /** A new version of all pages, of which the gate is told. */
  async change(selector: object): Promise<void> {
    this.version++;
    await this.tell(selector);
  }

  /** The gate must acknowledge it. */
  async tell(selector: object): Promise<void> {
    const body = JSON.stringify(selector);
    const response = await fetch(`${this.gate.adminUrl}/invalidate`, { method: 'POST', body });
    expect([response.status, await response.text()]).toEqual([200, expect.stringContaining('"position"')]);
  }

  /** So many invalidations that the log of them outgrows the room it has taken. Eviction may make room meanwhile. */
  async tellMuch(): Promise<void> {
    const long = 'x'.repeat(2_000);
    let count = 0;
    for (let round = 0; round < 10 && (await this.disk()).invalidationsDurable; round++) {
      this.filler.fill();
      for (let left = 200; left > 0; left--) await this.tell({ pattern: `http://elsewhere.example/${count++}${long}` });
    }
  }

  async disk(): Promise<DurableDiskStats> {
    const { disk } = await stats(this.gate.adminUrl);
    if (disk === undefined) throw new Error('expected a gate with a disk tier, got one without');
    return disk;
  }

  /** A page that nobody has read before is kept: by itself, sooner or later. */
  async untilKept(when: string): Promise<void> {
    let count = 0;
    await until(
      `pages kept on disk ${when}`,
      async () => {
        const path = `/${when.replaceAll(' ', '-')}/${count++}`;
        await this.read(path);
        await this.read(path);
        return this.read(path);
      },
      60_000,
    );
  }
}

/** Of 100 new pages, each read twice in a row, how many are hits the second time. */
async function keptOf(bench: Bench, name: string): Promise<number> {
  let kept = 0;
  for (let at = 0; at < 100; at++) kept += (await bench.readAll([`/${name}/${at}`, `/${name}/${at}`])) === 1 ? 1 : 0;
  return kept;
}

/** Together larger than the disk. */
function pages(name: string): string[] {
  return Array.from({ length: (1.5 * DISK_MIB * MIB) / BODY_BYTES }, (_, at) => `/${name}/${at}`);
}

const reason = whyNotMountable();

describe.skipIf(reason !== undefined)(`a full disk${reason === undefined ? '' : ` (skipped: ${reason})`}`, () => {
  const timeout = { timeout: 120_000 };

  test('caching stops, serving goes on, and with room there is caching again', timeout, async () => {
    const bench = await Bench.open();
    await bench.untilKept('at first');
    bench.filler.fill();
    for (const name of ['one', 'two']) {
      expect(await bench.readAll(pages(name))).toBe(0);
      expect(await bench.readAll(pages(name))).toBeLessThan(pages(name).length);
    }
    expect((await bench.disk()).writeFailures).toBeGreaterThan(0);
    bench.filler.remove();
    await bench.untilKept('once there is room');
  });

  test('on a disk smaller than maxBytes old entries go and new ones are taken', timeout, async () => {
    const bench = await Bench.open();
    await bench.untilKept('at first');
    for (const name of ['one', 'two', 'three']) expect(await keptOf(bench, name)).toBeGreaterThanOrEqual(85);
    bench.filler.fill();
    await bench.readAll(pages('squeezed'));
    bench.filler.remove();
    expect(await keptOf(bench, 'after')).toBeGreaterThanOrEqual(85);
  });

  test('invalidations are acknowledged and hold', timeout, async () => {
    const bench = await Bench.open();
    const some = pages('some').slice(0, 20);
    await bench.untilKept('at first');
    for (let count = 0; count < 3; count++) await bench.readAll(some);
    expect(await bench.readAll(some)).toBeGreaterThan(0);
    bench.filler.fill();
    await bench.readAll(pages('others'));
    for (const selector of [{ pattern: '*' }, { prefix: `${bench.gate.url}/some` }, { all: true }]) {
      await bench.change(selector);
      await bench.readAll(some);
    }
    await bench.tellMuch();
    expect((await bench.disk()).invalidationsDurable).toBe(false);
    await bench.change({ prefix: `${bench.gate.url}/some` });
    await bench.readAll(some);
    bench.filler.remove();
    await bench.readAll(some);
    await until('a log that is written again', async () => (await bench.disk()).invalidationsDurable);
    await bench.untilKept('once there is room');
    await bench.change({ prefix: `${bench.gate.url}/` });
    await bench.readAll(some);
  });

  test(
    'what was acknowledged on a full disk, and could not be written down, holds after a SIGKILL',
    timeout,
    async () => {
      const bench = await Bench.open();
      const some = pages('some').slice(0, 20);
      await bench.untilKept('at first');
      for (let count = 0; count < 3; count++) await bench.readAll(some);
      const kept = await bench.readAll(some);
      expect(kept).toBeGreaterThan(0);
      bench.filler.fill();
      await bench.readAll(pages('others'));
      await bench.tellMuch();
      expect((await bench.disk()).invalidationsDurable).toBe(false);
      await bench.change({ prefix: `${bench.gate.url}/` });
      await bench.kill();
      bench.filler.remove();
      await bench.start();
      await bench.readAll(some);
      await bench.untilKept('after the restart');
      expect((await bench.disk()).invalidationsDurable).toBe(true);
    },
  );

  test('a gate starts on it', timeout, async () => {
    const bench = await Bench.open();
    const some = pages('some').slice(0, 20);
    await bench.untilKept('at first');
    for (let count = 0; count < 3; count++) await bench.readAll(some);
    bench.filler.fill();
    await bench.kill();
    await bench.start();
    await bench.readAll(some);
    await bench.change({ prefix: `${bench.gate.url}/` });
    await bench.readAll(some);
    bench.filler.remove();
    await bench.untilKept('once there is room');
  });
});
