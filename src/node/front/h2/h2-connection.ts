// One client connection that speaks HTTP/2: its session, the requests on its streams, and how both end.
//
// A stream costs a client almost nothing; it may reset a stream at once, leave its answer unread or never ask again.
// So node:http2 limits concurrent streams, resets and the pieces of a head, and a periodic look finds idle connections
// and unread answers; and frames that ask for nothing.

import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { platformTasks } from '../../../cache/platform.ts';
import type { GateRequest, WholeAnswer } from '../../../engine/contract.ts';
import type { Cancel } from '../../../ports.ts';
import { type Admitted, admit, counted } from '../admission.ts';
import { ClientExchange, statusOf } from '../client-exchange.ts';
import type { ClientConnection } from '../connection/connections.ts';
import type { FrontContext, FrontLimits } from '../front-contract.ts';
import { LINGER_MS, Upload } from '../http1/upload.ts';
import { ALLOWED_METHODS, type RequestRefusal, refused } from '../refusals.ts';
import { FloodGuard } from './flood-guard.ts';
import { H2Channel, isStatus, readerOf, SMALL_BYTES, sendRefusal, sendWhole } from './h2-channel.ts';
import { readH2Head } from './h2-head.ts';

/** Streams at a time (RFC 9113 §5.1.2). */
const MAX_STREAMS = 128;
/** Memory of a connection, with room for the bytes of all streams together in either direction. */
const MAX_MEGABYTES = 64;
/** Streams that may be reset at once, and then in each second; more is an attack (CVE-2023-44487). */
const RESET_BURST = 400;
const RESETS_PER_SECOND = 40;
/** Frames that break the rules, and streams refused, until the connection is ended. */
const MAX_OFFENCES = 100;
/** Room in a head beyond the front's own limits, so that the front is the one that answers. */
const PSEUDO_FIELDS = 8;
const FIELD_OVERHEAD_BYTES = 32;

const { NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM, NGHTTP2_NO_ERROR } = constants;

function openSession(socket: Socket, limits: FrontLimits): ServerHttp2Session {
  // Crumbs of one Cookie field arrive as separate fields.
  const maxFields = 2 * limits.maxFields + PSEUDO_FIELDS;
  return performServerHandshake(socket, {
    settings: {
      maxConcurrentStreams: MAX_STREAMS,
      maxHeaderListSize: 2 * (limits.maxHeadBytes + limits.maxTargetBytes) + FIELD_OVERHEAD_BYTES * maxFields,
      enableConnectProtocol: false,
    },
    maxHeaderListPairs: maxFields,
    maxSessionMemory: MAX_MEGABYTES,
    maxSessionInvalidFrames: MAX_OFFENCES,
    maxSessionRejectedStreams: MAX_OFFENCES,
    streamResetBurst: RESET_BURST,
    streamResetRate: RESETS_PER_SECOND,
    // A repeated field that should come once is passed on unchanged, as over HTTP/1.1.
    strictSingleValueFields: false,
    // Else node:http2 would silently drop a field with white space at its ends; h2-head.ts refuses the request.
    strictFieldWhitespaceValidation: false,
  });
}

/** Answers the requests on an unread connection. */
export class H2Connection {
  readonly #client: ClientConnection;
  readonly #deps: FrontContext;
  readonly #session: ServerHttp2Session;
  /** Streams with the exchange of each; `watched`: its answer is handed over, and how fast it is taken is watched. */
  readonly #open = new Map<ServerHttp2Stream, ClientExchange | 'watched' | undefined>();
  readonly #whenClosed: (this: ServerHttp2Stream) => void;
  #streams = 0;
  #uploads = 0;
  /** The number of streams at the last look, if none was open then. */
  #quietSince: number | undefined = 0;
  #nextLook: Cancel | undefined;
  readonly #floods: FloodGuard;
  #contentBytes = 0;

  constructor(client: ClientConnection, deps: FrontContext) {
    this.#client = client;
    this.#deps = deps;
    this.#session = openSession(client.socket, deps.limits);
    this.#floods = new FloodGuard(client.socket, deps.limits.maxHeadBytes + deps.limits.maxTargetBytes);
    const open = this.#open;
    this.#whenClosed = function () {
      open.delete(this);
    };
    const session = this.#session;
    // The client caused it: its connection ends with all its requests.
    session.on('error', () => session.destroy());
    session.on('close', () => this.#nextLook?.());
    session.on('stream', (stream, ...[, , rawHeaders]) => this.#stream(stream, rawHeaders));
    this.#lookIn(deps.limits.headTimeoutMs);
    client.session = this;
    if (deps.status.isClosing) this.goAway();
  }

  /** Ends the connection in order: requests under way are still answered. */
  goAway(): void {
    if (!this.#session.closed) this.#session.close();
  }

  get isIdle(): boolean {
    return this.#open.size === 0;
  }

  #stream(stream: ServerHttp2Stream, rawHeaders: readonly string[]): void {
    this.#streams++;
    if (!stream.endAfterHeaders) this.#uploads++;
    stream.on('error', whenBroken);
    // The client may already have reset the stream.
    if (stream.closed || stream.destroyed) return;
    this.#open.set(stream, undefined);
    stream.on('close', this.#whenClosed);
    try {
      const head = readH2Head(rawHeaders, stream.endAfterHeaders);
      const admission = 'kind' in head ? head : counted(admit(head, this.#client.peer, this.#deps));
      if (admission.kind === 'refused') this.#refuse(stream, admission);
      else if (admission.kind === 'options') stream.respond(OPTIONS_ANSWER, { endStream: true });
      else if (admission.head.framing === 'none') this.#ask(stream, admission.request);
      else this.#askWithContent(stream, admission);
    } catch (error) {
      // A defect costs its client the stream, and affects nobody else.
      this.#deps.fault(error);
      stream.destroy(error as Error);
    }
  }

  #ask(stream: ServerHttp2Stream, request: GateRequest): void {
    const { gate, ended, monotonic } = this.#deps;
    const startedMs = ended === undefined ? 0 : monotonic();
    const found = gate.answerAtOnce(request);
    if (found instanceof Promise) void this.#exchange(stream, request).await(found);
    else if (found.kind === 'unanswered') this.#exchange(stream, request).start(found);
    else this.#answer({ stream, request, startedMs }, found);
  }

  /** Answers a hit without an exchange. */
  #answer(
    { stream, request, startedMs }: { stream: ServerHttp2Stream; request: GateRequest; startedMs: number },
    answer: WholeAnswer,
  ): void {
    const status = statusOf(answer);
    if (!isStatus(status)) return this.#exchange(stream, request).respond(answer);
    const { ended, monotonic } = this.#deps;
    const bodyBytes = sendWhole(stream, answer, { ...this.#deps, client: this.#client, method: request.method });
    if (bodyBytes > SMALL_BYTES) this.#open.set(stream, 'watched');
    ended?.({
      request,
      peer: this.#client.peer.address,
      status,
      outcome: answer.outcome,
      bodyBytes,
      complete: true,
      durationMs: monotonic() - startedMs,
    });
  }

  #askWithContent(stream: ServerHttp2Stream, { request, site, head }: Admitted): void {
    const sendContinue = () => {
      if (!stream.headersSent && !stream.closed) stream.additionalHeaders({ ':status': 100 });
    };
    const options = {
      // A reset stream also ends, but that end is not the end of its content.
      isComplete: () =>
        stream.readableEnded && !stream.aborted && (stream.rstCode ?? NGHTTP2_NO_ERROR) === NGHTTP2_NO_ERROR,
      sendContinue: head.expectsContinue ? sendContinue : undefined,
      streams: site.request.streamRequests,
      took: (bytes: number) => {
        this.#contentBytes += bytes;
      },
      refuse: (refusal: RequestRefusal) => exchange.refuse(this.#deps.tell(refusal, this.#client.peer)),
    };
    const upload = new Upload(stream, options, this.#deps);
    const exchange = this.#exchange(stream, { ...request, body: upload.body }, upload);
    exchange.start();
  }

  #exchange(stream: ServerHttp2Stream, request: GateRequest, upload?: Upload): ClientExchange {
    const parts = { client: this.#client, stream, request, peer: this.#client.peer.address, upload };
    const channel: H2Channel = new H2Channel(parts, this.#deps, () => exchange.bodyBytes);
    const exchange = new ClientExchange(parts, channel, this.#deps);
    this.#open.set(stream, exchange);
    stream.on('close', exchange.gone);
    stream.on('timeout', () => this.#stalled(stream, exchange));
    return exchange;
  }

  #stalled(stream: ServerHttp2Stream, exchange: ClientExchange): void {
    if (!exchange.receiving || stream.headersSent) {
      exchange.gone();
      stream.close(NGHTTP2_CANCEL);
    } else exchange.refuse(this.#deps.tell(refused('content-stalled', 'a pause'), this.#client.peer));
  }

  #refuse(stream: ServerHttp2Stream, refusal: RequestRefusal): void {
    sendRefusal(stream, this.#deps.tell(refusal, this.#client.peer), this.#deps.cacheName);
    if (stream.endAfterHeaders) return;
    // RFC 9113 §8.1: tells the client to stop sending content.
    stream.once('finish', () => stream.close(NGHTTP2_NO_ERROR));
  }

  #lookIn(delayMs: number): void {
    this.#nextLook = platformTasks.later(delayMs, () => this.#look());
  }

  /** A connection is idle when nothing is open, and nothing was since the last look. */
  #look(): void {
    const [streams, uploads, contentBytes] = [this.#streams, this.#uploads, this.#contentBytes];
    const excess = this.#floods.look({ streams, uploads, contentBytes });
    if (excess !== undefined) {
      this.#deps.tell(refused('frames', `${excess} bytes`), this.#client.peer);
      // Without an error, node:http2 leaves out the code.
      return this.#session.destroy(new Error('a flood of frames'), NGHTTP2_ENHANCE_YOUR_CALM);
    }
    for (const [stream, state] of this.#open) {
      if (state === 'watched' || state?.isOver === false) continue;
      this.#open.set(stream, 'watched');
      // A larger one was watched from the start.
      if (state === undefined || state.bodyBytes <= SMALL_BYTES) {
        readerOf(stream, { client: this.#client, answers: this.#deps.answers }, () => 0).wait();
      }
    }
    const quiet = this.#open.size === 0;
    const idle = quiet && this.#streams === this.#quietSince;
    this.#quietSince = quiet ? this.#streams : undefined;
    if (!idle) return this.#lookIn(this.#deps.limits.keepAliveMs);
    // A client that does not close its half would keep the connection.
    const { socket } = this.#client;
    const stop = platformTasks.later(LINGER_MS, () => socket.destroy());
    socket.on('close', stop);
    this.goAway();
  }
}

/** The client caused it; 'close' reports it. */
function whenBroken(this: ServerHttp2Stream): void {
  this.destroy();
}

const OPTIONS_ANSWER = Object.freeze({ ':status': 200, allow: ALLOWED_METHODS, 'content-length': 0 });
