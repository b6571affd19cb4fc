// The engine, put together from its ports.

import { type LedgerEntry, subjectOf } from '../entry/key.ts';
import { TidegateError } from '../errors.ts';
import { Ledger } from '../ledger/ledger.ts';
import type { LogEvent, Position } from '../ledger/log.ts';
import type { Selector } from '../ledger/selector.ts';
import { type MemoryBudget, UNBOUNDED } from '../memory/budget.ts';
import type { Cancel, Clock, Eventually, Random, Store, Tasks } from '../ports.ts';
import type { MakeCoder } from './answers/coding.ts';
import type { Context, Engine, HitWatch } from './context.ts';
import type {
  DurableDiskStats,
  ExceptionScope,
  ExchangeReport,
  Gate,
  InvalidationResult,
  Unanswered,
  WriteBounds,
} from './contract.ts';
import { guarded } from './guarded.ts';
import { Exchange } from './http/exchange.ts';
import type { LargeBodies } from './http/large-bodies.ts';
import { answerAtOnce } from './http/lookup.ts';
import { UnreadFills } from './http/unread-fills.ts';
import { holdUnknown } from './http/write.ts';
import { invalidateBy } from './invalidating.ts';
import { type History, Invalidator, localHistory, randomId } from './invalidator.ts';
import { operationsOf } from './operations.ts';
import { populateOne } from './populate/fill.ts';
import type { Rehydrator } from './populate/rehydrate.ts';
import type { InvalidationCause } from './statistics/counts.ts';
import { type Recorder, Statistics } from './statistics/statistics.ts';
import { Tally } from './tally.ts';
import { Tiers } from './tiers/tiers.ts';
import type { MakeSources } from './tracked-sources.ts';
import { UNTRACKED } from './untracked.ts';

/** A write of unknown outcome keeps its URI unstorable for so long by default: as long as origins usually work on one. */
const UNKNOWN_OUTCOME_MS = 30_000;

export interface GateOptions {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  /** Fastest first. */
  readonly stores: readonly Store[];
  /** Names for operators. Default: the first is `memory`. */
  readonly tierNames?: readonly string[];
  /** Figures of the memory tier. */
  readonly memoryStats: Context['figures']['memoryStats'];
  /** Figures of the disk tier, where there is one. */
  readonly diskStats?: () => DurableDiskStats;
  readonly report?: (report: ExchangeReport) => void;
  /** What counts for statistics. Default: one of its own. */
  readonly statistics?: Recorder;
  /** Told of a store that failed; the entry in question is a miss. */
  readonly fault?: (error: unknown) => void;
  /** Told of what threw, and must not have. Default: it is thrown again. */
  readonly exception?: (error: unknown, scope: ExceptionScope) => void;
  /** Fills again what was invalidated and clients had asked for. Default: nobody. */
  readonly rehydrator?: Rehydrator;
  /** Makes who samples the hits. Default: nobody. */
  readonly hits?: (context: Context) => HitWatch | undefined;
  /** Bounds what is held in memory for requests under way. Default: nothing does. */
  readonly budget?: MemoryBudget;
  /** Of a body that is not stored, by how much the origin is read ahead of the client. Default 256 KiB. */
  readonly readAheadBytes?: number;
  /** Bounds the writes under way. Default: nothing does. */
  readonly writes?: WriteBounds;
  /** Default 30,000. */
  readonly unknownOutcomeMs?: number;
  /** Makes the epoch of a log in memory, which no client may guess. Default: with `random`, whose numbers a client can foresee. */
  readonly epoch?: () => string;
  /** Hashed buckets of the invalidation log, a power of two. Default 2^20, 8 bytes each. */
  readonly buckets?: number;
  /** Where bodies too large for memory go. Default: nowhere, so that they are not stored. */
  readonly bodies?: LargeBodies;
  /** Puts stored responses in content codings, on routes that ask for it. Default: nobody does. */
  readonly coder?: MakeCoder;
  /** Sources of data that trackers report. Default: none, and what was read from one is not stored. */
  readonly sources?: MakeSources;
  /** Earlier invalidations, and the log that continues them. Default: none, and a log in memory. */
  readonly history?: History;
  /**
   * False: no request waits for the flight of another, as on Workers, where the platform may end that one at any time.
   * Default true.
   */
  readonly joins?: boolean;
  /**
   * Whether a write is answered although its invalidations failed. Default true: a log in this process applies what it could
   * not make durable. False where a failure leaves open whether anybody heard of them.
   */
  readonly answersUnlogged?: boolean;
  /**
   * Settles when every intent opened so far is in force at all members of the log; undefined when it is. A write is not sent
   * before. If a member is killed in the middle of it, the others then certainly know of the write, and invalidate what it may
   * have changed. A write whose intent failed is sent all the same with `answersUnlogged`, since its invalidations will be
   * refused, and reported, too; else it fails with E_LOG. Default: there are no other members.
   */
  readonly intentsInForce?: () => Promise<unknown> | undefined;
  /**
   * Entries of a slow tier that an invalidation counts, for whoever asks for it. Default 10,000. 0: each question to such a tier is
   * paid for, and none is asked without need.
   */
  readonly mostCounted?: number;
  /** Told of each event of the log, whoever made it, once it is in force here. */
  readonly heard?: (position: Position, event: LogEvent) => void;
  /** URIs with a write that was under way when the gate ended: unstorable for a while, as after any unknown outcome. */
  readonly unknownWrites?: readonly string[];
  /** True: there may have been such writes that nobody knows of any more. Then everything is held to be unknown. */
  readonly unknownPast?: boolean;
}

const READ_AHEAD_BYTES = 256 * 1024;

const NOTHING_TO_CANCEL: Cancel = () => {};

/** What answers requests, alone: whoever does nothing else with it need not carry the rest. */
export function createEngine(options: GateOptions): Engine {
  const context = contextOf(options);
  for (const uri of options.unknownWrites ?? []) {
    const held = holdUnknown(context, uri);
    if (held instanceof Promise) held.catch(context.fault);
  }
  if (options.unknownPast === true) {
    // A write of a process before may end until then, unnoticed; entries filled before its end may be outdated.
    context.tasks.later(context.unknownOutcomeMs, () => context.invalidator.invalidateSoon({ kind: 'all' }, 'fault'));
  }
  return {
    context,
    handle: (request, responder, unanswered) => handle(new Exchange(context, request, responder), context, unanswered),
    answerAtOnce: (request) => answerAtOnce(context, request),
    invalidate: (selector, cause) => invalidate(context, selector, cause),
  };
}

export function createGate(options: GateOptions): Gate {
  const { context, ...answering } = createEngine(options);
  return {
    ...answering,
    ...operationsOf(context),
    populate: (request, freshUntilMs) => populateOne(context, request, freshUntilMs),
    reportSource: (report) => context.trackers.report(report),
    askSource: (source, about) => context.trackers.ask(source, about),
    broken: async (error, scope) => void (await outlive(context, options, { error, scope })),
    sources: () => context.sources.states(),
  };
}

function contextOf(options: GateOptions): Context {
  const { clock, random, stores, mostCounted = MOST_COUNTED, fault = () => {}, report = () => {} } = options;
  const { budget = UNBOUNDED } = options;
  const { epoch = () => randomId(random), buckets } = options;
  const { invalidations, log } = options.history ?? localHistory({ epoch, buckets });
  const ledger = new Ledger<LedgerEntry>(invalidations, subjectOf, options.history !== undefined);
  log.follow(follower(ledger, options.heard));
  const invalidator: Invalidator = new Invalidator(log, random, fault);
  const { statistics = new Statistics() } = options;
  const tally = new Tally({ clock, statistics, report, broken: (error) => broken(error) });
  const broken = (error: unknown) => {
    const flushed = outlive({ tally, invalidator }, options, { error, scope: 'unknown' });
    if (flushed instanceof Promise) flushed.catch(fault);
    return new TidegateError('E_FAULT', 'expected no exception, got one', { cause: error });
  };
  const tasks: Tasks = {
    later: (delayMs, work) => options.tasks.later(delayMs, guarded(work, broken)),
    soon: (work) => options.tasks.soon(guarded(work, broken)),
  };
  const names = options.tierNames ?? ['memory'];
  const tiers = new Tiers({ stores, names, ledger, clock, tasks, fault, joins: options.joins ?? true, mostCounted });
  const makeSources = options.sources ?? (() => UNTRACKED);
  const trackers = makeSources({
    ...{ clock, tasks, random, epoch: () => invalidations.epoch },
    invalidate: (selectors) => invalidateBy({ invalidator, tiers, fault }, 'source', selectors),
    outdated: (selectors) => options.rehydrator?.invalidated(selectors, tiers),
  });
  const { leases: sources, positions } = trackers;
  ledger.sources = sources;
  const context: Context = {
    figures: options,
    ...{ clock, tasks, random, ledger, invalidator, sources, positions, trackers, tiers },
    ...{ fault, broken, tally, statistics, startedMs: clock.now() },
    bodies: options.bodies,
    budget,
    unread: new UnreadFills(budget),
    readAheadBytes: options.readAheadBytes ?? READ_AHEAD_BYTES,
    coder: options.coder?.({ tiers, fault, budget }),
    flights: new Map(),
    joins: options.joins ?? true,
    rehydrator: options.rehydrator,
    answersUnlogged: options.answersUnlogged ?? true,
    ...{ intentsInForce: options.intentsInForce, writes: options.writes },
    unknownOutcomeMs: options.unknownOutcomeMs ?? UNKNOWN_OUTCOME_MS,
    hits: undefined,
  };
  return { ...context, hits: options.hits?.(context) };
}

function follower(ledger: Ledger<LedgerEntry>, heard: GateOptions['heard']): NonNullable<GateOptions['heard']> {
  return (position, event) => {
    ledger.apply(position, event);
    heard?.(position, event);
  };
}

/** An exception that nothing expected. Where an invalidation may be lost with it, everything stored is invalidated. */
function outlive(
  { tally, invalidator }: Pick<Context, 'tally' | 'invalidator'>,
  { exception }: Pick<GateOptions, 'exception'>,
  { error, scope }: { readonly error: unknown; readonly scope: ExceptionScope },
): Eventually<unknown> {
  tally.exceptions[scope]++;
  const flushed = scope === 'unknown' ? invalidator.invalidate({ kind: 'all' }, { cause: 'fault' }) : undefined;
  if (exception === undefined) throw error;
  exception(error, scope);
  return flushed;
}

function handle(exchange: Exchange, context: Context, unanswered: Unanswered | undefined): Cancel {
  try {
    exchange.receive(unanswered?.selection);
  } catch (error) {
    exchange.fail(context.broken(error));
  }
  return exchange.over ? NOTHING_TO_CANCEL : () => exchange.abandon();
}

async function invalidate(
  context: Context,
  selector: Selector,
  cause: InvalidationCause = 'call',
): Promise<InvalidationResult> {
  const position = await context.invalidator.invalidate(selector, { cause });
  const held = context.tiers.held(selector);
  context.rehydrator?.found(held);
  // It is in force, whether it can be counted or not.
  const { count, more } = await context.tiers.count(selector, held).catch((error: unknown) => {
    context.fault(error);
    return { count: held.length, more: true };
  });
  context.invalidator.found(cause, count);
  return { position, matched: count, ...(more && { more }) };
}

/** Entries of a slow tier that an invalidation counts: it is in force already, and who asked for it waits. */
const MOST_COUNTED = 10_000;
