// One exchange with a client over HTTP/2: the Responder that the gate answers through, written to a stream of node:http2.
//
// Answers that break off need care. node:http2 ends the body in order before it resets the stream, and the client
// would take the part for the whole. It does not do so while trailers are awaited, so every streamed body awaits
// trailers, and a stream is reset with its body visibly unfinished (RFC 9113 §8.1).

import { constants, type ServerHttp2Stream } from 'node:http2';
import type { GateRequest, Unanswered, WholeAnswer } from '../../../engine/contract.ts';
import { guarded } from '../../../engine/guarded.ts';
import type { Answer, Cancel, Responder } from '../../../ports.ts';
import type { ResponseHead } from '../../../semantics/fields.ts';
import type { Outcome } from '../../../semantics/outcome.ts';
import type { Peer } from '../connection/peer.ts';
import { within } from '../exchange-context.ts';
import type { ExchangeDeps } from '../front-contract.ts';
import { hasNoContent, isSendable, passedFields } from '../http1/answer-bytes.ts';
import { BodyPump } from '../http1/body-pump.ts';
import type { Upload } from '../http1/upload.ts';
import { type Refusal, refusalAnswer, refused } from '../refusals.ts';
import { isStatus, NOWHERE, sendWhole, sinkOf, toHeaders, UnsendableField } from './h2-answer.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

interface H2Visit {
  readonly stream: ServerHttp2Stream;
  readonly request: GateRequest;
  readonly peer: Peer;
  readonly upload: Upload | undefined;
}

export interface H2ExchangeDeps extends ExchangeDeps {
  readonly refused: (refusal: Refusal, peer: Peer) => void;
}

/** isOverdue() finds an answer up to this size that the client does not read. */
const SMALL_ANSWER_BYTES = 65_536;

/** A larger answer gets a timer of its own. Returns whether it got one. */
export function guardFlush(stream: ServerHttp2Stream, bodyBytes: number, stallMs: number): boolean {
  if (bodyBytes <= SMALL_ANSWER_BYTES) return false;
  stream.setTimeout(stallMs, () => stream.close(NGHTTP2_CANCEL));
  return true;
}

export class H2Exchange implements Responder {
  readonly #visit: H2Visit;
  readonly #deps: H2ExchangeDeps;
  readonly #startedMs: number;
  #cancel: Cancel | undefined;
  #pump: BodyPump | undefined;
  #status: number | undefined;
  #outcome: Outcome | undefined;
  #bodyBytes = 0;
  #over = false;
  /** When it was first seen to be over. */
  #overMs: number | undefined;

  constructor(visit: H2Visit, deps: H2ExchangeDeps) {
    this.#visit = visit;
    this.#deps = deps;
    this.#startedMs = deps.ended === undefined ? 0 : deps.monotonic();
  }

  /** Waits for a slower tier, and for the gate where that has no answer. */
  async await(asked: Promise<WholeAnswer | Unanswered>): Promise<void> {
    try {
      const found = await asked;
      if (found.kind === 'unanswered') this.start(found);
      else this.respond(found);
    } catch (error) {
      this.#deps.fault(error);
      this.refuse(refused('fault', 'an exception'));
    }
  }

  /** Hands the request to the gate. */
  start(unanswered?: Unanswered): void {
    const { stream } = this.#visit;
    if (stream.closed || stream.destroyed) {
      this.#settle(false);
      return;
    }
    stream.on('close', () => this.#safely(() => this.#gone()));
    stream.on('timeout', () => this.#safely(() => this.#stalled()));
    try {
      this.#cancel = within(this, () => this.#deps.gate.handle(this.#visit.request, this, unanswered));
    } catch (error) {
      this.#deps.fault(error);
      this.refuse(refused('fault', 'an exception'));
    }
  }

  interim({ status, fields }: ResponseHead): void {
    const { stream } = this.#visit;
    // The front itself answers Expect with 100; HTTP/2 has no 101 (RFC 9113 §8.6).
    if (this.#answered || stream.closed || stream.destroyed || status <= 101 || status > 199) return;
    const passed = passedFields(fields, false).fields;
    for (let at = 0; at < passed.length; at += 2) if (!isSendable(passed[at]!, passed[at + 1]!)) return;
    this.#safely(() => stream.additionalHeaders(toHeaders(status, passed)));
  }

  respond(answer: Answer): void {
    const { stream, request } = this.#visit;
    if (this.#answered || stream.closed || stream.destroyed) {
      if (answer.kind === 'streamed') answer.body.cancel();
      this.#settle(false);
      return;
    }
    this.#outcome = answer.outcome;
    try {
      if (answer.kind === 'streamed') {
        this.#sendStreamed(answer);
        return;
      }
      this.#bodyBytes = sendWhole(stream, answer, request.method);
      this.#status = answer.kind === 'stored' ? answer.entry.status : answer.head.status;
      this.#finished();
    } catch (error) {
      this.#safely(() => this.#unsendable(answer, error));
    }
  }

  /** Answers in place of the gate and stops it; after a sent head, it resets the stream. */
  refuse(refusal: Refusal): void {
    if (this.#over) return;
    if (this.#answered) {
      this.#cutOff(NGHTTP2_INTERNAL_ERROR);
      return;
    }
    this.#cancel?.();
    this.#cancel = undefined;
    const { stream } = this.#visit;
    // node:http2 throws at an answer on a stream that its client has reset.
    if (stream.closed || stream.destroyed) this.#settle(false);
    else this.#safely(() => this.#sendRefusal(refusal));
  }

  #sendRefusal(refusal: Refusal): void {
    this.#status = refusalAnswer(refusal, this.#deps.cacheName, false).status;
    this.#bodyBytes = sendRefusal(this.#visit.stream, refusal, this.#deps);
    this.#finished();
  }

  /** The exchange can no longer end by itself. */
  breakOff(): void {
    if (!this.#over) this.#cutOff(NGHTTP2_INTERNAL_ERROR);
  }

  /** A throwing step costs its client the stream, and affects nobody else. */
  #safely(step: () => void): void {
    guarded(step, (error) => {
      this.#deps.fault(error);
      this.#visit.stream.close(NGHTTP2_INTERNAL_ERROR);
    })();
  }

  /** Whether the answer was handed over long ago and the client has not read it. */
  isOverdue(nowMs: number): boolean {
    if (!this.#over || this.#bodyBytes > SMALL_ANSWER_BYTES) return false;
    this.#overMs ??= nowMs;
    return nowMs - this.#overMs >= this.#deps.stallMs;
  }

  get #answered(): boolean {
    return this.#status !== undefined;
  }

  get #receiving(): boolean {
    return this.#visit.upload?.complete === false;
  }

  #sendStreamed({ head, body }: Extract<Answer, { kind: 'streamed' }>): void {
    const { stream, request } = this.#visit;
    const empty = request.method === 'HEAD' || hasNoContent(head.status);
    const { fields, contentLength } = passedFields(head.fields, !empty && !head.fields.includes('content-length'));
    if (contentLength !== undefined && head.status !== 204) fields.push('content-length', String(contentLength));
    stream.respond(toHeaders(head.status, fields), empty ? { endStream: true } : { waitForTrailers: true });
    this.#status = head.status;
    const declared = empty ? undefined : contentLength;
    const { stallMs, fault } = this.#deps;
    const sink = empty ? NOWHERE : sinkOf(stream, (send) => this.#safely(() => this.#sendLast(send)));
    this.#pump = new BodyPump(body, sink, { declared, discard: empty, stallMs, fault });
    if (empty) this.#finished();
    this.#pump.start({
      finished: (bytes) => {
        if (empty) return;
        this.#bodyBytes = bytes;
        stream.end();
        stream.setTimeout(stallMs);
        this.#settle(true);
      },
      failed: (bytes) => {
        if (empty) return;
        this.#bodyBytes = bytes;
        this.#cutOff(NGHTTP2_INTERNAL_ERROR);
      },
    });
  }

  /** Everything is handed over; the client may read it, but should send no more. */
  #finished(): void {
    const { stream } = this.#visit;
    guardFlush(stream, this.#bodyBytes, this.#deps.stallMs);
    if (this.#receiving) stream.once('finish', () => this.#stopSending());
    this.#settle(true);
  }

  #sendLast(send: () => void): void {
    send();
    this.#stopSending();
  }

  /** RFC 9113 §8.1: once the answer is complete, the server may ask the client to stop sending content. */
  #stopSending(): void {
    if (this.#receiving) this.#visit.stream.close(NGHTTP2_NO_ERROR);
  }

  #stalled(): void {
    if (!this.#receiving || this.#answered) {
      this.#cutOff(NGHTTP2_CANCEL);
      return;
    }
    const refusal = refused('content-stalled', 'a pause');
    this.#deps.refused(refusal, this.#visit.peer);
    this.refuse(refusal);
  }

  /** The field values or the status cannot be sent: a 502 instead, as nothing was sent. */
  #unsendable(answer: Answer, error: unknown): void {
    if (answer.kind === 'streamed') answer.body.cancel();
    const { stream } = this.#visit;
    this.#outcome = undefined;
    const status = answer.kind === 'stored' ? answer.entry.status : answer.head.status;
    const known = error instanceof UnsendableField || !isStatus(status);
    if (!known) this.#deps.fault(error);
    if (stream.headersSent || stream.closed) this.#cutOff(NGHTTP2_INTERNAL_ERROR);
    else this.refuse(known ? refused('unsendable-answer', (error as Error).message) : refused('fault', 'an exception'));
  }

  /** The client must see that the answer is incomplete. */
  #cutOff(code: number): void {
    this.#settle(false);
    this.#visit.stream.close(code);
  }

  #gone(): void {
    if (this.#over) return;
    this.#bodyBytes = this.#pump?.bytes ?? this.#bodyBytes;
    this.#settle(false);
  }

  #settle(complete: boolean): void {
    if (this.#over) return;
    this.#over = true;
    if (!complete && this.#answered) this.#pump?.cancel();
    else if (!complete) this.#cancel?.();
    this.#cancel = undefined;
    this.#visit.upload?.discard();
    const { request, peer } = this.#visit;
    this.#deps.ended?.({
      request,
      peer: peer.address,
      status: this.#status,
      outcome: this.#outcome,
      bodyBytes: this.#bodyBytes,
      complete,
      durationMs: this.#deps.monotonic() - this.#startedMs,
    });
  }
}

/** Answers a request that is not let through. Returns the bytes of content. */
export function sendRefusal(
  stream: ServerHttp2Stream,
  refusal: Refusal,
  { cacheName, stallMs }: Pick<ExchangeDeps, 'cacheName' | 'stallMs'>,
): number {
  const { status, fields, body } = refusalAnswer(refusal, cacheName, false);
  stream.respond(toHeaders(status, fields));
  // node:http2 ends the stream itself after a HEAD response.
  if (stream.writableEnded) return 0;
  stream.setTimeout(stallMs, () => stream.close(NGHTTP2_CANCEL));
  stream.end(body, 'latin1');
  return body.length;
}
