// How a client speaks to its feed process: questions with an answer each, and one answer that does not end.
//
// The long answer must not keep the application from ending, so its socket does not count.

import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as requestHttp,
} from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { TidegateError } from '../../errors.ts';
import type { Cancel, Tasks } from '../../ports.ts';
import type { FeedProcessAddress } from '../contract.ts';

export interface Question {
  readonly path: string;
  readonly timeoutMs: number;
  readonly type?: string;
  readonly body?: Uint8Array;
  /** Asked from time to time: whether nobody waits for the answer any longer. */
  readonly isGivenUp?: () => boolean;
}

export interface Listening {
  /** Rejects with E_FEED; resolves where the other side ended it. */
  readonly ended: Promise<void>;
  readonly abort: () => void;
}

const MAX_LINE_CHARACTERS = 64 * 1024 * 1024;
const MAX_SOCKETS = 8;
const LOOK_MS = 50;
const SHOWN = 200;
/** Asking again changes nothing. */
const DEFINITE: ReadonlySet<number | undefined> = new Set([401, 403, 404, 421]);

/** The feed process does not want this client. */
export class RefusedError extends TidegateError {
  constructor(what: string) {
    super('E_FEED', what);
  }
}

export class RemoteHttp {
  readonly #base: URL;
  readonly #fields: Readonly<Record<string, string>>;
  readonly #tasks: Tasks;
  readonly #agent: Agent;

  constructor({ url, token }: FeedProcessAddress, tasks: Tasks) {
    this.#base = new URL(url);
    this.#fields = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.#tasks = tasks;
    const options = { keepAlive: true, maxSockets: MAX_SOCKETS };
    this.#agent = this.#isSecure ? new SecureAgent(options) : new Agent(options);
  }

  /** The text of an answer of 200. Rejects with E_FEED. */
  ask({ path, timeoutMs, type, body, isGivenUp = () => false }: Question): Promise<string> {
    const size = { 'content-length': String(body?.length ?? 0) };
    const headers = { ...this.#fields, ...size, ...(type !== undefined && { 'content-type': type }) };
    return new Promise((resolve, reject) => {
      const request = this.#request(path, { method: 'POST', headers, agent: this.#agent });
      const fail = (error: Error) => {
        cancelTime();
        cancelLook();
        reject(this.#failure(path, error.message));
      };
      const cancelTime = this.#tasks.later(timeoutMs, () => request.destroy(new Error(`none within ${timeoutMs} ms`)));
      let cancelLook: Cancel = () => undefined;
      const look = () => {
        if (isGivenUp()) request.destroy(new Error('nobody who waits for it'));
        else cancelLook = this.#tasks.later(LOOK_MS, look);
      };
      look();
      request.once('error', fail);
      request.once('response', (response) => {
        this.#textOf(response).then((text) => {
          cancelTime();
          cancelLook();
          if (response.statusCode === 200) resolve(text);
          else reject(this.#failure(path, `${response.statusCode}: ${text.slice(0, SHOWN)}`));
        }, fail);
      });
      request.end(body);
    });
  }

  /** `line` is called for each. */
  listen(path: string, line: (text: string) => void): Listening {
    const request = this.#request(path, { method: 'GET', headers: this.#fields, agent: false });
    request.once('socket', (socket) => socket.unref());
    const ended = new Promise<void>((resolve, reject) => {
      const fail = (error: Error) => reject(this.#failure(path, error.message));
      request.once('error', fail);
      request.once('response', (response) => {
        if (response.statusCode === 200) eachLine(response, line).then(resolve, fail);
        else this.#textOf(response).then((text) => reject(this.#refusal(path, response, text)), fail);
      });
    });
    request.end();
    return { ended, abort: () => request.destroy() };
  }

  close(): void {
    this.#agent.destroy();
  }

  get #isSecure(): boolean {
    return this.#base.protocol === 'https:';
  }

  #request(path: string, options: RequestOptions): ClientRequest {
    const url = `${this.#base.href.replace(/\/+$/, '')}${path}`;
    return this.#isSecure ? requestHttps(url, options) : requestHttp(url, options);
  }

  async #textOf(response: IncomingMessage): Promise<string> {
    let text = '';
    response.setEncoding('utf8');
    for await (const part of response) text += part;
    return text;
  }

  #refusal(path: string, { statusCode }: IncomingMessage, text: string): TidegateError {
    const got = `${statusCode}: ${text.slice(0, SHOWN)}`;
    return DEFINITE.has(statusCode) ? new RefusedError(this.#what(path, got)) : this.#failure(path, got);
  }

  #failure(path: string, got: string): TidegateError {
    return new TidegateError('E_FEED', this.#what(path, got));
  }

  #what(path: string, got: string): string {
    return `expected an answer of the feed process at ${this.#base.origin}${path.replace(/\?.*/, '')}, got ${got}`;
  }
}

async function eachLine(response: IncomingMessage, line: (text: string) => void): Promise<void> {
  let begun: string[] = [];
  let size = 0;
  response.setEncoding('utf8');
  for await (const part of response as AsyncIterable<string>) {
    const [first = '', ...others] = part.split('\n');
    size += first.length;
    begun.push(first);
    if (size > MAX_LINE_CHARACTERS) throw new Error('a line that does not end');
    for (const next of others) {
      line(begun.join(''));
      begun = [next];
      size = next.length;
    }
  }
}
