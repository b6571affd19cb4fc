// An image of what was invalidated, without the buckets that nothing has marked: they are most of a young log's.

import type { InvalidationsImage } from '../../ledger/invalidations.ts';
import type { SparseImage } from './messages.ts';

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
  return { ...rest, size: buckets.length, indexes, positions };
}

export function dense({ size, indexes, positions, ...rest }: SparseImage): InvalidationsImage {
  const buckets = new Float64Array(size);
  for (const [at, index] of indexes.entries()) buckets[index] = positions[at] as number;
  return { ...rest, buckets };
}
