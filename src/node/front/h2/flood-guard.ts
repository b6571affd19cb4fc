// Frames that ask for nothing: PING, SETTINGS, WINDOW_UPDATE, PRIORITY, empty DATA, fields that nobody needs. nghttp2 bounds what
// they hold, not how many come. Bytes of a connection beyond what its requests, their content and its answers explain are
// such frames; counting them costs nothing for each frame.

import type { Socket } from 'node:net';

/** Between two looks, whatever is asked. */
const FREE_BYTES = 64 * 1024;
/** A client may have sent so much content on a stream before it learns that the gate refuses it (RFC 9113 §6.9.2). */
const UNREAD_BYTES = 64 * 1024;
/** DATA of one byte in a frame of nine. */
const CONTENT_RATIO = 10;
/** A WINDOW_UPDATE of 13 bytes for the stream, and one for the connection, to so many bytes of an answer. */
const ANSWER_BYTES_PER_BYTE = 16;

export interface Explained {
  /** So far. */
  readonly streams: number;
  /** Streams with content, which `streams` counts too. */
  readonly uploads: number;
  readonly contentBytes: number;
}

export class FloodGuard {
  readonly #socket: Pick<Socket, 'bytesRead' | 'bytesWritten'>;
  readonly #headBytes: number;
  #read = 0;
  #explained = 0;

  /** `headBytes`: the largest head of a request. */
  constructor(socket: Pick<Socket, 'bytesRead' | 'bytesWritten'>, headBytes: number) {
    this.#socket = socket;
    this.#headBytes = headBytes;
  }

  /** The bytes since the last look that nothing explains, if these are too many. */
  look({ streams, uploads, contentBytes }: Explained): number | undefined {
    const { bytesRead, bytesWritten } = this.#socket;
    const asked = streams * this.#headBytes + uploads * UNREAD_BYTES + contentBytes * CONTENT_RATIO;
    const explained = asked + Math.floor(bytesWritten / ANSWER_BYTES_PER_BYTE);
    const excess = bytesRead - this.#read - (explained - this.#explained);
    this.#read = bytesRead;
    this.#explained = explained;
    return excess > FREE_BYTES ? excess : undefined;
  }
}
