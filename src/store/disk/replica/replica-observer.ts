// Whom the catalog tells of each change of the index, as it happens. Types only.

import type { Place } from '../contract.ts';
import type { KeyHash } from '../index/hash.ts';

export interface IndexObserver {
  /** The entry's record stands there now, whatever stood under its hash before. */
  entered(hash: KeyHash, place: Place, generation: number): void;
  left(hash: KeyHash): void;
  /** Nothing is stored. */
  cleared(): void;
}
