// An image of what was invalidated, without the buckets that nothing has marked: they are most of a young log's.

import { BUCKET_FORM } from '../../ledger/invalidations.ts';
import type { InvalidationsImage, Position } from '../../ledger/log.ts';
import type { SparseImage } from './messages.ts';

/** Of buckets, prefixes and patterns: to be changed with what an image says of them, but for the choice of a bucket. */
const FORM = `1.${BUCKET_FORM}`;

export function sparse({ buckets, ...rest }: InvalidationsImage): SparseImage {
  let used = 0;
  for (const position of buckets) if (position !== 0) used++;
  const indexes = new Uint32Array(used);
  const positions = new Float64Array(used);
  let at = 0;
  for (let index = 0; index < buckets.length; index++) {
    if (buckets[index] === 0) continue;
    indexes[at] = index;
    positions[at++] = buckets[index] as number;
  }
  return { ...rest, form: FORM, size: buckets.length, indexes, positions };
}

/** An image of another version says only how far its log had come, so everything stored before is outdated. */
export function dense({ form, size, indexes, positions, ...rest }: SparseImage): InvalidationsImage {
  if (form !== FORM) return { ...rest, floor: rest.applied, patterns: [], buckets: new Float64Array(OTHER_BUCKETS) };
  const buckets = new Float64Array(size);
  for (const [at, index] of indexes.entries()) buckets[index] = positions[at] as number;
  return { ...rest, buckets };
}

/** The size where the image is of another version, which may choose another. */
const OTHER_BUCKETS = 2 ** 14;

/** Of a log of which nothing is known but how far it has come: everything stored before is outdated. */
export function emptied(epoch: string, applied: Position, size = OTHER_BUCKETS): SparseImage {
  const nothing = { patterns: [], indexes: new Uint32Array(), positions: new Float64Array() };
  return { epoch, applied, floor: applied, patternFloor: applied, form: FORM, size, ...nothing };
}
