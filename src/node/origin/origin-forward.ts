// One request to an origin and its answer: attempts, time limits, and calls to the listener.
//
// The listener hears nothing inside forward(), nothing after abort(), and exactly one of end and failed; undici
// reports an unsendable request at once, and drops a queued one only when its turn comes.

import { TidegateError } from '../../errors.ts';
import type { Cancel, Forward, OriginListener, OriginRequest, RequestBody } from '../../ports.ts';
import {
  Attempt,
  type Connection,
  isConnectionLoss,
  isDelimited,
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

/** More interim responses count as an attack (a flood of 1xx costs the origin nothing and us a message each). */
const MAX_INTERIM = 32;
/** More field lines in one head are refused, however short they are. */
const MAX_FIELD_LINES = 2000;

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
  #contentBroke = false;
  /** Whether the next bytes of the request's content must come from the client. */
  #awaitingContent = false;

  constructor(host: ForwardHost, request: OriginRequest, listener: OriginListener) {
    this.#host = host;
    this.#request = request;
    this.#listener = listener;
    this.#retriesLeft = request.retryable && request.body === undefined ? host.options.retries : 0;
    // The client must act: send its content, or read ours.
    const suspended = () => (this.#delimited === undefined ? this.#awaitingContent : this.#paused);
    this.#deadline = new Deadline(host.deps, suspended, () => this.#expired());
  }

  /** Sends it: there is a connection for it. The circuit may have opened while it waited. */
  start(): void {
    if (this.#over) return;
    const permit = this.#host.admit();
    if (permit instanceof TidegateError) this.fail(permit);
    else {
      this.#permit = permit;
      this.#deadline.start(this.#host.options.headTimeoutMs);
      this.#send(false);
    }
    this.#starting = false;
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

  head(status: number, raw: RawFields): void {
    const fields = toFields(raw);
    const lines = fields.length / 2;
    if (lines > MAX_FIELD_LINES) return this.#refuse(`expected at most ${MAX_FIELD_LINES} field lines, got ${lines}`);
    this.#settle('reached');
    this.#deadline.start(this.#host.options.bodyTimeoutMs);
    // In HTTP/2 a frame marks the end (RFC 9113 §8.1).
    this.#delimited = isH2(raw) || isDelimited(this.#request.method, status, fields);
    this.#listener.head({ status, fields }, this.#delimited);
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
    if (unsent || (isConnectionLoss(error) && !attempt.answered && !this.#contentBroke && this.#retriesLeft > 0)) {
      if (!unsent) this.#retriesLeft--;
      this.#send(true);
    } else this.fail(this.#fault(error));
  }

  #send(fresh: boolean): void {
    const { body } = this.#request;
    const content = body === undefined ? undefined : this.#content(body);
    this.#attempt = new Attempt(this, fresh);
    this.#host.dispatch(sendable(this.#request, content, this.#host.serverName), this.#attempt, fresh);
  }

  async *#content(body: RequestBody): AsyncGenerator<Uint8Array> {
    this.#awaitingContent = true;
    try {
      for await (const chunk of body) {
        this.#awaitingContent = false;
        this.#deadline.progress();
        yield chunk;
        this.#awaitingContent = true;
      }
    } catch (error) {
      this.#contentBroke = true;
      throw error;
    } finally {
      this.#awaitingContent = false;
      this.#deadline.progress();
    }
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
    return originFault(error, { origin: this.#host.options.name, head, contentBroke: this.#contentBroke });
  }

  fail(error: TidegateError, reach: Reach = error.code === 'E_ORIGIN_CONNECT' ? 'unreachable' : 'unknown'): void {
    if (this.#over) return;
    this.#finish(reach);
    if (!this.#starting) return this.#listener.failed(error);
    this.#host.deps.tasks.soon(() => {
      if (!this.#aborted) this.#listener.failed(error);
    });
  }

  #finish(reach: Reach): void {
    this.#over = true;
    this.#deadline.stop();
    this.#settle(reach);
    this.#host.over(this);
  }

  #settle(reach: Reach): void {
    if (this.#permit === undefined) return;
    this.#host.settle(this.#permit, reach);
    this.#permit = undefined;
  }
}

/**
 * A time limit on progress. Progress is frequent and setting a timer costs time, so one timer fires at the earliest possible
 * moment and is set again when there was progress.
 */
class Deadline {
  readonly #deps: OriginDeps;
  readonly #suspended: () => boolean;
  readonly #expired: () => void;
  limitMs = 0;
  #progressMs = 0;
  #cancel: Cancel | undefined;

  /** `suspended`: whether it is not the other side's turn; that time does not count. */
  constructor(deps: OriginDeps, suspended: () => boolean, expired: () => void) {
    this.#deps = deps;
    this.#suspended = suspended;
    this.#expired = expired;
  }

  /** From now on, progress is due every `limitMs`. */
  start(limitMs: number): void {
    this.limitMs = limitMs;
    this.progress();
    this.#arm(limitMs);
  }

  progress(): void {
    this.#progressMs = this.#deps.clock.monotonic();
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #arm(delayMs: number): void {
    this.#cancel?.();
    this.#cancel = this.#deps.tasks.later(delayMs, () => this.#check());
  }

  #check(): void {
    this.#cancel = undefined;
    if (this.#suspended()) this.progress();
    const leftMs = this.#progressMs + this.limitMs - this.#deps.clock.monotonic();
    if (leftMs > 0) this.#arm(leftMs);
    else this.#expired();
  }
}
