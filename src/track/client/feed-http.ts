// How a client speaks to its feed process: questions with an answer each, and one answer that does not end.
//
// The long answer must not keep the application from ending, so its socket does not count.

import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { messageOf, TidegateError } from '../../errors.ts';
import type { Cancel, Tasks } from '../../ports.ts';
import type { FeedProcessAddress } from '../contract.ts';
import { type Poster, poster } from '../target/gate-target.ts';

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
const NOTHING = new Uint8Array();

/** The feed process does not want this client. */
export class RefusedError extends TidegateError {
  constructor(what: string) {
    super('E_FEED', what);
  }
}

export class FeedHttp {
  readonly #base: URL;
  readonly #fields: Readonly<Record<string, string>>;
  readonly #tasks: Tasks;
  readonly #poster: Poster;

  constructor({ url, token }: FeedProcessAddress, tasks: Tasks) {
    this.#base = new URL(url);
    this.#fields = token === undefined ? {} : { authorization: `Bearer ${token}` };
    this.#tasks = tasks;
    this.#poster = poster(url, MAX_SOCKETS);
  }

  /** The text of an answer of 200. Rejects with E_FEED. */
  async ask({ path, timeoutMs, type, body = NOTHING, isGivenUp = () => false }: Question): Promise<string> {
    const headers = { ...this.#fields, ...(type !== undefined && { 'content-type': type }) };
    const controller = new AbortController();
    const { signal } = controller;
    const abort = (why: string) => controller.abort(new Error(why));
    const cancelTime = this.#tasks.later(timeoutMs, () => abort(`none within ${timeoutMs} ms`));
    let cancelLook: Cancel = () => undefined;
    const look = () => {
      if (isGivenUp()) abort('nobody who waits for it');
      else cancelLook = this.#tasks.later(LOOK_MS, look);
    };
    look();
    try {
      const { status, text } = await this.#poster.post(this.#url(path), { headers, body, signal });
      if (status === 200) return text;
      throw new Error(`${status}: ${text.slice(0, SHOWN)}`);
    } catch (error) {
      throw new TidegateError('E_FEED', this.#what(path, messageOf(signal.aborted ? signal.reason : error)));
    } finally {
      cancelTime();
      cancelLook();
    }
  }

  listen(path: string, line: (text: string) => void): Listening {
    const send = this.#base.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(this.#url(path), { method: 'GET', headers: this.#fields, agent: false });
    request.once('socket', (socket) => socket.unref());
    const { promise: answered, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    request.once('error', reject);
    request.once('response', resolve);
    request.end();
    return { ended: this.#heard(path, answered, line), abort: () => request.destroy() };
  }

  close(): void {
    this.#poster.close();
  }

  async #heard(path: string, answered: Promise<IncomingMessage>, line: (text: string) => void): Promise<void> {
    try {
      const response = await answered;
      if (response.statusCode === 200) return await eachLine(response, line);
      let text = '';
      response.setEncoding('utf8');
      for await (const part of response) text += part;
      const got = `${response.statusCode}: ${text.slice(0, SHOWN)}`;
      throw DEFINITE.has(response.statusCode) ? new RefusedError(this.#what(path, got)) : new Error(got);
    } catch (error) {
      throw error instanceof RefusedError ? error : new TidegateError('E_FEED', this.#what(path, messageOf(error)));
    }
  }

  #url(path: string): string {
    return `${this.#base.href.replace(/\/+$/, '')}${path}`;
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
