// The clients of a feed process that listen: each on a long answer of lines, on which it hears where the feed stands, and
// what is outdated in the data caches that it has.
//
// A client that cannot be told goes on serving from its caches until its lease has run out. It counts that from the
// moment at which it said that it had delivered the message before, so it is over at the latest `leaseMs` after the last
// line. A client that is gone is waited for until then, or until it is back, with caches in which everything of the
// source was made outdated.

import type { ServerResponse } from 'node:http';
import { TidegateError } from '../../errors.ts';
import type { Cancel } from '../../ports.ts';
import type { CatalogueData } from '../../sql/ast.ts';
import type { SourceMessage, SourceReply, TrackerPlatform, TrackingTarget } from '../contract.ts';
import type { FollowedDatabase } from '../follow/followed-database.ts';
import { randomName } from '../tags.ts';
import type { Publisher } from '../target/publisher.ts';
import type { FeedState, Hello, Line } from './feed-wire.ts';

export interface ListenersParts {
  readonly platform: TrackerPlatform;
  readonly followed: FollowedDatabase;
  readonly hello: Omit<Hello, 'stream'>;
  readonly state: () => FeedState;
}

/** Changes within this time are told together. */
const TELL_MS = 2;
const MIN_TIMEOUT_MS = 1_000;
/** The most bytes that wait for a client that does not read. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

export class FeedListeners {
  readonly #parts: ListenersParts;
  readonly #listeners = new Map<string, Listener>();
  /** Those with data caches that may serve something still, in the order in which they came. */
  readonly #caches = new Set<Listener>();
  #cancelTell: Cancel | undefined;

  constructor(parts: ListenersParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#listeners.size;
  }

  /** A client's word on a delivery. */
  delivered(stream: string, id: number, isDone: boolean): void {
    this.#listeners.get(stream)?.delivered(id, isDone);
  }

  /** `client`: the id of the client's life, as it says. */
  listen(response: ServerResponse, client: string, hasCaches: boolean): void {
    const id = randomName(this.#parts.platform.random);
    const listener = new Listener(`client ${client}`, response, this.#parts);
    this.#listeners.set(id, listener);
    listener.write({ ...this.#parts.hello, stream: id });
    listener.tell();
    if (hasCaches) this.#follow(listener);
    response.on('drain', () => {
      if (listener.isDue) listener.tell();
    });
    response.once('close', () => {
      this.#listeners.delete(id);
      listener.close();
      this.#leave(listener);
    });
  }

  /** Tells the clients the feed's position. */
  moved(): void {
    this.#cancelTell ??= this.#parts.platform.tasks.later(TELL_MS, () => {
      this.#cancelTell = undefined;
      for (const listener of this.#listeners.values()) listener.tell();
    });
  }

  close(): void {
    this.#cancelTell?.();
    for (const { cancelEnd } of this.#caches) cancelEnd?.();
    for (const listener of this.#listeners.values()) listener.close();
  }

  #follow(listener: Listener): void {
    listener.publisher = this.#parts.followed.add({
      name: listener.name,
      deliver: async (message) => {
        const reply = await listener.deliver(message);
        if (message.sequence === 1) this.#forgetBefore(listener);
        return reply;
      },
    });
    this.#caches.add(listener);
  }

  /** Forgets the client's earlier connections: its caches hold nothing any more that those would have had to outdate. */
  #forgetBefore(listener: Listener): void {
    for (const other of this.#caches) {
      if (other === listener) return;
      if (other.name === listener.name) this.#forget(other);
    }
  }

  #leave(listener: Listener): void {
    const { tasks, clock } = this.#parts.platform;
    if (listener.publisher === undefined) return;
    listener.publisher.stop();
    listener.cancelEnd = tasks.later(Math.max(0, listener.endsAt - clock.monotonic()), () => this.#forget(listener));
  }

  #forget(listener: Listener): void {
    const { publisher, cancelEnd } = listener;
    cancelEnd?.();
    if (this.#caches.delete(listener) && publisher !== undefined) this.#parts.followed.remove(publisher);
  }
}

/** One client on one connection, with its data caches as a target. One that does not answer is not listened to. */
class Listener implements TrackingTarget {
  readonly name: string;
  /** Tells its data caches, if it has any. */
  publisher: Publisher | undefined;
  /** Once it has gone: its caches are waited for until their lease is over. */
  cancelEnd: Cancel | undefined;
  /** Whether it has not been told everything yet. */
  isDue = false;
  readonly #response: ServerResponse;
  readonly #parts: ListenersParts;
  readonly #deliveries = new Map<
    number,
    Omit<PromiseWithResolvers<SourceReply>, 'promise'> & { readonly cancel: Cancel; readonly isFirst: boolean }
  >();
  #generation = -1;
  /** The catalogue that the client has. */
  #data: CatalogueData | undefined;
  #heard = 0;
  #nextId = 1;
  #wroteAt: number;
  /** Time of the first attempt since it last took something in. */
  #triedAt: number | undefined;

  constructor(name: string, response: ServerResponse, parts: ListenersParts) {
    this.name = name;
    this.#response = response;
    this.#parts = parts;
    this.#wroteAt = parts.platform.clock.monotonic();
  }

  /** The time from which the client serves nothing of which it was not told. */
  get endsAt(): number {
    return this.#wroteAt + this.#parts.followed.leaseMs;
  }

  /** Others wait for a client no longer than that. */
  get #timeoutMs(): number {
    return Math.max(this.#parts.followed.leaseMs, MIN_TIMEOUT_MS);
  }

  write(line: Line): void {
    const response = this.#response;
    if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
    if (response.destroyed || response.writableEnded) return;
    response.write(`${JSON.stringify(line)}\n`);
  }

  /** Tells where the feed stands, unless the client does not read what it was sent. */
  tell(): void {
    this.isDue = this.#response.writableNeedDrain;
    if (this.isDue) return;
    const { followed, state } = this.#parts;
    const { generation, isRefreshing, catalogue } = followed.registry;
    // While it is being read, the next one may be of another generation.
    if (this.#generation !== generation && !isRefreshing) {
      const { data } = catalogue;
      this.write({ kind: 'catalogue', generation, ...(data !== this.#data && { data }) });
      this.#generation = generation;
      this.#data = data;
    }
    this.write({ kind: 'state', ...state() });
  }

  deliver(message: SourceMessage): Promise<SourceReply> {
    const { tasks, clock } = this.#parts.platform;
    const response = this.#response;
    return new Promise((resolve, reject) => {
      if (response.destroyed) return reject(this.#failure('listen', 'a closed connection'));
      const id = this.#nextId++;
      const cancel = tasks.later(this.#timeoutMs, () => {
        response.destroy();
        this.delivered(id, false);
      });
      this.#deliveries.set(id, { resolve, reject, cancel, isFirst: message.sequence === 1 });
      this.#wroteAt = clock.monotonic();
      this.#triedAt ??= this.#wroteAt;
      this.write({ kind: 'deliver', id, heard: this.#heard, message });
    });
  }

  delivered(id: number, isDone: boolean): void {
    const delivery = this.#deliveries.get(id);
    if (delivery === undefined) return;
    this.#deliveries.delete(id);
    delivery.cancel();
    if (!isDone) {
      const triedMs = this.#parts.platform.clock.monotonic() - (this.#triedAt ?? Number.POSITIVE_INFINITY);
      if (triedMs >= this.#timeoutMs) this.#response.destroy();
      return delivery.reject(this.#failure('deliver', 'a failure'));
    }
    this.#heard = id;
    this.#triedAt = undefined;
    // Only later deliveries give a lease.
    delivery.resolve({ gap: delivery.isFirst });
  }

  close(): void {
    for (const id of [...this.#deliveries.keys()]) this.delivered(id, false);
    this.#response.end();
  }

  #failure(what: string, got: string): TidegateError {
    return new TidegateError('E_FEED', `expected ${this.name} to ${what}, got ${got}`);
  }
}
