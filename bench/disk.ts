// `bench -- disk`: what reads and writes cost in the disk tier beside a file for each entry and SQLite; what a hit costs in
// a gate that serves it from disk; and how long a gate with a full disk takes to start. `--rounds N` for the first two,
// `--entries N` for the last. All in a temporary folder, which takes up to 2 GB.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type DiskHits, diskHits } from './disk/hits.ts';
import { type Cost, type DiskSpeed, diskSpeeds, median } from './disk/speed.ts';
import { type DiskStart, diskStarts } from './disk/start.ts';
import { Processes } from './hits/processes.ts';
import { startOrigin } from './hits/servers.ts';
import { type Goal, printTable, type Report } from './report.ts';

const MAX_DISK_TO_MEMORY = 1.6;
const MAX_START_MS = 500;
const STARTS = 5;
/** The turns are short, and other work on the machine tells in them. */
const HIT_ROUNDS_PER_ROUND = 2;

export async function run(flags: readonly string[]): Promise<Report> {
  const options = {
    rounds: { type: 'string', default: '5' },
    entries: { type: 'string', default: '1000000' },
  } as const;
  const { values } = parseArgs({ args: [...flags], options });
  const rounds = wholeNumber('rounds', values.rounds);
  const entries = wholeNumber('entries', values.entries);
  const processes = new Processes();
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-disk-'));
  const removeFolder = () => rmSync(folder, { recursive: true, force: true });
  process.on('exit', removeFolder);
  try {
    const speeds = await diskSpeeds(join(folder, 'speed'), rounds);
    rmSync(join(folder, 'speed'), { recursive: true });
    printSpeeds(speeds);
    const place = { processes, folder, origin: await startOrigin(processes) };
    const hits = await diskHits(place, HIT_ROUNDS_PER_ROUND * rounds);
    printHits(hits);
    const starts = await diskStarts(place, { entries, rounds: STARTS });
    printStarts(starts);
    const goals = [hitGoal(hits), ...startGoals(starts)];
    return { goals, figures: { rounds, speeds, hits, starts } };
  } finally {
    await processes.endAll();
    removeFolder();
    process.off('exit', removeFolder);
  }
}

function wholeNumber(flag: string, text: string): number {
  if (/^[1-9]\d{0,6}$/.test(text)) return Number(text);
  const error = new RangeError(`--${flag}: expected a whole number from 1; got '${text}'`);
  throw Object.assign(error, { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
}

function printSpeeds(speeds: readonly DiskSpeed[]): void {
  const cost = (of: Cost | undefined) => (of === undefined ? '-' : of.cpuMicros.toFixed(1));
  const wall = (of: Cost | undefined) => (of === undefined ? '-' : of.wallMicros.toFixed(1));
  const ratio = (value: number | undefined) => (value === undefined ? '-' : value.toFixed(2));
  printTable({
    title:
      'µs per entry in the page cache, nothing synced, medians of the rounds; CPU is of all threads of the process',
    columns: ['', 'body', 'read CPU', 'elapsed', 'tidegate to it', 'write CPU', 'elapsed', 'tidegate to it'],
    rows: speeds.map(({ name, bodyBytes, read, write, tierToReads, tierToWrites }) => [
      name,
      `${bodyBytes / 1024} KB`,
      ...[cost(read), wall(read), ratio(tierToReads)],
      ...[cost(write), wall(write), ratio(tierToWrites)],
    ]),
  });
  console.log(
    '  tidegate checks the checksum of all it reads, and writes a row with tags and validators for each entry;',
  );
  console.log('  the others do neither.');
}

function printHits(hits: DiskHits | string): void {
  if (typeof hits === 'string') return console.log(`\nhits: not measured: ${hits}`);
  printTable({
    title: `hits of 2 KB through a gate, CPU µs per request; load by ${hits.load}`,
    columns: ['tier', 'CPU µs/request', 'to memory'],
    rows: [
      ['memory alone', hits.memoryMicros.toFixed(2), '1.00'],
      ['disk alone', hits.diskMicros.toFixed(2), hits.diskToMemory.toFixed(2)],
    ],
  });
}

function printStarts(starts: readonly DiskStart[]): void {
  const ms = (value: number | undefined) => value?.toFixed(0) ?? '-';
  const megabytes = (bytes: number | undefined) => (bytes === undefined ? '-' : `${(bytes / 1e6).toFixed(0)} MB`);
  printTable({
    title: 'start of a gate, ms since its process was started; the files are in the page cache',
    columns: ['entries on disk', 'listens', 'first hit', 'CPU until then', 'index loaded', 'resident', 'index'],
    rows: starts.map((start) => [
      start.entries === 0 ? 'no disk tier' : String(start.entries),
      ...[start.listenMs, start.firstHitMs, start.cpuMs, start.loadedMs].map(ms),
      ...[start.residentBytes, start.indexBytes].map(megabytes),
    ]),
  });
}

function hitGoal(hits: DiskHits | string): Goal {
  const measured = typeof hits !== 'string';
  return {
    name: 'CPU of a hit of 2 KB from disk to one from memory',
    bound: `<= ${MAX_DISK_TO_MEMORY}`,
    got: measured ? hits.diskToMemory.toFixed(2) : 'not measured',
    met: measured && hits.diskToMemory <= MAX_DISK_TO_MEMORY,
  };
}

function startGoals(starts: readonly DiskStart[]): Goal[] {
  const full = starts.filter(({ entries }) => entries > 0);
  const bare = median(starts.filter(({ entries }) => entries === 0).map(({ listenMs }) => listenMs));
  const goal = (name: string, ms: number): Goal => ({
    name: `${name} with ${full[0]!.entries} entries, median`,
    bound: `< ${MAX_START_MS} ms`,
    got: `${ms.toFixed(0)} ms (a gate without a disk tier listens after ${bare.toFixed(0)})`,
    met: ms < MAX_START_MS,
  });
  return [
    goal('listening', median(full.map(({ listenMs }) => listenMs))),
    goal('first hit from disk', median(full.map(({ firstHitMs }) => firstHitMs ?? Number.POSITIVE_INFINITY))),
  ];
}
