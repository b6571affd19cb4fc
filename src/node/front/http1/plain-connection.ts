// A client connection from its beginning: answers hits directly; lends any other request to node:http, which answers
// it in full; then reads the connection here again.
//
// While a request is lent, nothing else may be read or written here. A request with content, an upgrade, the end of
// the connection or a head that is not plain is not lent: it gives the connection to node:http for good. While a
// slower tier is asked, arriving bytes wait as well.

import type { Socket } from 'node:net';
import type { Gate, GateRequest } from '../../../engine/contract.ts';
import { guarded } from '../../../engine/guarded.ts';
import { type AdmissionDeps, type Admitted, admit, withBody } from '../admission.ts';
import { LentSocket } from '../connection/lent-socket.ts';
import { type Peer, unmapped } from '../connection/peer.ts';
import type { ExchangeEnd } from '../exchange.ts';
import { plainBytes } from './plain-answer.ts';
import { type PlainHead, readPlainHead } from './plain-head.ts';

type AnswerAtOnce = NonNullable<Awaited<ReturnType<Gate['answerAtOnce']>>>;

/** A request and its time of arrival. */
interface Visit {
  readonly request: GateRequest;
  readonly startedMs: number;
}

const NOTHING = Buffer.alloc(0);

export interface PlainDeps {
  /** The TCP connection: the socket itself, or the connection below TLS. */
  readonly connection: Socket;
  readonly gate: Pick<Gate, 'answerAtOnce'>;
  readonly admission: AdmissionDeps;
  readonly closing: () => boolean;
  /** Hands a connection, the client's own or a lent one, to node:http. */
  readonly give: (connection: Socket) => void;
  /** Called while an answer is awaited, though the connection is not lent. */
  readonly asking: (connection: Socket, under: boolean) => void;
  /** Before the first request, and between requests. */
  readonly headTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly stallMs: number;
  readonly monotonic: () => number;
  readonly ended: ((end: ExchangeEnd) => void) | undefined;
  readonly fault: (error: unknown) => void;
}

/** The client is told a slightly shorter time, or its next request might cross our end of the connection. */
export const KEEP_ALIVE_BUFFER_MS = 1_000;

/** Most bytes that wait while a request is lent; beyond it the client must wait. */
const MAX_WAITING_BYTES = 64 * 1024;

const LENT = Symbol('plain connection');

/** Serves a connection from its beginning. */
export function watchConnection(socket: Socket, peer: Peer, deps: PlainDeps): void {
  new PlainConnection(socket, peer, deps).start();
}

/** Call this when the answer to a lent request is over; it ignores other connections. */
export function giveBack(connection: Socket): void {
  (connection as { [LENT]?: PlainConnection })[LENT]?.resume();
}

class PlainConnection {
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #deps: PlainDeps;
  readonly #keepAliveLines: string;
  #state: 'plain' | 'asking' | 'flushing' | 'lent' | 'given' = 'plain';
  #lent: LentSocket | undefined;
  #waiting: Buffer | undefined;
  #last: PlainHead | undefined;
  #ended = false;

  constructor(socket: Socket, peer: Peer, deps: PlainDeps) {
    this.#socket = socket;
    this.#peer = peer;
    this.#deps = deps;
    const seconds = Math.floor((deps.keepAliveMs - KEEP_ALIVE_BUFFER_MS) / 1000);
    this.#keepAliveLines = `connection: keep-alive\r\nkeep-alive: timeout=${seconds}\r\n`;
  }

  start(): void {
    const socket = this.#socket;
    socket.setTimeout(this.#deps.headTimeoutMs);
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('timeout', this.#onTimeout);
    socket.on('drain', this.#onDrain);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  /** The lent request has been answered. */
  resume(): void {
    if (this.#state !== 'lent' || this.#socket.destroyed) return;
    this.#state = 'plain';
    this.#socket.setTimeout(this.#deps.keepAliveMs);
    this.#socket.resume();
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#safe(() => this.#read(waiting))();
    else if (this.#ended) this.#socket.end();
  }

  readonly #onData = this.#safe((bytes: Buffer): void => {
    if (this.#state === 'plain') return this.#read(bytes);
    if (this.#state === 'given') {
      if (this.#lent?.give(bytes) === false) this.#socket.pause();
      return;
    }
    this.#waiting = this.#waiting === undefined ? bytes : Buffer.concat([this.#waiting, bytes]);
    if (this.#waiting.length > MAX_WAITING_BYTES) this.#socket.pause();
  });

  readonly #onEnd = this.#safe((): void => {
    this.#ended = true;
    if (this.#state === 'plain') this.#socket.end();
    else if (this.#state === 'lent' || this.#state === 'given') this.#lent?.giveEnd();
  });

  readonly #onTimeout = this.#safe((): void => {
    if (this.#state === 'lent' || this.#state === 'given') this.#lent?.emit('timeout');
    // While a tier is asked, the client is not the slow side.
    else if (this.#state !== 'asking') this.#socket.destroy();
  });

  readonly #onDrain = this.#safe((): void => {
    if (this.#state !== 'flushing') return;
    this.#state = 'lent';
    this.resume();
  });

  readonly #onError = (error: Error): void => {
    if (this.#lent === undefined) this.#socket.destroy();
    else this.#lent.destroy(error);
  };

  readonly #onClose = (): void => {
    this.#lent?.destroy();
  };

  #safe<Given extends unknown[]>(work: (...given: Given) => void): (...given: Given) => void {
    return guarded(work, (error) => this.#broken(error));
  }

  /** A defect costs its client the connection, and affects nobody else. */
  #broken(error: unknown): void {
    this.#deps.fault(error);
    this.#socket.destroy();
  }

  /** Answers every request that the bytes at hand allow. */
  #read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      const head = readPlainHead(bytes, at, this.#last);
      const admitted = head === undefined ? undefined : this.#admit(head);
      if (head === undefined || admitted === undefined) return this.#give(bytes.subarray(at));
      this.#last = head;
      const visit = this.#visit(admitted);
      const answer = this.#deps.gate.answerAtOnce(visit.request);
      if (answer instanceof Promise) return this.#ask(answer, { visit, bytes: bytes.subarray(at), end: head.end - at });
      if (answer === undefined) return this.#lend(bytes.subarray(at, head.end), bytes.subarray(head.end));
      this.#answer(visit, answer);
      at = head.end;
      if (!this.#socket.writableNeedDrain) continue;
      return this.#waitForClient(bytes.subarray(at));
    }
  }

  /** Waits for the answer of a slower tier. `bytes`: the request's, up to `end`, and everything after it. */
  #ask(answer: Promise<AnswerAtOnce | undefined>, asked: { visit: Visit; bytes: Buffer; end: number }): void {
    const { visit, bytes, end } = asked;
    this.#state = 'asking';
    this.#waiting = end === bytes.length ? undefined : bytes.subarray(end);
    this.#deps.asking(this.#socket, true);
    const answered = (found: AnswerAtOnce | undefined) => {
      this.#deps.asking(this.#socket, false);
      if (this.#socket.destroyed) return;
      const rest = this.#waiting ?? NOTHING;
      this.#waiting = undefined;
      this.#state = 'plain';
      if (found === undefined) return this.#lend(bytes.subarray(0, end), rest);
      this.#answer(visit, found);
      if (this.#socket.writableNeedDrain) return this.#waitForClient(rest);
      if (this.#socket.isPaused()) this.#socket.resume();
      if (rest.length > 0) this.#read(rest);
      else if (this.#ended || this.#deps.closing()) this.#socket.end();
    };
    answer
      .catch((error: unknown) => void this.#deps.fault(error))
      .then((found) => answered(found ?? undefined))
      .catch((error: unknown) => this.#broken(error));
  }

  /** Returns undefined for a refused request, or one that changes the connection; node:http handles both. */
  #admit(head: PlainHead): Admitted | undefined {
    if (this.#deps.closing()) return undefined;
    const admission = admit(head, this.#peer, this.#deps.admission);
    if (admission.kind !== 'admitted') return undefined;
    const { framing, scan } = admission.head;
    if (framing !== 'none' || scan.upgrade !== undefined || scan.expect !== undefined) return undefined;
    return scan.connection === undefined || isKeepAlive(scan.connection) ? admission : undefined;
  }

  #visit({ request }: Admitted): Visit {
    const { ended, monotonic } = this.#deps;
    return { request: withBody(request, undefined), startedMs: ended === undefined ? 0 : monotonic() };
  }

  #answer({ request, startedMs }: Visit, answer: AnswerAtOnce): void {
    const { ended, monotonic } = this.#deps;
    const { head, body, bodyBytes } = plainBytes(answer, request.method, this.#keepAliveLines);
    this.#write(head, body);
    ended?.({
      request,
      peer: unmapped(this.#peer.address),
      status: answer.kind === 'stored' ? answer.entry.status : answer.head.status,
      outcome: answer.outcome,
      bodyBytes,
      complete: true,
      durationMs: monotonic() - startedMs,
    });
  }

  #write(head: Buffer, body: Buffer | undefined): void {
    const socket = this.#socket;
    if (socket.timeout !== this.#deps.keepAliveMs) socket.setTimeout(this.#deps.keepAliveMs);
    if (body === undefined) {
      socket.write(head);
      return;
    }
    socket.cork();
    socket.write(head);
    socket.write(body);
    socket.uncork();
  }

  /** The client does not read its answers: nothing more is read until it does. */
  #waitForClient(rest: Buffer): void {
    this.#state = 'flushing';
    this.#waiting = rest.length === 0 ? undefined : rest;
    this.#socket.setTimeout(this.#deps.stallMs);
    this.#socket.pause();
  }

  /** Lets node:http answer one request. */
  #lend(head: Buffer, rest: Buffer): void {
    this.#state = 'lent';
    this.#waiting = rest.length === 0 ? undefined : rest;
    const lent = this.#lentSocket();
    this.#socket.setTimeout(0);
    lent.give(head);
    if (this.#ended) this.#lent?.giveEnd();
  }

  /** From here on the connection belongs to node:http. */
  #give(bytes: Buffer): void {
    this.#state = 'given';
    const lent = this.#lentSocket();
    this.#socket.setTimeout(0);
    if (bytes.length > 0) lent.give(bytes);
    if (this.#ended) lent.giveEnd();
  }

  #lentSocket(): LentSocket {
    if (this.#lent !== undefined) return this.#lent;
    const lent = new LentSocket(this.#socket, this.#deps.connection, () => {
      if (this.#state === 'given') this.#socket.resume();
    });
    (lent as { [LENT]?: PlainConnection })[LENT] = this;
    this.#lent = lent;
    // node:http takes any Duplex for a connection; it and the front use no more of a Socket than LentSocket has.
    this.#deps.give(lent as unknown as Socket);
    return lent;
  }
}

function isKeepAlive(connection: string): boolean {
  return connection.length === 10 && connection.toLowerCase() === 'keep-alive';
}
