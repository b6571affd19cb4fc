// The manifest's database: its tables, and how it is opened at the start.
//
// SQLite keeps no checksums of its pages, so damage shows late or never. The start looks for damage that can be seen then;
// rows and the image of the invalidations carry checksums of their own (manifest-content.ts). A damaged
// database is moved aside and begun anew, since it belongs to a cache. Damage met later leaves a mark for the next start.

import { closeSync, existsSync, openSync, readSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TidegateError } from '../../../errors.ts';
import { COLUMNS, DamagedError, isDamage, ManifestWriter, READABLE } from './manifest-content.ts';
import { ManifestReads } from './manifest-reads.ts';

/** Raise it with any change of the tables, of a column's content, or of keyHash. */
const VERSION = 1;
/** The version is stored here a second time: a flipped bit cannot make two places agree. */
const APPLICATION = 0x54470000;

const MANIFEST_FILE = 'manifest.db';

/**
 * `generation` is the row's id, so rows are appended in the order of the records. `by_key` also covers the search for tags
 * and patterns: tag_bits excludes most rows without a tag, and costs less than a table of tags.
 */
const TABLES = `
  CREATE TABLE entries (
    generation INTEGER PRIMARY KEY, key TEXT NOT NULL,
    segment INTEGER NOT NULL, "offset" INTEGER NOT NULL, bytes INTEGER NOT NULL,
    body_id TEXT NOT NULL, body_bytes INTEGER NOT NULL, meta TEXT NOT NULL, crc INTEGER NOT NULL,
    high INTEGER NOT NULL, low INTEGER NOT NULL, tag_bits INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX by_key ON entries (key, tag_bits);
  CREATE INDEX by_place ON entries (segment, "offset", bytes);
  CREATE INDEX by_body ON entries (generation, body_bytes) WHERE body_id <> '';
  CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT INTO counters VALUES ('generation', 0);
  CREATE TABLE image (id INTEGER PRIMARY KEY CHECK (id = 1), state TEXT NOT NULL, crc INTEGER NOT NULL) STRICT;
  CREATE TABLE buckets (chunk INTEGER PRIMARY KEY, positions BLOB NOT NULL, crc INTEGER NOT NULL) STRICT;
  PRAGMA application_id = ${APPLICATION + VERSION};
  PRAGMA user_version = ${VERSION};
`;

/** A connection to write with: at the start for this thread, then for the other one. */
export function openForWriting(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 5_000 });
  database.exec(`
    PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32000; PRAGMA temp_store = MEMORY;
    PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864; PRAGMA cell_size_check = ON;
  `);
  return database;
}

export type PreparedManifest = ReturnType<typeof prepareManifest>;

/**
 * Makes missing tables, and opens two connections: `reader` for reads that are answered at once, and `writer` for the start;
 * close it before another connection writes. `lookUp` gives the row of a key as an array. `wasDamaged`: a damaged database
 * was moved aside, so this one is empty. Throws E_DISK at a newer version.
 */
export function prepareManifest(folder: string) {
  const file = join(folder, MANIFEST_FILE);
  const wasDamaged = existsSync(markOf(file));
  if (wasDamaged) moveAside(file);
  try {
    return prepared(file, wasDamaged);
  } catch (error) {
    if (!isDamage(error)) throw error;
    moveAside(file);
    return prepared(file, true);
  }
}

function prepared(file: string, wasDamaged: boolean) {
  checkHeader(file);
  const writer = openForWriting(file);
  let reader: DatabaseSync | undefined;
  try {
    const made = writer.prepare("SELECT count(*) AS made FROM sqlite_schema WHERE name = 'counters'").get()?.made;
    if (made === 0) writer.exec(`BEGIN; ${TABLES} COMMIT;`);
    else checkVersion(numberOf(writer, 'user_version'), numberOf(writer, 'application_id'));
    probe(writer);
    reader = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
    reader.exec('PRAGMA cache_size = -8000; PRAGMA cell_size_check = ON;');
    reader.prepare('SELECT value FROM counters').all();
    const lookUp = reader.prepare(`SELECT ${COLUMNS} FROM entries WHERE key = ? AND ${READABLE}`);
    lookUp.setReturnArrays(true);
    return { file, reader, lookUp, writer, wasDamaged };
  } catch (error) {
    reader?.close();
    writer.close();
    throw error;
  }
}

/**
 * Reads the schema, with everything that the thread will ask of it, and the first pages of each table. Parts that cannot be
 * read now will not be readable later.
 */
function probe(database: DatabaseSync): void {
  for (const Asks of [ManifestWriter, ManifestReads]) new Asks(database);
  database.prepare('SELECT value FROM counters').all();
  database.prepare('SELECT state, crc FROM image').all();
  database.prepare('SELECT chunk, positions, crc FROM buckets LIMIT 1').all();
  const edges = ['min', 'max'].flatMap((edge) => [
    `SELECT * FROM entries WHERE generation = (SELECT ${edge}(generation) FROM entries)`,
    `SELECT ${edge}(key) FROM entries`,
    `SELECT ${edge}(segment) FROM entries`,
  ]);
  for (const select of edges) {
    const statement = database.prepare(select);
    // A number that is too large concerns one row, which reads pass over.
    statement.setReadBigInts(true);
    statement.all();
  }
}

/** Reads the file's header directly, so that a newer version's file is not touched: SQLite would tidy up as it opens. */
function checkHeader(file: string): void {
  if (!existsSync(file)) return;
  const header = Buffer.alloc(100);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, header, 0, header.length, 0);
  } finally {
    closeSync(descriptor);
  }
  // Offsets in SQLite's file header. Both values are 0 while everything written is still in the log beside the file.
  const [version, application] = [header.readUInt32BE(60), header.readUInt32BE(68)];
  if (version !== 0 || application !== 0) checkVersion(version, application);
}

function checkVersion(version: number, application: number): void {
  if (version !== application - APPLICATION) throw new DamagedError('two versions that differ');
  if (version <= VERSION) return;
  throw new TidegateError(
    'E_DISK',
    `expected a manifest of version ${VERSION} or older, got one of version ${version}`,
  );
}

function numberOf(database: DatabaseSync, pragma: string): number {
  return Number(Object.values(database.prepare(`PRAGMA ${pragma}`).get() ?? {})[0]);
}

/** Makes the next start begin with an empty manifest. */
export function markDamaged(file: string): void {
  writeFileSync(markOf(file), '');
}

function markOf(file: string): string {
  return `${file}.damaged`;
}

/** Keeps one damaged database, for anyone who wants to see what happened. */
function moveAside(file: string): void {
  for (const suffix of ['-wal', '-shm', '']) {
    const [from, to] = [file + suffix, `${file}.damaged-1${suffix}`];
    rmSync(to, { force: true });
    if (existsSync(from)) renameSync(from, to);
  }
  rmSync(markOf(file), { force: true });
}
