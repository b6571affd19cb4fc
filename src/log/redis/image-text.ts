// What is in force as the engine keeps it for members that join: an image as text, and the changes after it.

import { Invalidations } from '../../ledger/invalidations.ts';
import type { InvalidationsImage, Position } from '../../ledger/log.ts';
import { dense, emptied, sparse } from '../lease/image.ts';
import { type PlacedChange, type SparseImage, understood } from '../lease/messages.ts';

/** Buckets of each cache: 2 MB. */
const BUCKETS = 2 ** 18;

interface Kept extends Omit<SparseImage, 'indexes' | 'positions'> {
  readonly indexes: readonly number[];
  readonly positions: readonly number[];
}

export function imageText(image: InvalidationsImage): string {
  const { indexes, positions, ...rest } = sparse(image);
  const kept: Kept = { ...rest, indexes: Array.from(indexes), positions: Array.from(positions) };
  return JSON.stringify(kept);
}

/**
 * What is in force after the changes. `from` says what came before them: the text of an image; `0`: nothing was invalidated; an empty
 * text: nobody knows, so everything that was stored before is outdated.
 */
export function imageAfter(
  from: string,
  changes: readonly PlacedChange[],
  { epoch, applied }: { readonly epoch: string; readonly applied: Position },
): SparseImage {
  const begin = beginOf(from, epoch);
  if (begin === undefined) return emptied(epoch, applied, BUCKETS);
  const invalidations = new Invalidations({ from: dense(begin) });
  for (const [position, told] of changes) {
    const change = understood(told);
    if (change.kind === 'invalidate') invalidations.apply(change.selector, position);
  }
  return sparse(invalidations.image());
}

function beginOf(from: string, epoch: string): SparseImage | undefined {
  if (from === '') return undefined;
  if (from === '0') return emptied(epoch, 0, BUCKETS);
  const { indexes, positions, ...rest } = JSON.parse(from) as Kept;
  const image = { ...rest, indexes: Uint32Array.from(indexes), positions: Float64Array.from(positions) };
  // Members compare entries by their buckets, which must be as many in all.
  return image.size === BUCKETS ? image : undefined;
}
