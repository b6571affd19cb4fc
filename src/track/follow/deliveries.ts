// Tracks how far the targets have heard: when a position of the feed is in force everywhere, the feed need not keep it.
//
// A target that is gone serves nothing any more, so nothing waits for it. A target that is away for long would have
// every commit noted: beyond a bound the newest takes the place of the one before it.

import type { FeedPosition } from '../../dependency/change.ts';
import type { Publisher } from '../target/publisher.ts';

/** A place in each publisher's queue: once it gets there, all that was published before has been delivered. */
export type Places = ReadonlyMap<Publisher, number>;

/** The most positions noted. With one fewer the feed keeps a little for longer. */
const MAX_NOTED = 1_000;

export class Deliveries {
  readonly #publishers: ReadonlySet<Publisher>;
  /** Positions applied, with the places in the queues at which they are delivered. */
  #unacknowledged: { readonly position: FeedPosition; readonly places: Places }[] = [];

  constructor(publishers: ReadonlySet<Publisher>) {
    this.#publishers = publishers;
  }

  /** The queue places of all that was published until now. */
  places(): Places {
    const places = new Map<Publisher, number>();
    for (const publisher of this.#publishers) places.set(publisher, publisher.givenUpTo);
    return places;
  }

  isDelivered(places: Places): boolean {
    for (const [publisher, place] of places) {
      if (publisher.deliveredUpTo < place && this.#publishers.has(publisher)) return false;
    }
    return true;
  }

  /** All that was committed up to there has been published. */
  applied(position: FeedPosition): void {
    const places = this.places();
    const last = this.#unacknowledged.at(-1);
    // The last of several positions with nothing between them says it all.
    const isFull = this.#unacknowledged.length >= MAX_NOTED;
    if (last !== undefined && (isFull || isSame(last.places, places))) this.#unacknowledged.pop();
    this.#unacknowledged.push({ position, places });
  }

  /** Positions that are noted. */
  get size(): number {
    return this.#unacknowledged.length;
  }

  /** The position that is in force everywhere since the last call; undefined when there is none. */
  taken(): FeedPosition | undefined {
    const done = this.#unacknowledged.findIndex(({ places }) => !this.isDelivered(places));
    return this.#unacknowledged.splice(0, done < 0 ? this.#unacknowledged.length : done).at(-1)?.position;
  }
}

function isSame(one: Places, other: Places): boolean {
  if (one.size !== other.size) return false;
  for (const [publisher, place] of one) if (other.get(publisher) !== place) return false;
  return true;
}
