// A shop in a file of SQLite, followed by a feed process, with applications that track by it.

import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import {
  createTracker,
  type FeedProcess,
  type FeedProcessOptions,
  feedProcess,
  type ProcessTrackerOptions,
  sqliteDatabase,
  startFeedProcess,
  type Tracker,
} from '../../src/track/index.ts';
import { atEnd, NotingTarget, shopFile } from './world.ts';

export interface ProcessWorld {
  readonly path: string;
  readonly outside: DatabaseSync;
  readonly target: NotingTarget;
  readonly faults: unknown[];
  process: FeedProcess;
  /** Ends it, and begins another one at the same address. */
  restart(): Promise<void>;
  application(options?: Partial<ProcessTrackerOptions>): Promise<Application>;
}

export interface Application {
  readonly tracker: Tracker;
  readonly db: DatabaseSync;
  readonly faults: unknown[];
}

export async function processShop(
  options: Partial<FeedProcessOptions> = {},
  path: string = shopFile(),
): Promise<ProcessWorld> {
  const target = new NotingTarget();
  const faults: unknown[] = [];
  const outside = new DatabaseSync(path);
  const start = (port: number) =>
    startFeedProcess({
      source: 'shop',
      database: sqliteDatabase({ path, install: true }),
      targets: [target],
      port,
      // Nothing is settled before a process has been there for as long.
      lease: 1_000,
      onFault: (error) => faults.push(error),
      ...options,
    });
  const world: ProcessWorld = {
    path,
    outside,
    target,
    faults,
    process: await start(0),
    async restart() {
      const port = Number(new URL(world.process.url).port);
      await world.process.stop();
      world.process = await start(port);
    },
    application: (given) => application(world, given),
  };
  atEnd(() => outside.close());
  atEnd(() => world.process.stop());
  return world;
}

async function application(world: ProcessWorld, options: Partial<ProcessTrackerOptions> = {}): Promise<Application> {
  const faults: unknown[] = [];
  const tracker = createTracker({
    source: 'shop',
    feed: feedProcess({ url: world.process.url }),
    onFault: (error) => faults.push(error),
    ...options,
  });
  await tracker.start();
  atEnd(() => tracker.stop());
  const raw = new DatabaseSync(world.path);
  atEnd(() => raw.close());
  return { tracker, db: tracker.wrap(raw), faults };
}

/** What a response depends on that is made by the work. */
export async function registeredTags(
  tracker: Tracker,
  work: () => unknown,
): Promise<{ readonly tags: readonly string[]; readonly reasons: readonly string[] }> {
  const scope = tracker.openScope();
  await scope.run(work);
  await scope.registered();
  const { tags, reasons } = scope.finish();
  return { tags: tags.filter((tag) => !/^(?:tg-|s)/.test(tag)), reasons };
}

type Meddle = (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;

/** Stands between applications and the process. `meddle`: true, and the request goes no further. */
export async function between(url: () => string, meddle: Meddle): Promise<string> {
  const server = createServer(async (request, response) => {
    if (await meddle(request, response)) return;
    const { method, headers } = request;
    const onward = httpRequest(`${url()}${request.url}`, { method: method as string, headers }, (answer) => {
      response.writeHead(answer.statusCode as number, answer.headers);
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    onward.once('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
