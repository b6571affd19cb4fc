// Reads a log from a file or from the standard input, as it is or compressed, in one of the formats, and says of each line what
// it is.
//
// A log may be larger than memory, so it is read line by line; but a HAR is one value of JSON.

import { createReadStream } from 'node:fs';
import { type Duplex, Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { messageOf, TidegateError } from '../../../errors.ts';
import { harRecords, jsonLine } from './json-logs.ts';
import type { LogFormat, LogRecord, ReadLine } from './log-record.ts';
import { combined, csvReader } from './text-logs.ts';

export interface LogLine {
  /** From 1; of a HAR the entry. */
  readonly number: number;
  readonly text: string;
  /** A text: what was expected there. */
  readonly record: LogRecord | string;
}

export interface LogSource {
  /** `-`: the standard input. */
  readonly file: string;
  readonly format: LogFormat;
  /** Called with the bytes of the file read so far. */
  readonly read?: (bytes: number) => void;
}

const MAX_LINE_CHARS = 1 << 20;
const MAX_HAR_CHARS = 1 << 28;

/** The lines of the log that are not empty. Rejects with E_REPLAY when it cannot be read at all. */
export async function* readLog(source: LogSource): AsyncGenerator<LogLine> {
  const { file, format } = source;
  try {
    const chunks = plainText(source);
    if (format === 'har' || (format === 'auto' && /\.har(?:\.gz|\.zst)?$/i.test(file))) return yield* ofHar(chunks, '');
    yield* ofLines(chunks, format);
  } catch (error) {
    if (error instanceof TidegateError) throw error;
    throw new TidegateError('E_REPLAY', `expected to read ${file}, got ${messageOf(error)}`, { cause: error });
  }
}

async function* ofLines(chunks: AsyncIterable<string>, asked: LogFormat): AsyncGenerator<LogLine> {
  const lines = linesOf(chunks);
  let number = 0;
  let read: ReadLine | undefined;
  for await (const text of lines) {
    number++;
    if (text.trim() === '') continue;
    if (read === undefined) {
      const format = asked === 'auto' ? formatOf(text) : asked;
      if (format === 'har') return yield* ofHar(lines, `${text}\n`);
      read = format === 'csv' ? csvReader(text) : READERS[format];
      if (read === undefined) throw noHeader(text);
      if (format === 'csv') continue;
    }
    yield { number, text, record: text.length > MAX_LINE_CHARS ? 'a shorter line' : read(text) };
  }
}

const READERS = { combined, json: jsonLine };

function noHeader(text: string): TidegateError {
  const wanted = 'a first line of names with time, path and status, such as time,method,path,status,bytes,ms';
  return new TidegateError('E_REPLAY', `expected ${wanted}, got ${JSON.stringify(text.slice(0, 80))}`);
}

function formatOf(first: string): Exclude<LogFormat, 'auto'> {
  if (!first.trimStart().startsWith('{')) return csvReader(first) === undefined ? 'combined' : 'csv';
  // A HAR has one member at its top, and is mostly written over many lines.
  return /^\s*\{\s*(?:"log"\s*:|$)/.test(first) ? 'har' : 'json';
}

async function* ofHar(chunks: AsyncIterable<string>, before: string): AsyncGenerator<LogLine> {
  let whole = before;
  for await (const chunk of chunks) {
    whole += before === '' ? chunk : `${chunk}\n`;
    if (whole.length > MAX_HAR_CHARS) {
      throw new TidegateError('E_REPLAY', `expected a HAR of at most ${MAX_HAR_CHARS} characters, got a longer one`);
    }
  }
  const records = harRecords(whole);
  if (records === undefined) throw new TidegateError('E_REPLAY', 'expected a HAR with log.entries, got another text');
  for (const [at, record] of records.entries()) yield { number: at + 1, text: `entry ${at + 1}`, record };
}

/** Of a line that is too long, more than the limit comes, and no more. */
async function* linesOf(chunks: AsyncIterable<string>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = chunk.split('\n');
    if (rest.length <= MAX_LINE_CHARS) rest += lines[0];
    for (let at = 1; at < lines.length; at++) {
      yield rest.endsWith('\r') ? rest.slice(0, -1) : rest;
      rest = lines[at] as string;
    }
  }
  if (rest !== '') yield rest;
}

async function* plainText({ file, read = () => {} }: LogSource): AsyncGenerator<string> {
  const stream = file === '-' ? process.stdin : createReadStream(file);
  let bytes = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      read(bytes);
      yield chunk;
    }
  };
  const decoder = new TextDecoder();
  for await (const chunk of await decompressed(counted(stream as AsyncIterable<Buffer>), file)) {
    yield decoder.decode(chunk as Buffer, { stream: true });
  }
  yield decoder.decode();
}

/** Goes by the first bytes, so that the standard input may be compressed, too. */
async function decompressed(chunks: AsyncGenerator<Buffer>, file: string): Promise<AsyncIterable<Buffer>> {
  const first = (await chunks.next()).value ?? Buffer.alloc(0);
  const all = (async function* () {
    yield first;
    yield* chunks;
  })();
  const magic = first.subarray(0, 6).toString('hex');
  if (magic.startsWith('fd377a585a00') || magic.startsWith('425a68')) {
    const tool = magic.startsWith('42') ? 'bzip2' : 'xz';
    throw new TidegateError(
      'E_REPLAY',
      `expected plain text, gzip or zstd, got ${tool}: ${tool} -dc ${file} | tidegate replay -`,
    );
  }
  if (magic.startsWith('1f8b')) return through(all, createGunzip());
  return magic.startsWith('28b52ffd') ? through(all, createZstdDecompress()) : all;
}

function through(chunks: AsyncIterable<Buffer>, transform: Duplex): AsyncIterable<Buffer> {
  const source = Readable.from(chunks, { objectMode: false });
  source.on('error', (error) => transform.destroy(error));
  return source.pipe(transform);
}
