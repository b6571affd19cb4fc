// One exchange with a client: the Responder that the gate answers through, written to node:http.
//
// An answer may be over before the gate's handle() returns (a hit), the client may leave
// at any moment, and the request's content may still be arriving; each exchange is settled once, whichever came first.

import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { guarded } from '../../../engine/guarded.ts';
import { bodyOf } from '../../../entry/stored-response.ts';
import type { Answer, Cancel, Responder } from '../../../ports.ts';
import type { ResponseHead } from '../../../semantics/fields.ts';
import type { Outcome } from '../../../semantics/outcome.ts';
import { within } from '../exchange-context.ts';
import type { ExchangeDeps, Visit } from '../front-contract.ts';
import { type Refusal, refusalAnswer, refused } from '../refusals.ts';
import { hasNoContent, isSendable, passedFields, storedFields, wholeFields } from './answer-bytes.ts';
import { BodyPump } from './body-pump.ts';
import { endAfterContent, LINGER_MS } from './upload.ts';

/** Codes that node:http throws for a name or value that would break the message. */
const UNSENDABLE: ReadonlySet<unknown> = new Set([
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_HTTP_INVALID_HEADER_VALUE',
]);

export class Exchange implements Responder {
  readonly #visit: Visit;
  readonly #deps: ExchangeDeps;
  readonly #startedMs: number;
  #cancel: Cancel | undefined;
  #pump: BodyPump | undefined;
  #status: number | undefined;
  #outcome: Outcome | undefined;
  #bodyBytes = 0;
  #over = false;
  #whenOver: (() => void) | undefined;

  constructor(visit: Visit, deps: ExchangeDeps) {
    this.#visit = visit;
    this.#deps = deps;
    this.#startedMs = deps.ended === undefined ? 0 : deps.monotonic();
  }

  /** Hands the request to the gate. Returns true when the exchange is already over; else calls `whenOver` later. */
  start(whenOver: () => void): boolean {
    const { request, response, unanswered } = this.#visit;
    try {
      this.#cancel = within(this, () => this.#deps.gate.handle(request, this, unanswered));
    } catch (error) {
      this.#deps.fault(error);
      this.refuse(refused('fault', 'an exception'));
    }
    if (this.#over && response.writableEnded && response.socket !== null) return true;
    // In a pipeline the answer waits for earlier answers, or its end waits for the end of the request's content.
    if (this.#over) response.on('close', whenOver);
    else response.on('close', this.#gone);
    this.#whenOver = this.#over ? undefined : whenOver;
    return false;
  }

  /** Whether the request's content is still arriving. */
  get receiving(): boolean {
    return this.#visit.upload?.complete === false;
  }

  interim(head: ResponseHead): void {
    const { message, response } = this.#visit;
    const { status, fields } = head;
    // The front itself answers Expect with 100; HTTP/1.0 knows no interim responses (RFC 9110 §15.2).
    if (this.#answered || status <= 101 || status > 199 || message.httpVersion === '1.0') return;
    const passed = passedFields(fields, false).fields;
    for (let at = 0; at < passed.length; at += 2) if (!isSendable(passed[at]!, passed[at + 1]!)) return;
    this.#safely(() => sendInterim(response, status, passed));
  }

  respond(answer: Answer): void {
    if (this.#answered || this.#visit.response.destroyed) {
      if (answer.kind === 'streamed') answer.body.cancel();
      return;
    }
    this.#outcome = answer.outcome;
    try {
      if (answer.kind === 'stored') this.#sendStored(answer);
      else if (answer.kind === 'whole') this.#sendWhole(answer);
      else this.#sendStreamed(answer);
    } catch (error) {
      this.#safely(() => this.#unsendable(answer, error));
    }
  }

  /** Answers in place of the gate and stops it; after a sent head, it ends the connection. */
  refuse(refusal: Refusal): void {
    if (this.#over) return;
    if (this.#answered) this.#cutOff();
    else this.#safely(() => this.#sendRefusal(refusal));
  }

  /** The exchange can no longer end by itself. */
  breakOff(): void {
    if (!this.#over) this.#visit.message.socket.destroy();
  }

  #sendRefusal(refusal: Refusal): void {
    this.#stopGate();
    const { status, fields, body } = refusalAnswer(refusal, this.#deps.cacheName, this.#mustClose());
    this.#head(status, fields);
    this.#sendBody(Buffer.from(body, 'latin1'));
  }

  /** A throwing step costs its client the connection, and affects nobody else. */
  #safely(step: () => void): void {
    guarded(step, (error) => {
      this.#deps.fault(error);
      this.#visit.message.socket.destroy();
    })();
  }

  get #answered(): boolean {
    return this.#status !== undefined;
  }

  get #isHead(): boolean {
    return this.#visit.request.method === 'HEAD';
  }

  #sendStored({ entry, added }: Extract<Answer, { kind: 'stored' }>): void {
    const body = bodyOf(entry);
    this.#head(entry.status, this.#closingFields(storedFields(entry, added, body.length)));
    this.#sendBody(hasNoContent(entry.status) ? undefined : body);
  }

  #sendWhole(answer: Extract<Answer, { kind: 'whole' }>): void {
    const { head, body } = answer;
    this.#head(head.status, this.#closingFields(wholeFields(answer, this.#visit.request.method)));
    this.#sendBody(hasNoContent(head.status) ? undefined : body);
  }

  #sendStreamed({ head, body }: Extract<Answer, { kind: 'streamed' }>): void {
    const { message, response } = this.#visit;
    const empty = this.#isHead || hasNoContent(head.status);
    const chunkable = !empty && message.httpVersion === '1.1';
    const { fields, contentLength } = passedFields(head.fields, chunkable && !head.fields.includes('content-length'));
    if (contentLength !== undefined && head.status !== 204) fields.push('content-length', String(contentLength));
    this.#head(head.status, this.#closingFields(fields));
    const declared = empty ? undefined : contentLength;
    const { stallMs, fault } = this.#deps;
    this.#pump = new BodyPump(body, response, { declared, discard: empty, stallMs, fault });
    if (empty) this.#finish();
    this.#pump.start({
      finished: (bytes) => {
        if (empty) return;
        this.#bodyBytes = bytes;
        this.#finish();
      },
      failed: (bytes) => {
        if (empty) return;
        this.#bodyBytes = bytes;
        this.#cutOff();
      },
    });
  }

  /** Throws when a field cannot be sent; the exchange is then still unanswered. */
  #head(status: number, fields: string[]): void {
    // A final answer of 101 or less would leave the client waiting for another.
    if (status < 200) throw new RangeError(`status ${status} as a final answer`);
    this.#visit.response.writeHead(status, fields);
    this.#status = status;
  }

  #sendBody(body: Uint8Array | undefined): void {
    if (body === undefined || body.length === 0 || this.#isHead) {
      this.#finish();
      return;
    }
    this.#bodyBytes = body.length;
    this.#finish(body);
  }

  #mustClose(): boolean {
    return this.#deps.status.isClosing || this.receiving;
  }

  #closingFields(fields: string[]): string[] {
    if (this.#mustClose()) fields.push('connection', 'close');
    return fields;
  }

  #finish(lastBytes?: Uint8Array): void {
    const { message, response, upload } = this.#visit;
    if (!this.receiving || upload === undefined) {
      response.end(lastBytes);
      this.#guardFlush();
      this.#settle(true);
      return;
    }
    if (lastBytes === undefined) response.flushHeaders();
    else response.write(lastBytes);
    const done = this.#whenOver;
    this.#whenOver = undefined;
    upload.discard();
    // A client that waits for 100 sends nothing more once it sees another answer.
    endAfterContent(message, response, { maxMs: upload.unasked ? 0 : LINGER_MS, ...(done && { done }) });
    this.#settle(true);
  }

  /** A client that does not read loses its connection; see front.ts for one that is idle between requests. */
  #guardFlush(): void {
    const { message, response } = this.#visit;
    if (response.writableLength === 0) return;
    const { stallMs } = this.#deps;
    message.socket.setTimeout(stallMs);
    response.on('finish', () => {
      if (message.socket.timeout === stallMs) message.socket.setTimeout(0);
    });
  }

  /** The field values cannot be sent: a 502 instead, if nothing was sent. */
  #unsendable(answer: Answer, error: unknown): void {
    if (answer.kind === 'streamed') answer.body.cancel();
    const { response } = this.#visit;
    this.#outcome = undefined;
    if (response.headersSent || response.destroyed) {
      this.#deps.fault(error);
      this.#cutOff();
      return;
    }
    // writeHead() has noted the status it could not send.
    response.statusMessage = '';
    const status = answer.kind === 'stored' ? answer.entry.status : answer.head.status;
    const known = error instanceof Error && 'code' in error && UNSENDABLE.has(error.code);
    if (!known) this.#deps.fault(error);
    // After 204 and 304 node:http no longer sends a body.
    if (hasNoContent(status)) this.#cutOff();
    else this.refuse(known ? refused('unsendable-answer', error.message) : refused('fault', 'an exception'));
  }

  /** The client must see that the answer is incomplete. */
  #cutOff(): void {
    const { message, response } = this.#visit;
    // Without chunks, an orderly end of the connection would look like the end of the body.
    const end = (socket: Socket) => (message.httpVersion === '1.0' ? socket.resetAndDestroy() : socket.destroy());
    const cut = (socket: Socket) => this.#safely(() => end(socket));
    // In a pipeline, earlier answers must not be cut, and bytes already written still go out.
    if (response.socket === null) response.once('socket', cut);
    else setImmediate(cut, message.socket);
    this.#settle(false);
  }

  readonly #gone = (): void => {
    if (this.#over) return;
    this.#bodyBytes = this.#pump?.bytes ?? this.#bodyBytes;
    this.#safely(() => this.#settle(false));
  };

  #stopGate(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** The connection may go on, or end, once its socket has the last byte of the answer. */
  #leave(complete: boolean): void {
    const { response } = this.#visit;
    if (this.#whenOver === undefined) return;
    if (response.destroyed || (complete && response.socket !== null)) this.#whenOver();
    else response.on('close', this.#whenOver);
  }

  #settle(complete: boolean): void {
    if (this.#over) return;
    this.#over = true;
    if (!complete && this.#answered) this.#pump?.cancel();
    else if (!complete) this.#stopGate();
    this.#visit.upload?.discard();
    this.#leave(complete);
    const { ended } = this.#deps;
    if (ended === undefined) return;
    const { request, peer } = this.#visit;
    const durationMs = this.#deps.monotonic() - this.#startedMs;
    ended({
      request,
      peer,
      status: this.#status,
      outcome: this.#outcome,
      bodyBytes: this.#bodyBytes,
      complete,
      durationMs,
    });
  }
}

/** Node 24 can write 102 and 103 only, and 103 only with a Link; other interim responses are dropped there. */
function sendInterim(response: ServerResponse, status: number, fields: string[]): void {
  if (typeof response.writeInformation === 'function') response.writeInformation(status, fields);
  else if (status === 102) (response as ServerResponse).writeProcessing();
}
