// Upgrade (RFC 9110 §7.8): a connection that leaves HTTP, mostly for WebSocket, joined to a new one to the origin.
//
// It is a tunnel only once the origin has said 101. Until then the client's bytes wait, since an origin that refuses
// would read them as unchecked requests.

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { GateRequest } from '../../../engine/contract.ts';
import type { Fields } from '../../../semantics/fields.ts';
import { isForGates } from '../../../semantics/invalidation.ts';
import type { OriginOptions } from '../../origin/origin-wire.ts';
import { isSendable, passedFields } from '../http1/answer-bytes.ts';
import { hasContent } from '../http1/upload.ts';
import { type RequestRefusal, rawHead, refused } from '../refusals.ts';
import type { TunnelRoom } from './tunnel-room.ts';

/** An upgrade of one client's connection. */
interface TunnelRequest {
  readonly request: Pick<GateRequest, 'method' | 'target' | 'fields'>;
  /** The Upgrade field's value. */
  readonly protocols: string;
  readonly client: Socket;
  /** Bytes of the client after its request. */
  readonly head: Buffer;
  readonly origin: Pick<OriginOptions, 'url' | 'ca'>;
  /** Time until the origin's answer. */
  readonly timeoutMs: number;
  /** A longer pause of an answer that makes no tunnel ends the connection. */
  readonly stallMs: number;
  readonly room: TunnelRoom;
}

/** Ends the tunnel. */
export type CloseTunnel = () => void;

/**
 * Asks the origin and, at its 101, joins the two connections; passes any other answer on and ends the connection.
 * `failed`: the origin does not answer, and nothing was sent to the client.
 */
export function openTunnel(tunnel: TunnelRequest, failed: (refusal: RequestRefusal) => void): CloseTunnel {
  const { client, timeoutMs, stallMs, room } = tunnel;
  const asked = ask(tunnel);
  const waiting = holdBytes(client, tunnel.head);
  let settled = false;
  const fail = (refusal: RequestRefusal) => {
    if (settled) return;
    settled = true;
    asked.destroy();
    waiting();
    failed(refusal);
  };
  const timer = setTimeout(() => fail(refused('upgrade-too-slow', `no answer in ${timeoutMs} ms`)), timeoutMs);
  const answered = () => {
    settled = true;
    clearTimeout(timer);
  };
  client.on('error', () => client.destroy());
  client.on('close', () => {
    answered();
    asked.destroy();
  });
  asked.on('error', (error) => {
    clearTimeout(timer);
    fail(refused('upgrade-failed', 'code' in error ? String(error.code) : error.message));
  });
  asked.on('response', (answer) => {
    answered();
    waiting();
    endWhenIdle(room, client, stallMs);
    passOn(answer, client);
  });
  asked.on('upgrade', (answer, origin, originHead) => {
    answered();
    if (originHead.length > 0) origin.unshift(originHead);
    const early = waiting();
    count(room, client, origin as Socket);
    for (const bytes of early) {
      room.counts.bytes.to_origin += bytes.length;
      origin.write(bytes);
    }
    join(answer, client, origin as Socket);
  });
  asked.end();
  return () => {
    client.destroySoon();
    asked.destroy();
  };
}

/** Most bytes kept of a client that does not wait for the 101. */
const MAX_HELD_BYTES = 65_536;

/**
 * Keeps the client's bytes, up to a limit, until the returned function is called. It must read, or the client's
 * leaving would go unnoticed; leaving ends the connection.
 */
function holdBytes(client: Socket, head: Buffer): () => readonly Buffer[] {
  const held = head.length > 0 ? [head] : [];
  let bytes = head.length;
  const hold = (chunk: Buffer) => {
    held.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_HELD_BYTES) client.pause();
  };
  const leave = () => client.destroy();
  client.on('data', hold);
  client.on('end', leave);
  return () => {
    client.pause();
    client.off('data', hold);
    client.off('end', leave);
    return held;
  };
}

function ask({ request, protocols, origin }: TunnelRequest) {
  const url = new URL(origin.url);
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const fields = [...request.fields, 'connection', 'Upgrade', 'upgrade', protocols];
  const hostname = url.hostname.replace(/^\[|\]$/g, '');
  return send({
    protocol: url.protocol,
    hostname,
    // For TLS: the origin's name, whatever Host says; an address is sent as no name (RFC 6066 §3).
    servername: isIP(hostname) === 0 ? hostname : '',
    port: url.port,
    method: request.method,
    path: request.target,
    headers: fields,
    // A separate connection: it does not return to a pool.
    agent: false,
    setHost: false,
    ...(origin.ca !== undefined && { ca: origin.ca }),
  });
}

function join(answer: IncomingMessage, client: Socket, origin: Socket): void {
  const ours = ['connection', 'Upgrade', 'upgrade', answer.headers.upgrade ?? ''];
  client.write(rawHead(101, [...sendableFields(answer.rawHeaders), ...ours]), 'latin1');
  origin.on('error', () => client.destroy());
  // Each side's end ends the other side, after all pending writes.
  origin.on('close', () => client.destroySoon());
  client.on('close', () => origin.destroySoon());
  origin.pipe(client);
  client.pipe(origin);
}

/** Both directions pass through the client's socket, whose timeout begins anew with each. */
function count(room: TunnelRoom, client: Socket, origin: Socket): void {
  const { idleMs, counts } = room;
  const add = (direction: keyof typeof counts.bytes) => (chunk: Buffer) => {
    counts.bytes[direction] += chunk.length;
  };
  client.on('data', add('to_origin'));
  origin.on('data', add('to_client'));
  endWhenIdle(room, client, idleMs);
}

function endWhenIdle({ counts }: TunnelRoom, client: Socket, idleMs: number): void {
  client.setTimeout(idleMs);
  client.on('timeout', () => {
    counts.stopped.idle++;
    client.destroy();
  });
}

/** The origin stays with HTTP. */
function passOn(answer: IncomingMessage, client: Socket): void {
  const fields = [...sendableFields(answer.rawHeaders), 'connection', 'close'];
  client.write(rawHead(answer.statusCode ?? 502, fields), 'latin1');
  // A broken answer must break the connection: an orderly end would make a cut answer look whole.
  answer.on('error', () => client.resetAndDestroy());
  answer.on('end', () => client.destroySoon());
  answer.pipe(client);
  // Drops the waiting bytes.
  client.resume();
}

function sendableFields(rawHeaders: readonly string[]): Fields {
  const lower = rawHeaders.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
  const { fields } = passedFields(lower, false);
  return fields.flatMap((name, at) => {
    const value = fields[at + 1] ?? '';
    return at % 2 === 0 && !isForGates(name) && isSendable(name, value) ? [name, value] : [];
  });
}

/**
 * Upgrade is an offer that a server may ignore (RFC 9110 §7.8). The gate ignores it for HTTP or TLS: a client could
 * send the origin unchecked requests through a tunnel of HTTP/2. It also ignores it for content or a pipeline.
 */
export function wantsTunnel(message: IncomingMessage): boolean {
  const { headers } = message;
  if (message.method !== 'GET' || headers.upgrade === undefined || hasContent(message)) return false;
  return !headers.upgrade.split(',').some((protocol) => /^[ \t]*(?:h2c?|http|tls)(?:$|[ \t/])/i.test(protocol));
}
