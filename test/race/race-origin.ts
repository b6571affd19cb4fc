// An origin whose content has versions, and whose answers go out stage by stage: so that a change and its invalidation
// can be put between any two of them.
//
// What an answer says is fixed the instant the origin reads, not when it is sent. Every byte of
// version 1 is the digit 1, so that a part, or a mixture of two versions, tells where it is from.

import type { Forward, Origin, OriginListener, OriginRequest } from '../../src/ports.ts';
import type { Fields } from '../../src/semantics/fields.ts';
import { isSafeMethod } from '../../src/semantics/invalidation.ts';
import { Forwarded } from '../kit/scripted-origin.ts';

/** Length of every version of the content. */
export const LENGTH = 20;

/** How far an answer has got, in order. */
export const STAGES = ['sent', 'read', 'head', 'half', 'rest', 'ended'] as const;
export type Stage = (typeof STAGES)[number];

interface Content {
  readonly status: number;
  readonly fields: Fields;
  readonly body: string;
}

/** One request at the origin. */
export class Reply extends Forwarded {
  readonly #origin: RaceOrigin;
  #stage = 0;
  #content: Content | 'reset' | undefined;
  /** What the origin held when it read. */
  version: number | undefined;

  constructor(origin: RaceOrigin, request: OriginRequest, listener: OriginListener) {
    super(request, listener);
    this.#origin = origin;
  }

  get stage(): Stage {
    return STAGES[this.#stage] as Stage;
  }

  /** A write is answered by whoever sent it, all else by `settle`. */
  get isRead(): boolean {
    return isSafeMethod(this.request.method);
  }

  get status(): number | 'reset' | undefined {
    return typeof this.#content === 'object' ? this.#content.status : this.#content;
  }

  /** Goes on until the stage is reached. */
  to(stage: Stage): void {
    while (this.stage !== stage && this.stage !== 'ended') this.#advance();
  }

  #advance(): void {
    this.#stage++;
    if (this.stage === 'read') {
      this.version = this.#origin.version;
      this.#content = this.#origin.read(this);
      return;
    }
    const content = this.#content as Content | 'reset';
    if (content === 'reset') {
      this.#stage = STAGES.length - 1;
      this.fail('E_ORIGIN_RESET');
      return;
    }
    const middle = content.body.length / 2;
    if (this.stage === 'head') this.head(content.status, content.fields);
    else if (this.stage === 'half') this.data(content.body.slice(0, middle));
    else if (this.stage === 'rest') this.data(content.body.slice(middle));
    else this.end();
  }
}

export class RaceOrigin implements Origin {
  version = 1;
  cacheControl = '';
  vary: string | undefined;
  /** What it answers instead, while it is in trouble. */
  trouble: 'reset' | 503 | undefined;
  readonly replies: Reply[] = [];

  forward(request: OriginRequest, listener: OriginListener): Forward {
    const reply = new Reply(this, request, listener);
    this.replies.push(reply);
    return reply;
  }

  get last(): Reply {
    const last = this.replies.at(-1);
    if (last === undefined) throw new Error('expected a forwarded request, got none');
    return last;
  }

  /** The content as of now, for this request (RFC 9110 §13.2.2, §14.2). */
  read(reply: Reply): Content | 'reset' {
    if (this.trouble === 'reset') return 'reset';
    if (this.trouble !== undefined) return { status: this.trouble, fields: [], body: 'sorry' };
    const { method } = reply.request;
    const etag = `"${this.version}"`;
    const body = String(this.version).repeat(LENGTH);
    const fields = ['cache-control', this.cacheControl, 'etag', etag];
    if (this.vary !== undefined) fields.push('vary', this.vary);
    // Fields that a 304 and a 206 to If-Range may leave out, and so do (RFC 9110 §15.4.5, §15.3.7).
    const tags = ['cache-tag', 'item', 'cache-groups', '"items"'];
    if (method === 'POST') {
      return { status: 200, fields: [...fields, ...tags, 'content-location', 'http://example.org/a'], body };
    }
    if (reply.field('if-none-match') === etag) return { status: 304, fields, body: '' };
    const range = partAsked(reply, etag);
    if (range !== undefined) {
      const kept = reply.field('if-range') === undefined ? tags : [];
      const contentRange = ['content-range', `bytes ${range.first}-${range.last}/${LENGTH}`];
      return {
        status: 206,
        fields: [...fields, ...kept, ...contentRange],
        body: body.slice(range.first, range.last + 1),
      };
    }
    const length = ['content-length', String(LENGTH)];
    return { status: 200, fields: [...fields, ...tags, ...length], body: method === 'HEAD' ? '' : body };
  }

  /** True while a read is under way, besides `except`. */
  isBusy(except?: Reply): boolean {
    return this.#open(except) !== undefined;
  }

  #open(except: Reply | undefined): Reply | undefined {
    return this.replies.find((reply) => reply.isRead && reply !== except && reply.stage !== 'ended');
  }

  /** Finishes every read that is under way, and those that come of it, but for `except`. */
  settle(except?: Reply): void {
    for (let round = 0; round < 100; round++) {
      const open = this.#open(except);
      if (open === undefined) return;
      open.to('ended');
    }
    throw new Error('expected the requests to come to an end, got 100 of them and more');
  }
}

function partAsked(reply: Reply, etag: string): { first: number; last: number } | undefined {
  const condition = reply.field('if-range');
  const match = /^bytes=(\d+)-(\d*)$/.exec(reply.field('range') ?? '');
  if (match === null || (condition !== undefined && condition !== etag)) return undefined;
  return { first: Number(match[1]), last: match[2] === '' ? LENGTH - 1 : Number(match[2]) };
}
