// `bench -- memory`: bytes of bookkeeping per entry in the memory store, and what its operations cost beside a plain Map
// and lru-cache; then those of the data cache. `--entries N` measures the bytes at that number only.
//
// Tables grow in steps, so the bytes per entry depend on how full they are. By default they are
// measured at an ordinary number of entries and at the worst, just after the map has doubled.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { installPeers } from '../test/race/peers/install.ts';
import type { Fill } from './memory-fill.ts';
import { type Speed, speeds } from './memory-speed.ts';
import { printValueFills, valueFills } from './memory-values.ts';
import { type Goal, printTable, type Report } from './report.ts';

const ORDINARY_ENTRIES = 200_000;
const WORST_ENTRIES = 262_500;
const MAX_BOOKKEEPING_BYTES = 450;
const TAGS = 3;
/** Of the data cache: its default bound, and many. */
const VALUE_ENTRIES = [10_000, 200_000];

export async function run(flags: readonly string[]): Promise<Report> {
  installPeers();
  const { values } = parseArgs({ args: [...flags], options: { entries: { type: 'string' } } });
  const counts = values.entries === undefined ? [ORDINARY_ENTRIES, WORST_ENTRIES] : [Number(values.entries)];
  if (!(counts[0]! >= 1)) throw new RangeError(`--entries: expected a number from 1; got '${values.entries}'`);
  const untagged = counts.map((entries) => fillInChild(entries, 0));
  const tagged = fillInChild(counts[0]!, TAGS);
  printFills([...untagged, tagged]);
  const speed = speeds();
  printSpeeds(speed);
  const ofValues = valueFills(values.entries === undefined ? VALUE_ENTRIES : counts);
  printValueFills(ofValues);
  return { goals: untagged.map(goalOf), figures: { fills: [...untagged, tagged], speed, values: ofValues } };
}

function fillInChild(entries: number, tags: number): Fill {
  const script = `${import.meta.dirname}/memory-fill.ts`;
  const args = ['--expose-gc', script, String(entries), String(tags)];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.status !== 0) throw new Error(`expected memory-fill to exit with 0; got ${child.status ?? child.signal}`);
  return JSON.parse(child.stdout) as Fill;
}

function besides(fill: Fill, bytes: number): number {
  return (bytes - fill.keyBytes - fill.tagBytes - fill.headBytes - fill.bodyBytes) / fill.entries;
}

function printFills(fills: readonly Fill[]): void {
  printTable({
    title: 'bytes per entry; bookkeeping is besides key, head, body and the text of tags',
    columns: ['entries', 'tags', 'key', 'head', 'body', 'bookkeeping', 'of the process', 'as counted'],
    rows: fills.map((fill) => [
      String(fill.entries),
      String(fill.tagsPerEntry),
      ...[fill.keyBytes, fill.headBytes, fill.bodyBytes].map((bytes) => (bytes / fill.entries).toFixed(0)),
      ...[fill.heapBytes, fill.residentBytes, fill.countedBytes].map((bytes) => besides(fill, bytes).toFixed(0)),
    ]),
  });
  console.log(
    '  bookkeeping: V8 heap and array buffers; of the process: resident set, with the allocator and a young heap;',
  );
  console.log('  as counted: what the store holds against its maxBytes.');
}

function printSpeeds(speed: readonly Speed[]): void {
  printTable({
    title:
      'ns per operation, medians of interleaved rounds; 100,000 entries, skewed access, keys made anew for each get',
    columns: ['', 'get', 'replace', 'put and evict'],
    rows: speed.map((each) => [
      each.name,
      ...(each.ns === undefined ? ['not installed'] : each.ns.map((ns) => (ns === undefined ? '-' : ns.toFixed(0)))),
    ]),
  });
  console.log(
    '  lru-cache: maxSize, and the same sizes by sizeCalculation; no ttl, as the store looks at no time either.',
  );
  console.log('  The Map has no bound. All in one process, so that each pays for the types of the others.');
}

function goalOf(fill: Fill): Goal {
  const got = besides(fill, fill.heapBytes);
  return {
    name: `bytes of bookkeeping per entry, ${fill.entries} entries`,
    bound: `<= ${MAX_BOOKKEEPING_BYTES}`,
    got: got.toFixed(0),
    met: got <= MAX_BOOKKEEPING_BYTES,
  };
}
