// Whether manifest, index and files agree, for an operator. Reads every row and the beginning of every record.
//
// It runs while entries come and go, so a few entries in transit may show as differences.

import { RECORD_HEADER_BYTES } from '../entry-record.ts';
import { BODY_FOLDER, bodyName } from './bodies/body-file.ts';
import type { DiskFolder, ManifestRow } from './contract.ts';
import { keyHash } from './index/entry-index.ts';
import type { DiskState } from './segments/entry-records.ts';
import { recordHeader } from './segments/segment-record.ts';
import { SEGMENT_FOLDER, type Segments, segmentNumber } from './segments/segments.ts';

const MAX_EXAMPLES = 10;

/** Of which several may be found, each with an example. */
const FINDINGS = {
  /** Rows that the index lacks, or has with other values. */
  rowsWithoutEntry: 0,
  missingRecords: 0,
  /** The place holds another record, or bytes that are no record. */
  wrongRecords: 0,
  missingBodies: 0,
  /** Files that no row names. */
  orphanSegments: 0,
  orphanBodies: 0,
};

export interface CheckReport extends Readonly<typeof FINDINGS> {
  /** Rows of the manifest. */
  readonly rows: number;
  /** Entries in the index. */
  readonly entries: number;
  /** Rows with their entry in the index and their record in place. */
  readonly agreeing: number;
  readonly entriesWithoutRow: number;
  /** A few of the differences, in words. */
  readonly examples: readonly string[];
}

type Finding = keyof typeof FINDINGS;

export async function checkStore({ folder, manifest, indexState, segments, bodies }: DiskState): Promise<CheckReport> {
  const findings = { ...FINDINGS };
  const examples: string[] = [];
  const note = (finding: Finding, example: string) => {
    findings[finding]++;
    if (examples.length < MAX_EXAMPLES) examples.push(example);
  };
  const entries = indexState.index.count;
  const named = new Set<number>();
  let [rows, known, agreeing] = [0, 0, 0];
  for await (const portion of manifest.find({ kind: 'all' })) {
    for (const row of portion) {
      rows++;
      named.add(row.place.segment);
      if (!indexState.has(keyHash(row.key), row.generation)) {
        note('rowsWithoutEntry', `row without an entry in the index: ${row.key}`);
        continue;
      }
      known++;
      const [finding, example] = (await problemOf(row, folder, segments)) ?? [];
      if (finding === undefined) agreeing++;
      else note(finding, `${example}: ${row.key}`);
    }
  }
  for (const name of folder.list(SEGMENT_FOLDER)) {
    const number = segmentNumber(name);
    const segment = number === undefined ? undefined : segments.find(number);
    // A segment that is being written to, or whose last entry has gone so that its file will go too.
    const isKnown = segment !== undefined && (!segment.sealed || segment.entries === 0);
    if (!isKnown && (number === undefined || !named.has(number)))
      note('orphanSegments', `file without rows: ${SEGMENT_FOLDER}/${name}`);
  }
  for (const name of bodies.orphans()) note('orphanBodies', `file without a row: ${name}`);
  return {
    rows,
    entries,
    agreeing,
    entriesWithoutRow: Math.max(0, indexState.index.count - known),
    ...findings,
    examples,
  };
}

async function problemOf(
  row: ManifestRow,
  folder: DiskFolder,
  segments: Segments,
): Promise<[Finding, string] | undefined> {
  const { bodyId, place, key } = row;
  try {
    if (bodyId !== '') folder.open(bodyName(bodyId), { create: false }).close();
  } catch (error) {
    if (error instanceof Error) return ['missingBodies', `no file ${BODY_FOLDER}/${bodyId}`];
    throw error;
  }
  // A key in UTF-16 takes two bytes per unit.
  const start = Buffer.alloc(Math.min(place.bytes, RECORD_HEADER_BYTES + 2 * key.length));
  try {
    if ((await segments.read(place, start)) !== undefined) return ['missingRecords', 'no record'];
  } catch (error) {
    if (error instanceof Error) return ['missingRecords', 'no record'];
    throw error;
  }
  const header = recordHeader(start);
  const isRight = header?.generation === row.generation && header.bytes === place.bytes && header.key === key;
  return isRight ? undefined : ['wrongRecords', 'another record'];
}
