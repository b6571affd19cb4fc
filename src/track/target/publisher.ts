// Tells one target what became outdated, in order, one message at a time; and how far all targets have heard, since the feed
// need not keep a position that is in force everywhere.
//
// A message without an answer may have been received. So it is sent again as it was, and later tags wait: a bounded number of
// them, beyond which a new session makes everything of the source outdated.

import type { FeedPosition } from '../../dependency/change.ts';
import type { SourceAnswer, SourceQuestion } from '../../dependency/describe/describe.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { Cancel, FeedStatus } from '../../ports.ts';
import type { SourceMessage, TargetStatus, TrackerPlatform, TrackingTarget } from '../contract.ts';
import { randomName } from '../tags.ts';
import { Backoff, within } from '../timing.ts';
import { Questions } from './answer.ts';

export interface PublisherParts extends TrackerPlatform {
  readonly source: string;
  readonly target: TrackingTarget;
  readonly leaseMs: number;
  /** Something was delivered. */
  readonly progress: () => void;
  readonly onFault: (error: unknown) => void;
  /** Answers an operator's question that comes by way of the target. Default: no answer. */
  readonly answer?: (question: SourceQuestion) => SourceAnswer;
  /** Standing of the feed: all up to its position has been published. Default: nothing is said. */
  readonly standing?: () => Pick<FeedStatus, 'position' | 'lagMs'>;
  /** Default 100,000. */
  readonly maxWaiting?: number;
}

const MAX_TAGS = 1_000;
const MAX_WAITING = 100_000;
const STOP_MS = 1_000;

export class Publisher {
  readonly #parts: PublisherParts;
  readonly #waiting = new Set<string>();
  readonly #questions: Questions;
  /** All earlier publications are in force once `deliveredUpTo` reaches this: places in the queue. */
  givenUpTo = 0;
  deliveredUpTo = 0;
  #session = '';
  #sequence = 0;
  #isNewSession = true;
  #isHeld = true;
  #isStopped = false;
  #isSending = false;
  /** Does not reject. */
  #sending: Promise<void> | undefined;
  #isDue = false;
  #hasLapsed = true;
  #sentAt = Number.NEGATIVE_INFINITY;
  readonly #backoff = new Backoff();
  #cancelRetry: Cancel | undefined;
  #problem: string | undefined;
  #failed: Delivery | undefined;
  #hasToldRival = false;
  readonly #counts = { delivered: 0, sessions: 0, failures: 0 };

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    this.#questions = new Questions(parts.answer);
  }

  status(): TargetStatus {
    const waiting = this.#waiting.size;
    return { name: this.#parts.target.name, waiting, ...this.#counts, problem: this.#problem };
  }

  publish(tags: readonly string[]): void {
    for (const tag of tags) {
      if (this.#waiting.has(tag)) continue;
      this.#waiting.add(tag);
      this.givenUpTo++;
    }
    if (this.#waiting.size > (this.#parts.maxWaiting ?? MAX_WAITING)) this.restart();
    else if (tags.length > 0) this.#send();
  }

  /** Everything of the source is outdated. */
  restart(): void {
    this.#waiting.clear();
    this.#isNewSession = true;
    this.givenUpTo++;
    // A message of a session that is over is not sent again.
    this.#failed = undefined;
    this.#send();
  }

  /** The feed is as it should be: messages go out, and the lease is renewed when nothing else was sent of late. */
  renew(): void {
    this.#isHeld = false;
    const { clock, leaseMs } = this.#parts;
    if (clock.monotonic() - this.#sentAt >= leaseMs / 4) this.#isDue = true;
    this.#send();
  }

  /** The feed is too far behind: nothing is sent, since each message renews the lease. */
  hold(): void {
    this.#isHeld = true;
    const { clock, leaseMs, target, source, onFault } = this.#parts;
    if (this.#hasLapsed || clock.monotonic() - this.#sentAt < leaseMs) return;
    this.#hasLapsed = true;
    Promise.resolve(target.lapse?.(source)).catch((error: unknown) => {
      // The next call tries again.
      this.#hasLapsed = false;
      onFault(error);
    });
  }

  /** Ends sending. Tells a target that has no clock of its own, and waits a while for that. Never rejects. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancelRetry?.();
    const { target, source, leaseMs, tasks, onFault } = this.#parts;
    if (target.lapse === undefined) return;
    const maxMs = Math.min(leaseMs, STOP_MS);
    if (this.#isSending && this.#sending !== undefined) await within(tasks, maxMs, this.#sending);
    try {
      const lapsed = Promise.resolve(target.lapse(source)).then(() => true);
      if ((await within(tasks, maxMs, lapsed)) === true) return;
      onFault(new TidegateError('E_FEED', `expected ${target.name} to end within ${maxMs} ms, got no answer`));
    } catch (error) {
      onFault(error);
    }
  }

  #send(): void {
    if (this.#isSending || this.#isHeld || this.#isStopped || this.#cancelRetry !== undefined) return;
    if (this.#failed !== undefined) return this.#deliver(this.#failed);
    if (!this.#isNewSession && this.#waiting.size === 0 && !this.#isDue) return;
    // Waiting tags were added after the session before was given up: they come in the next message.
    const tags = this.#isNewSession ? [] : this.#take();
    if (this.#isNewSession) {
      this.#session = randomName(this.#parts.random);
      this.#sequence = 0;
      this.#counts.sessions++;
      this.#isNewSession = false;
    }
    const { source, leaseMs } = this.#parts;
    const counted = { session: this.#session, sequence: ++this.#sequence };
    const message = { source, ...counted, leaseMs, tags, ...this.#stood(), ...this.#questions.answered() };
    // Answers without room here come in the next message.
    this.#isDue = this.#questions.areOpen;
    this.#deliver({ message, upTo: this.givenUpTo - this.#waiting.size });
  }

  #stood(): Pick<SourceMessage, 'position' | 'lagMs'> {
    const { position, lagMs } = this.#parts.standing?.() ?? {};
    const isKnown = lagMs !== undefined && Number.isFinite(lagMs);
    // Tags that wait may be of commits before it.
    const isReached = position !== undefined && this.#waiting.size === 0;
    return { ...(isReached && { position }), ...(isKnown && { lagMs: Math.max(0, Math.round(lagMs)) }) };
  }

  #take(): string[] {
    const tags = [...this.#waiting.values().take(MAX_TAGS)];
    for (const tag of tags) this.#waiting.delete(tag);
    return tags;
  }

  #deliver(delivery: Delivery): void {
    const { message, upTo } = delivery;
    const { target, clock, progress } = this.#parts;
    this.#failed = undefined;
    this.#isSending = true;
    this.#hasLapsed = false;
    const begunAt = clock.monotonic();
    this.#sending = target.deliver(message).then(
      ({ gap, questions, rival }) => {
        this.#isSending = false;
        this.#backoff.succeeded();
        this.#problem = undefined;
        this.#sentAt = begunAt;
        this.#counts.delivered += message.tags.length;
        this.deliveredUpTo = upTo;
        this.#questions.take(questions);
        if (rival === true) this.#tellRival();
        if (gap || this.#questions.areOpen) this.#isDue = true;
        progress();
        this.#send();
      },
      (error: unknown) => this.#retryLater(delivery, error),
    );
  }

  #tellRival(): void {
    if (this.#hasToldRival) return;
    this.#hasToldRival = true;
    const { source, onFault } = this.#parts;
    const got = 'got another beside this one: each process needs a source of its own, or a feed process';
    onFault(new TidegateError('E_CONFIG', `expected one tracker of the source ${source}, ${got}`));
  }

  #retryLater(delivery: Delivery, error: unknown): void {
    const { tasks, onFault } = this.#parts;
    this.#isSending = false;
    this.#counts.failures++;
    // Report each outage once, not each attempt.
    if (this.#problem === undefined) onFault(error);
    this.#problem = messageOf(error);
    if (this.#isStopped) return;
    // A session that was given up meanwhile has no say any more.
    if (!this.#isNewSession) this.#failed = delivery;
    this.#cancelRetry = tasks.later(this.#backoff.failed(), () => {
      this.#cancelRetry = undefined;
      this.#send();
    });
  }
}

/** `upTo`: the place in the queue up to which all is delivered with the message. */
interface Delivery {
  readonly message: SourceMessage;
  readonly upTo: number;
}

/** A place in each publisher's queue: once it gets there, all that was published before has been delivered. */
type Places = ReadonlyMap<Publisher, number>;

/** The most positions noted. With one fewer the feed keeps a little for longer. */
const MAX_NOTED = 1_000;

/**
 * A target that is gone serves nothing any more, so nothing waits for it. A target that is away for long would have every
 * commit noted: beyond a bound the newest takes the place of the one before it.
 */
export class Deliveries {
  readonly #publishers: ReadonlySet<Publisher>;
  /** Positions applied, with the places in the queues at which they are delivered. */
  #unacknowledged: { readonly position: FeedPosition; readonly places: Places }[] = [];

  constructor(publishers: ReadonlySet<Publisher>) {
    this.#publishers = publishers;
  }

  /** The queue places of all that was published until now. */
  places(): Places {
    return new Map([...this.#publishers].map((publisher) => [publisher, publisher.givenUpTo]));
  }

  isDelivered(places: Places): boolean {
    return ![...places].some(
      ([publisher, place]) => publisher.deliveredUpTo < place && this.#publishers.has(publisher),
    );
  }

  /** All that was committed up to there has been published. */
  applied(position: FeedPosition): void {
    const places = this.places();
    const last = this.#unacknowledged.at(-1);
    const isFull = this.#unacknowledged.length >= MAX_NOTED;
    const isSame = last?.places.size === places.size && [...places].every(([one, at]) => last.places.get(one) === at);
    // The last of several positions with nothing between them says it all.
    if (last !== undefined && (isFull || isSame)) this.#unacknowledged.pop();
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
