// The listener of the admin API.
//
// Without a token, only the loopback interface guards the API, and a browser on this machine can be made to call it:
// by a page of another site (CSRF), or by a name that suddenly resolves to 127.0.0.1 (DNS rebinding). So then the Host
// must be a loopback name and the request must not come from another site's page. A browser never sends a bearer token
// on its own, so a token makes both checks unnecessary.

import { isUtf8 } from 'node:buffer';
import { hash, timingSafeEqual } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import { HEALTH_PATH } from '../../admin/calls.ts';
import { type AdminApi, type AdminResponse, bearerToken, failure, unauthorized } from '../../admin/contract.ts';
import { TidegateError } from '../../errors.ts';
import { type Fields, fieldLines, fieldValue } from '../../semantics/fields.ts';
import { listening, portError } from '../listening.ts';

export interface AdminListener {
  /** Name or address to listen on. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined or empty: no token, and then the listener must be on loopback. */
  readonly token?: string | undefined;
  readonly api: AdminApi;
}

export interface RunningAdmin {
  readonly url: string;
  /** Resolves when the calls under way have been answered; slow ones are cut off. */
  close(): Promise<void>;
}

const MAX_BODY_BYTES = 1024 * 1024;
const CLOSE_WITHIN_MS = 5_000;

/** Guards one request; returns undefined to let it through. */
type Guard = (fields: Fields, path: string) => AdminResponse | undefined;

const WHAT = 'the admin API';

/** Throws E_ADMIN_TOKEN, or E_PORT when the address cannot be listened on. */
export async function startAdmin(listener: AdminListener): Promise<RunningAdmin> {
  const host = listener.host ?? '127.0.0.1';
  const token = listener.token === '' ? undefined : listener.token;
  const address = host === '' ? '::' : await addressOf(host, listener.port);
  if (token === undefined && !isLoopback(address)) {
    throw new TidegateError(
      'E_ADMIN_TOKEN',
      `expected a token for the admin API on ${host}, which other machines can reach, got none; set one or listen on 127.0.0.1`,
    );
  }
  const guard = token === undefined ? loopbackGuard(host) : tokenGuard(token);
  const server = createServer(
    { maxHeaderSize: 32_768, headersTimeout: 5_000, requestTimeout: 15_000 },
    async (request, response) => {
      try {
        write(request, response, await answerTo(request, guard, listener.api));
        request.resume(); // Closing on unread bytes resets the connection, and the client may lose the answer.
      } catch (error) {
        // Only the connection itself fails here: nobody remains to be told.
        response.destroy(error as Error);
      }
    },
  );
  server.maxConnections = 1_000;
  const { port } = await listening(server, { host: address, port: listener.port }, WHAT);
  return { url: `http://${isIPv6(host) ? `[${host}]` : host}:${port}`, close: () => close(server) };
}

async function addressOf(host: string, port: number): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (error) {
    throw portError({ host, port }, error, WHAT);
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || /^(?:::ffff:)?127\.\d+\.\d+\.\d+$/.test(address);
}

async function close(server: Server): Promise<void> {
  const cutOff = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS);
  server.close();
  await once(server, 'close');
  clearTimeout(cutOff);
}

async function answerTo(request: IncomingMessage, guard: Guard, api: AdminApi): Promise<AdminResponse> {
  const fields = request.rawHeaders.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
  const target = request.url as string;
  if (!target.startsWith('/')) return failure(400, 'expected a path as the request target');
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const refused = guard(fields, path);
  if (refused !== undefined) return refused;
  const body = await readBody(request);
  if (body === undefined) return failure(413, `expected at most ${MAX_BODY_BYTES} bytes of content`);
  if (!isUtf8(body)) return failure(400, 'expected content in UTF-8, got other bytes');
  const query = mark < 0 ? '' : target.slice(mark + 1);
  return api({ method: request.method as string, path, query, fields, bodyText: body.toString('utf8') });
}

function write(request: IncomingMessage, response: ServerResponse, answer: AdminResponse): void {
  for (let at = 0; at < answer.fields.length; at += 2) {
    response.setHeader(answer.fields[at] as string, answer.fields[at + 1] as string);
  }
  const { stream, body } = answer;
  response.writeHead(answer.status, {
    'content-type': answer.contentType,
    ...(stream === undefined && { 'content-length': Buffer.byteLength(body) }),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  if (stream === undefined || request.method === 'HEAD') return void response.end(body);
  response.flushHeaders();
  const left = stream(
    (text) => void response.write(text),
    () => void response.end(),
  );
  response.on('close', left);
}

/** Returns undefined when the body is too large. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tokenGuard(token: string): Guard {
  const sha256 = (text: string) => hash('sha256', text, 'buffer');
  const expected = sha256(token);
  return (fields, path) => {
    if (path === HEALTH_PATH) return undefined;
    const given = bearerToken(fields);
    // All digests have one length, so the comparison does not reveal the token's length.
    return given !== undefined && timingSafeEqual(sha256(given), expected) ? undefined : unauthorized();
  };
}

function loopbackGuard(boundHost: string): Guard {
  return (fields) => {
    const hosts = fieldLines(fields, 'host');
    const host = hosts.length === 1 ? (hosts[0] as string).toLowerCase() : '';
    if (!isLoopbackHost(host, boundHost.toLowerCase())) {
      return failure(421, 'expected a loopback name or address as Host (no token is configured)');
    }
    const site = fieldValue(fields, 'sec-fetch-site');
    const origin = fieldValue(fields, 'origin');
    const sameSite = site === undefined || site === 'same-origin' || site === 'none';
    if (sameSite && (origin === undefined || origin.toLowerCase() === `http://${host}`)) return undefined;
    return failure(403, 'expected no call from a page of another site (no token is configured)');
  };
}

/** Any port is fine: a tunnel may have changed it, and rebinding needs a name. */
function isLoopbackHost(host: string, boundHost: string): boolean {
  const name = host.replace(/:\d*$/, '');
  if (name === 'localhost' || name === '[::1]' || isLoopback(name)) return true;
  return name !== '' && (name === boundHost || name === `[${boundHost}]`);
}
