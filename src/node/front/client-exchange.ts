// One exchange with a client, whatever the version of HTTP: the Responder that the gate answers through.
//
// An answer may be over before the gate's handle() returns (a hit), the client may leave at any moment, and the
// request's content may still be arriving; each exchange is settled once, whichever came first.

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Writable } from 'node:stream';
import type { Gate, GateRequest, Unanswered, WholeAnswer } from '../../engine/contract.ts';
import { guarded } from '../../engine/guarded.ts';
import { TidegateError } from '../../errors.ts';
import type { Answer, BodySource, Cancel, Responder } from '../../ports.ts';
import { type Fields, NO_FIELDS, type ResponseHead } from '../../semantics/fields.ts';
import type { Outcome } from '../../semantics/outcome.ts';
import type { Channel, FrontContext } from './front-contract.ts';
import { hasNoContent, isSendable, passedFields } from './http1/answer-bytes.ts';
import type { Upload } from './http1/upload.ts';
import { type RequestRefusal, refused } from './refusals.ts';

/** For an exception that nobody catches. A pooled connection to an origin runs within the exchange that opened it. */
const underWay = new AsyncLocalStorage<ClientExchange>();

/**
 * The last line of defence: an uncaught exception, or an unhandled rejection, ends neither the process nor other clients'
 * exchanges. Nobody knows how far the throwing code came. So everything stored is invalidated; where that fails, stored entries
 * cannot be trusted any more: `end` ends the process.
 */
export function surviveUncaughtExceptions(gate: Pick<Gate, 'broken'>, end: (error: unknown) => void): void {
  process.on('uncaughtException', (error) => {
    underWay.getStore()?.breakOff();
    gate.broken(error, 'unknown').catch((failure: unknown) => {
      // The invalidation is in force all the same.
      if (!(failure instanceof TidegateError && failure.code === 'E_LOG')) end(failure);
    });
  });
}

export interface ExchangeParts {
  readonly request: GateRequest;
  /** Address of the client. */
  readonly peer: string;
  readonly upload?: Upload | undefined;
}

export class ClientExchange implements Responder {
  readonly #parts: ExchangeParts;
  readonly #channel: Channel;
  readonly #deps: FrontContext;
  readonly #startedMs: number;
  #cancel: Cancel | undefined;
  /** Of a streamed answer, until all of it is read. */
  #body: BodySource | undefined;
  /** Undefined: the answer leaves its body out. */
  #sink: Writable | undefined;
  /** Bytes the head promised. */
  #declared: number | undefined;
  #status: number | undefined;
  #outcome: Outcome | undefined;
  #bodyBytes = 0;
  #over = false;
  /** Of a part that the client has not taken yet. */
  #release: () => void = () => {};

  constructor(parts: ExchangeParts, channel: Channel, deps: FrontContext) {
    this.#parts = parts;
    this.#channel = channel;
    this.#deps = deps;
    this.#startedMs = deps.ended === undefined ? 0 : deps.monotonic();
  }

  /** Hands the request to the gate, once its content is read ahead; `unanswered`: what was looked up for it. */
  start(unanswered?: Unanswered, isRead = false): void {
    if (this.#channel.isGone) return this.#settle(false);
    const ahead = isRead ? undefined : this.#parts.upload?.readAhead();
    if (ahead !== undefined) {
      const broken = () => this.#over || this.cutOff();
      return void ahead.then(() => this.#over || this.start(undefined, true), broken);
    }
    try {
      this.#cancel = underWay.run(this, () => this.#deps.gate.handle(this.#parts.request, this, unanswered));
    } catch (error) {
      this.#broken(error);
    }
  }

  /** Waits for a slower tier, and for the gate where that has no answer. */
  async await(asked: Promise<WholeAnswer | Unanswered>): Promise<void> {
    try {
      const found = await asked;
      if (found.kind === 'unanswered') this.start(found);
      else this.respond(found);
    } catch (error) {
      this.#broken(error);
    }
  }

  get isOver(): boolean {
    return this.#over;
  }

  get bodyBytes(): number {
    return this.#bodyBytes;
  }

  /** Whether the request's content is still arriving. */
  get receiving(): boolean {
    return this.#parts.upload?.complete === false;
  }

  interim({ status, fields }: ResponseHead): void {
    // The front itself answers Expect with 100; a switch of protocols takes another way (RFC 9110 §15.2).
    if (this.#answered || this.#channel.isGone || status <= 101 || status > 199) return;
    const passed = passedFields(fields, false).fields;
    for (let at = 0; at < passed.length; at += 2) if (!isSendable(passed[at]!, passed[at + 1]!)) return;
    this.#safely(() => this.#channel.interim(status, passed));
  }

  respond(answer: Answer): void {
    if (this.#answered || this.#channel.isGone) {
      if (answer.kind === 'streamed') answer.body.cancel();
      if (!this.#answered) this.#settle(false);
      return;
    }
    this.#outcome = answer.outcome;
    try {
      if (answer.kind === 'streamed') return this.#sendStreamed(answer);
      this.#bodyBytes = this.#channel.whole(answer);
      this.#status = statusOf(answer);
      this.#settle(true);
    } catch (error) {
      this.#safely(() => this.#unsendable(answer, error));
    }
  }

  /** Answers in place of the gate and stops it; after a sent head, it breaks the answer off. */
  refuse(refusal: RequestRefusal): void {
    if (this.#over) return;
    if (this.#answered) return this.cutOff();
    this.#stopGate();
    if (this.#channel.isGone) this.#settle(false);
    else
      this.#safely(() => {
        const { status, bodyBytes } = this.#channel.refusal(refusal);
        this.#status = status;
        this.#bodyBytes = bodyBytes;
        this.#settle(true);
      });
  }

  /** The client must see that the answer is incomplete. */
  cutOff(): void {
    this.#settle(false);
    this.#channel.cut();
  }

  /** Ends the connection, or the stream: the exchange can no longer end by itself. */
  breakOff(): void {
    if (!this.#over) this.#channel.destroy();
  }

  /** The client is gone. */
  readonly gone = (): void => {
    if (!this.#over) this.#safely(() => this.#settle(false));
  };

  /** A throwing step costs its client the connection, or the stream, and affects nobody else. */
  #safely(step: () => void): void {
    guarded(step, (error) => {
      this.#deps.fault(error);
      this.#channel.destroy();
    })();
  }

  #broken(error: unknown): void {
    this.#deps.fault(error);
    this.refuse(refused('fault', 'an exception'));
  }

  get #answered(): boolean {
    return this.#status !== undefined;
  }

  #sendStreamed({ head: { status, fields: given }, body }: Extract<Answer, { kind: 'streamed' }>): void {
    const channel = this.#channel;
    const isEmpty = this.#parts.request.method === 'HEAD' || hasNoContent(status);
    const keepsTrailer = !isEmpty && channel.takesTrailers && !given.includes('content-length');
    const { fields, contentLength } = passedFields(given, keepsTrailer);
    if (contentLength !== undefined && status !== 204) fields.push('content-length', String(contentLength));
    const sink = channel.head(status, fields, isEmpty);
    this.#status = status;
    this.#body = body;
    body.takenBy?.(channel.reader);
    if (isEmpty) this.#finished(NO_FIELDS);
    else [this.#sink, this.#declared] = [sink, contentLength];
    this.#pump();
    // No bytes yet: the client may still see the head.
    if (!this.#over && this.#bodyBytes === 0) channel.flush();
  }

  /** Sends no faster than the client reads. A body that is left out is read too: the fill behind it is to complete. */
  readonly #pump = (): void => {
    try {
      let goesOn = true;
      while (goesOn && this.#body !== undefined) goesOn = this.#pass(this.#body);
    } catch (error) {
      this.#deps.fault(error);
      this.#dropBody();
      this.#bodyEnded(false);
    }
  };

  /** Returns false when the pump must wait, or is over. */
  #pass(body: BodySource): boolean {
    const read = body.read();
    if (read === 'pending') {
      body.whenReadable(this.#pump);
      return false;
    }
    if (read === 'end' || read === 'failed') {
      this.#body = undefined;
      this.#bodyEnded(read === 'end', body);
      return false;
    }
    const sink = this.#sink;
    if (sink === undefined) return true;
    if (this.#declared !== undefined && this.#bodyBytes + read.length > this.#declared) {
      // The client would read more bytes as the answer to another request (RFC 9112 §11.1).
      this.#dropBody();
      this.cutOff();
      return false;
    }
    this.#bodyBytes += read.length;
    if (sink.write(read)) return true;
    const { reader: taker } = this.#channel;
    taker.wait();
    this.#release = this.#deps.budget.hold({ bytes: read.length }, { taker });
    sink.once('drain', () => {
      this.#release();
      taker.took();
      this.#pump();
    });
    return false;
  }

  #bodyEnded(isWhole: boolean, body?: BodySource): void {
    if (this.#sink === undefined) return;
    if (!isWhole || this.#bodyBytes < (this.#declared ?? 0)) this.cutOff();
    else this.#finished(body?.trailers() ?? NO_FIELDS);
  }

  #finished(trailers: Fields): void {
    this.#channel.end(trailers);
    this.#settle(true);
  }

  #dropBody(): void {
    const body = this.#body;
    this.#body = undefined;
    guarded(() => body?.cancel(), this.#deps.fault)();
  }

  /** The fields or the status cannot be sent: a 502 instead, if nothing was sent. */
  #unsendable(answer: Answer, error: unknown): void {
    if (answer.kind === 'streamed') answer.body.cancel();
    this.#outcome = undefined;
    const status = statusOf(answer);
    const isKnown = this.#channel.isUnsendable(error, status);
    if (!isKnown) this.#deps.fault(error);
    if (!this.#channel.mayReplace(status)) this.cutOff();
    else
      this.refuse(isKnown ? refused('unsendable-answer', (error as Error).message) : refused('fault', 'an exception'));
  }

  #stopGate(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #settle(complete: boolean): void {
    if (this.#over) return;
    this.#over = true;
    this.#release();
    if (!complete && this.#answered) this.#dropBody();
    else if (!complete) this.#stopGate();
    const { request, peer, upload } = this.#parts;
    upload?.discard();
    this.#deps.ended?.({
      request,
      peer,
      status: this.#status,
      outcome: this.#outcome,
      bodyBytes: this.#bodyBytes,
      complete,
      durationMs: this.#deps.monotonic() - this.#startedMs,
    });
  }
}

export function statusOf(answer: Answer): number {
  return answer.kind === 'stored' ? answer.entry.status : answer.head.status;
}
