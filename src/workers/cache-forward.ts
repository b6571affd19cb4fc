// One request to the Workers Cache (workers-cache.ts): names are asked for until an answer is current, or the real origin is
// asked.
//
// As with any origin, the listener hears nothing inside forward() and nothing after abort().

import { editedResponse } from '../engine/answers/edits.ts';
import type { GateRequest } from '../engine/contract.ts';
import { cacheKey } from '../entry/key.ts';
import { TidegateError } from '../errors.ts';
import type { Invalidations } from '../ledger/invalidations.ts';
import type { Cancel, Forward, Origin, OriginListener, OriginRequest } from '../ports.ts';
import { type Fields, NO_FIELDS, withField } from '../semantics/fields.ts';
import { reuseTerms } from '../semantics/freshness.ts';
import { ageSeconds, currentAgeMs } from '../semantics/reuse.ts';
import { withoutConditions } from '../semantics/validation.ts';
import { type HandlerHost, handlerOrigin } from '../web/handler-origin.ts';
import { headersOf } from '../web/request.ts';
import {
  type AnswerNote,
  answerTags,
  EndMarkReader,
  HEARD_FIELD,
  hasBody,
  NAME_FIELD,
  nameText,
  noteOf,
  variantOf,
} from './cached-answer.ts';

/** Names asked for on behalf of one request. Each holds a later position than the one before. */
const MAX_ASKS = 3;

/** The cached entrypoint, as `ctx.exports` gives it when it is called with `CALLER_PROPS`. */
export interface CachedEntrypoint {
  fetch(request: Request, init: { readonly cf: { readonly cacheKey: string } }): Promise<Response>;
}

/** What of the client's request the tier goes by. */
export type CachedRequest = Pick<GateRequest, 'route' | 'uri' | 'bypass'>;

/** One request's way to the tier and past it. */
export interface CacheCall {
  readonly asked: CachedRequest;
  readonly entrypoint: CachedEntrypoint;
  readonly origin: Origin;
  readonly host: HandlerHost & { readonly clock: { now(): number } };
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined;
}

/** Why the real origin was asked. `request`: it is none for this tier. */
export type PastReason =
  | 'request'
  | 'long-name'
  | 'damaged'
  | 'failed'
  | 'other-answer'
  | 'other-epoch'
  | 'stale'
  | 'outdated';

/** The tier as its forwards see it. */
export interface CacheTier {
  readonly shard: string;
  readonly invalidations: Pick<Invalidations, 'epoch' | 'applied' | 'lastAffecting'>;
  /** A request to the cached entrypoint is counted. */
  asks(): void;
  /** An answer of it that is used is counted. */
  answers(): void;
  /** Asks the real origin. */
  past(reason: PastReason, parts: Omit<ForwardParts, 'tier'>): Forward;
  isDamaged(name: string): boolean;
  isFoundDamaged(name: string): void;
}

/** What one forward goes by. */
export interface ForwardParts {
  readonly tier: CacheTier;
  readonly call: CacheCall;
  readonly request: OriginRequest;
  readonly listener: OriginListener;
}

interface Found {
  readonly name: string;
  readonly epoch: string;
  readonly request: Request;
  readonly askedMs: number;
  readonly response: Response;
  readonly note: AnswerNote;
}

export class CacheForward implements Forward {
  readonly #parts: ForwardParts;
  readonly #aborter = new AbortController();
  /** Whoever answers, once that is known. */
  #answering: Forward | undefined;
  #isPaused = false;
  #isOver = false;

  constructor(parts: ForwardParts) {
    this.#parts = parts;
    const over = this.#run().catch((error: unknown) => {
      const what = 'expected a forward, got an exception';
      parts.listener.failed(new TidegateError('E_FAULT', what, { cause: error }));
    });
    parts.call.waitUntil?.(over);
  }

  pause(): void {
    this.#isPaused = true;
    this.#answering?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#answering?.resume();
  }

  abort(): void {
    this.#isOver = true;
    this.#answering?.abort();
    this.#aborter.abort(new TidegateError('E_ABANDONED', 'expected a client that waits, got none any more'));
  }

  async #run(): Promise<void> {
    const { tier, call } = this.#parts;
    const { tasks, timeoutMs } = call.host;
    // The listener may be told only after forward() has returned.
    await undefined;
    const cancel: Cancel = tasks.later(timeoutMs, () => this.#giveUp(timeoutMs));
    const found = await this.#ask().catch(() => 'failed' as const);
    cancel();
    if (this.#isOver) return void (typeof found === 'object' && drop(found.response));
    this.#answering = typeof found === 'string' ? tier.past(found, this.#parts) : this.#tell(found);
    if (this.#isPaused) this.#answering.pause();
  }

  /** The entrypoint asks the real origin and waits as long for it, so to ask that once more would be in vain. */
  #giveUp(timeoutMs: number): void {
    if (this.#isOver) return;
    this.abort();
    const what = `expected an answer of the cached entrypoint within ${timeoutMs} ms, got none`;
    this.#parts.listener.failed(new TidegateError('E_ORIGIN_TIMEOUT', what));
  }

  async #ask(): Promise<Found | PastReason> {
    const { tier, call, request } = this.#parts;
    const { shard, invalidations } = tier;
    const { route, uri } = call.asked;
    const { epoch } = invalidations;
    const key = cacheKey(route, 'GET', uri);
    const fields = withoutConditions(request.fields);
    let position = invalidations.lastAffecting({ uri, origin: route.originName, tags: [] });
    for (let asks = 0; asks < MAX_ASKS && !this.#isOver; asks++) {
      const name = nameText({ shard, epoch, position, key });
      if (name === undefined) return 'long-name';
      if (tier.isDamaged(name)) return 'damaged';
      const found = { ...(await this.#askFor(name, fields)), epoch };
      const doubt = this.#doubt(found, { name, epoch, fields });
      if (doubt !== undefined) {
        drop(found.response);
        return doubt;
      }
      const { note } = found as Found;
      const { tags } = answerTags(note.fields, call.asked);
      const last = invalidations.lastAffecting({ uri, origin: route.originName, tags });
      if (note.readAt >= last) return found as Found;
      drop(found.response);
      if (last <= position) break;
      position = last;
    }
    return 'outdated';
  }

  async #askFor(
    name: string,
    fields: Fields,
  ): Promise<Omit<Found, 'note' | 'epoch'> & { note: AnswerNote | undefined }> {
    const { tier, call } = this.#parts;
    const heard = String(tier.invalidations.applied);
    const headers = headersOf([...fields, NAME_FIELD, name, HEARD_FIELD, heard]);
    const request = new Request(call.asked.uri, { headers, signal: this.#aborter.signal });
    tier.asks();
    const askedMs = call.host.clock.now();
    const response = await call.entrypoint.fetch(request, { cf: { cacheKey: name } });
    return { name, request, askedMs, response, note: noteOf(response) };
  }

  /** Why the answer is not to be used; undefined: it is what was asked for, and fresh. */
  #doubt(
    { note }: { readonly note: AnswerNote | undefined },
    asked: { readonly name: string; readonly epoch: string; readonly fields: Fields },
  ): PastReason | undefined {
    const { tier, call } = this.#parts;
    const { route } = call.asked;
    if (note === undefined || note.name !== asked.name || !(note.readAt >= 0)) return 'other-answer';
    // The log may have begun anew while the answer was on its way.
    if (tier.invalidations.epoch !== asked.epoch) return 'other-epoch';
    const now = call.host.clock.now();
    const head = editedResponse(agedHead(note, now), route, now);
    if (variantOf(head, { fields: asked.fields, route })?.text !== note.variant) return 'other-answer';
    const { bornMs, terms } = reuseTerms(head, route.policy, { requestTimeMs: now, responseTimeMs: now });
    return note.bornMs !== undefined && currentAgeMs(bornMs, now) >= terms.lifetimeMs ? 'stale' : undefined;
  }

  /** Tells the answer as its origin gave it, with its age and the position at which it was read. */
  #tell({ name, epoch, request, askedMs, response, note }: Found): Forward {
    const { tier, call, listener } = this.#parts;
    tier.answers();
    const mark = hasBody(note.status) ? new EndMarkReader() : undefined;
    // Two machines tell the time: this is for whoever looks, and decides nothing.
    const isHit = note.bornMs !== undefined && note.bornMs < askedMs;
    const head = () => {
      const { status, fields } = agedHead(note, call.host.clock.now());
      return { status, fields: isHit ? [...fields, 'cache-status', 'workers-cache; hit'] : fields };
    };
    const handle = () => response;
    const handled = { request, uri: request.url, handle, waitUntil: call.waitUntil, isAnswered: false };
    return handlerOrigin(handled, call.host).forward(this.#parts.request, {
      ...{ interim: listener.interim, failed: listener.failed },
      head: () => listener.head(head(), true, { epoch, position: note.readAt }),
      data: (chunk) => {
        for (const piece of mark?.take(chunk) ?? []) listener.data(piece);
      },
      end: () => {
        if (mark === undefined || mark.isWhole) return listener.end(NO_FIELDS);
        tier.isFoundDamaged(name);
        const what = 'expected of the cached entrypoint a whole body, got a part of it';
        listener.failed(new TidegateError('E_ORIGIN_RESET', what));
      },
    });
  }
}

function agedHead({ status, fields, bornMs }: AnswerNote, now: number): { status: number; fields: Fields } {
  return { status, fields: bornMs === undefined ? fields : withField(fields, 'age', String(ageSeconds(bornMs, now))) };
}

/** Nobody reads its body: what comes of that concerns nobody. */
function drop(response: Response): void {
  response.body?.cancel().catch(() => undefined);
}
