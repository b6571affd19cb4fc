// Load on one server: wrk where it is installed, else a small generator of our own in a process of its own.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Processes, programFile } from './processes.ts';
import type { RequestHead } from './resource.ts';
import { LOAD_CORE } from './servers.ts';

export const CONNECTIONS = 32;

/** What the load saw. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p99Ms: number;
  /** Of all answers, heads and bodies. */
  readonly bytes: number;
  /** Answers other than 2xx and 3xx, and connections that failed. */
  readonly errors: number;
}

export interface Order {
  readonly url: string;
  readonly head: RequestHead;
  readonly seconds: number;
}

export interface Load {
  readonly name: string;
  run(order: Order): Promise<LoadResult>;
}

/** wrk shows rounded figures; this prints them as they are. It has no function that would run for each request. */
const REPORT = `
function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"seconds":%.6f,"p99Ms":%.3f,"bytes":%d,"errors":%d}\\n',
    summary.requests, summary.duration / 1e6, latency:percentile(99) / 1e3, summary.bytes,
    e.connect + e.read + e.write + e.status + e.timeout))
end
`;

export function createLoad(processes: Processes, folder: string): Load {
  const wrk = programFile('wrk');
  return wrk === undefined ? ownLoad(processes) : wrkLoad(processes, wrk, folder);
}

function wrkLoad(processes: Processes, file: string, folder: string): Load {
  const script = join(folder, 'report.lua');
  writeFileSync(script, REPORT);
  return {
    name: 'wrk',
    async run({ url, head, seconds }) {
      const fields = head.fields.flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
      const args = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--latency', '-s', script, ...fields, url];
      return resultIn(await processes.output({ file, args, core: LOAD_CORE }));
    },
  };
}

function ownLoad(processes: Processes): Load {
  const script = join(import.meta.dirname, 'load-client.ts');
  return {
    name: 'the built-in generator (wrk is not installed)',
    async run(order) {
      const args = [script, JSON.stringify({ ...order, connections: CONNECTIONS })];
      return resultIn(await processes.output({ file: process.execPath, args, core: LOAD_CORE }));
    },
  };
}

/** The last line of the output. */
function resultIn(output: string): LoadResult {
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as LoadResult;
}
