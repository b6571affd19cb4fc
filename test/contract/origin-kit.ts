// What tests of an origin need: a server of raw bytes, and a listener that writes down what it is told.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { TidegateError } from '../../src/errors.ts';
import type { Forward, Origin, OriginListener, OriginRequest } from '../../src/ports.ts';
import type { Fields, ResponseHead } from '../../src/semantics/fields.ts';

/** A request head as it came in, and where to answer. */
export interface RawExchange {
  readonly socket: Socket;
  /** The head, from the request line to the empty line. */
  readonly head: string;
  /** The connection, counted from 0. */
  readonly connection: number;
  /** The request, counted from 0 over all connections. */
  readonly request: number;
}

export interface RawServer {
  readonly url: string;
  readonly port: number;
  /** Every request head, in order of arrival. */
  readonly heads: readonly string[];
  readonly sockets: readonly Socket[];
  /** All bytes of each connection, heads and content. */
  readonly received: readonly string[];
  close(): Promise<void>;
}

/** A server that reads request heads (content is handed to nobody) and answers with whatever bytes `answer` writes. */
export async function rawServer(answer: (exchange: RawExchange) => void): Promise<RawServer> {
  const heads: string[] = [];
  const sockets: Socket[] = [];
  const received: string[] = [];
  const server = createServer((socket) => {
    const connection = sockets.push(socket) - 1;
    let text = '';
    socket.on('error', () => {
      // A reset is part of the game; the client's side is what is looked at.
    });
    received.push('');
    socket.on('data', (bytes) => {
      received[connection] += bytes.toString('latin1');
      text += bytes.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end + 4);
        text = text.slice(end + 4);
        if (/^[A-Z-]+ \S+ HTTP\/1\.1\r\n/.test(head)) {
          answer({ socket, head, connection, request: heads.push(head) - 1 });
        }
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    heads,
    sockets,
    received,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** What a listener was told. */
export interface Transcript {
  /** The calls in order, e.g. `interim 103`, `head 200`, `data`, `end`, `failed E_ORIGIN_RESET`. */
  readonly events: string[];
  readonly interims: ResponseHead[];
  head: ResponseHead | undefined;
  delimited: boolean | undefined;
  readonly chunks: Uint8Array[];
  trailers: Fields | undefined;
  error: TidegateError | undefined;
  /** Settles at `end` or `failed`. */
  readonly over: Promise<void>;
}

export interface Running {
  readonly forward: Forward;
  readonly transcript: Transcript;
}

const GET: OriginRequest = {
  method: 'GET',
  target: '/',
  fields: ['host', 'example.org'],
  body: undefined,
  retryable: true,
};

/** Starts a forward; `also` may do things when the listener is told, on top of writing it down. */
export function start(origin: Origin, request: Partial<OriginRequest>, also: Partial<OriginListener> = {}): Running {
  const { promise, resolve } = Promise.withResolvers<void>();
  const transcript: Transcript = {
    events: [],
    interims: [],
    head: undefined,
    delimited: undefined,
    chunks: [],
    trailers: undefined,
    error: undefined,
    over: promise,
  };
  const forward = origin.forward({ ...GET, ...request }, writeDown(transcript, also, resolve));
  return { forward, transcript };
}

function writeDown(transcript: Transcript, also: Partial<OriginListener>, over: () => void): OriginListener {
  return {
    interim(head) {
      transcript.events.push(`interim ${head.status}`);
      transcript.interims.push(head);
      also.interim?.(head);
    },
    head(head, delimited) {
      transcript.events.push(`head ${head.status}`);
      transcript.head = head;
      transcript.delimited = delimited;
      also.head?.(head, delimited);
    },
    data(chunk) {
      if (transcript.events.at(-1) !== 'data') transcript.events.push('data');
      transcript.chunks.push(chunk);
      also.data?.(chunk);
    },
    end(trailers) {
      transcript.events.push('end');
      transcript.trailers = trailers;
      over();
    },
    failed(error, isUnsent) {
      transcript.events.push(`failed ${error.code}`);
      transcript.error = error;
      also.failed?.(error, isUnsent);
      over();
    },
  };
}

/** Forwards and waits until it is over. */
export async function fetchAll(origin: Origin, request: Partial<OriginRequest> = {}): Promise<Transcript> {
  const { transcript } = start(origin, request);
  await transcript.over;
  return transcript;
}

export function textOf(transcript: Transcript): string {
  return Buffer.concat(transcript.chunks).toString('latin1');
}

/** Waits, a turn of the event loop at a time, until `holds`; gives up after a while. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; !holds(); turn++) {
    if (turn > 200_000) throw new Error(`expected the condition to hold in the end: ${holds}`);
    await nextTurn();
  }
}

/** Lets the event loop turn so often that anything under way has arrived. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await nextTurn();
}
