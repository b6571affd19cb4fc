// What the tests of several workers share: an origin that counts its versions, a gate with two workers, and clients that
// are spread over both.

import { readdirSync, readFileSync } from 'node:fs';
import { Agent, createServer, request, type Server } from 'node:http';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type GateProcess, portOf, serve, tempFolder, writeJson } from './kit.ts';

/** GET answers with the version of the path, any other method makes a new one. */
export class VersionedOrigin {
  readonly #versions = new Map<string, number>();
  readonly #server: Server;
  gets = 0;
  /** Of its answers to GET. */
  fields: Readonly<Record<string, string>> = {};
  /** Called in the middle of a write, which waits for it. */
  duringWrite: () => Promise<void> = async () => {};

  constructor() {
    this.#server = createServer((asked, response) => {
      const path = asked.url as string;
      asked.resume();
      if (asked.method === 'GET') {
        this.gets++;
        response.writeHead(200, { 'cache-control': 'max-age=600', 'content-type': 'text/plain', ...this.fields });
        response.end(String(this.versionOf(path)));
        return;
      }
      this.change(path);
      void this.duringWrite().then(() => {
        response.writeHead(200, { 'cache-control': 'no-store', ...this.fields });
        response.end(String(this.versionOf(path)));
      });
    });
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}`;
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      this.#server.close();
      this.#server.closeAllConnections();
    });
    return this;
  }

  versionOf(path: string): number {
    return this.#versions.get(path) ?? 1;
  }

  change(path: string): void {
    this.#versions.set(path, this.versionOf(path) + 1);
  }
}

export interface CrewProcess extends GateProcess {
  readonly config: string;
}

/** A gate of its own configuration with two workers, ended with the test. */
export async function crewBefore(origin: VersionedOrigin, more: object = {}): Promise<CrewProcess> {
  const { path, remove } = tempFolder();
  onTestFinished(remove);
  const config = join(path, 'tidegate.config.json');
  writeJson(config, { origins: { app: { url: origin.url } }, workers: 2, log: { level: 'error' }, ...more });
  const gate = await serve([config], { cwd: path });
  onTestFinished(() => gate.program.stop());
  return { ...gate, config };
}

/** Process ids of the children of a process. */
export function childrenOf(pid: number): number[] {
  const found: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    if (parent === pid) found.push(Number(name));
  }
  return found;
}

function parentOf(name: string): number | undefined {
  try {
    const [, rest = ''] = readFileSync(`/proc/${name}/stat`, 'utf8').split(/\) [A-Z] /);
    return Number(rest.split(' ')[0]);
  } catch (error) {
    // It has ended meanwhile.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return false;
    throw error;
  }
}

/** Many connections, each kept for one after the other of its requests; the system spreads them over the workers. */
export function connections(count: number): readonly Agent[] {
  const agents = Array.from({ length: count }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  onTestFinished(() => {
    for (const agent of agents) agent.destroy();
  });
  return agents;
}

export interface Asked {
  readonly url: string;
  readonly method?: string;
  readonly agent?: Agent | undefined;
  /** Default: that of the URL. */
  readonly host?: string;
}

/** The text of the answer; rejects when there is none, or one that is no 200. */
export function ask({ url, method = 'GET', agent, host }: Asked): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, ...(agent && { agent }), ...(host && { headers: { host } }) }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`expected 200, got ${response.statusCode} ${text}`));
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

export async function invalidate(adminUrl: string, selector: object): Promise<void> {
  const response = await fetch(`${adminUrl}/invalidate`, { method: 'POST', body: JSON.stringify(selector) });
  if (!response.ok) throw new Error(`expected an invalidation, got ${response.status} ${await response.text()}`);
}
