// The clients of a feed process: those that listen now, and those whose caches may still serve.
//
// A client that is gone is waited for until its lease is over, or until it is back, with caches in
// which everything of the source was made outdated.

import type { ServerResponse } from 'node:http';
import type { Cancel } from '../../ports.ts';
import type { CatalogueData } from '../../sql/ast.ts';
import type { TrackerPlatform } from '../contract.ts';
import type { FollowedDatabase } from '../follow/followed-database.ts';
import { randomName } from '../tags.ts';
import type { Publisher } from '../target/publisher.ts';
import { ProcessStream } from './process-stream.ts';
import type { Hello, ProcessState } from './process-wire.ts';

export interface ClientsParts {
  readonly platform: TrackerPlatform;
  readonly followed: FollowedDatabase;
  readonly hello: () => Omit<Hello, 'stream'>;
  readonly state: () => ProcessState;
}

export interface Arriving {
  /** Id of the client's life, as it says. */
  readonly client: string;
  readonly hasCaches: boolean;
  readonly response: ServerResponse;
}

interface Client {
  readonly stream: ProcessStream;
  generation: number;
  /** The catalogue that the client has. */
  data: CatalogueData | undefined;
  /** Whether the client has not been told everything yet. */
  isDue: boolean;
}

interface Caches {
  readonly client: string;
  readonly publisher: Publisher;
  cancel: Cancel;
}

/** Changes within this time are told together. */
const TELL_MS = 2;

export class ProcessClients {
  readonly #parts: ClientsParts;
  readonly #clients = new Map<string, Client>();
  readonly #caches = new Set<Caches>();
  #cancelTell: Cancel | undefined;

  constructor(parts: ClientsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#clients.size;
  }

  stream(id: string): ProcessStream | undefined {
    return this.#clients.get(id)?.stream;
  }

  listen({ client: name, hasCaches, response }: Arriving): void {
    const { platform, followed, hello } = this.#parts;
    const id = randomName(platform.random);
    const { leaseMs } = followed;
    const stream = new ProcessStream({ ...platform, id, name: `client ${name}`, response, leaseMs });
    const client: Client = { stream, generation: -1, data: undefined, isDue: false };
    this.#clients.set(id, client);
    stream.tell({ ...hello(), stream: id });
    this.#tell(client);
    const caches = hasCaches ? this.#follow(name, stream) : undefined;
    response.on('drain', () => {
      if (client.isDue) this.#tell(client);
    });
    response.once('close', () => {
      this.#clients.delete(id);
      stream.close();
      if (caches !== undefined) this.#leave(caches, stream.endsAt);
    });
  }

  /** Tells the clients the feed's position. */
  moved(): void {
    this.#cancelTell ??= this.#parts.platform.tasks.later(TELL_MS, () => {
      this.#cancelTell = undefined;
      for (const client of this.#clients.values()) this.#tell(client);
    });
  }

  close(): void {
    this.#cancelTell?.();
    for (const { cancel } of this.#caches) cancel();
    for (const { stream } of this.#clients.values()) stream.close();
  }

  #tell(client: Client): void {
    const { followed, state } = this.#parts;
    const { stream } = client;
    client.isDue = stream.isBehind;
    if (client.isDue) return;
    const { generation, isRefreshing, catalogue } = followed.follower;
    // While it is being read, the next one may be of another generation.
    if (client.generation !== generation && !isRefreshing) {
      const { data } = catalogue;
      stream.tell({ kind: 'catalogue', generation, ...(data !== client.data && { data }) });
      Object.assign(client, { generation, data });
    }
    stream.tell({ kind: 'state', ...state() });
  }

  #follow(client: string, stream: ProcessStream): Caches {
    const publisher: Publisher = this.#parts.followed.add({
      name: stream.name,
      deliver: async (message) => {
        const reply = await stream.deliver(message);
        if (message.sequence === 1) this.#forgetBefore(caches);
        return reply;
      },
    });
    const caches: Caches = { client, publisher, cancel: () => undefined };
    this.#caches.add(caches);
    return caches;
  }

  /** Forgets the client's earlier connections: its caches hold nothing any more that those would have had to outdate. */
  #forgetBefore(caches: Caches): void {
    for (const other of this.#caches) {
      if (other === caches) return;
      if (other.client === caches.client) this.#forget(other);
    }
  }

  #leave(caches: Caches, endsAt: number): void {
    const { tasks, clock } = this.#parts.platform;
    caches.publisher.stop();
    caches.cancel = tasks.later(Math.max(0, endsAt - clock.monotonic()), () => this.#forget(caches));
  }

  #forget(caches: Caches): void {
    caches.cancel();
    if (this.#caches.delete(caches)) this.#parts.followed.remove(caches.publisher);
  }
}
