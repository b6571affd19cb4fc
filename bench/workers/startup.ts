// What a Worker's bundle costs when workerd starts it: CPU time of the workerd process until the first answer, less that of
// a Worker of one line. The platform bounds the start at a second.

import { readdirSync, readFileSync } from 'node:fs';
import { Miniflare, type MiniflareOptions } from 'miniflare';

export interface Start {
  readonly name: string;
  /** Median of the rounds, in milliseconds of CPU. */
  readonly cpuMs: number;
  /** Less the median of the Worker of one line. */
  readonly aboveEmptyMs: number;
}

const EMPTY: MiniflareOptions = {
  modules: true,
  script: 'export default { fetch: () => new Response("") };',
  compatibilityDate: '2025-11-17',
};

/** The Workers in turn, `rounds` times. Undefined: this system does not tell what a process has used. */
export async function startUps(
  workers: readonly { readonly name: string; readonly options: MiniflareOptions }[],
  rounds: number,
): Promise<readonly Start[] | undefined> {
  if (process.platform !== 'linux') return undefined;
  const all = [{ name: 'a Worker of one line', options: EMPTY }, ...workers];
  const samples = all.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, { options }] of all.entries()) samples[at]?.push(await startOnce(options));
  }
  const empty = median(samples[0] ?? []);
  return all.map(({ name }, at) => {
    const cpuMs = median(samples[at] ?? []);
    return { name, cpuMs, aboveEmptyMs: cpuMs - empty };
  });
}

async function startOnce(options: MiniflareOptions): Promise<number> {
  const before = new Set(workerds());
  const worker = new Miniflare(options);
  try {
    await worker.ready;
    await (await worker.dispatchFetch('http://start.example/')).arrayBuffer();
    const [pid] = workerds().filter((candidate) => !before.has(candidate));
    if (pid === undefined) throw new Error('expected a process workerd, got none');
    return cpuMsOf(pid);
  } finally {
    await worker.dispose();
  }
}

/** Processes of workerd that this one has started. */
function workerds(): string[] {
  const own = String(process.pid);
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    const fields = statOf(pid);
    return fields !== undefined && fields.name === 'workerd' && fields.rest[1] === own;
  });
}

/** proc(5): state and the following fields stand after the name in parentheses. Undefined: the process is gone. */
function statOf(pid: string): { readonly name: string; readonly rest: readonly string[] } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
  const end = text.lastIndexOf(')');
  return { name: text.slice(text.indexOf('(') + 1, end), rest: text.slice(end + 2).split(' ') };
}

/** Of all its threads: the first number of a schedstat is their time on a CPU in nanoseconds. */
function cpuMsOf(pid: string): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  const times = threads.map((thread) =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')[0]),
  );
  return times.reduce((sum, time) => sum + time, 0) / 1e6;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
