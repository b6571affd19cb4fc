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
import { countIn } from '../count-in.ts';

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

/** Counts what clients and their connections hold. */
class Shares {
  readonly #connections: number;
  /** How many times the free connections a client may hold. */
  readonly #factor: number;
  readonly #ofClients = new Map<unknown, number>();
  readonly #ofConnections = new Map<unknown, number>();
  #held = 0;
  /** Requests at a time on a connection. */
  perConnection: number;

  constructor({ connections, perClient }: QueueOptions, perConnection: number) {
    this.#connections = connections;
    this.#factor = perClient >= 1 ? Number.POSITIVE_INFINITY : perClient / (1 - perClient);
    this.perConnection = perConnection;
  }

  get free(): number {
    return this.#connections * this.perConnection - this.#held;
  }

  allows({ client, connection }: Holder): boolean {
    const { free } = this;
    // Of whom nothing is known, no share can be told.
    if (free <= 0 || client === undefined) return free > 0;
    const most = this.#factor * free;
    return (this.#ofClients.get(client) ?? 0) < most && 2 * (this.#ofConnections.get(connection) ?? 0) < most;
  }

  /** `by`: 1 for one more, -1 for one given back. */
  count({ client, connection }: Holder, by: 1 | -1): void {
    this.#held += by;
    countIn(this.#ofClients, client, by);
    countIn(this.#ofConnections, connection, by);
  }
}

/** `client`: an address, or a connection where nobody knows whose it is. */
interface Holder {
  readonly client: unknown;
  readonly connection: unknown;
}

class OwnPlace implements Place, Holder {
  state: Place['state'] = 'over';
  readonly client: unknown;
  readonly connection: unknown;
  readonly waiting: Waiting;
  cancelDeadline: Cancel | undefined;

  constructor({ client, connection }: Holder, waiting: Waiting) {
    this.client = client;
    this.connection = connection;
    this.waiting = waiting;
  }
}

interface QueueDeps {
  readonly tasks: Tasks;
  /** Requests at a time on a connection, as far as is known. */
  readonly perConnection: number;
  /** What counts as one client. */
  readonly groupOf: (client: string) => string;
}

export class OriginQueue {
  readonly #limits: QueueOptions['queue'];
  readonly #deps: QueueDeps;
  readonly #shares: Shares;
  /** Those that wait, by client; the next in turn first. */
  readonly #lines = new Map<unknown, OwnPlace[]>();
  readonly #refused = { full: 0, late: 0 };
  #waiting = 0;
  #queued = 0;

  constructor(options: QueueOptions, deps: QueueDeps) {
    this.#limits = options.queue;
    this.#deps = deps;
    this.#shares = new Shares(options, deps.perConnection);
  }

  /** Takes a connection, if there is one for this client, else a place in the queue. */
  enter({ client, connection }: Asker, waiting: Waiting): Place {
    const holder = { client: client === undefined ? connection : this.#deps.groupOf(client), connection };
    const place = new OwnPlace(holder, waiting);
    // None that waits could have this connection, or it would have it.
    if (this.#shares.allows(place)) this.#hold(place);
    else if (this.#waiting < this.#limits.max || this.#makeRoom(place.client)) this.#wait(place);
    else this.#tell(place, 'full');
    return place;
  }

  /** Gives the place back; harmless when that is done already. */
  leave(place: Place): void {
    const own = place as OwnPlace;
    if (own.state === 'waiting') this.#drop(own);
    if (own.state !== 'held') return;
    own.state = 'over';
    this.#shares.count(own, -1);
    this.#next();
  }

  /** The origin speaks a protocol with so many requests at a time on a connection. */
  carries(perConnection: number): void {
    this.#shares.perConnection = perConnection;
    this.#next();
  }

  /** Nobody who waits is going to get a connection. */
  fail(error: TidegateError): void {
    for (const place of [...this.#lines.values()].flat()) {
      this.#drop(place);
      this.#deps.tasks.soon(() => place.waiting.refused(error));
    }
  }

  figures(): QueueFigures {
    return { waiting: this.#waiting, queued: this.#queued, refused: { ...this.#refused } };
  }

  #hold(place: OwnPlace): void {
    place.state = 'held';
    this.#shares.count(place, 1);
  }

  #wait(place: OwnPlace): void {
    place.state = 'waiting';
    const line = this.#lines.get(place.client);
    if (line === undefined) this.#lines.set(place.client, [place]);
    else line.push(place);
    this.#waiting++;
    this.#queued++;
    place.cancelDeadline = this.#deps.tasks.later(this.#limits.timeoutMs, () => {
      this.#drop(place);
      this.#tell(place, 'late');
    });
  }

  /** Takes a place out of the queue. */
  #drop(place: OwnPlace): void {
    const line = this.#lines.get(place.client) as OwnPlace[];
    place.state = 'over';
    place.cancelDeadline?.();
    this.#waiting--;
    line.splice(line.indexOf(place), 1);
    if (line.length === 0) this.#lines.delete(place.client);
  }

  #tell({ waiting }: OwnPlace, reason: QueueRefusal): void {
    this.#refused[reason]++;
    this.#deps.tasks.soon(() => waiting.refused(reason));
  }

  /** Drops the newest request of the client with the most, unless this one would then have as many. */
  #makeRoom(client: unknown): boolean {
    let longest: OwnPlace[] = [];
    for (const line of this.#lines.values()) if (line.length > longest.length) longest = line;
    const newest = longest.at(-1);
    if (newest === undefined || longest.length <= (this.#lines.get(client)?.length ?? 0) + 1) return false;
    this.#drop(newest);
    this.#tell(newest, 'full');
    return true;
  }

  /** Serves waiting clients in turn, as long as there are connections for them. */
  #next(): void {
    for (let place = this.#first(); place !== undefined; place = this.#first()) {
      const line = this.#lines.get(place.client) as OwnPlace[];
      this.#lines.delete(place.client);
      this.#lines.set(place.client, line);
      this.#drop(place);
      this.#hold(place);
      this.#grant(place);
    }
  }

  /** Later: whoever has just given its connection back may not have let go of it altogether. */
  #grant(place: OwnPlace): void {
    this.#deps.tasks.soon(() => {
      if (place.state === 'held') place.waiting.granted();
    });
  }

  #first(): OwnPlace | undefined {
    if (this.#shares.free <= 0) return undefined;
    for (const line of this.#lines.values()) {
      const place = line.find((one) => this.#shares.allows(one));
      if (place !== undefined) return place;
    }
    return undefined;
  }
}
