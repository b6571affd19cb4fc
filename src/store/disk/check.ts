// Whether manifest, index and files agree, for an operator. Reads every row and the beginning of every record.
//
// It runs while entries come and go, so a few entries in transit may show as differences.

import { BODY_FOLDER, bodyName } from './bodies/body-blocks.ts';
import type { ManifestRow, Place } from './contract.ts';
import type { Catalog } from './index/catalog.ts';
import { keyHash } from './index/hash.ts';
import type { DiskParts } from './parts.ts';
import { SEGMENT_FOLDER, segmentNumber } from './segments/segment-files.ts';
import { RECORD_HEADER_BYTES, recordHeader, recordKey } from './segments/segment-record.ts';

const MAX_EXAMPLES = 10;

export interface CheckReport {
  /** Rows of the manifest. */
  readonly rows: number;
  /** Entries in the index. */
  readonly entries: number;
  /** Rows with their entry in the index and their record in place. */
  readonly agreeing: number;
  /** Rows that the index lacks, or has with other values. */
  readonly rowsWithoutEntry: number;
  readonly entriesWithoutRow: number;
  readonly missingRecords: number;
  /** The place holds another record, or bytes that are no record. */
  readonly wrongRecords: number;
  readonly missingBodies: number;
  /** Files that no row names. */
  readonly orphanSegments: number;
  readonly orphanBodies: number;
  /** A few of the differences, in words. */
  readonly examples: readonly string[];
}

type Counts = { -readonly [name in keyof CheckReport]: CheckReport[name] } & { examples: string[] };
type Finding =
  | 'rowsWithoutEntry'
  | 'missingRecords'
  | 'wrongRecords'
  | 'missingBodies'
  | 'orphanSegments'
  | 'orphanBodies';

/** Whether the row belongs to the entry stored under its key at this instant. */
export function isStored(catalog: Catalog, { key, generation }: ManifestRow): boolean {
  const hash = keyHash(key);
  const slot = catalog.index.find(hash);
  return slot < 0 ? !catalog.isLoaded && !catalog.isRemoved(hash) : catalog.index.generation(slot) === generation;
}

export async function checkStore(parts: DiskParts): Promise<CheckReport> {
  const counts: Counts = { ...NOTHING, entries: parts.catalog.index.count, examples: [] };
  const note = (finding: Finding, example: string) => {
    counts[finding]++;
    if (counts.examples.length < MAX_EXAMPLES) counts.examples.push(example);
  };
  const named = new Set<number>();
  let known = 0;
  for await (const rows of parts.manifest.find({ kind: 'all' })) {
    for (const row of rows) {
      counts.rows++;
      named.add(row.place.segment);
      if (!isStored(parts.catalog, row)) {
        note('rowsWithoutEntry', `row without an entry in the index: ${row.key}`);
        continue;
      }
      known++;
      const [finding, example] = (await problemOf(parts, row)) ?? [];
      if (finding === undefined) counts.agreeing++;
      else note(finding, `${example}: ${row.key}`);
    }
  }
  counts.entriesWithoutRow = Math.max(0, parts.catalog.index.count - known);
  for (const name of parts.folder.list(SEGMENT_FOLDER)) {
    const number = segmentNumber(name);
    const known = number === undefined ? undefined : parts.segments.find(number);
    // A segment that is being written to, or whose last entry has gone so that its file will go too.
    const isKnown = known !== undefined && (!known.sealed || known.entries === 0);
    if (!isKnown && (number === undefined || !named.has(number)))
      note('orphanSegments', `file without rows: ${SEGMENT_FOLDER}/${name}`);
  }
  for (const name of parts.bodies.orphans()) note('orphanBodies', `file without a row: ${name}`);
  return counts;
}

const NOTHING = Object.freeze({
  rows: 0,
  agreeing: 0,
  rowsWithoutEntry: 0,
  entriesWithoutRow: 0,
  missingRecords: 0,
  wrongRecords: 0,
  missingBodies: 0,
  orphanSegments: 0,
  orphanBodies: 0,
});

async function problemOf(parts: DiskParts, row: ManifestRow): Promise<[Finding, string] | undefined> {
  if (row.bodyId !== '' && !hasBody(parts, row)) return ['missingBodies', `no file ${BODY_FOLDER}/${row.bodyId}`];
  const start = await startOf(parts, row.place, row.key.length);
  if (start === undefined) return ['missingRecords', 'no record'];
  const header = recordHeader(start);
  const isRight =
    header?.generation === row.generation && header.bytes === row.place.bytes && recordKey(start) === row.key;
  return isRight ? undefined : ['wrongRecords', 'another record'];
}

function hasBody({ folder }: DiskParts, { bodyId }: ManifestRow): boolean {
  try {
    folder.open(bodyName(bodyId), { create: false }).close();
    return true;
  } catch (error) {
    if (error instanceof Error) return false;
    throw error;
  }
}

/** The record's header and key. Undefined when the file ends before. */
async function startOf({ segments }: DiskParts, place: Place, keyUnits: number): Promise<Buffer | undefined> {
  const segment = segments.find(place.segment);
  if (segment === undefined) return undefined;
  // A key in UTF-16 takes two bytes per unit.
  const start = Buffer.alloc(Math.min(place.bytes, RECORD_HEADER_BYTES + 2 * keyUnits));
  try {
    return (await segments.read(segment, start, place.offset)) ? start : undefined;
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
