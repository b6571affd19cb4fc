// The demo of `npm start` and `tidegate serve --demo`: a small REST API over a file of SQLite, as an origin for the gate to
// stand in front of. It does what a well-kept origin does for its cache: a lifetime, a strong validator, and tags for
// everything read for the answer (`tidegate/track`), so that each write to the file invalidates the answers that show it,
// and nothing else. It uses what the package offers, by path, so that a checkout runs it without a build.
//
// The gate and the origin need each other's address. So the origin starts first, and none of its answers is stored
// before it follows its database.

import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duration } from '../../src/index.ts';
import { isSafeMethod } from '../../src/semantics/index.ts';
import {
  createTracker,
  gateTarget,
  type SourceMessage,
  type SourceReply,
  sqliteDatabase,
  type TrackingTarget,
} from '../../src/track/index.ts';
import { answerDemo, type DemoAnswer, refusal } from './api.ts';
import type { DemoData } from './data.ts';
import { firstSteps } from './text.ts';
import { DemoWatch } from './watch.ts';

export interface RunningDemo {
  readonly url: string;
  /** The file of the database. */
  readonly path: string;
  /** Follows the database, tells the gate of changes, and tells `print` which stored answers they invalidated. */
  follow(adminUrl: string, print?: (line: string) => void): Promise<void>;
  /** Where the demo is, and what to try, for the terminal. */
  firstSteps(gate: { readonly url: string; readonly adminUrl: string }): string;
  /** Ends the listener and its connections, and removes the data. */
  close(): Promise<void>;
}

const MAX_CONTENT_BYTES = 64 * 1024;
const MAX_AGE_SECONDS = 3600;

/** Starts the demo with data of its own. `lease`: how long the gate serves without a message from here. */
export async function startDemoOrigin(options: { readonly lease?: Duration } = {}): Promise<RunningDemo> {
  // Loaded only now: Node 24 warns as soon as anyone imports node:sqlite, and other commands do not need it.
  const { demoData, makeDemoDatabase } = await import('./data.ts');
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-demo-'));
  const path = join(folder, 'shop.db');
  const database = makeDemoDatabase(path);
  let gate: TrackingTarget | undefined;
  const watch = new DemoWatch(() => tracker.settled());
  const tracker = createTracker({
    source: 'demo',
    database: watch.database(sqliteDatabase({ path, install: true })),
    targets: [{ name: 'the gate', deliver: (message) => deliverTwice(gate as TrackingTarget, message) }],
    ...options,
  });
  const data = demoData(tracker.wrap(database));
  const server = createServer(tracker.node((request, response) => void serve({ data, watch, request, response })));
  const url = await listen(server);
  return {
    url,
    path,
    follow: async (adminUrl, print = () => undefined) => {
      gate = gateTarget({ admin: adminUrl });
      await tracker.start();
      await watch.begin(adminUrl, print);
    },
    firstSteps: (at) => `origin: ${url}\ndatabase: ${path}\n${firstSteps({ ...at, path })}`,
    close: async () => {
      watch.end();
      await stop(server);
      await tracker.stop();
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A lease begins with the second message of a session. To avoid the wait, the first one is repeated at once. */
async function deliverTwice(gate: TrackingTarget, message: SourceMessage): Promise<SourceReply> {
  const reply = await gate.deliver(message);
  if (message.sequence === 1) await gate.deliver(message);
  return reply;
}

function listen(server: Server): Promise<string> {
  return new Promise((listening, reject) => {
    server.once('error', reject);
    server.listen({ port: 0, host: '127.0.0.1' }, () => {
      listening(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    });
  });
}

function stop(server: Server): Promise<void> {
  return new Promise((stopped) => {
    server.close(() => stopped());
    server.closeAllConnections();
  });
}

interface Serving {
  readonly data: DemoData;
  readonly watch: DemoWatch;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function serve(serving: Serving): Promise<void> {
  const { data, watch, request, response } = serving;
  const { method = 'GET' } = request;
  try {
    if (!isSafeMethod(method)) response.once('close', await watch.writing(`${method} ${request.url}`));
    const content = await readContent(request);
    if (content === undefined) {
      // The server does not wait for the rest of the content.
      response.setHeader('connection', 'close');
      return send(serving, refusal(413, `expected at most ${MAX_CONTENT_BYTES} bytes of content, got more`));
    }
    const { host = '' } = request.headers;
    const asked = { method: method === 'HEAD' ? 'GET' : method, target: request.url as string, content, host };
    send(serving, answerDemo(data, asked));
  } catch (error) {
    // The client is gone, or the demo is at fault; either way no answer would be right.
    response.destroy(error as Error);
  }
}

/** Returns undefined when the content is too large. */
async function readContent(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_CONTENT_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function send({ request, response }: Serving, answer: DemoAnswer): void {
  request.resume();
  const text = textOf(answer);
  const fields = fieldsOf(answer, text);
  if (fields.etag !== undefined && matches(request.headers['if-none-match'], fields.etag)) {
    // RFC 9110 §15.4.5: fields that describe the content stay out.
    const { 'content-type': _type, 'content-length': _length, ...kept } = fields;
    response.writeHead(304, kept).end();
    return;
  }
  response.writeHead(answer.status, fields).end(text);
}

function textOf({ body, mediaType }: DemoAnswer): string {
  if (body === undefined) return '';
  return mediaType === undefined ? `${JSON.stringify(body)}\n` : String(body);
}

function fieldsOf(answer: DemoAnswer, text: string): Readonly<Record<string, string>> {
  const { tags, status, location, allow, mediaType = 'application/json' } = answer;
  return {
    ...(text !== '' && { 'content-type': mediaType, 'content-length': String(Buffer.byteLength(text)) }),
    'cache-control': tags === undefined ? 'no-store' : `max-age=${MAX_AGE_SECONDS}`,
    ...(tags !== undefined && { 'cache-tag': tags.join(', ') }),
    ...(tags !== undefined && status === 200 && { etag: `"${hash('sha256', text, 'base64url').slice(0, 22)}"` }),
    ...(location !== undefined && { location }),
    ...(allow !== undefined && { allow }),
  };
}

/** If-None-Match compares weakly (RFC 9110 §13.1.2); our tags hold no comma. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((member) => member.trim() === '*' || member.trim().replace(/^W\//, '') === etag);
}
