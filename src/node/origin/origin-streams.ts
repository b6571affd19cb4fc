// A guard on the HTTP/2 streams of origins: a response that the origin resets before its end is an error.
//
// Node:http2 takes a stream that was reset with NO_ERROR or CANCEL for a finished one, and a body cut like that would
// be stored as a whole one. Only its channel for closing streams tells the two apart: it reports before the false end.

import { subscribe } from 'node:diagnostics_channel';
import { type ClientHttp2Stream, constants } from 'node:http2';
import type { Socket } from 'node:net';

const GUARDED = Symbol('guarded origin connection');

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;

/** Guards the streams of the connection, if it turns out to speak HTTP/2. */
export function guardStreams(socket: Socket): void {
  (socket as { [GUARDED]?: boolean })[GUARDED] = true;
  listen();
}

let listening = false;

function listen(): void {
  if (listening) return;
  listening = true;
  subscribe('http2.client.stream.close', (message) => closing((message as { stream: ClientHttp2Stream }).stream));
}

function closing(stream: ClientHttp2Stream): void {
  const { rstCode, session } = stream;
  if (rstCode !== NGHTTP2_NO_ERROR && rstCode !== NGHTTP2_CANCEL) return;
  // Without a session the connection is gone, which undici sees itself.
  if (session === undefined || session.destroyed || !isGuarded(session.socket)) return;
  if (hasEnded(stream)) return;
  const error = new Error('expected the end of the response, got a reset of its stream');
  stream.destroy(Object.assign(error, { code: 'ECONNRESET' }));
}

function isGuarded(socket: object): boolean {
  return (socket as { [GUARDED]?: boolean })[GUARDED] === true;
}

/** END_STREAM has arrived, though unread bytes may precede it. */
function hasEnded(stream: object): boolean {
  return (stream as { _readableState?: { ended?: boolean } })._readableState?.ended === true;
}
