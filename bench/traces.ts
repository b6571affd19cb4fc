// Reads the real traces that the policy bench replays. A trace becomes dense integers: one id for each distinct object,
// in order of first request.

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';

export interface Trace {
  readonly name: string;
  /** Object of each request. */
  readonly ids: Int32Array;
  /** Bytes of each object; 1 for all when the trace has no sizes. */
  readonly sizes: Float64Array;
  readonly sized: boolean;
  /** Key of each object in the trace. */
  readonly keys: readonly TraceKey[];
}

type TraceKey = string | number | bigint;

interface Source {
  readonly name: string;
  readonly file: string;
  readonly read: (bytes: Buffer) => Iterable<Access>;
  readonly sized?: true;
}

/** The key of a request, and the object's bytes where they are known. */
type Access = readonly [key: TraceKey, bytes: number];

const sources: readonly Source[] = [
  { name: 'adaptsize', file: 'adaptsize-request.trace.xz', read: readAdaptSize, sized: true },
  { name: 'semicomplete', file: 'web-semicomplete-2015.csv.xz', read: readAccessLog, sized: true },
  { name: 'web07', file: 'web07.trace.xz', read: readInt32 },
  { name: 'orm-busy', file: 'orm-busy.trace.xz', read: readInt32 },
  { name: 'corda', file: 'corda-vaultservice.gz', read: readInt64 },
  { name: 'OLTP', file: 'arc-OLTP.lis.zst', read: readBlocks },
];

export const traceNames: readonly string[] = sources.map((source) => source.name);

/** The folder named, or the one in TIDEGATE_TRACES, or ../shared/traces. It need not be there. */
export function traceFolder(named: string | undefined): string {
  return resolve(named ?? process.env.TIDEGATE_TRACES ?? `${import.meta.dirname}/../../shared/traces`);
}

/** Reads one trace, at most `limit` requests of it; a string says why it cannot be read. */
export function readTrace(folder: string, name: string, limit: number): Trace | string {
  const source = sources.find((candidate) => candidate.name === name);
  if (source === undefined) return `expected one of ${traceNames.join(', ')}; got '${name}'`;
  const path = resolve(folder, source.file);
  if (!existsSync(path)) return `${source.file} is not in ${folder}`;
  const bytes = decompress(path);
  return typeof bytes === 'string' ? bytes : toTrace(source, bytes, limit);
}

function decompress(path: string): Buffer | string {
  if (path.endsWith('.gz')) return gunzipSync(readFileSync(path));
  if (path.endsWith('.zst')) return zstdDecompressSync(readFileSync(path));
  // Node has no xz.
  const xz = spawnSync('xz', ['-dc', path], { maxBuffer: 2 ** 30 });
  if (xz.error !== undefined) return `it needs the command xz (Debian: xz-utils): ${xz.error.message}`;
  return xz.status === 0 ? xz.stdout : `xz: ${xz.stderr.toString().trim()}`;
}

function toTrace(source: Source, bytes: Buffer, limit: number): Trace {
  const idOf = new Map<TraceKey, number>();
  const ids: number[] = [];
  const sizes: number[] = [];
  for (const [key, size] of source.read(bytes)) {
    if (ids.length === limit) break;
    let id = idOf.get(key);
    if (id === undefined) {
      id = idOf.size;
      idOf.set(key, id);
      sizes.push(size);
    }
    // A log also has 304 and cut answers: the greatest is the object's.
    if (size > sizes[id]!) sizes[id] = size;
    ids.push(id);
  }
  return {
    name: source.name,
    ids: Int32Array.from(ids),
    sizes: Float64Array.from(sizes),
    sized: source.sized === true,
    keys: [...idOf.keys()],
  };
}

/** Lines `number id bytes`. Ids come again with other sizes: another object. */
function* readAdaptSize(bytes: Buffer): Iterable<Access> {
  for (const line of bytes.toString('latin1').split('\n')) {
    const [, id, size] = line.split(' ');
    if (size !== undefined) yield [`${id} ${size}`, Math.max(1, Number(size))];
  }
}

/** Lines `seconds,method,path,status,bytes`; a path may hold commas. */
function* readAccessLog(bytes: Buffer): Iterable<Access> {
  for (const line of bytes.toString('latin1').split('\n').slice(1)) {
    const fields = line.split(',');
    if (fields.length >= 5) yield [fields.slice(2, -2).join(','), Math.max(1, Number(fields.at(-1)) || 0)];
  }
}

function* readInt32(bytes: Buffer): Iterable<Access> {
  for (let at = 0; at + 4 <= bytes.length; at += 4) yield [bytes.readInt32BE(at), 1];
}

function* readInt64(bytes: Buffer): Iterable<Access> {
  for (let at = 0; at + 8 <= bytes.length; at += 8) yield [bytes.readBigInt64BE(at), 1];
}

/** Lines `first-block blocks 0 number`. */
function* readBlocks(bytes: Buffer): Iterable<Access> {
  for (const line of bytes.toString('latin1').split('\n')) {
    const [first, count] = line.split(' ', 2);
    if (count === undefined) continue;
    for (let at = 0; at < Number(count); at++) yield [Number(first) + at, 1];
  }
}
