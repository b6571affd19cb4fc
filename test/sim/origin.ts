// The simulated origin: it reads the database at one instant, and takes its time before and after; it fails as origins
// do, but it never lies.
//
// A body that ends with its connection may be cut and look complete. Such forwards are noted in
// `cut`, since their own client cannot be spared and nobody else may be given what they brought.

import { type ErrorCode, TidegateError } from '../../src/errors.ts';
import type { Forward, Origin, OriginListener, OriginRequest } from '../../src/ports.ts';
import { isSafeMethod } from '../../src/semantics/invalidation.ts';
import type { SimulatedProcess } from '../kit/simulated-process.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';
import { answerTo, type OriginAnswer } from './answers.ts';
import type { Database } from './database.ts';
import type { Dice } from './dice.ts';
import type { Resource } from './resources.ts';
import { Sending } from './sending.ts';
import type { Tally } from './tally.ts';
import type { Writes } from './writes.ts';

/** How the origin of one world behaves. */
export interface Weather {
  /** Most delays are below this. */
  readonly delayMs: number;
  /** Probability that a forward fails. */
  readonly faults: number;
  /** Probability that the origin answers 5xx. */
  readonly errors: number;
  /** Probability of a delay of more than a minute. */
  readonly sleepy: number;
}

export const CALM: Weather = { delayMs: 0, faults: 0, errors: 0, sleepy: 0 };

type Fault = 'none' | 'connect' | 'timeout' | 'reset' | 'broken-body' | 'cut-body';

export interface OriginParts {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly database: Database;
  readonly tally: Tally;
  readonly writes: Writes;
  /** Number of the event under way. */
  readonly tick: () => number;
  readonly trace: (line: string) => void;
}

export class SimulatedOrigin {
  weather: Weather;
  /** Forwards whose body was cut and looks complete. */
  readonly cut = new Set<number>();
  /** The event in which each forward read the database. */
  readonly readAt = new Map<number, number>();
  #forwards = 0;
  /** The last forward before the node began that answers now. */
  before = 0;
  readonly #parts: OriginParts;

  constructor(parts: OriginParts, weather: Weather) {
    this.#parts = parts;
    this.weather = weather;
  }

  /** From now on another node asks. */
  nodeBegins(): void {
    this.before = this.#forwards;
  }

  /** As one process asks it: what that has written is judged by what becomes of it. */
  of(process: SimulatedProcess): Origin {
    return { tellsSending: true, forward: (request, listener) => this.#forward(request, listener, process) };
  }

  #forward(request: OriginRequest, listener: OriginListener, process: SimulatedProcess): Forward {
    const { time, database, trace, tally, writes } = this.#parts;
    const forward = ++this.#forwards;
    const resource = database.resources.find(({ path }) => path === request.target);
    if (resource === undefined) throw new TypeError(`expected a known target, got ${request.target}`);
    const sending = new Sending(time);
    trace(`origin: forward ${forward} ${request.method} ${request.target}${conditionText(request)}`);
    tally.count('forwards');
    if (isSafeMethod(request.method)) this.#read({ sending, request, listener, forward, resource, process });
    else writes.start({ sending, request, listener, forward, resource, process, delay: () => this.#delay() });
    return sending;
  }

  #delay(): number {
    const { dice } = this.#parts;
    if (dice.chance(this.weather.sleepy)) return dice.between(60_000, 70_000);
    return dice.chance(0.3) ? 0 : dice.below(this.weather.delayMs + 1);
  }

  #read(job: Job): void {
    const { dice, tally } = this.#parts;
    const fault = this.#fault();
    if (fault !== 'none') tally.count(`fault ${fault}`);
    job.sending.after(this.#delay(), () => {
      if (fault === 'connect') return this.#fail(job, 'E_ORIGIN_CONNECT');
      const answer = this.#answer(job);
      if (dice.chance(0.05)) job.listener.interim({ status: 103, fields: ['link', '</style.css>'] });
      job.sending.after(this.#delay(), () => {
        if (fault === 'timeout') return this.#fail(job, 'E_ORIGIN_TIMEOUT');
        if (fault === 'reset') return this.#fail(job, 'E_ORIGIN_RESET');
        this.#send(job, answer, fault);
      });
    });
  }

  /** The read itself: what it sees is decided at this instant. */
  #answer({ request, resource, forward }: Job): OriginAnswer {
    const { database, dice, tally, tick, trace } = this.#parts;
    this.readAt.set(forward, tick());
    const version = database.current(resource);
    const failing = dice.chance(this.weather.errors);
    const control = dice.pick([undefined, 'no-store', 'max-age=3', 'max-age=20']);
    const error = failing ? { status: dice.pick([500, 503]), control } : undefined;
    const answer = answerTo({ request, resource, version, forward, error, cookie: dice.chance(0.3) });
    trace(`origin: forward ${forward} reads version ${version.number}, will answer ${answer.status}`);
    tally.count(`origin ${answer.status}`);
    return answer;
  }

  #send(job: Job, answer: OriginAnswer, fault: Fault): void {
    const { time, trace } = this.#parts;
    const { sending, listener, resource, forward, request } = job;
    trace(`origin: forward ${forward} sends ${answer.status}`);
    const delimited = resource.framing !== 'close' || answer.status === 304 || request.method === 'HEAD';
    const fields = ['date', new Date(time.now()).toUTCString(), ...answer.fields];
    listener.head({ status: answer.status, fields }, delimited);
    const chunks = this.#chunks(answer.body);
    const stopAt = fault === 'broken-body' || fault === 'cut-body' ? this.#parts.dice.below(chunks.length + 1) : -1;
    const next = (at: number): void => {
      if (sending.aborted) return;
      if (at === stopAt) return this.#stop(job, { delimited, complete: at === chunks.length });
      const chunk = chunks[at];
      if (chunk === undefined) return listener.end([]);
      listener.data(chunk);
      sending.whenTaken(this.#delay(), () => next(at + 1));
    };
    sending.whenTaken(this.#delay(), () => next(0));
  }

  /** Where the end cannot be told from a cut, the body just ends. */
  #stop(job: Job, end: { readonly delimited: boolean; readonly complete: boolean }): void {
    if (end.delimited) return this.#fail(job, 'E_ORIGIN_RESET');
    this.#parts.trace(`origin: forward ${job.forward} is cut and looks complete`);
    if (!end.complete) this.cut.add(job.forward);
    job.listener.end([]);
  }

  #fail({ listener, forward }: Job, code: ErrorCode): void {
    this.#parts.trace(`origin: forward ${forward} fails, ${code}`);
    listener.failed(new TidegateError(code, 'expected an answer, got a simulated failure'));
  }

  #fault(): Fault {
    const { dice } = this.#parts;
    if (!dice.chance(this.weather.faults)) return 'none';
    return dice.pick(['connect', 'timeout', 'reset', 'broken-body', 'cut-body'] as const);
  }

  #chunks(body: Uint8Array): Uint8Array[] {
    const { dice } = this.#parts;
    const chunks: Uint8Array[] = [];
    for (let from = 0; from < body.length; ) {
      const to = Math.min(body.length, from + 1 + dice.below(body.length));
      chunks.push(body.subarray(from, to));
      from = to;
    }
    return chunks;
  }
}

/** A forwarded request and where its answer goes. */
export interface Job {
  readonly sending: Sending;
  readonly request: OriginRequest;
  readonly listener: OriginListener;
  readonly forward: number;
  readonly resource: Resource;
  readonly process: SimulatedProcess;
}

function conditionText({ fields }: OriginRequest): string {
  const told: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== 'host') told.push(`${fields[at]}: ${fields[at + 1]}`);
  }
  return ` (${told.join('; ')})`;
}
