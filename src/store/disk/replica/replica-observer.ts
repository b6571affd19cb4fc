// The observer that the catalog tells of each change of the index, as it happens. Types only.

import type { Place } from '../contract.ts';
import type { KeyHash } from '../index/hash.ts';

export interface IndexObserver {
  /** The entry's record is at this place now, whatever its hash led to before. */
  entered(hash: KeyHash, place: Place, generation: number): void;
  left(hash: KeyHash): void;
  /** Nothing is stored any more. */
  cleared(): void;
}
