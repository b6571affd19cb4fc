// A client connection from its beginning: answers hits directly; lends any other request to node:http, which answers
// it in full; then reads the connection here again. A lent request is admitted and looked up once: the front takes over
// what is known of it here (`handedOver`).
//
// While a request is lent, nothing else may be read or written here. A request with content, an upgrade, the end of
// the connection or a head that is not plain is not lent: it gives the connection to node:http for good. While a
// slower tier is asked, arriving bytes wait as well.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { GateRequest, Unanswered, WholeAnswer } from '../../../engine/contract.ts';
import { guarded } from '../../../engine/guarded.ts';
import { admit } from '../admission.ts';
import type { ClientConnection, HandedOver, Lender } from '../connection/connections.ts';
import { LentSocket } from '../connection/lent-socket.ts';
import type { FrontContext } from '../front-contract.ts';
import { isSameHead, type PlainHead, readPlainHead } from '../request-heads.ts';
import { contentOf, writeAnswer } from './answer-bytes.ts';
import { pour, SLICE_BYTES } from './pour.ts';
import { OpenLine, withHttpVersion } from './request-line.ts';

/** A request and its time of arrival. */
interface PlainRequest {
  readonly head: PlainHead;
  readonly request: GateRequest;
  readonly startedMs: number;
}

const NOTHING = Buffer.alloc(0);
const NOT_FOUND: Unanswered = Object.freeze({ kind: 'unanswered', selection: undefined });

/** Most bytes that wait while a request is lent; beyond it the client must wait. */
const MAX_WAITING_BYTES = 64 * 1024;

export class PlainConnection implements Lender {
  readonly client: ClientConnection;
  readonly #deps: FrontContext;
  readonly #toNode: (connection: Socket) => void;
  #state: 'plain' | 'asking' | 'flushing' | 'lent' | 'given' = 'plain';
  #lent: LentSocket | undefined;
  #handedOver: (HandedOver & { readonly head: PlainHead }) | undefined;
  #waiting: Buffer | undefined;
  #last: PlainHead | undefined;
  #ended = false;
  readonly #line: OpenLine;

  /** Serves the connection from its beginning. `toNode` hands a lent connection to node:http. */
  constructor(client: ClientConnection, deps: FrontContext, toNode: (connection: Socket) => void) {
    const { socket } = client;
    this.client = client;
    this.#deps = deps;
    this.#toNode = toNode;
    this.#line = new OpenLine(
      deps.limits,
      this.#safe((bytes) => this.#hand('given', bytes)),
    );
    socket.setTimeout(deps.limits.headTimeoutMs);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('timeout', this.#onTimeout);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  resume(): void {
    if (this.#state !== 'lent' || this.client.socket.destroyed) return;
    this.#state = 'plain';
    this.client.socket.setTimeout(this.#deps.idleMs);
    this.client.socket.resume();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#safe(() => this.#read(waiting))();
    else if (this.#ended) this.client.socket.end();
  }

  wanted(): void {
    if (this.#state !== 'given' || this.client.isQueueing) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#lent?.give(waiting);
    if (this.#ended) this.#lent?.push(null);
    this.client.socket.resume();
  }

  handOver(message: IncomingMessage): HandedOver | undefined {
    const handedOver = this.#handedOver;
    this.#handedOver = undefined;
    if (handedOver === undefined || handedOver.request.route.retired()) return undefined;
    return isSameHead(handedOver.head, message) ? handedOver : undefined;
  }

  readonly #onData = this.#safe((bytes: Buffer): void => {
    if (this.#state === 'plain') return this.#read(this.#line.with(bytes));
    if (this.#state === 'given' && !this.client.isQueueing) {
      if (this.#lent?.give(bytes) === false) this.client.socket.pause();
      return;
    }
    this.#waiting = this.#waiting === undefined ? bytes : Buffer.concat([this.#waiting, bytes]);
    if (this.#waiting.length > MAX_WAITING_BYTES) this.client.socket.pause();
  });

  readonly #onEnd = this.#safe((): void => {
    this.#ended = true;
    if (this.#state === 'plain') this.#line.giveUp() || this.client.socket.end();
    else if (this.#state === 'given') this.wanted();
    else if (this.#state === 'lent') this.#lent?.push(null);
  });

  readonly #onTimeout = this.#safe((): void => {
    if (this.#state === 'lent' || this.#state === 'given') this.#lent?.emit('timeout');
    // While a tier is asked, the client is not the slow side.
    else if (this.#state !== 'asking') this.client.socket.destroy();
  });

  readonly #onError = (error: Error): void => {
    if (this.#lent === undefined) this.client.socket.destroy();
    else this.#lent.destroy(error);
  };

  readonly #onClose = (): void => {
    this.#line.drop();
    this.#lent?.destroy();
  };

  /** A defect costs its client the connection, and affects nobody else. */
  #safe<Args extends unknown[]>(work: (...given: Args) => void): (...given: Args) => void {
    return guarded(work, (error) => {
      this.#deps.fault(error);
      this.client.socket.destroy();
    });
  }

  /** Answers every request that the bytes at hand allow. */
  #read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      const head = readPlainHead(bytes, at, this.#last);
      const request = head === undefined ? undefined : this.#admit(head);
      if (head === undefined && this.#line.holds(bytes.subarray(at))) return;
      if (head === undefined || request === undefined) return this.#hand('given', bytes.subarray(at));
      this.#last = head;
      const { gate, ended, monotonic } = this.#deps;
      const plain = { head, request, startedMs: ended === undefined ? 0 : monotonic() };
      const found = gate.answerAtOnce(request);
      if (found instanceof Promise) return this.#ask(found, { plain, bytes: bytes.subarray(at), end: head.end - at });
      if (found.kind === 'unanswered') {
        this.#waiting = head.end === bytes.length ? undefined : bytes.subarray(head.end);
        return this.#lend(plain, found, bytes.subarray(at, head.end));
      }
      const bodyBytes = this.#answer(plain, found);
      at = head.end;
      if (!this.client.socket.writableNeedDrain) continue;
      return this.#waitForClient(bytes.subarray(at), found, bodyBytes);
    }
  }

  /** Waits for the answer of a slower tier. `bytes`: the request's, up to `end`, and everything after it. */
  #ask(asking: Promise<WholeAnswer | Unanswered>, asked: { plain: PlainRequest; bytes: Buffer; end: number }): void {
    const { plain, bytes, end } = asked;
    this.#state = 'asking';
    this.#waiting = end === bytes.length ? undefined : bytes.subarray(end);
    this.client.isAsking = true;
    const answered = this.#safe((found: WholeAnswer | Unanswered) => {
      this.client.isAsking = false;
      if (this.client.socket.destroyed) return;
      if (found.kind === 'unanswered') return this.#lend(plain, found, bytes.subarray(0, end));
      const rest = this.#waiting ?? NOTHING;
      this.#waiting = undefined;
      this.#state = 'plain';
      const bodyBytes = this.#answer(plain, found);
      if (this.client.socket.writableNeedDrain) return this.#waitForClient(rest, found, bodyBytes);
      if (this.client.socket.isPaused()) this.client.socket.resume();
      if (rest.length > 0) this.#read(rest);
      else if (this.#ended || this.#deps.status.isClosing) this.client.socket.end();
    });
    asking
      .catch((error: unknown) => {
        this.#deps.fault(error);
        return NOT_FOUND;
      })
      .then(answered);
  }

  /** Returns undefined for a refused request, or one that changes the connection; node:http handles both. */
  #admit(head: PlainHead): GateRequest | undefined {
    if (this.#deps.status.isClosing) return undefined;
    const admission = admit(head, this.client.peer, this.#deps);
    if (admission.kind !== 'admitted') return undefined;
    const { framing, scan } = admission.head;
    if (framing !== 'none' || scan.upgrade !== undefined || scan.expect !== undefined) return undefined;
    if ((scan.connection?.toLowerCase() ?? 'keep-alive') !== 'keep-alive') return undefined;
    admission.site.request.bounds?.count(true);
    return admission.request;
  }

  /** Returns the bytes of content. */
  #answer({ request, startedMs }: PlainRequest, answer: WholeAnswer): number {
    const { ended, monotonic, idleMs, keepAliveLines } = this.#deps;
    const socket = this.client.socket;
    if (socket.timeout !== idleMs) socket.setTimeout(idleMs);
    const bodyBytes = writeAnswer(socket, answer, { method: request.method, connection: keepAliveLines });
    ended?.({
      request,
      peer: this.client.peer.address,
      status: answer.kind === 'stored' ? answer.entry.status : answer.head.status,
      outcome: answer.outcome,
      bodyBytes,
      complete: true,
      durationMs: monotonic() - startedMs,
    });
    return bodyBytes;
  }

  #lend({ head, request }: PlainRequest, unanswered: Unanswered, bytes: Buffer): void {
    this.#handedOver = { head, request, unanswered };
    this.#hand('lent', bytes);
  }

  /** The client does not read its answers: nothing more is read until it does. The last may have more content to send. */
  #waitForClient(rest: Buffer, answer: WholeAnswer, bodyBytes: number): void {
    const socket = this.client.socket;
    this.#state = 'flushing';
    this.#waiting = rest.length === 0 ? undefined : rest;
    socket.setTimeout(0);
    socket.pause();
    const content = bodyBytes === 0 ? NOTHING : contentOf(answer);
    const { reader } = this.client;
    const key = answer.kind === 'stored' ? answer.entry.key : undefined;
    const release = this.#deps.budget.hold(content, { key, taker: reader });
    reader.wait();
    socket.once('close', release);
    // Of a front that closes, the connection ends after the answer.
    this.client.isAsking = true;
    const sent = this.#safe(() => {
      release();
      reader.took();
      socket.off('close', release);
      this.client.isAsking = false;
      if (this.#deps.status.isClosing) return socket.destroySoon();
      this.#state = 'lent';
      this.resume();
    });
    pour(socket, content.subarray(SLICE_BYTES), sent);
  }

  /** Lends the connection to node:http for one request, with the bytes of its head; or gives it away for good, with all bytes. */
  #hand(state: 'lent' | 'given', bytes: Buffer): void {
    this.#state = state;
    if (this.#lent === undefined) {
      this.#lent = new LentSocket(this);
      // node:http takes any Duplex for a connection; it and the front use no more of a Socket than LentSocket has.
      this.#toNode(this.#lent as unknown as Socket);
    }
    this.client.socket.setTimeout(0);
    if (bytes.length > 0) this.#lent.give(withHttpVersion(bytes));
    if (this.#ended) this.#lent.push(null);
  }
}
