// The listener of the admin API.
//
// Without a token, only the loopback interface guards the API, and a browser on this machine can be made to call it:
// by a page of another site (CSRF), or by a name that suddenly resolves to 127.0.0.1 (DNS rebinding). So then the Host
// must be a loopback name and the request must not come from another site's page. A browser never sends a bearer token
// on its own, so a token makes both checks unnecessary.

import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { isIPv6 } from 'node:net';
import { type AdminCounts, type AdminRefusalReason, type CallLimits, CallRoom } from '../../admin/call-room.ts';
import { HEALTH_PATH } from '../../admin/calls.ts';
import { type AdminApi, type AdminResponse, failure } from '../../admin/contract.ts';
import {
  type Arrival,
  answerArrival,
  type Guard,
  headOf,
  tenantGuard,
  tenantToken,
  tokenGuard,
} from '../../admin/listener.ts';
import { hookNameOf } from '../../admin/publish-api.ts';
import { answerSession, SESSION_PATH, withSession } from '../../admin/session-api.ts';
import { Sessions } from '../../admin/sessions.ts';
import type { TenantsApi } from '../../admin/tenants-contract.ts';
import { platformClock } from '../../cache/platform.ts';
import { TidegateError } from '../../errors.ts';
import { fieldLines, fieldValue } from '../../semantics/fields.ts';
import { isLoopback } from '../config/config.ts';
import { listening, portError } from '../listening.ts';
import { AdminConnections } from './admin-connections.ts';
import { dashboardFile } from './dashboard-files.ts';

export interface AdminListener extends CallLimits {
  /** Name or address to listen on. Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0: any free port. */
  readonly port: number;
  /** Undefined or empty: no token, and then the listener must be on loopback. */
  readonly token?: string | undefined;
  /** The token of the webhook of this name, beside that one; undefined: it has none. */
  readonly hookToken?: (name: string) => string | undefined;
  readonly maxConnections: number;
  readonly api: AdminApi;
  /** Those of tenants, which the API narrows. Default: there are none. */
  readonly tokens?: Pick<TenantsApi['tokens'], 'authenticate'> | undefined;
  readonly counts: AdminCounts;
  /** Time for the content of a call, and for an answer to be taken. */
  readonly slowMs?: { readonly content: number; readonly answer: number };
}

export interface RunningAdmin {
  readonly url: string;
  /** Resolves when the calls under way have been answered; slow ones are cut off. */
  close(): Promise<void>;
}

const CLOSE_WITHIN_MS = 5_000;
const SLOW_MS = { content: 15_000, answer: 30_000 };
/** Of an answer that goes on: what its client may leave unread. */
const MAX_UNREAD_BYTES = 1024 * 1024;

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
  const ownToken = (path: string) => listener.hookToken?.(hookNameOf(path) ?? '');
  const [byToken, byLoopback] = [tokenGuard(token, ownToken), loopbackGuard(host)];
  const operator: Guard = (fields, path) => {
    const isByToken = token !== undefined || ownToken(path) !== undefined;
    return isByToken ? byToken(fields, path) : byLoopback(fields, path);
  };
  const guard = listener.tokens === undefined ? operator : tenantGuard(operator, listener.tokens);
  const desk = new AdminDesk(listener, guard);
  const server = createServer(
    // The content has less time, so that who is slow is told.
    { maxHeaderSize: 32_768, headersTimeout: 5_000, requestTimeout: 20_000, connectionsCheckingInterval: 1_000 },
    (request, response) => desk.serve(request, response),
  );
  server.on('connection', desk.connections.opened);
  const { port } = await listening(server, { host: address, port: listener.port }, WHAT);
  return { url: `http://${isIPv6(host) ? `[${host}]` : host}:${port}`, close: () => close(server) };
}

/** Answers the calls of one listener within its bounds. */
class AdminDesk {
  readonly connections: AdminConnections;
  readonly #listener: AdminListener;
  readonly #guard: Guard;
  readonly #room: CallRoom;
  readonly #sessions: Sessions;
  readonly #slowMs: typeof SLOW_MS;

  constructor(listener: AdminListener, guard: Guard) {
    this.#listener = listener;
    this.#guard = guard;
    this.#room = new CallRoom(listener, platformClock, listener.counts);
    this.#sessions = new Sessions({ clock: platformClock, newId: randomUUID, isNeeded: Boolean(listener.token) });
    this.connections = new AdminConnections(listener.maxConnections, () => this.#count('connections'));
    this.#slowMs = listener.slowMs ?? SLOW_MS;
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const answer = await this.#answer(request);
      const counted = COUNTED[answer.status];
      if (counted !== undefined) this.#count(counted);
      this.#write(request, response, answer);
      request.resume(); // Closing on unread bytes resets the connection, and the client may lose the answer.
    } catch (error) {
      // Only the connection itself fails here: nobody remains to be told.
      response.destroy(error as Error);
    }
  }

  async #answer(request: IncomingMessage): Promise<AdminResponse> {
    const fields = request.rawHeaders.map((text, at) => (at % 2 === 0 ? text.toLowerCase() : text));
    const target = request.url as string;
    if (!target.startsWith('/')) return failure(400, 'expected a path as the request target');
    const mark = target.indexOf('?');
    const [path, query] = mark < 0 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)];
    const method = request.method as string;
    const file = await dashboardFile(method, path);
    if (file !== undefined) return file;
    const content: AsyncIterable<Buffer<ArrayBuffer>> = request.iterator({ destroyOnReturn: false });
    const answering = this.#asked({ method, path, query, fields, content }, this.#guarded(request));
    return Promise.race([answering, this.#tooSlow(request)]);
  }

  #asked(arrival: Arrival, guard: Guard): Promise<AdminResponse> | AdminResponse {
    if (arrival.path === SESSION_PATH) return answerSession(arrival, guard, this.#sessions);
    const fields = withSession(arrival, this.#sessions);
    if (fields === undefined) return failure(403, 'expected a call from a page of this host, got one from another');
    return answerArrival({ ...arrival, fields }, guard, this.#listener.api);
  }

  /** The guard, and the room for calls. Probes of the health need neither. */
  #guarded({ socket, method = '' }: IncomingMessage): Guard {
    return async (fields, path) => {
      if (path === HEALTH_PATH) return this.#guard(fields, path);
      const address = socket.remoteAddress ?? '';
      // Who has shown the token on this connection is not shut out for others behind the same address.
      const isKnown = this.connections.isKnown(socket);
      const shut = isKnown ? undefined : this.#room.shut(address);
      if (shut !== undefined) return shut;
      const refused = await this.#guard(fields, path);
      if (!isKnown && refused?.status !== 401) this.#room.rightToken(address);
      const token = tenantToken(fields);
      const tenant = token && this.#listener.tokens?.authenticate(token)?.tenant;
      const hook = hookNameOf(path);
      // What a tenant or a webhook knows is no proof of the operator's token: their next guess counts.
      const isOperator = tenant === undefined && hook === undefined;
      this.connections.letThrough(socket, refused === undefined && (isOperator || isKnown));
      return refused ?? this.#room.take({ method, path, tenant, hook });
    };
  }

  /** Settles when the content of the call has not come in time. */
  #tooSlow(request: IncomingMessage): Promise<AdminResponse> {
    return new Promise((resolve) => {
      const { content: withinMs } = this.#slowMs;
      const late = () => resolve({ ...failure(408, `expected content within ${withinMs} ms`), fields: CLOSE });
      const timer = setTimeout(late, withinMs);
      for (const event of ['end', 'close']) request.on(event, () => clearTimeout(timer));
    });
  }

  #write(request: IncomingMessage, response: ServerResponse, answer: AdminResponse): void {
    const { stream, body } = answer;
    const length = stream === undefined ? ['content-length', String(Buffer.byteLength(body))] : [];
    response.writeHead(answer.status, [...headOf(answer), ...length]);
    const give = () => {
      this.#count('not-read');
      response.destroy();
    };
    if (stream === undefined || request.method === 'HEAD') {
      const timer = setTimeout(give, this.#slowMs.answer);
      response.on('close', () => clearTimeout(timer));
      response.end(body);
      return;
    }
    response.flushHeaders();
    const left = stream(
      (text) => {
        if (!response.write(text) && response.writableLength > MAX_UNREAD_BYTES && !response.destroyed) give();
      },
      () => void response.end(),
      () => response.writableLength,
    );
    response.on('close', left);
  }

  #count(reason: AdminRefusalReason): void {
    this.#listener.counts[reason]++;
  }
}

const CLOSE = ['connection', 'close'];

/** Answers of which the status says why; 429 is counted where it is made. */
const COUNTED: Readonly<Record<number, AdminRefusalReason>> = {
  401: 'unauthorized',
  403: 'other-site',
  408: 'too-slow',
  413: 'too-large',
  421: 'other-site',
};

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
