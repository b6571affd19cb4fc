// One case of the bench `feed`: from a commit to the first answer of the gate that is not the old one, while rows are
// written and read. Gate, application, writer and clients are four processes.

import { Child } from './child.ts';
import { Client } from './client.ts';
import { machineMs, pause, percentile, processorTicks } from './clock.ts';
import type { GateAnswers } from './gate-child.ts';
import type { OriginAnswers } from './origin-child.ts';
import { type Commits, type Judged, Readers } from './readers.ts';
import { type Followed, LOADED_ROWS } from './rows.ts';
import { Samples } from './samples.ts';
import type { Load, WriterAnswers } from './writer-child.ts';

export interface LagCase {
  readonly name: string;
  readonly followed: Followed;
  readonly load: Load;
  readonly seconds: number;
  /** A folder of its own: the gate has a disk tier there. */
  readonly disk?: string | undefined;
}

export interface LagFigures extends Load {
  readonly name: string;
  readonly reachedPerSecond: number;
  readonly samples: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly readers: Judged;
  /** Old answers after one that was not, or when all had been quiet for a second. */
  readonly relapses: number;
  /** Of a core, in percent: of the application at rest, and of both under the load. */
  readonly cpu: { readonly idle: number; readonly origin: number; readonly gate: number };
  /** Of all processors' time, in percent: what the host of this machine gave to others. */
  readonly stolen: number;
  /** Times that the tracker began anew, the first included. */
  readonly sessions: number;
}

const QUIET_MS = 1_000;
const IDLE_MS = 2_000;
/** Of the load and the watching before it counts: until then, the programs compile themselves. */
const WARM_UP_MS = 4_000;
/** The pause counts into the lag, but leaves a processor to those who are watched. */
const WATCH = { atOnce: 1, stepMs: 1 };
/** Where nothing tells of commits, rows are watched for half a second each. */
const WATCH_TTL = { atOnce: 10, stepMs: 10 };

interface World {
  readonly client: Client;
  readonly writer: Child<WriterAnswers>;
  readonly origin: Child<OriginAnswers>;
  readonly gate: Child<GateAnswers>;
}

export async function measureLag(one: LagCase): Promise<LagFigures> {
  const [gate, origin, writer] = await Promise.all([
    Child.start<GateAnswers>('gate-child.ts'),
    Child.start<OriginAnswers>('origin-child.ts'),
    Child.start<WriterAnswers>('writer-child.ts'),
  ]);
  try {
    const { followed, disk } = one;
    const { url, adminUrl } = await gate.ask('start', { origin: await origin.ask('listen'), disk });
    await origin.ask('follow', { followed, admin: adminUrl });
    await writer.ask('connect', followed);
    const client = new Client(url);
    const figures = await measure(one, { client, writer, origin, gate });
    client.close();
    await origin.ask('stop');
    return figures;
  } finally {
    await Promise.all([writer.end(), origin.end(), gate.end()]);
  }
}

async function measure({ name, followed, load, seconds }: LagCase, world: World): Promise<LagFigures> {
  const { client, writer, origin, gate } = world;
  for (let id = 1; id <= LOADED_ROWS; id++) await client.ask(id);
  await pause(QUIET_MS);
  const [idle = Number.NaN] = await cpuOf([origin], () => pause(IDLE_MS));
  await writer.ask('begin', load);
  const readers = new Readers(client);
  const reading = readers.run();
  const watch = { client, writer, ...(followed.way === 'ttl' ? WATCH_TTL : WATCH) };
  const early = new Samples(watch);
  await early.run(machineMs() + WARM_UP_MS);
  const samples = new Samples(watch);
  const before = processorTicks();
  const begunAtMs = machineMs();
  const cpu = await cpuOf([origin, gate], () => samples.run(machineMs() + seconds * 1_000));
  const after = processorTicks();
  readers.stop();
  await reading;
  const { commits, changesPerSecond } = await writer.ask('end');
  await pause(QUIET_MS);
  const old = await oldOf(client, [...latestOf(commits), ...new Map([...early.latest, ...samples.latest])]);
  const status = await origin.ask('status');
  const at = (share: number) => percentile(samples.lagsMs, share);
  return {
    name,
    ...load,
    reachedPerSecond: changesPerSecond,
    samples: samples.lagsMs.length,
    ...{ p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) },
    readers: readers.judge(commits, begunAtMs),
    relapses: early.relapses + samples.relapses + old,
    cpu: { idle, origin: cpu[0] ?? Number.NaN, gate: cpu[1] ?? Number.NaN },
    stolen: (100 * (after.stolen - before.stolen)) / (after.all - before.all),
    sessions: status?.targets[0]?.sessions ?? 0,
  };
}

/** Of a core, in percent. */
async function cpuOf(
  children: readonly Pick<World['gate'], 'cpuMs'>[],
  work: () => Promise<unknown>,
): Promise<number[]> {
  const now = () => Promise.all(children.map((child) => child.cpuMs()));
  const [before, begunAtMs] = [await now(), machineMs()];
  await work();
  const [after, tookMs] = [await now(), machineMs() - begunAtMs];
  return after.map((ms, at) => (100 * (ms - (before[at] as number))) / tookMs);
}

function latestOf(commits: Commits): Map<number, number> {
  const latest = new Map<number, number>();
  for (const [id, version] of commits) latest.set(id, Math.max(version, latest.get(id) ?? 0));
  return latest;
}

/** How many rows are answered with another version. */
async function oldOf(client: Client, latest: Iterable<readonly [id: number, version: number]>): Promise<number> {
  let old = 0;
  for (const [id, version] of latest) if ((await client.ask(id)).version !== version) old++;
  return old;
}
