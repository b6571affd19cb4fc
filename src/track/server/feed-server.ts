// `startFeedProcess`: one database is followed here for applications of several processes.
//
// Clients go on with their data until they miss its word; so a stopping process only closes the connection, and the
// next process begins a new session. The next one does not know whose lease is not over yet; so for as long as a lease
// nothing counts as settled.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { platformClock, platformRandom, platformTasks } from '../../cache/platform.ts';
import { TidegateError } from '../../errors.ts';
import type { InMs } from '../../options/durations.ts';
import type { FeedProcess, FeedProcessOptions, FeedProcessStatus, TrackerPlatform } from '../contract.ts';
import { type FollowedDatabase, openDatabase } from '../follow/followed-database.ts';
import type { Release } from '../follow/open-database.ts';
import { Tally } from '../tally.ts';
import { keptAlive, pause } from '../timing.ts';
import { checkFeedProcess } from '../tracker-options.ts';
import { addressOf, type Guard, guardOf } from './feed-guard.ts';
import { FeedListeners } from './feed-listeners.ts';
import { FeedReports } from './feed-reports.ts';
import {
  type FeedState,
  type LatestReply,
  MAX_REPORT_BYTES,
  PROTOCOL,
  packageVersion,
  REPORT_TYPE,
  type ReportReply,
  type SettledReply,
} from './feed-wire.ts';

const PLATFORM: TrackerPlatform = { clock: platformClock, tasks: platformTasks, random: platformRandom };
const MAX_CONNECTIONS = 10_000;
const MAX_WAIT_MS = 60_000;
const WAIT_MS = 10;
const CLAIM_AGAIN_MS = 500;
const JSON_TYPE = 'application/json';
const PATHS = 'GET /stream, GET /status, POST /reports, POST /settled or POST /latest';

/** Rejects with E_CONFIG, E_FEED or E_PORT. `platform`: for tests. */
export async function startFeedProcess(given: FeedProcessOptions, platform = PLATFORM): Promise<FeedProcess> {
  const options = checkFeedProcess(given);
  const { host = '127.0.0.1', port, token } = options;
  const address = await addressOf(host, token);
  const onFault = (error: unknown) => options.onFault?.(error);
  const tally = new Tally(onFault);
  const followed = await openDatabase(options, { platform, tally, onFault, moved: () => server.moved() });
  const server = new FeedServer({ options, platform, followed, tally });
  try {
    if (followed.database.parts.catalogue.data === undefined) {
      throw new TidegateError('E_CONFIG', 'expected a database whose catalogue is plain data, got another one');
    }
    await keptAlive(server.claim());
    await keptAlive(followed.begin());
    await server.listen(address, port);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

interface FeedServerParts {
  readonly options: InMs<FeedProcessOptions>;
  readonly platform: TrackerPlatform;
  readonly followed: FollowedDatabase;
  readonly tally: Tally;
}

class FeedServer implements FeedProcess {
  readonly #parts: FeedServerParts;
  readonly #listeners: FeedListeners;
  readonly #reports: FeedReports;
  readonly #guard: Guard;
  readonly #server: Server;
  #port = 0;
  #turn = 0;
  #isStopped = false;
  /** Gives the source to another process. */
  #release: Release | undefined;
  /** When the leases are over that another process has given before. */
  #aloneAt = Number.POSITIVE_INFINITY;

  constructor(parts: FeedServerParts) {
    const { options, platform, followed } = parts;
    const { source, token } = options;
    this.#parts = parts;
    this.#guard = guardOf(token);
    const { dialect, pureFunctions = [] } = followed.database.parts;
    const { leaseMs, registry } = followed;
    const about = { protocol: PROTOCOL, version: packageVersion(), source, session: registry.session, dialect };
    const hello = { kind: 'hello', ...about, pureFunctions: [...pureFunctions], leaseMs } as const;
    this.#listeners = new FeedListeners({ platform, followed, hello, state: () => this.#state() });
    const delivered = this.#listeners.delivered.bind(this.#listeners);
    this.#reports = new FeedReports({ source, registry, delivered });
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  get url(): string {
    const { host = '127.0.0.1' } = this.#parts.options;
    return `http://${isIPv6(host) ? `[${host}]` : host}:${this.#port}`;
  }

  /** Resolves once this process alone has the source. */
  async claim(): Promise<void> {
    const { followed, options, platform } = this.#parts;
    const { claim } = followed.database;
    for (let isTold = false; claim !== undefined; isTold = true) {
      this.#release = await claim();
      if (this.#release !== undefined) return;
      const got = 'another one that follows it: waiting until that one ends';
      const fault = new TidegateError('E_FEED', `expected no other feed process of ${options.source}, got ${got}`);
      if (!isTold) options.onFault?.(fault);
      await pause(platform.tasks, CLAIM_AGAIN_MS);
    }
  }

  listen(host: string, port: number): Promise<void> {
    const { followed, platform } = this.#parts;
    this.#aloneAt = platform.clock.monotonic() + followed.leaseMs;
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => {
        const what = `expected to listen on ${host}:${port} for applications, got ${error.message}`;
        reject(new TidegateError('E_PORT', what, { cause: error }));
      });
      this.#server.listen({ host, port }, () => {
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve();
      });
    });
  }

  moved(): void {
    this.#listeners.moved();
  }

  status(): FeedProcessStatus {
    const { followed, tally, options } = this.#parts;
    const { isLive, feed, position, instances, targets } = followed.status();
    const state = this.#isStopped ? 'stopped' : isLive ? 'live' : 'lagging';
    const served = { clients: this.#listeners.size, ...this.#reports.counts };
    return { source: options.source, state, feed, position, instances, ...served, targets, counts: tally.counts() };
  }

  async settled(): Promise<void> {
    if (!this.#isStopped && (await keptAlive(this.#settled(() => false)))) return;
    throw new TidegateError('E_FEED', 'expected a feed process that runs, got one that is stopped');
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#listeners.close();
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
    await this.#parts.followed.stop();
    await this.#release?.();
  }

  async #settled(isGivenUp: () => boolean): Promise<boolean> {
    const { followed, platform } = this.#parts;
    if (!(await followed.settled(isGivenUp))) return false;
    for (;;) {
      const leftMs = this.#aloneAt - platform.clock.monotonic();
      if (leftMs <= 0) return true;
      if (this.#isStopped || isGivenUp()) return false;
      await pause(platform.tasks, Math.min(WAIT_MS, leftMs));
    }
  }

  #state(): FeedState {
    const { registry, database } = this.#parts.followed;
    const { isLive, isRefreshing, instances } = registry;
    // It listens only once there is one.
    const { session, generation, position, gaps } = registry.mark() as NonNullable<ReturnType<typeof registry.mark>>;
    const where = { session, turn: ++this.#turn, generation, position, gaps };
    return { ...where, isLive, isRefreshing, instances, feed: database.feed.status() };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = this.#guard(request);
    if (refused !== undefined) return refuse(response, refused.status, refused.error);
    try {
      await this.#answer(request, response);
    } catch (error) {
      this.#parts.options.onFault?.(error);
      refuse(response, 500, 'expected no failure of the feed process, got one');
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = URL.parse(request.url ?? '', 'http://feed.invalid');
    const asked = (name: string) => url?.searchParams.get(name) ?? '';
    switch (`${request.method} ${url?.pathname}`) {
      case 'GET /stream':
        response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
        request.socket.setNoDelay(true);
        return this.#listeners.listen(response, asked('client'), asked('caches') === '1');
      case 'POST /reports':
        return this.#take(request, response);
      case 'POST /settled':
        return this.#settle(response, Number(asked('waitMs')));
      case 'POST /latest':
        return answer(response, { position: await this.#parts.followed.latest() } satisfies LatestReply);
      case 'GET /status':
        return answer(response, this.status());
      default:
        return refuse(response, 404, `expected ${PATHS}, got another`);
    }
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.headers['content-type'] !== REPORT_TYPE) return refuse(response, 415, `expected ${REPORT_TYPE}`);
    const bytes = await bodyOf(request);
    if (bytes === undefined) return refuse(response, 413, `expected at most ${MAX_REPORT_BYTES} bytes, got more`);
    const refused = this.#isStopped ? undefined : this.#reports.take(bytes);
    if (refused === undefined) return refuse(response, 400, 'expected a report, got something malformed');
    answer(response, { refused, state: this.#state() } satisfies ReportReply);
  }

  async #settle(response: ServerResponse, waitMs: number): Promise<void> {
    if (!Number.isFinite(waitMs) || waitMs < 0) return refuse(response, 400, 'expected waitMs of 0 or more');
    const { platform } = this.#parts;
    const untilMs = platform.clock.monotonic() + Math.min(waitMs, MAX_WAIT_MS);
    const isSettled = await this.#settled(() => response.destroyed || platform.clock.monotonic() >= untilMs);
    answer(response, { isSettled, state: this.#state() } satisfies SettledReply);
  }
}

/** Returns undefined when it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_REPORT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answer(response: ServerResponse, body: unknown): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(200, { 'content-type': JSON_TYPE, 'cache-control': 'no-store' }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, status: number, error: string): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  // The rest of a refused request is not waited for.
  const fields = { 'content-type': JSON_TYPE, 'cache-control': 'no-store', connection: 'close' };
  response.writeHead(status, fields).end(JSON.stringify({ error }));
}
