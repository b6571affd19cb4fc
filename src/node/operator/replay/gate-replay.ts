// One gate that a log runs through: the routes, the decisions about storing and reuse, and the memory tier's policy are those
// of a running gate; the origin's answers are those of the log.
//
// Of an answer that the log shows without its fields, only a lifetime that the route gives is known. A fill ends where it begins,
// so requests that would wait for it count as hits.

import { editedResponse, originFields } from '../../../engine/answers/edits.ts';
import type { GateRequest, Route } from '../../../engine/contract.ts';
import { draftOf, requestVariantKey } from '../../../engine/http/draft.ts';
import { cacheKey } from '../../../entry/key.ts';
import { RecentMap } from '../../../memory/recent-map.ts';
import { requestDemands } from '../../../semantics/cache-control.ts';
import { NO_FIELDS } from '../../../semantics/fields.ts';
import type { ReuseBasis } from '../../../semantics/freshness.ts';
import { isSafeMethod, NO_TAGS } from '../../../semantics/invalidation.ts';
import { decideReuse, isForOrigin } from '../../../semantics/reuse.ts';
import { compileSite } from '../../../site/compile-site.ts';
import { NO_ORIGIN } from '../../../site/evasions.ts';
import type { Router } from '../../../site/router.ts';
import { plainCost, SlotStore } from '../../../store/memory.ts';
import type { ResolvedConfig } from '../../config/config.ts';
import { admitOwn } from '../../front/admission.ts';
import type { LogRecord } from './log-record.ts';

interface Stored extends ReuseBasis {
  readonly key: string;
}

class ReplayStore extends SlotStore<Stored> {
  get(key: string): Stored | undefined {
    const slot = this.slotOf.get(key);
    if (slot === undefined) return undefined;
    this.policy.touch(slot);
    return this.entryIn[slot];
  }

  keep(entry: Stored, cost: number): void {
    this.take(entry, cost);
  }

  delete(key: string): void {
    const slot = this.slotOf.get(key);
    if (slot !== undefined) this.remove(slot);
  }
}

/** The variants under a plain key. */
interface Variants {
  readonly names: readonly string[];
  readonly keys: Set<string>;
}

export interface ReplayFigures {
  requests: number;
  hits: number;
  /** Past the cache, for credentials or a rule of the route. */
  bypassed: number;
  /** Answered by the gate itself: no route takes them, or they are no sound requests. */
  refused: number;
  bytes: number;
  hitBytes: number;
  originRequests: number;
  /** Of the requests to the origin whose time is known, and their number. */
  originMs: number;
  timed: number;
  /** Most that the memory tier held. */
  peakBytes: number;
  evictions: number;
}

/** Keys of which more is remembered than is stored, or a log of years would fill the memory. */
const MOST_KEYS = 500_000;

/** A head in memory; logs give the bytes of the content. */
const HEAD_BYTES = 300;

export interface GateReplayParts {
  readonly config: ResolvedConfig;
  /** Of a request of which the log says nothing, no host. */
  readonly host: string;
  /** Freshness lifetime on all routes; undefined: their own. */
  readonly ttlMs: number | undefined;
  /** What is taken for true of a request whose log does not say whether it had credentials. */
  readonly unknownHasCredentials: boolean;
}

export class GateReplay {
  readonly figures: ReplayFigures = {
    ...{ requests: 0, hits: 0, bypassed: 0, refused: 0, bytes: 0, hitBytes: 0 },
    ...{ originRequests: 0, originMs: 0, timed: 0, peakBytes: 0, evictions: 0 },
  };
  readonly #parts: GateReplayParts;
  readonly #router: Router;
  readonly #store: ReplayStore;
  readonly #variants = new RecentMap<Variants>(MOST_KEYS);
  /** Content of the last whole answer, for a 304 that shows none. */
  readonly #lastBytes = new RecentMap<number>(MOST_KEYS);
  #now = 0;

  constructor(parts: GateReplayParts) {
    const { config, ttlMs } = parts;
    this.#parts = parts;
    this.#store = new ReplayStore(config.memory.maxBytes);
    const origins = new Map(Object.keys(config.origins).map((name) => [name, NO_ORIGIN]));
    const routes = ttlMs === undefined ? config.routes : config.routes.map((route) => ({ ...route, ttlMs }));
    this.#router = compileSite({ ...config, routes }, origins);
  }

  /** Counts how the gate would have answered it. */
  run(record: LogRecord): void {
    const { figures } = this;
    // Logs are written as exchanges end, so times may go back a little.
    this.#now = Math.max(this.#now, record.timeMs);
    figures.requests++;
    figures.bytes += record.bytes;
    const request = this.#admit(record);
    if (request === undefined) figures.refused++;
    else if (!isSafeMethod(request.method)) this.#write(request, record);
    else if (request.bypass !== false || this.#isBypassed(record)) {
      figures.bypassed++;
      this.#ask(record);
    } else if (request.method !== 'GET' && request.method !== 'HEAD') this.#ask(record);
    else this.#read(request, record);
  }

  #admit({ method, host, target, fields = NO_FIELDS }: LogRecord): GateRequest | undefined {
    const uri = `http://${host ?? this.#parts.host}${target}`;
    if (URL.parse(uri) === null) return undefined;
    return admitOwn({ method, uri, fields }, this.#router, this.#parts.config);
  }

  #isBypassed({ fields, hasCredentials }: LogRecord): boolean {
    // With fields the route's own rules have decided.
    return fields === undefined && (hasCredentials ?? this.#parts.unknownHasCredentials);
  }

  #read(request: GateRequest, record: LogRecord): void {
    const { figures } = this;
    const key = record.identity ?? cacheKey(request.route, 'GET', request.uri);
    const names = this.#variants.get(key)?.names ?? [];
    const stored = isForOrigin(request.fields) ? undefined : this.#store.get(requestVariantKey(key, names, request));
    const at = { now: this.#now, outdated: false };
    const decision = stored && decideReuse(requestDemands(request.fields), stored, at);
    if (decision?.kind === 'serve' || decision?.kind === 'serve-and-validate') {
      figures.hits++;
      figures.hitBytes += record.bytes;
      if (decision.kind === 'serve') return;
    }
    this.#ask(record);
    if (request.method === 'GET') this.#fill(request, record, key);
  }

  #fill(request: GateRequest, record: LogRecord, key: string): void {
    const { route } = request;
    const whole = this.#wholeAnswer(record, key);
    // A part completes or serves little of what follows.
    if (whole === undefined || whole.status === 206) return;
    const now = this.#now;
    const head = editedResponse({ status: whole.status, fields: record.responseFields ?? NO_FIELDS }, route, now);
    const draft = draftOf(head, {
      request,
      asked: { method: 'GET', fields: originFields(request) },
      key,
      delimited: true,
      timing: { requestTimeMs: now, responseTimeMs: now },
      tags: NO_TAGS,
    });
    if (typeof draft === 'string' || whole.bytes > route.policy.maxBodyBytes) return;
    if (draft.names.length > 0) this.#addVariant(key, draft);
    this.#store.keep(
      { key: draft.key, bornMs: draft.bornMs, terms: draft.terms },
      plainCost(draft.key, whole.bytes + HEAD_BYTES),
    );
    const { bytes, evictions } = this.#store.stats();
    this.figures.peakBytes = Math.max(this.figures.peakBytes, bytes);
    this.figures.evictions = evictions;
  }

  #addVariant(key: string, draft: { readonly key: string; readonly names: readonly string[] }): void {
    const before = this.#variants.get(key);
    const keys = before?.names.join() === draft.names.join() ? before.keys : new Set<string>();
    this.#variants.set(key, { names: draft.names, keys: keys.add(draft.key) });
  }

  /** The gate asks without the client's condition, so where that got a 304 it gets the whole. */
  #wholeAnswer(
    { status, bytes }: LogRecord,
    key: string,
  ): { readonly status: number; readonly bytes: number } | undefined {
    if (status === 304) return { status: 200, bytes: this.#lastBytes.get(key) ?? 0 };
    if (status === 200) this.#lastBytes.set(key, bytes);
    return { status, bytes };
  }

  /** A write that may have been done invalidates its URL. */
  #write(request: GateRequest, record: LogRecord): void {
    this.#ask(record);
    if (record.status >= 400 && record.status < 500) return;
    this.#forget(request.route, request.uri);
  }

  #forget(route: Route, uri: string): void {
    const key = cacheKey(route, 'GET', uri);
    for (const one of [key, ...(this.#variants.get(key)?.keys ?? [])]) this.#store.delete(one);
  }

  #ask({ originMs }: LogRecord): void {
    this.figures.originRequests++;
    if (originMs === undefined) return;
    this.figures.originMs += originMs;
    this.figures.timed++;
  }
}
