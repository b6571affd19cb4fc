// The populator: one queue for all fills with no client waiting, whatever the cause. Jobs are given URLs; those that are
// expected to spare clients the most time are filled first, at a pace the origins can bear.
//
// Each job has a lane for each origin, in the order of expected hits; a lane may
// go when its origin and its job both have room, and among those that may, the one goes whose cause comes first, and of one cause
// that whose first fill has the most expected hits times the cost of its origin.

import { TidegateError } from '../../errors.ts';
import type { Cancel, Clock, Random, Tasks } from '../../ports.ts';
import type { GateRequest, PopulateResult } from '../contract.ts';
import { nextAttempt } from './fill.ts';
import { fillText, itemOf, type PopulateItem } from './item.ts';
import { CAUSES, type ItemEnd, type Job, Jobs, type NotStored, type PopulateCause } from './job.ts';
import { OriginPace, type PaceLimits } from './pace.ts';
import { type Fill, FillQueue, type Lane } from './queue.ts';

export interface PopulatorOptions {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  /** The request that a client's would become; undefined when no route takes it. */
  readonly requestOf: (item: PopulateItem) => GateRequest | undefined;
  /** `freshUntilMs`: a stored response that would be stale before is filled again. */
  readonly fill: (request: GateRequest, freshUntilMs?: number) => Promise<PopulateResult>;
  /** For each origin; a job may ask for less. */
  readonly limits: () => PaceLimits;
  /** Told of what is a defect: a fill is never to throw. */
  readonly fault: (error: unknown) => void;
  /** URLs that may wait. Default 1,000,000. */
  readonly maxWaiting?: number;
}

export interface PopulateSummary {
  readonly waiting: number;
  readonly inFlight: number;
  readonly queue: readonly { readonly cause: PopulateCause; readonly waiting: number }[];
}

const MAX_WAITING = 1_000_000;
/** Over all origins: what is filled in the background leaves room for what is not. */
const MAX_IN_FLIGHT = 64;
/** Fills begun before clients have their turn again: what is fresh already takes no time at all. */
const FILLS_PER_TURN = 256;

type OriginLane = Lane<Job> & { readonly origin: OriginPace };

export class Populator {
  readonly #options: PopulatorOptions;
  readonly #queue = new FillQueue<Job>();
  /** Running and ended jobs; their URLs are given here. */
  readonly jobs: Jobs;
  readonly #origins = new Map<string, OriginPace>();
  readonly #lanes = new Map<string, OriginLane>();
  #inFlight = 0;
  #beganInTurn = 0;
  #wake: Cancel | undefined;
  #closed = false;

  constructor(options: PopulatorOptions) {
    this.#options = options;
    this.jobs = new Jobs(options.clock, options.tasks);
  }

  /** Gives a job more to fill; throws E_POPULATE when too much waits already, and then none of it does. */
  add(id: string, items: readonly PopulateItem[]): void {
    const job = this.jobs.open(id);
    const { maxWaiting = MAX_WAITING } = this.#options;
    const { shares } = this.#queue;
    if (shares + items.length > maxWaiting) {
      throw new TidegateError(
        'E_POPULATE',
        `expected at most ${maxWaiting} URLs waiting to be filled, got ${shares} and ${items.length} more`,
      );
    }
    const texts = items.map(fillText);
    const first = job.take(texts);
    for (const [at, text] of texts.entries()) {
      this.#enqueue({ text, hits: items[at]?.hits ?? 1, attempts: 0, shares: [{ job, index: first + at }] });
    }
    this.#go();
  }

  /** Counts URLs of the job's source that cannot be filled. */
  refuse(id: string, refused: readonly NotStored[]): void {
    const job = this.jobs.open(id);
    const first = job.take(refused.map(() => ''));
    for (const [at, { url, reason }] of refused.entries()) {
      const shares = [{ job, index: first + at }];
      this.#count({ text: url, hits: 0, attempts: 0, shares }, { kind: 'refused', reason });
    }
  }

  /** Fills under way are still stored. Returns false when there is no such job, or it is over. */
  cancel(id: string): boolean {
    const job = this.jobs.get(id);
    if (job === undefined || !job.running) return false;
    const lanes = [...this.#lanes].filter(([, lane]) => lane.job === job);
    job.cancel(this.#options.clock.now());
    for (const [name, lane] of lanes) {
      this.#lanes.delete(name);
      for (const fill of this.#queue.empty(lane)) this.#enqueue(fill);
    }
    this.#go();
    return true;
  }

  /** Takes a turn of the job at the origin for what is no fill, such as a sitemap; returns the time until it comes. */
  reserve(id: string, originName: string): number {
    const job = this.jobs.open(id);
    const now = this.#options.clock.monotonic();
    const ofOrigin = this.#laneOf(job, originName).origin.reserve(now, this.#options.limits());
    return Math.max(ofOrigin, job.pace.reserve(now, job.limits));
  }

  /** Waiting and running fills, for operators; `queue`: those that wait, by cause, in the order in which they go. */
  summary(): PopulateSummary {
    const lanes = [...this.#lanes.values()];
    const waitingFor = (cause: PopulateCause) =>
      lanes.reduce((sum, { job, heap }) => sum + (job.cause === cause ? heap.length : 0), 0);
    const queue = CAUSES.map((cause) => ({ cause, waiting: waitingFor(cause) })).filter(({ waiting }) => waiting > 0);
    return { waiting: this.#queue.shares, inFlight: this.#inFlight, queue };
  }

  /** Begins nothing more. Jobs stay as they are, so that what is written down of them can go on after a restart. */
  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  #enqueue(fill: Fill<Job>): void {
    const shares = fill.shares.filter(({ job }) => job.running);
    const [first] = shares;
    if (first === undefined) return;
    const request = this.#options.requestOf(itemOf(fill.text));
    if (request === undefined) return this.#count({ ...fill, shares }, { kind: 'refused', reason: 'no-route' });
    const text = fillText({ ...itemOf(fill.text), uri: request.uri });
    this.#queue.add({ ...fill, text, shares }, this.#laneOf(first.job, request.route.originName));
  }

  #laneOf(job: Job, originName: string): OriginLane {
    const name = `${job.id} ${originName}`;
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      const origin = this.#origins.get(originName) ?? new OriginPace(this.#options.random);
      this.#origins.set(originName, origin);
      lane = { job, rank: CAUSES.indexOf(job.cause), heap: [], origin };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  /** Begins whatever may begin now, and sees to it that the rest is not forgotten. */
  #go(): void {
    this.#wake?.();
    this.#wake = undefined;
    while (!this.#closed && this.#inFlight < MAX_IN_FLIGHT) {
      const { lane, waitMs } = this.#next();
      if (lane === undefined && waitMs === Number.POSITIVE_INFINITY) return;
      if (lane === undefined || this.#beganInTurn === FILLS_PER_TURN) {
        this.#wake = this.#options.tasks.later(Math.ceil(waitMs), () => {
          this.#beganInTurn = 0;
          this.#go();
        });
        return;
      }
      this.#begin(lane);
    }
  }

  /** The lane whose turn it is; or how long it takes until there is one. */
  #next(): { readonly lane: OriginLane | undefined; readonly waitMs: number } {
    const now = this.#options.clock.monotonic();
    const limits = this.#options.limits();
    let best: LaneTurn | undefined;
    let leastWaitMs = Number.POSITIVE_INFINITY;
    for (const [name, lane] of this.#lanes) {
      const first = this.#queue.first(lane);
      if (first === undefined) {
        this.#lanes.delete(name);
        continue;
      }
      const waitMs = Math.max(lane.origin.waitMs(now, limits), lane.job.pace.waitMs(now, lane.job.limits));
      leastWaitMs = Math.min(leastWaitMs, Math.max(0, waitMs));
      if (waitMs > 0) continue;
      const turn = { lane, worth: first.hits * lane.origin.cost, order: first.order };
      if (best === undefined || isBefore(turn, best)) best = turn;
    }
    return { lane: best?.lane, waitMs: leastWaitMs };
  }

  #begin(lane: OriginLane): void {
    const fill = this.#queue.take(lane);
    const request = this.#options.requestOf(itemOf(fill.text));
    if (request === undefined) return this.#count(fill, { kind: 'refused', reason: 'no-route' });
    const now = this.#options.clock.monotonic();
    this.#inFlight++;
    this.#beganInTurn++;
    lane.origin.begin(now, this.#options.limits());
    lane.job.pace.begin(now, lane.job.limits);
    this.#options.fill(request, freshUntilMs(fill)).then(
      (result) => this.#ended(lane, fill, result),
      (error: unknown) => {
        this.#options.fault(error);
        this.#ended(lane, fill, { kind: 'failed', reason: 'unknown' });
      },
    );
  }

  #ended(lane: OriginLane, fill: Fill<Job>, result: PopulateResult): void {
    const { forwardMs } = result.kind === 'fresh' ? {} : result;
    const asked = result.kind !== 'fresh' && (forwardMs !== undefined || result.kind === 'failed');
    this.#inFlight--;
    lane.origin.end(asked, this.#options.limits(), forwardMs);
    lane.job.pace.end(asked, lane.job.limits);
    if (!this.#goesAgain(lane, fill, result)) this.#count(fill, result);
    this.#go();
  }

  /** Has the URL filled once more where its result may pass; returns whether it does. */
  #goesAgain({ origin }: OriginLane, fill: Fill<Job>, result: PopulateResult): boolean {
    const next = nextAttempt(result, fill.attempts);
    if (next?.pause !== undefined) origin.pause(this.#options.clock.monotonic(), next.pause.retryAfterMs);
    // Only results that reached the origin count towards its recovery.
    else if (result.kind === 'stored' || (result.kind === 'refused' && result.forwardMs !== undefined))
      origin.recovered();
    // What was only likely to be asked for is not worth a second request.
    if (next === undefined || fill.shares.every(({ job }) => job.cause === 'prediction')) return false;
    if (next.pause !== undefined && origin.isGivenUp) {
      this.#giveUp(origin);
      return false;
    }
    const again = { ...fill, attempts: next.attempts };
    if (next.delayMs === 0) this.#enqueue(again);
    else {
      this.#options.tasks.later(next.delayMs, () => {
        this.#enqueue(again);
        this.#go();
      });
    }
    return true;
  }

  /** Ends the fills that wait for the origin as failed, some per turn. The origin is paused, so none begins meanwhile. */
  #giveUp(origin: OriginPace): void {
    let left = FILLS_PER_TURN;
    for (const lane of this.#lanes.values()) {
      while (lane.origin === origin && this.#queue.first(lane) !== undefined && !this.#closed) {
        if (left-- === 0) return void this.#options.tasks.later(0, () => this.#giveUp(origin));
        this.#count(this.#queue.take(lane), { kind: 'failed', reason: 'E_ORIGIN_OPEN' });
      }
    }
  }

  #count({ shares, text }: Fill<Job>, { kind, reason }: ItemEnd): void {
    const now = this.#options.clock.now();
    const end: ItemEnd = reason === undefined ? { kind } : { kind, reason, url: itemOf(text).uri };
    for (const { job, index } of shares) {
      job.count(index, end, now);
      this.jobs.moved(job);
    }
  }
}

interface LaneTurn {
  readonly lane: OriginLane;
  readonly worth: number;
  readonly order: number;
}

function isBefore(one: LaneTurn, other: LaneTurn): boolean {
  if (one.lane.rank !== other.lane.rank) return one.lane.rank < other.lane.rank;
  return one.worth > other.worth || (one.worth === other.worth && one.order < other.order);
}

/** The latest instant that one of the jobs wants it fresh until. */
function freshUntilMs({ shares }: Fill<Job>): number | undefined {
  let latest: number | undefined;
  for (const { job } of shares) if ((job.freshUntilMs ?? 0) > (latest ?? 0)) latest = job.freshUntilMs;
  return latest;
}
