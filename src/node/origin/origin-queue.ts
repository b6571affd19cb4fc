// Who gets a connection of an origin, and who waits for one.
//
// No client can hold all connections: a client that holds some gets one more only while more are free than it holds, times a
// factor from `perClient`. So one client alone comes to half of them, and n clients leave one part in n + 1 to the next. The
// same holds for each client connection, such as one of HTTP/2 with its many streams, with twice the distance, so that others at
// the same address come in beside it. Fills for which nobody waits count as one such connection.
//
// Clients that wait are served in turn, a request each. A full queue drops the newest request of the client with the most.

import type { TidegateError } from '../../errors.ts';
import type { Cancel, OriginRequest, Tasks } from '../../ports.ts';

export interface QueueOptions {
  /** Requests at a time, over one connection each. */
  readonly connections: number;
  /** The part of the connections that one client comes to alone, above 0; 1: no bound. */
  readonly perClient: number;
  readonly queue: { readonly max: number; readonly timeoutMs: number };
}

/** Who asks. */
export type Asker = Pick<OriginRequest, 'client' | 'connection'>;

/** `full`: of the queue. `late`: its deadline has passed. */
export type QueueRefusal = 'full' | 'late';

/** One of the two is called, never at once; none after the place was given back. */
interface Waiting {
  readonly granted: () => void;
  readonly refused: (reason: QueueRefusal | TidegateError) => void;
}

/** Figures of one queue; all but `waiting` since the start. */
export interface QueueFigures {
  readonly waiting: number;
  readonly queued: number;
  readonly refused: { readonly [reason in QueueRefusal]: number };
}

/** A request's place: at a connection, or in the queue. */
export interface Place {
  readonly state: 'held' | 'waiting' | 'over';
}

class OwnPlace implements Place {
  state: Place['state'] = 'over';
  readonly line: Line;
  readonly connection: Asker['connection'];
  readonly waiting: Waiting;
  cancelDeadline: Cancel | undefined;

  constructor(line: Line, connection: Asker['connection'], waiting: Waiting) {
    this.line = line;
    this.connection = connection;
    this.waiting = waiting;
  }
}

/** One client: an address, or a connection where nobody knows whose it is. */
interface Line {
  readonly key: unknown;
  readonly places: OwnPlace[];
  held: number;
}

export class OriginQueue {
  readonly #options: QueueOptions;
  readonly #tasks: Tasks;
  readonly #groupOf: (client: string) => string;
  /** How many times the free connections a client may hold. */
  readonly #factor: number;
  readonly #lines = new Map<unknown, Line>();
  /** Those with waiting requests, the next in turn first. */
  readonly #turns = new Set<Line>();
  readonly #heldBy = new Map<unknown, number>();
  readonly #refused = { full: 0, late: 0 };
  #perConnection: number;
  #held = 0;
  #waiting = 0;
  #queued = 0;

  /** `perConnection`: requests at a time on one. `groupOf`: what counts as one client. */
  constructor(
    options: QueueOptions,
    deps: { readonly tasks: Tasks; readonly perConnection: number; readonly groupOf: (client: string) => string },
  ) {
    this.#options = options;
    this.#tasks = deps.tasks;
    this.#perConnection = deps.perConnection;
    this.#groupOf = deps.groupOf;
    const { perClient } = options;
    this.#factor = perClient >= 1 ? Number.POSITIVE_INFINITY : perClient / (1 - perClient);
  }

  /** Takes a connection, if there is one for this client, else a place in the queue. */
  enter(asker: Asker, waiting: Waiting): Place {
    const place = new OwnPlace(this.#lineOf(asker), asker.connection, waiting);
    // None that waits could have this connection, or it would have it.
    if (this.#isFree(place)) this.#hold(place);
    else if (this.#waiting < this.#options.queue.max || this.#makeRoom(place.line)) this.#wait(place);
    else this.#tell(place, 'full');
    return place;
  }

  /** Gives the place back; harmless when that is done already. */
  leave(place: Place): void {
    const own = place as OwnPlace;
    const { state } = own;
    if (state === 'over') return;
    if (state === 'held') this.#release(own);
    else this.#drop(own);
    this.#forget(own.line);
    if (state === 'held') this.#next();
  }

  /** The origin speaks a protocol with so many requests at a time on a connection. */
  carries(perConnection: number): void {
    if (perConnection === this.#perConnection) return;
    this.#perConnection = perConnection;
    this.#next();
  }

  /** Nobody who waits is going to get a connection. */
  fail(error: TidegateError): void {
    for (const place of [...this.#turns].flatMap(({ places }) => places)) {
      this.#drop(place);
      this.#forget(place.line);
      this.#tasks.soon(() => place.waiting.refused(error));
    }
  }

  figures(): QueueFigures {
    return { waiting: this.#waiting, queued: this.#queued, refused: { ...this.#refused } };
  }

  #lineOf({ client, connection }: Asker): Line {
    const key = client === undefined ? connection : this.#groupOf(client);
    const known = this.#lines.get(key);
    if (known !== undefined) return known;
    const line: Line = { key, places: [], held: 0 };
    this.#lines.set(key, line);
    return line;
  }

  #forget(line: Line): void {
    if (line.held === 0 && line.places.length === 0) this.#lines.delete(line.key);
  }

  #isFree({ line, connection }: OwnPlace): boolean {
    const free = this.#options.connections * this.#perConnection - this.#held;
    if (free <= 0) return false;
    // Of whom nothing is known, no share can be told.
    if (line.key === undefined) return true;
    const most = this.#factor * free;
    return line.held < most && 2 * (this.#heldBy.get(connection) ?? 0) < most;
  }

  #hold(place: OwnPlace): void {
    const { line, connection } = place;
    place.state = 'held';
    this.#held++;
    line.held++;
    if (connection !== undefined) this.#heldBy.set(connection, (this.#heldBy.get(connection) ?? 0) + 1);
  }

  #release(place: OwnPlace): void {
    const { line, connection } = place;
    place.state = 'over';
    this.#held--;
    line.held--;
    const left = (this.#heldBy.get(connection) ?? 0) - 1;
    if (left > 0) this.#heldBy.set(connection, left);
    else this.#heldBy.delete(connection);
  }

  #wait(place: OwnPlace): void {
    place.state = 'waiting';
    place.line.places.push(place);
    this.#turns.add(place.line);
    this.#waiting++;
    this.#queued++;
    place.cancelDeadline = this.#tasks.later(this.#options.queue.timeoutMs, () => this.#refuse(place, 'late'));
  }

  /** Takes a place out of the queue. */
  #drop(place: OwnPlace): void {
    const { line } = place;
    place.state = 'over';
    place.cancelDeadline?.();
    this.#waiting--;
    line.places.splice(line.places.indexOf(place), 1);
    if (line.places.length === 0) this.#turns.delete(line);
  }

  #refuse(place: OwnPlace, reason: QueueRefusal): void {
    this.#drop(place);
    this.#tell(place, reason);
  }

  #tell({ line, waiting }: OwnPlace, reason: QueueRefusal): void {
    this.#refused[reason]++;
    this.#forget(line);
    this.#tasks.soon(() => waiting.refused(reason));
  }

  /** Drops the newest request of the client with the most, unless this one would then have the most itself. */
  #makeRoom(line: Line): boolean {
    let longest = line;
    for (const one of this.#turns) if (one.places.length > longest.places.length) longest = one;
    const newest = longest.places.at(-1);
    if (newest === undefined || longest.places.length <= line.places.length + 1) return false;
    this.#refuse(newest, 'full');
    return true;
  }

  /** Serves waiting clients in turn, as long as there are connections for them. */
  #next(): void {
    for (let place = this.#first(); place !== undefined; place = this.#first()) {
      const { line } = place;
      this.#drop(place);
      this.#hold(place);
      if (this.#turns.delete(line)) this.#turns.add(line);
      this.#grant(place);
    }
  }

  /** Later: whoever has just given its connection back may not have let go of it altogether. */
  #grant(place: OwnPlace): void {
    this.#tasks.soon(() => {
      if (place.state === 'held') place.waiting.granted();
    });
  }

  #first(): OwnPlace | undefined {
    if (this.#held >= this.#options.connections * this.#perConnection) return undefined;
    for (const line of this.#turns) {
      const place = line.places.find((one) => this.#isFree(one));
      if (place !== undefined) return place;
    }
    return undefined;
  }
}
