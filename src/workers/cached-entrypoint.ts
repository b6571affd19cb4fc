// The cached entrypoint of a Worker: what it answers, the platform's Workers Cache keeps under the name that was asked for.
//
// The platform runs it only where it has nothing under the name, and then for all who ask at the same time. It needs no part in
// the log: whoever asked says which position it had heard of, and what is read after that shows all changes up to there. An
// answer of a tier below may be older than the name promises: then it is answered, and not kept. The platform is told how long
// to keep an answer in every case, since it would keep one that says nothing for hours.

import { editedResponse } from '../engine/answers/edits.ts';
import type { Route } from '../engine/contract.ts';
import { cacheKey, sourceOf } from '../entry/key.ts';
import type { Stamp } from '../ledger/ledger.ts';
import type { Position } from '../ledger/log.ts';
import { type Fields, fieldValue, filterFields, hasField, type ResponseHead } from '../semantics/fields.ts';
import { reuseTerms } from '../semantics/freshness.ts';
import { currentAgeMs } from '../semantics/reuse.ts';
import { decideStoring, storableFields } from '../semantics/storing.ts';
import { responseFields } from '../web/handler-origin.ts';
import { fieldsOf, headersOf } from '../web/request.ts';
import {
  answerTags,
  HEARD_FIELD,
  hasBody,
  NAME_FIELD,
  NOTE_FIELD,
  nameText,
  noteText,
  parseName,
  platformTag,
  type StoredName,
  variantOf,
  withEndMark,
  withoutOwnFields,
} from './cached-answer.ts';
import type { Bindings, ExecutionContext } from './platform.ts';
import type { PlatformPurge } from './platform-purges.ts';

/** What the tiers below, or the real origin, gave. */
export interface InnerAnswer {
  readonly response: Response;
  /** Where in the log it was read, if that was before the entrypoint was asked. */
  readonly stamp?: Stamp;
  /** Tags that are not in the response's own fields. */
  readonly tags: readonly string[];
}

/** A request as the gate finds its way, in the isolate that runs the entrypoint. */
export interface OpenedRequest {
  readonly route: Route;
  /** As it is in the cache key. */
  readonly uri: string;
  readonly shard: string;
  /** Asks the tiers below and the real origin. `heard`: what is answered is to be as new as that, or it is not kept. */
  readonly answer: (request: Request, heard: Stamp) => InnerAnswer | Promise<InnerAnswer>;
}

export interface EntrypointParts {
  readonly clock: { now(): number };
  /** Undefined: the gate knows no route for the request. */
  readonly open: (request: Request) => Promise<OpenedRequest | undefined>;
}

/** `WorkerEntrypoint` of `cloudflare:workers`. */
export type EntrypointBase = new (context: ExecutionContext, env: Bindings) => object;

/** The class that the Worker exports; the gate calls an instance through the platform's cache. */
export function entrypointClass(
  Base: EntrypointBase,
  answer: (request: Request, env: Bindings, context: ExecutionContext) => Promise<Response>,
): new (
  context: ExecutionContext,
  env: Bindings,
) => object {
  return class CachedEntrypoint extends Base {
    readonly #context: ExecutionContext;
    readonly #env: Bindings;

    constructor(context: ExecutionContext, env: Bindings) {
      super(context, env);
      this.#context = context;
      this.#env = env;
    }

    fetch(request: Request): Promise<Response> {
      return answer(request, this.#env, this.#context);
    }

    /** For calls by RPC, which go past the cache. A purge is of the entrypoint that asks for it. */
    async purge(what: PlatformPurge): Promise<{ readonly success: boolean }> {
      const { props, cache } = this.#context;
      if (!isOfGate(props) || cache === undefined) return { success: false };
      const { success } = await cache.purge(what);
      return { success };
    }
  };
}

/** The gate calls the entrypoint with these. They are part of the platform's key, so nobody else gets what it has stored. */
export const CALLER_PROPS = Object.freeze({ tidegate: 'gate' });

/** Longest time for which the platform keeps an answer; also how long one may be left there that a purge has missed. */
const MAX_LIFE_MS = 86_400_000;

/** Tags of one response that the platform heeds. */
const MAX_PLATFORM_TAGS = 1_000;

/** Answers one request to the entrypoint. `props`: of its context. */
export async function answerCached(request: Request, props: unknown, parts: EntrypointParts): Promise<Response> {
  const name = parseName(request.headers.get(NAME_FIELD));
  if (!isOfGate(props) || name === undefined || request.method !== 'GET')
    return refused(403, 'The gate alone may ask.\n');
  const opened = await parts.open(request);
  if (opened === undefined || !isNameOf(name, opened)) return refused(421, 'No route of that name.\n');
  const stamp = { epoch: name.epoch, position: Math.max(name.position, heardIn(request)) };
  const fields = withoutOwnFields(fieldsOf(request.headers));
  const answered = await opened.answer(new Request(request, { headers: headersOf(fields) }), stamp);
  return stored({ name, opened, fields, now: parts.clock.now() }, answered, olderOf(stamp, answered.stamp));
}

/** The read begins after the request was sent, so it shows what its sender had heard of. */
function heardIn({ headers }: Request): Position {
  const text = headers.get(HEARD_FIELD) ?? '';
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

function isOfGate(props: unknown): boolean {
  return (props as Partial<typeof CALLER_PROPS> | undefined)?.tidegate === CALLER_PROPS.tidegate;
}

function isNameOf(name: StoredName, { route, uri, shard }: OpenedRequest): boolean {
  return name.shard === shard && name.key === cacheKey(route, 'GET', uri);
}

/** Undefined: of another epoch, so nothing is known. */
function olderOf(stamp: Stamp, stated: Stamp | undefined): Stamp | undefined {
  if (stated === undefined) return stamp;
  if (stated.epoch !== stamp.epoch || !(stated.position >= 0)) return undefined;
  return stated.position < stamp.position ? stated : stamp;
}

interface Asked {
  readonly name: StoredName;
  readonly opened: OpenedRequest;
  /** As the origin sees them. */
  readonly fields: Fields;
  readonly now: number;
}

function stored(asked: Asked, { response, tags }: InnerAnswer, stamp: Stamp | undefined): Response {
  const { name, opened, now } = asked;
  const { status } = response;
  const head = { status, fields: withoutOwnFields(responseFields(response, tags)) };
  const edited = editedResponse(head, opened.route, now);
  const variant = variantOf(edited, { fields: asked.fields, route: opened.route });
  const isOfName = stamp?.epoch === name.epoch && stamp.position >= name.position;
  const keeping = isOfName && variant !== undefined ? keepingOf(asked, head, edited) : undefined;
  const note = noteText({
    ...{ name: nameText(name) ?? '', readAt: stamp?.epoch === name.epoch ? stamp.position : -1 },
    ...{ status, fields: head.fields, bornMs: keeping?.bornMs, variant: variant?.text ?? '' },
  });
  if (note === undefined) {
    response.body?.cancel().catch(() => undefined);
    return refused(502, 'The fields of the answer are too long.\n');
  }
  const headers = new Headers({ [NOTE_FIELD]: note, 'cache-control': 'no-store' });
  if (keeping !== undefined && variant !== undefined) {
    headers.set('cache-control', `max-age=${keeping.seconds}`);
    headers.set('cache-tag', keeping.tags.join(','));
    if (variant.names.length > 0) headers.set('vary', variant.names.join(', '));
  }
  return new Response(hasBody(status) ? withEndMark(response.body) : null, { status, headers });
}

interface Keeping {
  readonly bornMs: number;
  /** How long the platform is to keep it. */
  readonly seconds: number;
  readonly tags: readonly string[];
}

/** On which terms the platform is to keep the answer; undefined: it is not. */
function keepingOf({ opened, fields, now }: Asked, head: ResponseHead, edited: ResponseHead): Keeping | undefined {
  const { route, uri } = opened;
  const { policy } = route;
  const { tags, overflow } = answerTags(head.fields, { route, uri });
  // What is read from a followed source is served on a lease that this tier knows nothing of.
  if (overflow || tags.some((tag) => sourceOf(tag) !== undefined)) return undefined;
  if (edited.status === 206 || hasField(edited.fields, 'set-cookie') || route.retired()) return undefined;
  if (Number(fieldValue(edited.fields, 'content-length')) > policy.maxBodyBytes) return undefined;
  const decision = decideStoring({ method: 'GET', uri, fields }, edited, { policy, delimited: true });
  // A field that must not be stored is meant for the client that asked.
  const plain = filterFields(edited.fields, (one) => one !== 'age');
  if (decision.kind === 'refuse' || storableFields(plain, policy).length < plain.length) return undefined;
  const { bornMs, terms } = reuseTerms(edited, policy, { requestTimeMs: now, responseTimeMs: now });
  const leftMs = Math.min(MAX_LIFE_MS, terms.lifetimeMs - currentAgeMs(bornMs, now));
  const digests = [platformTag('url', uri), ...tags.map((tag) => platformTag('tag', tag))];
  const isKept = !terms.noCache && leftMs >= 1_000 && digests.length <= MAX_PLATFORM_TAGS;
  return isKept ? { bornMs, seconds: Math.floor(leftMs / 1_000), tags: digests } : undefined;
}

/** An answer that the gate does not use. */
function refused(status: number, text: string): Response {
  return new Response(text, { status, headers: { 'cache-control': 'no-store' } });
}
