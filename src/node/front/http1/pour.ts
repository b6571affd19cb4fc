// Large bodies are given to a connection in slices, as it takes them: TLS makes ciphertext of all it is given at once, and
// would have a whole body for each slow client.

import type { Writable } from 'node:stream';

/** Most bytes that are given to a connection, or to a stream of HTTP/2, at once: as much as Node's sockets hold back. */
export const SLICE_BYTES = 64 * 1024;

/** Writes the bytes; `done` when all are taken, at once unless the client is slow. Never, when the connection ends before. */
export function pour(to: Writable, bytes: Uint8Array, done: () => void): void {
  let at = 0;
  const more = () => {
    while (!to.writableNeedDrain) {
      if (at >= bytes.length) return done();
      to.write(bytes.subarray(at, at + SLICE_BYTES));
      at += SLICE_BYTES;
    }
    to.once('drain', more);
  };
  more();
}
