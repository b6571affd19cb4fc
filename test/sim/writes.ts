// The origin's side of a write through the gate: when the change is made, how the answer tells of it, and what the gate
// has acknowledged by passing the answer on.
//
// An outcome can be unknown. After a 5xx or a failure of which the origin may have seen the
// request, the gate answers for the target, and for the groups a 5xx names: of a change made by then at once, of one made
// later when the hold is over (docs/architecture.md, the fill protocol). What else such a write changed is not
// acknowledged by it. A process that ends has left its writes unknown: whoever comes after it and knows of them invalidates
// their targets as it begins, and holds them as long as those of any other unknown outcome.

import { type ErrorCode, TidegateError } from '../../src/errors.ts';
import { type Fields, fieldValue } from '../../src/semantics/fields.ts';
import type { SimulatedProcess } from '../kit/simulated-process.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';
import { answerTo } from './answers.ts';
import type { Database } from './database.ts';
import type { Dice } from './dice.ts';
import type { Job } from './origin.ts';
import { type Resource, tagName } from './resources.ts';
import type { Tally } from './tally.ts';

const COURSES = {
  done: 60,
  refused: 6,
  'error-before': 5,
  'error-after': 8,
  'reset-before': 4,
  'reset-after': 6,
  late: 8,
  'late-error': 4,
  connect: 3,
} as const;

export interface WriteParts {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly database: Database;
  readonly tally: Tally;
  readonly unknownOutcomeMs: number;
  /** What is invalidated is in force at once, and that is known. */
  readonly immediate: boolean;
  /** How long it takes at most until what nobody waits for is in force. */
  readonly settleMs: number;
  /** Number of the event under way. */
  readonly tick: () => number;
  readonly trace: (line: string) => void;
  /** Told of changes that the answer does not name in full, so that someone may announce them. */
  readonly untold: (records: readonly number[]) => void;
}

/** From a write's sending to the end of all that it may still change, in numbers of events. */
interface Window {
  readonly resource: Resource;
  readonly forward: number;
  readonly from: number;
  to: number;
  /** Who answers for it; undefined: nobody knows of it any more. */
  holder: SimulatedProcess | undefined;
  made: Made | undefined;
}

/** A change that was made. */
interface Made {
  readonly records: readonly number[];
  readonly number: number;
  readonly at: number;
}

type WriteJob = Job & { readonly delay: () => number };

export class Writes {
  readonly #parts: WriteParts;
  /** What the client's getting its answer acknowledges, by request. */
  readonly #pending = new Map<string, () => void>();
  readonly #windows: Window[] = [];

  constructor(parts: WriteParts) {
    this.#parts = parts;
  }

  /** The client of this request is being answered. */
  answered(requestId: string): void {
    this.#pending.get(requestId)?.();
    this.#pending.delete(requestId);
  }

  /** True when the event lies in the time in which a write that may have changed the resource was under way. */
  wasUnderWay(resource: Resource, event: number): boolean {
    return this.#windows.some((window) => window.resource === resource && window.from <= event && event < window.to);
  }

  /**
   * Someone answers for what those had under way who have ended: all of them, or `dead` alone. `kept`: it is known what
   * that was; else nothing is promised of it.
   */
  inherited(
    heir: SimulatedProcess,
    { kept, dead }: { readonly kept: boolean; readonly dead?: SimulatedProcess },
  ): void {
    for (const window of this.#windows) {
      const { holder } = window;
      if (holder === undefined || holder.alive || (dead !== undefined && holder !== dead)) continue;
      if (kept) this.#hold(window, heir);
      else {
        window.holder = undefined;
        window.to = Math.min(window.to, this.#parts.tick());
      }
    }
  }

  #hold(window: Window, heir: SimulatedProcess): void {
    const { time, tick, database, unknownOutcomeMs, settleMs, tally } = this.#parts;
    const until = time.now() + unknownOutcomeMs;
    const holds = () => window.holder === heir && heir.alive;
    const acknowledge = (made: Made | undefined) => {
      if (made !== undefined && made.at <= until && holds()) database.acknowledge(window.resource, made.number);
    };
    tally.count('writes that outlived their process');
    window.holder = heir;
    const before = window.made;
    time.later(settleMs, () => acknowledge(before));
    time.later(unknownOutcomeMs, () => {
      if (holds()) window.to = Math.min(window.to, tick());
    });
    time.later(unknownOutcomeMs + settleMs, () => acknowledge(window.made));
  }

  #windowOf(forward: number): Window | undefined {
    return this.#windows.find((window) => window.forward === forward);
  }

  start(job: WriteJob): void {
    const { dice, tally } = this.#parts;
    const course = dice.weighted(COURSES);
    tally.count(`write ${course}`);
    job.sending.after(job.delay(), () => {
      if (!job.process.alive) return;
      const told = job.request.beforeSending?.();
      if (told === undefined) return this.#begin(job, course);
      told.then(
        () => job.process.alive && job.sending.after(0, () => this.#begin(job, course)),
        () => job.sending.after(0, () => this.#fail(job, 'E_LOG', undefined)),
      );
    });
  }

  #begin(job: WriteJob, course: keyof typeof COURSES): void {
    const { sending, delay, resource, forward, process } = job;
    if (course !== 'refused' && course !== 'connect') {
      const [from, to] = [this.#parts.tick(), Number.POSITIVE_INFINITY];
      this.#windows.push({ resource, forward, from, to, holder: process, made: undefined });
    }
    sending.after(delay(), () => {
      switch (course) {
        case 'connect':
          return this.#fail(job, 'E_ORIGIN_CONNECT', undefined);
        case 'refused':
          return sending.after(delay(), () => this.#send(job, { status: 409, fields: [] }, () => {}));
        case 'done':
          return this.#carryOut(job);
        case 'error-before':
        case 'reset-before':
          return this.#breakOff(job, course === 'error-before', undefined);
        case 'error-after':
        case 'reset-after':
          return this.#breakOff(job, course === 'error-after', this.#commit(job));
        case 'late':
        case 'late-error':
          return this.#carryOutLate(job, course === 'late-error');
      }
    });
  }

  #commit({ request, resource, forward }: WriteJob): Made {
    const { database, dice, time, trace } = this.#parts;
    const records = [resource.records[0] as number, ...dice.some(resource.records.slice(1), 0.5)];
    const number = database.commit(records, { at: time.now(), deletes: request.method === 'DELETE' });
    trace(`origin: forward ${forward} commits version ${number} of records ${records}`);
    const made = { records, number, at: time.now() };
    const window = this.#windowOf(forward);
    if (window !== undefined) window.made = made;
    return made;
  }

  #carryOut(job: WriteJob): void {
    const { dice, database } = this.#parts;
    const { records, number } = this.#commit(job);
    const content = this.#content(job);
    const located = dice.chance(0.3) ? dice.pick(database.affected(records)) : undefined;
    const field = dice.pick(['location', 'content-location']);
    const tellsGroups = dice.chance(0.75);
    const fields = [
      ...(located === undefined || content !== undefined ? [] : [field, located.path]),
      ...(tellsGroups ? groupsField(records) : []),
    ];
    const told = (resource: Resource) =>
      resource === job.resource ||
      (resource === located && content === undefined) ||
      (tellsGroups && resource.tagField === 'cache-groups');
    job.sending.after(job.delay(), () => {
      const head = content ?? { status: dice.pick([200, 201, 204, 303]), fields: [] };
      this.#send(job, { ...head, fields: [...head.fields, ...fields] }, () => {
        for (const resource of database.affected(records)) if (told(resource)) database.acknowledge(resource, number);
        if (dice.chance(0.5)) this.#parts.untold(records);
      });
    });
  }

  /** A POST may be answered with the representation as it is after it (RFC 9110 §9.3.3). */
  #content(job: WriteJob): { status: number; fields: Fields; body: Uint8Array } | undefined {
    const { database, dice } = this.#parts;
    const { request, resource, forward } = job;
    if (request.method !== 'POST' || dice.chance(0.3)) return undefined;
    const version = database.current(resource);
    const reading = { request, resource, version, forward, error: undefined, cookie: false };
    const answer = answerTo(reading);
    return { ...answer, fields: [...answer.fields, 'content-location', resource.uri] };
  }

  #breakOff(job: WriteJob, error: boolean, made: Made | undefined): void {
    const { dice } = this.#parts;
    const tellsGroups = made !== undefined && error && dice.chance(0.5);
    const acknowledge = () => made !== undefined && this.#acknowledge(job, made, tellsGroups);
    job.sending.after(job.delay(), () => {
      const fields = tellsGroups ? groupsField(made.records) : [];
      if (error) this.#send(job, { status: 500, fields }, acknowledge);
      else this.#fail(job, dice.pick(['E_ORIGIN_RESET', 'E_ORIGIN_TIMEOUT']), acknowledge);
    });
  }

  /** Acknowledges the change for the target, and for those that the groups in the answer reach. */
  #acknowledge(job: WriteJob, { records, number }: Made, tellsGroups: boolean): void {
    const { database } = this.#parts;
    for (const resource of database.affected(records)) {
      const told = resource === job.resource || (tellsGroups && resource.tagField === 'cache-groups');
      if (told) database.acknowledge(resource, number);
    }
  }

  /** The origin goes on with the write although its answer has failed. */
  #carryOutLate(job: WriteJob, error: boolean): void {
    const { dice, time, unknownOutcomeMs, settleMs } = this.#parts;
    let made: Made | undefined;
    const tellsGroups = error && dice.chance(0.5);
    const fields = tellsGroups ? groupsField(job.resource.records) : [];
    if (error) this.#send(job, { status: 504, fields }, () => {});
    else this.#fail(job, 'E_ORIGIN_TIMEOUT', () => {});
    time.later(dice.below(unknownOutcomeMs), () => {
      made = this.#commit(job);
    });
    // Scheduled after the gate's own timer for the same instant, so it runs after the second invalidation.
    time.later(unknownOutcomeMs + settleMs, () => {
      if (job.process.alive) this.#acknowledge(job, made as Made, tellsGroups);
    });
  }

  /** The write is over; where its outcome is unknown, when the hold is. */
  #close(job: WriteJob, unknown: boolean): void {
    const { tick, time, unknownOutcomeMs } = this.#parts;
    const window = this.#windowOf(job.forward);
    if (window === undefined || !job.process.alive) return;
    const close = () => {
      if (window.holder === job.process && job.process.alive) window.to = tick();
    };
    if (unknown) time.later(unknownOutcomeMs, close);
    else close();
  }

  #send(job: WriteJob, answer: { status: number; fields: Fields; body?: Uint8Array }, acknowledge: () => void): void {
    const { time, trace } = this.#parts;
    const { listener, forward, sending } = job;
    trace(`origin: forward ${forward} answers the write ${answer.status}`);
    const fields = ['date', new Date(time.now()).toUTCString(), ...answer.fields];
    this.#acknowledging(job, acknowledge, () => listener.head({ status: answer.status, fields }, true));
    this.#close(job, answer.status >= 500);
    sending.whenTaken(job.delay(), () => {
      if (answer.body !== undefined) listener.data(answer.body);
      sending.whenTaken(job.delay(), () => listener.end([]));
    });
  }

  #fail(job: WriteJob, code: ErrorCode, acknowledge: (() => void) | undefined): void {
    this.#parts.trace(`origin: forward ${job.forward} fails, ${code}`);
    const error = new TidegateError(code, 'expected an answer, got a simulated failure');
    this.#acknowledging(job, acknowledge ?? (() => {}), () => job.listener.failed(error));
    this.#close(job, true);
  }

  /** Acknowledged is when the client gets its answer, or would have got it. */
  #acknowledging({ request }: WriteJob, acknowledge: () => void, tell: () => void): void {
    const id = fieldValue(request.fields, 'x-request-id') ?? '?';
    this.#pending.set(id, acknowledge);
    tell();
    if (this.#parts.immediate) this.answered(id);
  }
}

/** Cache-Group-Invalidation for the records (RFC 9875 §3). */
function groupsField(records: readonly number[]): Fields {
  return ['cache-group-invalidation', records.map((record) => `"${tagName(record)}"`).join(', ')];
}
