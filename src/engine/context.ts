// The context that the parts of one engine share.

import type { EntryLedger } from '../entry/key.ts';
import type { StoredResponse } from '../entry/stored-response.ts';
import type { TidegateError } from '../errors.ts';
import type { MemoryBudget } from '../memory/budget.ts';
import type { Clock, Random, Tasks } from '../ports.ts';
import type { MakeCoder } from './answers/coding.ts';
import type { Gate, GateRequest, GateStats, WriteBounds } from './contract.ts';
import type { LargeBodies } from './http/large-bodies.ts';
import type { RunningFlight } from './http/running-flight.ts';
import type { UnreadFills } from './http/unread-fills.ts';
import type { Invalidator } from './invalidator.ts';
import type { Rehydrator } from './populate/rehydrate.ts';
import type { ProberCounts } from './prober/counts.ts';
import type { Recorder } from './statistics/statistics.ts';
import type { Tally } from './tally.ts';
import type { Tiers } from './tiers/tiers.ts';
import type { Sources, SourceView } from './tracked-sources.ts';

export interface Context {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  readonly tiers: Tiers;
  readonly budget: MemoryBudget;
  readonly unread: UnreadFills;
  /** Of a body that is not stored, by how much the origin is read ahead of the client. */
  readonly readAheadBytes: number;
  /** Where bodies too large for memory go; undefined: nowhere. */
  readonly bodies: LargeBodies | undefined;
  /** Puts stored responses in content codings; undefined: nobody does. */
  readonly coder: ReturnType<MakeCoder> | undefined;
  readonly ledger: EntryLedger;
  readonly invalidator: Invalidator;
  readonly sources: SourceView;
  readonly positions: Sources['positions'];
  /** Who reports the sources. */
  readonly trackers: Pick<Sources, 'report' | 'ask'>;
  readonly tally: Tally;
  readonly statistics: Recorder;
  /** Since when it counts, by `clock.now`. */
  readonly startedMs: number;
  /** Fills and validations under way that others may join, by the key of what they fetch. */
  readonly flights: Map<string, RunningFlight>;
  /** False: no request waits for the flight of another. */
  readonly joins: boolean;
  /** Who fills again what was invalidated; undefined: nobody. */
  readonly rehydrator: Rehydrator | undefined;
  /** Who samples hits; undefined: nobody. */
  readonly hits: HitWatch | undefined;
  /** Told of a store that failed, which costs a miss and nothing more. */
  readonly fault: (error: unknown) => void;
  /**
   * Told of an exception that nothing expected: counts it, and invalidates everything stored, since an invalidation may be
   * lost with it. Gives what its client is to be told.
   */
  readonly broken: (error: unknown) => TidegateError;
  /** Whether a write is answered although its invalidations failed: true where they are in force all the same. */
  readonly answersUnlogged: boolean;
  /** Undefined: nothing bounds writes. */
  readonly writes: WriteBounds | undefined;
  /** See GateOptions. */
  readonly intentsInForce: (() => Promise<unknown> | undefined) | undefined;
  /** How long the URI of a write of unknown outcome stays unstorable: it may still be carried out. */
  readonly unknownOutcomeMs: number;
  /** The counts that the stores keep. */
  readonly figures: {
    readonly memoryStats: () => GateStats['memory'];
    readonly diskStats?: (() => NonNullable<GateStats['disk']>) | undefined;
  };
}

/** Is told of each hit, before its answer is sent. */
export interface HitWatch {
  served(request: GateRequest, entry: StoredResponse): void;
  counts(): ProberCounts;
}

/** It answers requests; operations.ts takes its context for the rest. */
export interface Engine extends Pick<Gate, 'handle' | 'answerAtOnce' | 'invalidate'> {
  readonly context: Context;
}
