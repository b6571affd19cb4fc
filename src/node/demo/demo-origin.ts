// The embedded demo: a small REST API over SQLite, so that `npm start` has an origin to stand in front of. It does what a
// well-kept origin does for its cache: a lifetime, a strong validator, groups on what it shows and, on what it writes, the
// groups that are outdated by it (RFC 9875). The same names stand in Cache-Tag, for operators to invalidate by.

import { hash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { portError } from '../port-error.ts';
import { answerDemo, type DemoAnswer, refusal } from './demo-api.ts';
import type { DemoData } from './demo-data.ts';

export interface RunningDemo {
  readonly url: string;
  /** Ends the listener and its connections, and forgets the data. */
  close(): Promise<void>;
}

const MAX_CONTENT_BYTES = 64 * 1024;
const MAX_AGE_SECONDS = 60;

/** Starts the demo with data of its own; rejects with E_PORT. Default: any free port of 127.0.0.1. */
export async function startDemoOrigin(
  at: { readonly port?: number; readonly host?: string } = {},
): Promise<RunningDemo> {
  const { port = 0, host = '127.0.0.1' } = at;
  // Loaded only now: Node 24 warns as soon as anyone imports node:sqlite, and other commands have no use for it.
  const { openDemoData } = await import('./demo-data.ts');
  const data = openDemoData();
  const server = createServer((request, response) => void serve({ data, request, response }));
  try {
    await listen(server, { port, host });
  } catch (error) {
    data.close();
    throw error;
  }
  const name = isIPv6(host) ? `[${host}]` : host;
  return {
    url: `http://${name}:${(server.address() as AddressInfo).port}`,
    close: async () => {
      await stop(server);
      data.close();
    },
  };
}

function listen(server: Server, at: { readonly port: number; readonly host: string }): Promise<void> {
  return new Promise((listening, reject) => {
    server.once('error', (error) => reject(portError(at, error, 'the demo origin')));
    server.listen(at, listening);
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
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

async function serve(serving: Serving): Promise<void> {
  const { data, request, response } = serving;
  try {
    const content = await readContent(request);
    if (content === undefined) {
      // The rest of the content is not waited for.
      response.setHeader('connection', 'close');
      return send(serving, refusal(413, `expected at most ${MAX_CONTENT_BYTES} bytes of content, got more`));
    }
    const method = request.method === 'HEAD' ? 'GET' : (request.method as string);
    const { host = '' } = request.headers;
    send(serving, answerDemo(data, { method, target: request.url as string, content, host }));
  } catch (error) {
    // The client is gone, or the demo is at fault; either way there is no answer that would be right.
    response.destroy(error as Error);
  }
}

/** Undefined: there is too much of it. */
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
    // RFC 9110 §15.4.5: what describes the content stays out.
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
  const { groups, invalidates, status, location, allow, mediaType = 'application/json' } = answer;
  return {
    ...(text !== '' && { 'content-type': mediaType, 'content-length': String(Buffer.byteLength(text)) }),
    'cache-control': groups === undefined ? 'no-store' : `max-age=${MAX_AGE_SECONDS}`,
    ...(groups !== undefined && { 'cache-groups': stringList(groups), 'cache-tag': groups.join(', ') }),
    ...(groups !== undefined && status === 200 && { etag: `"${hash('sha256', text, 'base64url').slice(0, 22)}"` }),
    ...(invalidates !== undefined && { 'cache-group-invalidation': stringList(invalidates) }),
    ...(location !== undefined && { location }),
    ...(allow !== undefined && { allow }),
  };
}

/** A List of Strings (RFC 9651 §3.1); our group names need no escapes. */
function stringList(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ');
}

/** If-None-Match compares weakly (RFC 9110 §13.1.2); our tags hold no comma. */
function matches(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  return ifNoneMatch.split(',').some((member) => member.trim() === '*' || member.trim().replace(/^W\//, '') === etag);
}
