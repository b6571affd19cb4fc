// How long a gate with a full disk takes to listen, to serve its first hit from disk, and to load its index; and what
// memory it then has.
//
// The files have just been written, so they are in the page cache. What is measured is the work of
// starting; a cold disk adds its own time.

import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { builtBin } from '../built.ts';
import { cpuMs, freePort, hasProcFolder } from '../hits/processes.ts';
import { LOAD_CORE, type Place, serveGate } from '../hits/servers.ts';
import { HOST, targetOf } from './entries.ts';

const BODY_BYTES = 128;
const POLL_MS = 10;
const LOAD_LIMIT_MS = 60_000;

/** Milliseconds count from when the process is started. */
export interface DiskStart {
  /** 0: no disk tier at all. */
  readonly entries: number;
  readonly listenMs: number;
  /** Not there without a disk tier. */
  readonly firstHitMs: number | undefined;
  readonly loadedMs: number | undefined;
  /** Of the process up to the first hit, or up to listening; not there without /proc, like the next. */
  readonly cpuMs: number | undefined;
  readonly residentBytes: number | undefined;
  readonly indexBytes: number;
}

/** Starts of a gate on a folder with so many entries, each after one without a disk tier. */
export async function diskStarts(place: Place, order: { entries: number; rounds: number }): Promise<DiskStart[]> {
  const { entries, rounds } = order;
  const bin = builtBin(place.folder);
  const path = join(place.folder, 'start-disk');
  const args = [join(import.meta.dirname, 'fill.ts'), path, String(entries), String(BODY_BYTES)];
  await beginDisk(place, bin, path);
  await place.processes.output({ file: process.execPath, args, core: LOAD_CORE });
  const starts: DiskStart[] = [];
  for (let round = 0; round < rounds; round++) {
    starts.push(await startOnce(place, bin, undefined));
    starts.push(await startOnce(place, bin, { path, entries }));
  }
  return starts;
}

const DISK_BYTES = 2 ** 31;

/** A gate that finds no rules beside its entries takes them for filled under others; so one writes them down first. */
async function beginDisk(place: Place, bin: string, path: string): Promise<void> {
  const admin = { port: await freePort() };
  const disk = { memory: { maxBytes: 0 }, disk: { path, maxBytes: DISK_BYTES } };
  const { running } = await serveGate(place, 'first gate', { bin, admin, ...disk });
  await place.processes.end(running);
}

type Full = { readonly path: string; readonly entries: number };

async function startOnce(place: Place, bin: string, full: Full | undefined): Promise<DiskStart> {
  const adminPort = await freePort();
  const begunMs = performance.now();
  const sinceBegun = () => performance.now() - begunMs;
  const disk = full && { memory: { maxBytes: 0 }, disk: { path: full.path, maxBytes: DISK_BYTES } };
  const { url, running } = await serveGate(place, 'start gate', { bin, admin: { port: adminPort }, ...disk });
  const listenMs = sinceBegun();
  const firstHitMs = full && (await firstHit(url, full.entries, sinceBegun));
  const usedMs = hasProcFolder ? cpuMs(running.pid) : undefined;
  const indexBytes = full === undefined ? 0 : await whenLoaded(`http://127.0.0.1:${adminPort}`, sinceBegun);
  const loadedMs = full && sinceBegun();
  const residentBytes = hasProcFolder ? residentBytesOf(running.pid) : undefined;
  await place.processes.end(running);
  return { entries: full?.entries ?? 0, listenMs, firstHitMs, loadedMs, cpuMs: usedMs, residentBytes, indexBytes };
}

/** Of the middle: the index has it when half of it is loaded. */
async function firstHit(url: string, entries: number, sinceBegun: () => number): Promise<number> {
  const status = await cacheStatus(url, entries >> 1);
  const ms = sinceBegun();
  if (!status.startsWith('tidegate; hit')) throw new Error(`expected a hit from disk; got '${status}'`);
  return ms;
}

async function cacheStatus(url: string, number: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  get(url + targetOf(number), { agent: false, headers: { host: HOST } }, resolve).on('error', reject);
  const answer = await promise;
  for await (const _ of answer);
  return String(answer.headers['cache-status']);
}

/** Asks until the index is there; its bytes. */
async function whenLoaded(admin: string, sinceBegun: () => number): Promise<number> {
  while (sinceBegun() < LOAD_LIMIT_MS) {
    const stats = (await (await fetch(`${admin}/stats`)).json()) as {
      readonly disk?: { readonly indexLoaded: boolean; readonly indexBytes: number };
    };
    if (stats.disk?.indexLoaded === true) return stats.disk.indexBytes;
    await pause(POLL_MS);
  }
  throw new Error(`expected the index to be loaded within ${LOAD_LIMIT_MS} ms`);
}

function residentBytesOf(pid: number): number {
  return 1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
}
