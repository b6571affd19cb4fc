// What the engine offers to those above it: the front hands it requests, the admin API and the library ask it to
// invalidate, list and explain. Types only.

import type { QuestionSubject } from '../dependency/describe/describe.ts';
import type { KeyParts } from '../entry/key.ts';
import type { EntryNote, StoredResponse } from '../entry/stored-response.ts';
import type { TidegateError } from '../errors.ts';
import type { Position } from '../ledger/log.ts';
import type { Selector } from '../ledger/selector.ts';
import type {
  Answer,
  Cancel,
  DiskStats,
  Eventually,
  MemoryStats,
  Origin,
  OriginRequest,
  RequestBody,
  Responder,
} from '../ports.ts';
import type { Coding, CodingRules } from '../semantics/content-coding.ts';
import type { Fields, ResponseHead } from '../semantics/fields.ts';
import type { ReuseTerms } from '../semantics/freshness.ts';
import type { ForwardReason, Outcome, OutcomeDetail } from '../semantics/outcome.ts';
import type { OutwardRules } from '../semantics/outward.ts';
import type { CachePolicy } from '../semantics/policy.ts';
import type { OutcomeClass } from './outcome-class.ts';
import type { ProberCounts } from './prober/counts.ts';
import type { SourceReply, SourceReport, SourceState } from './source-leases.ts';
import type { QuestionResult } from './source-questions.ts';
import type { GateCounts, InvalidationCause } from './statistics/counts.ts';

/** Where requests of one route go and under which policy. Made once from the configuration, shared by its requests. */
export interface Route {
  /** Its name in the configuration, under which it is counted. Default: that of its origin. */
  readonly name?: string | undefined;
  readonly tenant: string;
  /** The provisioned tenant whose route it is: its tags and sources are names of its own. Default: of the configuration file. */
  readonly owner?: string | undefined;
  /** The origin's name in the configuration: part of the cache key, and what an `origin` selector names. */
  readonly originName: string;
  readonly origin: Origin;
  readonly policy: CachePolicy;
  /** Freshness lifetime of GETs that state none, were read from a tracked source, and come without credentials. Default: by the policy. */
  readonly trackedTtlMs?: number | undefined;
  /** The route applies them to every response of the origin, before it is stored. */
  readonly responseFields: FieldEdits;
  /** A URI that a response names, as this route's requests for it would have it: its query rules applied. */
  readonly cacheUri: (uri: string) => string;
  /** True once another configuration is in force: what is filled under these rules is not stored any more. */
  readonly retired: () => boolean;
  /** False: the fields that are for gates alone are taken from the answer to the client. */
  readonly showTags: boolean;
  /** What caches outside may hold of the answers. Default: the answers say it themselves. */
  readonly outward?: OutwardRules | undefined;
  /** Which stored responses are put in a content coding. Default: none, and Accept-Encoding is the origin's affair. */
  readonly compress?: RouteCoding | undefined;
}

/** What a route does that codes. */
export interface RouteCoding extends CodingRules {
  /**
   * The request's fields as the origin is to see them. Accept-Encoding is the same for every request that may be answered
   * from the cache, so it selects nothing there; what bypasses the cache keeps the client's.
   */
  originFields(request: GateRequest): Fields;
  /** Whether the client may hold one coding of the representation, and ask by a date for a part of another coding. */
  mayMix(fields: Fields): boolean;
  /**
   * The head with the entity tag by which the client knows this content: of the representations that the client takes, the
   * best that it names in If-None-Match. Only those that it takes: a cache that asks for one of its clients is told by the
   * 304 which of its stored responses to use. `fields`: of its request.
   */
  asKnownToClient(fields: Fields, head: ResponseHead): ResponseHead;
  /** The head, with Vary where the response may be coded. */
  withVary(head: ResponseHead): ResponseHead;
}

/** Fields taken off a message, then added. Names in lower case; those of `set` are in `remove` too, so that it replaces them. */
export interface FieldEdits {
  readonly remove: ReadonlySet<string>;
  readonly set: Fields;
}

/** One request, checked and routed by the front. */
export interface GateRequest {
  readonly route: Route;
  readonly method: string;
  /** The target URI as the cache sees it: scheme, host and normalised path and query; part of the cache key. */
  readonly uri: string;
  /** Path and query as forwarded; made from the same normalised parts as `uri`. */
  readonly target: string;
  /** End-to-end fields as they are forwarded, Host among them; hop-by-hop fields are gone, the route's edits are done. */
  readonly fields: Fields;
  readonly body: RequestBody | undefined;
  /** The client's address; undefined when nobody knows who the clients are. Bounds count by `clientGroup` of entry/clients.ts. */
  readonly client?: string | undefined;
  /** See OriginRequest. */
  readonly connection?: OriginRequest['connection'];
  /**
   * Other than false: forwarded without looking in the cache, and the answer is not stored. `credentials`: for its cookies or
   * Authorization; `no-lease`: this node may serve nothing stored now; `ambiguous-path`: the origin may read
   * its path as another route's; true: for another reason (a bypass rule, a body on GET …).
   */
  readonly bypass: boolean | 'credentials' | 'no-lease' | 'ambiguous-path';
}

/** Bounds writes, each of which keeps its URL out of the cache while it is under way. */
export interface WriteBounds {
  /** Called before a write is sent. Why it is not; or what is to be called, once, when it is over, the hold after it too. */
  open(request: GateRequest): TidegateError | (() => void);
  /** The outcome of the write is unknown, since its client broke it off. */
  brokenOff(request: GateRequest): void;
}

/** An answer that is whole from the start. */
export type WholeAnswer = Exclude<Answer, { kind: 'streamed' }>;

/** The stored response that a request selects, or why it selects none (RFC 9111 §4.1). */
export interface Selection {
  /** Key of the variant the request selects, as far as the selecting fields are known. */
  readonly key: string;
  readonly entry: StoredResponse | undefined;
  /** Why there is no entry. */
  readonly miss: ForwardReason | undefined;
  /** The content coding in which the request would best have the entry; undefined: as it is. */
  readonly coding?: Coding;
  /** The entry in that coding, if that is stored. */
  readonly coded?: StoredResponse | undefined;
}

/** A look-up alone does not answer this request. `handle` asks again whether it may serve the entry. */
export interface Unanswered {
  readonly kind: 'unanswered';
  /** Undefined if the gate looked nothing up. */
  readonly selection: Selection | undefined;
}

/** Result of an invalidation or purge. */
export interface InvalidationResult {
  /** Position in the log; every fill begun before it is not served to anyone who comes after. */
  readonly position: Position;
  /** Entries matched in the stores of this node. */
  readonly matched: number;
  /** True: there are more of them in a slow tier, which were not counted. */
  readonly more?: boolean;
}

/** One stored response, for an operator. Times in ms, `ageMs` and `ttlMs` as of now. */
export interface EntrySummary
  extends Omit<KeyParts, 'tenant'>,
    Pick<EntryNote, 'key' | 'status' | 'bodyBytes' | 'tags' | 'stamp'> {
  readonly ageMs: number;
  /** Remaining freshness lifetime; negative when stale. */
  readonly ttlMs: number;
  /** True: invalidated, and kept only to be validated. */
  readonly outdated: boolean;
  /** The content coding it was put in by the gate; absent: as the origin gave it. */
  readonly coding?: Coding;
}

export interface ListQuery {
  /** Only what this tier has. Default: what any has. */
  readonly tier?: string;
  readonly prefix?: string;
  readonly tag?: string;
  /** In place of the two. */
  readonly selector?: Selector;
  /** Key after which the page begins; from the page before. */
  readonly after?: string;
  /** Entries on a page, 1 to 1,000. Default 100. */
  readonly limit?: number;
}

/** Entries in the order of their keys. `next`: pass as `after` to go on; absent on the last page. */
export interface ListPage {
  readonly entries: readonly EntrySummary[];
  readonly next?: string;
}

/** Why a request is, or is not, answered from the cache right now. */
export interface Explanation {
  readonly key: string;
  readonly variantKey?: string;
  /** The content coding in which it would be answered; absent: as the origin gave it. */
  readonly coding?: Coding;
  readonly verdict: 'serve' | 'serve-and-validate' | 'validate' | 'forward';
  /** A sentence with the reason, and the RFC section it rests on. */
  readonly reason: string;
  readonly section: string;
  /** Absent when nothing is stored. */
  readonly entry?: EntrySummary;
  readonly freshness?: Pick<ReuseTerms, 'lifetimeMs' | 'source' | 'staleWhileRevalidateMs' | 'staleIfErrorMs'> &
    Pick<EntrySummary, 'ageMs'>;
  /** Log position applied on this node, and of the last invalidation that affects the entry or key. 0: none. */
  readonly position: { readonly applied: Position; readonly lastInvalidation: Position };
  /** Why the last answer for this key was not stored, when that is known. */
  readonly lastRefusal?: { readonly reason: string; readonly section: string };
}

/** Counters since the start. */
export interface GateStats {
  readonly requests: { readonly [outcome in OutcomeClass]: number };
  readonly forwards: { readonly [reason in ForwardReason]: number };
  readonly details: { readonly [detail in OutcomeDetail]: number };
  /** Answers not stored, by the reason of the storing decision. */
  readonly refusedStores: { readonly [reason: string]: number };
  readonly stores: number;
  /** Variants that made room for others of their URL, which keeps 64. */
  readonly variantsDropped: number;
  readonly invalidations: { readonly [kind in Selector['kind']]: number };
  readonly purges: number;
  /** Requests with a position that would matter, and that this gate does not know. */
  readonly unknownPositions: number;
  /** Exceptions that must not happen. */
  readonly exceptions: { readonly [scope in ExceptionScope]: number };
  readonly intentsOpen: number;
  readonly fillsInFlight: number;
  readonly position: Position;
  /** Stored responses put in a content coding, and why others were not. */
  readonly coding: {
    readonly made: number;
    readonly bytesSaved: number;
    readonly skipped: { readonly [reason: string]: number };
  };
  readonly memory: MemoryStats;
  /** Absent without a disk tier. */
  readonly disk?: DurableDiskStats;
  /** Absent where no hits are sampled. */
  readonly prober?: ProberCounts;
}

/** Figures of the disk tier, and whether its log can be written. */
export interface DurableDiskStats extends DiskStats {
  /** False: the log of invalidations cannot be written, and after a restart everything stored is validated. */
  readonly invalidationsDurable: boolean;
}

/** How far an exception can have reached: one exchange, with which no invalidation was lost; or nobody knows, and all is invalidated. */
export type ExceptionScope = 'exchange' | 'unknown';

/** Told of each exchange as its answer begins. `forwardMs`: time to the origin's head, when it was asked. */
export interface ExchangeReport {
  readonly request: GateRequest;
  readonly outcome: Outcome;
  readonly status: number;
  readonly forwardMs: number | undefined;
  /** Why the origin's answer did not come, when that is what the client was told. */
  readonly error?: TidegateError | undefined;
}

/** Result of a fill without a waiting client. `forwardMs`: time to the origin's head, when it was asked. */
export type PopulateResult =
  /** A stored response answers the request; the origin was not asked. */
  | { readonly kind: 'fresh' }
  | { readonly kind: 'stored'; readonly forwardMs?: number }
  /** Not for storing, by the reason of the storing decision, or not for the cache at all. */
  | { readonly kind: 'refused'; readonly reason: string; readonly forwardMs?: number }
  /** No answer, or an error of the moment; `retryAfterMs`: when the origin says to ask again. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAfterMs?: number; readonly forwardMs?: number };

/** The engine, put together. */
export interface Gate {
  /**
   * Answers the request through the responder; a hit in memory is answered before this returns. The result is to be
   * called when the client goes away before it was answered. `unanswered`: what `answerAtOnce` gave for this request.
   */
  handle(request: GateRequest, responder: Responder, unanswered?: Unanswered): Cancel;
  /**
   * The answer of a hit, at once where the entry is in memory; it counts as given: whoever asked sends it. Any other
   * request is one for `handle`, which goes on from the look-up where there was one.
   */
  answerAtOnce(request: GateRequest): Eventually<WholeAnswer | Unanswered>;
  /**
   * Marks entries outdated; when it resolves, nothing filled from an earlier read is served without validation. `cause`: under
   * which it is counted. Default `call`.
   */
  invalidate(selector: Selector, cause?: InvalidationCause): Promise<InvalidationResult>;
  /** Removes entries; when it resolves, nothing filled from an earlier read is served. */
  purge(selector: Selector): Promise<InvalidationResult>;
  /**
   * Fills what the GET request would be answered with, unless a stored response answers it as it is. `freshUntilMs`, in ms since
   * the Unix epoch: one that would be stale before is validated now.
   */
  populate(request: GateRequest, freshUntilMs?: number): Promise<PopulateResult>;
  /** Rejects with E_SELECTOR when there is no tier of that name. */
  list(query: ListQuery): Promise<ListPage>;
  explain(request: Pick<GateRequest, 'route' | 'method' | 'uri' | 'fields' | 'bypass'>): Promise<Explanation>;
  /** Takes a tracker's report of its source; in force when it resolves. See SourceLeases. */
  reportSource(report: SourceReport): Promise<SourceReply>;
  /** Told of an exception that nothing expected: counts it. Resolves once the state is known to be right again. */
  broken(error: unknown, scope: ExceptionScope): Promise<void>;
  sources(): readonly SourceState[];
  /** Asks its tracker; see SourceQuestions. */
  askSource(source: string, about: QuestionSubject): Promise<QuestionResult>;
  stats(): GateStats;
  /** Since the start, for statistics. */
  counts(): GateCounts;
}
