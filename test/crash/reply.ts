// One request to the gate, and what came back. Bytes are compared with those that the answer claims as they come in, so
// that nothing large is kept.

import { type Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { BodyBytes, HOST, parseClaim } from './resources.ts';

export interface Ask {
  readonly url: string;
  readonly agent: Agent;
  readonly method?: string;
  readonly path: string;
  /** Default: the host of the resources. */
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Told of each portion of the answer's body. */
  readonly onBytes?: (bytes: number) => void;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Bytes of the body that came. */
  readonly bytes: number;
  /** False: the connection broke before the end, as the client could see. */
  readonly complete: boolean;
  /** Place in the representation of the first byte that is not the one claimed. */
  readonly differsAt: number | undefined;
  /** The body's beginning, where it claims nothing. */
  readonly text: string;
}

/** No answer at all. */
export interface NoReply {
  readonly error: string;
}

/** An answer that takes longer will not come. */
const PATIENCE_MS = 20_000;

export function ask({
  url,
  agent,
  method = 'GET',
  path,
  host = HOST,
  headers,
  body,
  onBytes,
}: Ask): Promise<Reply | NoReply> {
  return new Promise((resolve) => {
    const options = { agent, method, path, headers: { host, ...headers } };
    const request = httpRequest(url, options, (response) => {
      receive(response, onBytes).then((reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
    });
    const timer = setTimeout(() => request.destroy(new Error(`no end within ${PATIENCE_MS} ms`)), PATIENCE_MS);
    request.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      resolve({ error: error.code ?? error.message });
    });
    request.end(body);
  });
}

const MAX_TEXT = 300;

function receive(response: IncomingMessage, onBytes: (bytes: number) => void = () => {}): Promise<Reply> {
  const { statusCode: status = 0, headers } = response;
  const expected = expectedBody(response);
  let bytes = 0;
  let differsAt: number | undefined;
  let text = '';
  response.on('data', (chunk: Buffer) => {
    if (expected === undefined) text += chunk.toString('latin1').slice(0, MAX_TEXT - text.length);
    else if (differsAt === undefined && !expected.body.next(chunk.length).equals(chunk)) {
      differsAt = expected.start + bytes;
    }
    bytes += chunk.length;
    onBytes(chunk.length);
  });
  return new Promise((resolve) => {
    response.on('error', () => response.destroy());
    response.on('close', () => resolve({ status, headers, bytes, complete: response.complete, differsAt, text }));
  });
}

/** The bytes that the answer must have, as it says itself. */
function expectedBody({ headers, statusCode }: IncomingMessage): { body: BodyBytes; start: number } | undefined {
  const claim = parseClaim(String(headers['x-claim']));
  if (claim === undefined) return undefined;
  const range = /^bytes (\d+)-/.exec(statusCode === 206 ? (headers['content-range'] ?? '') : '');
  const start = Number(range?.[1] ?? 0);
  return { body: new BodyBytes(claim, start), start };
}
