// What a hit costs in a gate that has only a disk tier, beside one that has only memory, in CPU time of the server
// process and all its threads. The same short rounds as in `bench -- hits`.

import { join } from 'node:path';
import { createLoad, type Load } from '../hits/load.ts';
import { cpuMs, hasProcFolder } from '../hits/processes.ts';
import { plainHead } from '../hits/resource.ts';
import { type Place, type Server, startGateWith } from '../hits/servers.ts';
import { median } from './speed.ts';

export interface DiskHits {
  readonly load: string;
  /** Medians of the rounds. */
  readonly memoryMicros: number;
  readonly diskMicros: number;
  readonly diskToMemory: number;
}

const WARM_SECONDS = 1;
const SECONDS = 1;

/** A string says why it was not measured. */
export async function diskHits(place: Place, rounds: number): Promise<DiskHits | string> {
  if (!hasProcFolder) return 'the time of processes is read from /proc, which this system does not have';
  const disk = { path: join(place.folder, 'hits-disk'), maxBytes: 2 ** 27 };
  const memoryGate = await startGateWith(place, 'memory gate', {});
  const diskGate = await startGateWith(place, 'disk gate', { memory: { maxBytes: 0 }, disk });
  const load = createLoad(place.processes, place.folder);
  const servers = [memoryGate, diskGate];
  const costs = servers.map((): number[] => []);
  for (const server of servers) await microsPerHit(server, load, WARM_SECONDS);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < servers.length; turn++) {
      const at = (round + turn) % servers.length;
      costs[at]!.push(await microsPerHit(servers[at]!, load, SECONDS));
    }
  }
  const [memory, other] = costs as [number[], number[]];
  return {
    load: load.name,
    memoryMicros: median(memory),
    diskMicros: median(other),
    diskToMemory: median(other.map((micros, round) => micros / memory[round]!)),
  };
}

async function microsPerHit(server: Server, load: Load, seconds: number): Promise<number> {
  const { pid } = server.running;
  const beforeMs = cpuMs(pid);
  const { requests, errors } = await load.run({ url: server.url, head: plainHead, seconds });
  if (errors > 0 || requests === 0) throw new Error(`${server.name}: expected good answers only; got ${errors} others`);
  return (1000 * (cpuMs(pid) - beforeMs)) / requests;
}
