// One request to an origin and its answer: attempts, time limits, and calls to the listener.
//
// The listener hears nothing inside forward(), nothing after abort(), and exactly one of end and failed; undici
// reports an unsendable request at once, and drops a queued one only when its turn comes.

import { TidegateError } from '../../errors.ts';
import type { Forward, OriginListener, OriginRequest } from '../../ports.ts';
import { answerFault, isDelimited } from './answer-faults.ts';
import { MAX_INTERIM } from './answer-watch.ts';
import { Deadline } from './deadline.ts';
import {
  Attempt,
  type Connection,
  isConnectionLoss,
  isH2,
  isRefusal,
  type OriginDeps,
  type OriginOptions,
  originFault,
  type Pools,
  type RawFields,
  type Sender,
  sendable,
  toFields,
} from './origin-wire.ts';
import { SentContent } from './sent-content.ts';

/** The kind of an admitted request. */
export type Permit = 'usual' | 'probe';

/**
 * The result of a request for the circuit: `reached` when a response head arrived (whatever its status),
 * `unreachable` when no connection was made or a time limit ran out, `unknown` when it ended for another reason.
 */
export type Reach = 'reached' | 'unreachable' | 'unknown';

/** A forward's view of its origin. */
export interface ForwardHost extends Pick<Pools, 'dispatch'> {
  readonly options: OriginOptions;
  readonly deps: OriginDeps;
  readonly serverName: string | undefined;
  /** A permit, or why no request may be sent any more. */
  admit(): Permit | TidegateError;
  settle(permit: Permit, reach: Reach): void;
  /** Called once for each forward. */
  over(forward: Forward): void;
}

export class RunningForward implements Forward, Sender {
  readonly #host: ForwardHost;
  readonly #request: OriginRequest;
  readonly #listener: OriginListener;
  readonly #deadline: Deadline;
  #permit: Permit | undefined;
  #attempt: Attempt | undefined;
  #retriesLeft: number;
  #starting = true;
  #over = false;
  #aborted = false;
  #paused = false;
  #interims = 0;
  #delimited: boolean | undefined;
  /** Of the request. */
  readonly #content: SentContent | undefined;

  constructor(host: ForwardHost, request: OriginRequest, listener: OriginListener) {
    this.#host = host;
    this.#request = request;
    this.#listener = listener;
    this.#content = request.body && new SentContent(request.body, () => this.#deadline.progress());
    this.#retriesLeft = request.retryable && request.body === undefined ? host.options.retries : 0;
    // The client must act: send its content, or read ours.
    const suspended = () => (this.#delimited === undefined ? this.#content?.isAwaited === true : this.#paused);
    this.#deadline = new Deadline(host.deps, suspended, () => this.#expired());
  }

  /** Sends it: there is a connection for it. */
  start(): void {
    if (this.#over) return;
    const { beforeSending } = this.#request;
    if (beforeSending !== undefined) void this.#startTold(beforeSending);
    else if (this.#isAdmitted()) this.#send(false);
    this.#starting = false;
  }

  /** Nothing goes out before the content has begun: a client that sends none has changed nothing. */
  async #startTold(beforeSending: NonNullable<OriginRequest['beforeSending']>): Promise<void> {
    try {
      if (this.#content !== undefined) await this.#content.begin();
      if (this.#over || !this.#isAdmitted()) return;
      const told = beforeSending();
      if (told !== undefined) await told;
      if (!this.#over) this.#send(false);
    } catch (error) {
      this.fail(this.#fault(error));
    }
  }

  /** The circuit may have opened while it waited. */
  #isAdmitted(): boolean {
    const permit = this.#host.admit();
    if (permit instanceof TidegateError) {
      this.fail(permit);
      return false;
    }
    this.#permit = permit;
    this.#deadline.start(this.#host.options.headTimeoutMs);
    return true;
  }

  pause(): void {
    this.#paused = true;
    this.#attempt?.controller?.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#deadline.progress();
    // Not at once: undici parses one response at a time, and this may run in the listener of another.
    this.#host.deps.tasks.soon(() => {
      if (!this.#paused && !this.#over) this.#attempt?.controller?.resume();
    });
  }

  abort(): void {
    this.#aborted = true;
    if (this.#over) return;
    this.#finish('unknown');
    this.#attempt?.drop();
  }

  get isOver(): boolean {
    return this.#over;
  }

  get isPaused(): boolean {
    return this.#paused;
  }

  interim(status: number, raw: RawFields): void {
    this.#interims++;
    this.#deadline.progress();
    if (status < 100) {
      this.#refuse(`expected a status from 100 to 999, got ${status}`);
    } else if (this.#interims > MAX_INTERIM) {
      this.#refuse(`expected at most ${MAX_INTERIM} interim responses, got more`);
    } else {
      this.#listener.interim({ status, fields: toFields(raw) });
    }
  }

  head(status: number, raw: RawFields, isOld: boolean): void {
    const head = { status, fields: toFields(raw) };
    const fault = answerFault(this.#request, head, isOld);
    if (fault !== undefined) return this.#refuse(fault);
    this.#settle('reached');
    this.#deadline.start(this.#host.options.bodyTimeoutMs);
    // In HTTP/2 a frame marks the end (RFC 9113 §8.1).
    this.#delimited = isH2(raw) || isDelimited(this.#request.method, head);
    this.#listener.head(head, this.#delimited);
  }

  data(chunk: Uint8Array): void {
    this.#deadline.progress();
    this.#listener.data(chunk);
  }

  end(raw: RawFields, connection: Connection | undefined): void {
    if (this.#delimited === false && connection?.error !== undefined) return this.fail(this.#fault(connection.error));
    this.#finish('unknown');
    this.#listener.end(toFields(raw));
  }

  lost(attempt: Attempt, error: unknown): void {
    // Never written: its kept connection was reset before its turn, so any method may be sent again.
    const unsent = !attempt.started && !attempt.fresh && !isRefusal(error) && !(error instanceof TidegateError);
    if (
      unsent ||
      (isConnectionLoss(error) && !attempt.answered && this.#content?.broke !== true && this.#retriesLeft > 0)
    ) {
      if (!unsent) this.#retriesLeft--;
      this.#send(true);
    } else this.fail(this.#fault(error));
  }

  #send(fresh: boolean): void {
    this.#attempt = new Attempt(this, fresh);
    this.#host.dispatch(sendable(this.#request, this.#content, this.#host.serverName), this.#attempt, fresh);
  }

  #expired(): void {
    // In the pool's queue the request has not reached the origin: our own limit is to blame, not the origin.
    const queued = this.#attempt?.connection === undefined;
    const head = this.#delimited !== undefined;
    const awaited = queued ? 'a free connection' : head ? 'more of the response' : 'a response head';
    const { name } = this.#host.options;
    const message = `origin ${name}: expected ${awaited} within ${this.#deadline.limitMs} ms, got none`;
    this.fail(new TidegateError('E_ORIGIN_TIMEOUT', message), queued ? 'unknown' : 'unreachable');
    this.#attempt?.dropSilent();
  }

  #refuse(text: string): void {
    this.fail(new TidegateError('E_ORIGIN_PROTOCOL', `origin ${this.#host.options.name}: ${text}`));
    this.#attempt?.drop();
  }

  #fault(error: unknown): TidegateError {
    const head = this.#delimited !== undefined;
    return originFault(error, { origin: this.#host.options.name, head, contentBroke: this.#content?.broke === true });
  }

  fail(error: TidegateError, reach: Reach = error.code === 'E_ORIGIN_CONNECT' ? 'unreachable' : 'unknown'): void {
    if (this.#over) return;
    // What was sent again is retryable, or had not been sent.
    const isUnsent = this.#attempt?.started !== true;
    this.#finish(reach);
    if (!this.#starting) return this.#listener.failed(error, isUnsent);
    this.#host.deps.tasks.soon(() => {
      if (!this.#aborted) this.#listener.failed(error, isUnsent);
    });
  }

  #finish(reach: Reach): void {
    this.#over = true;
    this.#deadline.stop();
    this.#content?.leave();
    this.#settle(reach);
    this.#host.over(this);
  }

  #settle(reach: Reach): void {
    if (this.#permit === undefined) return;
    this.#host.settle(this.#permit, reach);
    this.#permit = undefined;
  }
}
