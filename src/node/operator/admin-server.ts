// The listener of the admin API.
//
// Without a token, only the loopback interface guards the API, and a browser on this machine can be made to call it:
// by a page of another site (CSRF), or by a name that suddenly resolves to 127.0.0.1 (DNS rebinding). So then the Host
// must be a loopback name and the request must not come from another site's page. A browser never sends a bearer token
// on its own, so a token makes both checks unnecessary.

import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import { type AdminApi, type AdminResponse, failure } from '../../admin/contract.ts';
import { answerArrival, type Guard, headOf, tokenGuard } from '../../admin/listener.ts';
import { TidegateError } from '../../errors.ts';
import { fieldLines, fieldValue } from '../../semantics/fields.ts';
import { isLoopback } from '../config/config.ts';
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

const CLOSE_WITHIN_MS = 5_000;

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
  const [path, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
  const content: AsyncIterable<Buffer<ArrayBuffer>> = request.iterator({ destroyOnReturn: false });
  return answerArrival({ method: request.method as string, path, query, fields, content }, guard, api);
}

function write(request: IncomingMessage, response: ServerResponse, answer: AdminResponse): void {
  const { stream, body } = answer;
  const length = stream === undefined ? ['content-length', String(Buffer.byteLength(body))] : [];
  response.writeHead(answer.status, [...headOf(answer), ...length]);
  if (stream === undefined || request.method === 'HEAD') return void response.end(body);
  response.flushHeaders();
  const left = stream(
    (text) => void response.write(text),
    () => void response.end(),
  );
  response.on('close', left);
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
