// A client connection as it begins: hits are answered straight from it; any other request is lent to node:http, which
// answers it in full, and afterwards the connection is read from here again.
//
// The one complication: order. While a request is lent nothing else may be read or written here. A request that has
// content, upgrades or ends the connection, or that is not plain at all, is not lent: from then on the connection is
// node:http's for good.

import type { Socket } from 'node:net';
import type { Gate } from '../../engine/contract.ts';
import { type AdmissionDeps, type Admitted, admit, withBody } from './admission.ts';
import type { ExchangeEnd } from './exchange.ts';
import { LentSocket } from './lent-socket.ts';
import { type Peer, unmapped } from './peer.ts';
import { plainBytes } from './plain-answer.ts';
import { type PlainHead, readPlainHead } from './plain-head.ts';

export interface PlainDeps {
  readonly gate: Pick<Gate, 'answerAtOnce'>;
  readonly admission: AdmissionDeps;
  readonly closing: () => boolean;
  /** Hands a connection, the client's own or a lent one, to node:http. */
  readonly give: (connection: Socket) => void;
  /** Before the first request, and between requests. */
  readonly headTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly stallMs: number;
  readonly monotonic: () => number;
  readonly ended: ((end: ExchangeEnd) => void) | undefined;
  readonly fault: (error: unknown) => void;
}

/** The client is told a little less than is kept, or its next request might cross our end of the connection. */
export const KEEP_ALIVE_BUFFER_MS = 1_000;

/** Bytes that may wait while a request is lent, before the client is made to wait. */
const MAX_WAITING_BYTES = 64 * 1024;

const LENT = Symbol('plain connection');

/** Looks after a connection from its beginning. */
export function watchConnection(socket: Socket, peer: Peer, deps: PlainDeps): void {
  new PlainConnection(socket, peer, deps).start();
}

/** To be called when the answer to a lent request is over; does nothing for other connections. */
export function giveBack(connection: Socket): void {
  (connection as { [LENT]?: PlainConnection })[LENT]?.resume();
}

class PlainConnection {
  readonly #socket: Socket;
  readonly #peer: Peer;
  readonly #deps: PlainDeps;
  readonly #keepAliveLines: string;
  #state: 'plain' | 'flushing' | 'lent' | 'given' = 'plain';
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
    if (waiting !== undefined) this.#readSafely(waiting);
    else if (this.#ended) this.#socket.end();
  }

  readonly #onData = (bytes: Buffer): void => {
    if (this.#state === 'plain') return this.#readSafely(bytes);
    if (this.#state === 'given') {
      if (this.#lent?.give(bytes) === false) this.#socket.pause();
      return;
    }
    this.#waiting = this.#waiting === undefined ? bytes : Buffer.concat([this.#waiting, bytes]);
    if (this.#waiting.length > MAX_WAITING_BYTES) this.#socket.pause();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    if (this.#state === 'plain') this.#socket.end();
    else if (this.#state !== 'flushing') this.#lent?.giveEnd();
  };

  readonly #onTimeout = (): void => {
    if (this.#state === 'lent' || this.#state === 'given') this.#lent?.emit('timeout');
    else this.#socket.destroy();
  };

  readonly #onDrain = (): void => {
    if (this.#state !== 'flushing') return;
    this.#state = 'lent';
    this.resume();
  };

  readonly #onError = (error: Error): void => {
    if (this.#lent === undefined) this.#socket.destroy();
    else this.#lent.destroy(error);
  };

  readonly #onClose = (): void => {
    this.#lent?.destroy();
  };

  /** A defect costs its client the connection, and nobody else anything. */
  #readSafely(bytes: Buffer): void {
    try {
      this.#read(bytes);
    } catch (error) {
      this.#deps.fault(error);
      this.#socket.destroy();
    }
  }

  /** Answers what can be answered from the bytes at hand. */
  #read(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      const head = readPlainHead(bytes, at, this.#last);
      const admitted = head === undefined ? undefined : this.#admit(head);
      if (head === undefined || admitted === undefined) return this.#give(bytes.subarray(at));
      this.#last = head;
      if (!this.#answer(admitted)) return this.#lend(bytes.subarray(at, head.end), bytes.subarray(head.end));
      at = head.end;
      if (!this.#socket.writableNeedDrain) continue;
      return this.#waitForClient(bytes.subarray(at));
    }
  }

  /** Undefined: refused, or of a kind that changes the connection; node:http sees to both. */
  #admit(head: PlainHead): Admitted | undefined {
    if (this.#deps.closing()) return undefined;
    const admission = admit(head, this.#peer, this.#deps.admission);
    if (admission.kind !== 'admitted') return undefined;
    const { framing, scan } = admission.head;
    if (framing !== 'none' || scan.upgrade !== undefined || scan.expect !== undefined) return undefined;
    return scan.connection === undefined || isKeepAlive(scan.connection) ? admission : undefined;
  }

  /** True: answered. */
  #answer({ request }: Admitted): boolean {
    const { gate, ended, monotonic } = this.#deps;
    const startedMs = ended === undefined ? 0 : monotonic();
    const asked = withBody(request, undefined);
    const answer = gate.answerAtOnce(asked);
    if (answer === undefined) return false;
    const { head, body, bodyBytes } = plainBytes(answer, request.method, this.#keepAliveLines);
    this.#write(head, body);
    ended?.({
      request: asked,
      peer: unmapped(this.#peer.address),
      status: answer.kind === 'stored' ? answer.entry.status : answer.head.status,
      outcome: answer.outcome,
      bodyBytes,
      complete: true,
      durationMs: monotonic() - startedMs,
    });
    return true;
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

  /** The client does not take what is written: nothing more is read before it does. */
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

  /** The connection is node:http's from here on. */
  #give(bytes: Buffer): void {
    this.#state = 'given';
    const lent = this.#lentSocket();
    this.#socket.setTimeout(0);
    if (bytes.length > 0) lent.give(bytes);
    if (this.#ended) lent.giveEnd();
  }

  #lentSocket(): LentSocket {
    if (this.#lent !== undefined) return this.#lent;
    const lent = new LentSocket(this.#socket, () => {
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
