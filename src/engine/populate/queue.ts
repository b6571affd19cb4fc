// The waiting fills, in lanes: each puts the most expected hits first, and earlier arrivals before
// their equals. A text (URI and selecting fields) waits once, for all the jobs that want it.
// Each waiting fill knows its place in the heap of its lane, so that a fill that is wanted more can move up.

/** Who is told of a fill: the place of the item among those of its job. */
export interface Share<Job> {
  readonly job: Job;
  readonly index: number;
}

/** A fill on its way into the queue, or out of it. */
export interface Fill<Job> {
  /** URI, then `LF name:value` for each field. */
  readonly text: string;
  /** Expected hits. */
  readonly hits: number;
  /** How often it has been tried. */
  readonly attempts: number;
  /** The first is the one whose lane it waits in; never none. */
  readonly shares: readonly Share<Job>[];
}

/** Fills of one job at one origin. Made by the queue's user. */
export interface Lane<Job> {
  readonly job: Job;
  /** Lanes with less go first. */
  readonly rank: number;
  /** A binary heap; empty at first. Only the queue writes to it. */
  readonly heap: WaitingFill<Job>[];
}

/** A fill that waits. There may be a million, so the share of its lane's job is an index alone. */
interface WaitingFill<Job> {
  readonly text: string;
  hits: number;
  readonly attempts: number;
  /** Earlier ones go first among equals. */
  readonly order: number;
  readonly lane: Lane<Job>;
  readonly index: number;
  /** Shares after the first, of the few fills that have more. */
  further: Share<Job>[] | undefined;
  /** In the heap of its lane. */
  place: number;
}

export class FillQueue<Job> {
  readonly #waiting = new Map<string, WaitingFill<Job>>();
  #shares = 0;
  #lastOrder = 0;

  /** Fills that wait. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Shares of those that wait: each takes memory, also where many are of one fill. */
  get shares(): number {
    return this.#shares;
  }

  /**
   * Lets the fill wait in the lane of its first share. One that waits already is shared from now on, and changes to this lane if that
   * goes first.
   */
  add(fill: Fill<Job>, lane: Lane<Job>): void {
    const { text, hits, attempts, shares } = fill;
    const there = this.#waiting.get(text);
    if (there !== undefined && lane.rank < there.lane.rank) {
      const before = this.#takeOut(there);
      return this.add({ ...before, hits: Math.max(hits, before.hits), shares: shares.concat(before.shares) }, lane);
    }
    this.#shares += shares.length;
    if (there !== undefined) {
      there.further ??= [];
      // Not spread: a text may have more shares than a call takes arguments.
      for (const share of shares) there.further.push(share);
      if (hits <= there.hits) return;
      there.hits = hits;
      return up(there);
    }
    const [{ index }, ...more] = shares as [Share<Job>, ...Share<Job>[]];
    const further = more.length === 0 ? undefined : more;
    const waiting = { text, hits, attempts, order: ++this.#lastOrder, lane, index, further, place: lane.heap.length };
    this.#waiting.set(text, waiting);
    lane.heap.push(waiting);
    up(waiting);
  }

  /** The first fill of a lane; undefined when the lane is empty. */
  first(lane: Lane<Job>): { readonly hits: number; readonly order: number } | undefined {
    return lane.heap[0];
  }

  /** Takes the first of a lane that is not empty. */
  take({ heap }: Lane<Job>): Fill<Job> {
    return this.#takeOut(heap[0] as WaitingFill<Job>);
  }

  #takeOut(waiting: WaitingFill<Job>): Fill<Job> {
    const { heap } = waiting.lane;
    const last = heap.pop() as WaitingFill<Job>;
    if (last !== waiting) {
      seat(last, waiting.place);
      up(last);
      down(last);
    }
    return this.#release(waiting);
  }

  /** Empties a lane; returns the fills that others want too, without the share of the lane's job. */
  empty(lane: Lane<Job>): Fill<Job>[] {
    const fills = lane.heap.splice(0).map((waiting) => this.#release(waiting));
    return fills.flatMap((fill) => (fill.shares.length > 1 ? [{ ...fill, shares: fill.shares.slice(1) }] : []));
  }

  #release({ text, hits, attempts, lane, index, further = [] }: WaitingFill<Job>): Fill<Job> {
    const shares = [{ job: lane.job, index }, ...further];
    this.#shares -= shares.length;
    this.#waiting.delete(text);
    return { text, hits, attempts, shares };
  }
}

function isBefore<Job>(one: WaitingFill<Job>, other: WaitingFill<Job>): boolean {
  return one.hits > other.hits || (one.hits === other.hits && one.order < other.order);
}

function seat<Job>(waiting: WaitingFill<Job>, place: number): void {
  waiting.lane.heap[place] = waiting;
  waiting.place = place;
}

function up<Job>(waiting: WaitingFill<Job>): void {
  const { heap } = waiting.lane;
  let { place } = waiting;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    const above = heap[parent]!;
    if (!isBefore(waiting, above)) break;
    seat(above, place);
    place = parent;
  }
  seat(waiting, place);
}

function down<Job>(waiting: WaitingFill<Job>): void {
  const { heap } = waiting.lane;
  let { place } = waiting;
  for (let child = 2 * place + 1; child < heap.length; child = 2 * place + 1) {
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, waiting)) break;
    seat(heap[child]!, place);
    place = child;
  }
  seat(waiting, place);
}
