// The part of a gate that the admin API needs, and the API's requests and answers as plain data, with what its calls and
// listeners have in common: how an answer is made, and how what was asked is checked.

import type { QuestionSubject } from '../dependency/describe/describe.ts';
import type { Gate, GateRequest, GateStats } from '../engine/contract.ts';
import type { PopulateItem } from '../engine/populate/item.ts';
import type { JobProgress, NotStored } from '../engine/populate/job.ts';
import type { Outdated, ProberSettings } from '../engine/prober/prober.ts';
import type { Proof } from '../engine/prober/prove.ts';
import type { SourceReply, SourceReport, SourceState } from '../engine/source-leases.ts';
import type { QuestionResult } from '../engine/source-questions.ts';
import type { GateCounts } from '../engine/statistics/counts.ts';
import type { StatsHistory } from '../engine/statistics/history.ts';
import { type ErrorCode, expected, messageOf, TidegateError } from '../errors.ts';
import type { Position } from '../ledger/log.ts';
import type { Selector } from '../ledger/selector.ts';
import { isRecord, type UnknownRecord } from '../options/kit.ts';
import type { DiskStats, Eventually, MemoryStats } from '../ports.ts';
import type { PredictionFigures } from '../prediction/prediction.ts';
import { type Fields, NO_FIELDS } from '../semantics/fields.ts';
import type { ClusterApi } from './cluster-api.ts';
import { beyondBounds } from './json-bounds.ts';
import type { OriginHealth, TopUrls } from './stats-contract.ts';

export interface AdminRequest {
  readonly method: string;
  /** Path of the target, e.g. `/entries`. */
  readonly path: string;
  /** The query after the `?`, or ''. */
  readonly query: string;
  readonly fields: Fields;
  /** '' when there is none. */
  readonly bodyText: string;
}

export interface AdminResponse {
  readonly status: number;
  readonly contentType: string;
  /** Further fields, e.g. Allow. */
  readonly fields: Fields;
  readonly body: string;
  /** When present, the body comes from here, bit by bit, and `body` is ''. */
  readonly stream?: AdminStream;
}

/**
 * Begins a body that arrives over time. The returned function is called when the client leaves before `end`. `unread`: bytes that the
 * client has not taken yet; one that leaves too many is cut off.
 */
export type AdminStream = (write: (text: string) => void, end: () => void, unread: () => number) => () => void;

export type AdminApi = (request: AdminRequest) => Promise<AdminResponse>;

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

export type ExplainRequest = Pick<GateRequest, 'route' | 'method' | 'uri' | 'fields' | 'bypass'>;

/** The parts of a gate that the admin API needs on every runtime. */
export interface CoreDeps {
  readonly gate: Pick<Gate, 'invalidate' | 'purge' | 'list' | 'explain'> & {
    stats(): Eventually<GateStats>;
    /** Of all processes of the gate, as are those of `stats`. */
    counts(): Eventually<GateCounts>;
  };
  isReady(): Readiness;
  /** Routes and normalises as the front would; returns undefined when no route has the URI. */
  explainRequest(request: Pick<ExplainRequest, 'method' | 'uri' | 'fields'>): ExplainRequest | undefined;
  originNames(): readonly string[];
  /** Everything in the text format of Prometheus. */
  metricsText(): Promise<string>;
}

/** What a webhook publishes: templates of the URLs and tags that its content names. */
export interface PublishHook {
  readonly urls: readonly string[];
  readonly tags: readonly string[];
}

export interface AdminDeps extends CoreDeps {
  readonly populate: PopulateApi;
  readonly tiers: TierApi;
  readonly sources: SourceApi;
  readonly prober: ProberApi;
  /** Undefined: the gate is in no cluster. */
  readonly cluster?: ClusterApi | undefined;
  /** Of `gate.counts`. */
  readonly history: StatsHistory;
  origins(): Eventually<readonly OriginHealth[]>;
  topUrls(): Eventually<TopUrls>;
  readonly tail: TailApi;
  readonly recent: RecentApi;
}

/** Exchanges that fulfil all of these. */
export interface TailFilter {
  /** Name of a route. */
  readonly route?: string;
  /** One of those that `/stats` counts requests by. */
  readonly outcome?: string;
  /** A glob over the path, or host and path, as the access log shows them. */
  readonly url?: string;
  /** `404`, or a class as `5xx`. */
  readonly status?: string;
}

/** An exchange that has ended, as the access log has it; with its time and the name of its route. */
export interface TailLine {
  readonly time: string;
  readonly route?: string | undefined;
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly status: number;
  readonly outcome: string;
}

/** `lost`: lines that are left out here. */
export type Heard = TailLine | { readonly lost: number };

export interface TailApi {
  /** Something is heard at least every half minute. Calling the result ends it. */
  listen(filter: TailFilter, hear: (heard: Heard) => void): () => void;
}

/** An invalidation that came into force. `at` in ms since the Unix epoch. */
export interface RecentInvalidation {
  readonly position: Position;
  readonly at: number;
  readonly kind: Selector['kind'];
  readonly what: string;
}

export interface RecentApi {
  /** The newest first, those after the position alone. */
  list(after: Position): readonly RecentInvalidation[];
}

export interface ProberApi {
  readonly settings: ProberSettings;
  examples(): Eventually<readonly Outdated[]>;
  /** Undefined when no route takes it. */
  prove(asked: Parameters<CoreDeps['explainRequest']>[0]): Promise<Proof | undefined>;
}

/** URLs to fill, and those that are none. */
export interface PopulatePortion {
  readonly items: readonly PopulateItem[];
  readonly refused: readonly NotStored[];
}

export interface PopulateStart extends Partial<PopulatePortion> {
  readonly cause: 'operator' | 'publish' | 'missing';
  readonly name?: string;
  readonly concurrency?: number;
  readonly ratePerSecond?: number;
  /** Whether further calls will give more items. */
  readonly more?: boolean;
  readonly source?:
    | { readonly kind: 'sitemap'; readonly name: string; readonly url: string; readonly fields: Fields }
    | { readonly kind: 'stored'; readonly name: string; readonly selectors: readonly Selector[] };
}

export interface PopulateApi {
  /** Throws E_POPULATE when too much waits already. */
  begin(start: PopulateStart): JobProgress;
  /** Gives more to a job; throws E_POPULATE when it takes none. */
  give(id: string, portion: PopulatePortion & { readonly more: boolean }): void;
  state(): Eventually<PopulateState>;
  progress(id: string): JobProgress | undefined;
  /** Tells of the job now and after each step, until it is over. Calling the result ends that. */
  follow(id: string, listener: (progress: JobProgress) => void): () => void;
  cancel(id: string): boolean;
  /** Webhooks by name. */
  hooks(): { readonly [name: string]: PublishHook };
}

export interface PopulateState {
  readonly waiting: number;
  readonly inFlight: number;
  /** What waits, by cause, in the order in which it goes. */
  readonly queue: readonly { readonly cause: string; readonly waiting: number }[];
  /** Absent where nothing was ever predicted. */
  readonly prediction?: PredictionFigures;
  readonly schedules: readonly object[];
  readonly jobs: readonly JobProgress[];
}

/** Tiers that can be emptied alone. `disk`: the bytes, while the manifest still names them; `manifest`: both. */
export const CLEARABLE = ['memory', 'disk', 'manifest'] as const;
export type Clearable = (typeof CLEARABLE)[number];

/** Contents of memory, disk and manifest; memory alone without a disk tier. */
export interface TierHoldings {
  readonly memory: Pick<MemoryStats, 'entries' | 'bytes' | 'maxBytes'>;
  readonly disk?: Pick<DiskStats, 'entries' | 'bytes' | 'maxBytes' | 'segments' | 'largeBodies' | 'indexLoaded'>;
  readonly manifest?: {
    /** Entries it names. */
    readonly rows: number;
    /** Bytes of all entries it names. */
    readonly bytes: number;
  };
}

/** Whether the tiers agree. A difference is looked up again on demand: it costs misses, not wrong answers. */
export interface TierAgreement {
  readonly agree: boolean;
  readonly memory: {
    readonly entries: number;
    /** Entries missing on the disk because it declined or evicted them. No disagreement. */
    readonly notOnDisk: number;
    /** Entries whose fill differs from the one on the disk. */
    readonly differing: number;
  };
  /** Rows of the manifest against the records and files on the disk, counted by what is found. */
  readonly disk?: { readonly [finding: string]: number };
  readonly examples: readonly string[];
}

export interface TierApi {
  holdings(): Promise<TierHoldings>;
  /** Reads every row, and the beginning of every record. */
  check(): Promise<TierAgreement>;
  /** Empties one tier; returns how many entries it held. Throws E_SELECTOR when there is no such tier. */
  clear(what: Clearable): Promise<number>;
}

export interface SourceApi {
  reportSource(report: SourceReport): Promise<SourceReply>;
  sources(): readonly SourceState[];
  askSource(source: string, about: QuestionSubject): Promise<QuestionResult>;
}

/** A call that is refused with a status of its own. */
export class AdminRefusal extends TidegateError {
  readonly status: number;

  constructor(status: number, message: string, code: ErrorCode = 'E_ADMIN') {
    super(code, message);
    this.status = status;
  }
}

export function failure(status: number, message: string, code: ErrorCode = 'E_ADMIN'): AdminResponse {
  return json(status, { error: { code, message } });
}

const ASKED_WRONGLY: ReadonlySet<ErrorCode> = new Set(['E_SELECTOR', 'E_POPULATE']);

/** The answer to a call that threw: 400 for a wrong request, else 500. */
export function ofError(error: unknown): AdminResponse {
  const code = error instanceof TidegateError ? error.code : 'E_ADMIN';
  const status = ASKED_WRONGLY.has(code) ? 400 : 500;
  return failure(error instanceof AdminRefusal ? error.status : status, messageOf(error), code);
}

export function json(status: number, value: unknown): AdminResponse {
  return { status, contentType: 'application/json', fields: NO_FIELDS, body: `${JSON.stringify(value)}\n` };
}

/** The JSON content of a call; `what` names the expected content in errors. */
export function parseJson(text: string, what = 'a selector'): unknown {
  const beyond = beyondBounds(text);
  if (beyond !== undefined) throw new TidegateError('E_SELECTOR', `expected ${what} as JSON, got ${beyond}`);
  try {
    return JSON.parse(text);
  } catch (error) {
    const got = text.trim() === '' ? 'no content' : (error as Error).message;
    throw new TidegateError('E_SELECTOR', `expected ${what} as JSON, got ${got}`, { cause: error });
  }
}

/** An object with no members but those. `what`: of the error where it is none. */
export function objectOf(value: unknown, what: string, members?: readonly string[]): UnknownRecord {
  if (!isRecord(value)) return expected('E_SELECTOR', what, value);
  const unknown = members && Object.keys(value).find((name) => !members.includes(name));
  return unknown === undefined ? value : expected('E_SELECTOR', `only the keys ${members?.join(', ')}`, unknown);
}
