// The messages between the primary and a worker, over the system's channel between parent and child. Plain data,
// copied by structured cloning.

import type { AdminDeps } from '../../admin/contract.ts';
import type { Explanation, GateStats, ListPage, ListQuery } from '../../engine/contract.ts';
import type { SourceReply, SourceReport } from '../../engine/source-leases.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { LogToMember, Membership, MemberToLog } from '../../log/member-log.ts';
import type { Eventually } from '../../ports.ts';
import type { DiskToWorker, WorkerToDisk } from '../../store/disk/replica/replica-messages.ts';
import type { ResolvedConfig } from '../config/config.ts';
import type { MetricsSnapshot } from '../operator/metrics.ts';

/** What the primary asks a worker. */
export interface WorkerCalls {
  figures(): Promise<Figures>;
  /** Hashes of the keys of stored responses in memory that match the selector; `remove`: also removes them. */
  matched(given: { readonly selector: Selector; readonly remove: boolean }): Float64Array;
  /** Gives the number of removed entries. */
  clear(): number;
  list(query: ListQuery): Eventually<ListPage>;
  /** Gives undefined when no route has the URI. */
  explain(asked: Parameters<AdminDeps['explainRequest']>[0]): Eventually<Explanation | undefined>;
  reload(config: ResolvedConfig): Promise<void>;
  /** From a tracker. `outdated`: tags that are outdated already; requested entries with these tags are filled again. */
  report(given: { readonly report: SourceReport; readonly outdated: readonly string[] }): Promise<SourceReply>;
}

export type Given<Call extends keyof WorkerCalls> = Parameters<WorkerCalls[Call]>[0];
export type Answer<Call extends keyof WorkerCalls> = Awaited<ReturnType<WorkerCalls[Call]>>;

/** A worker's counts since its start. */
export interface Figures {
  readonly stats: GateStats;
  readonly clientBytes: number;
  readonly measured: MetricsSnapshot;
}

export type ToWorker =
  /** The answer to `hello`. */
  | {
      readonly kind: 'welcome';
      readonly config: ResolvedConfig;
      readonly membership: Membership;
      /** The shared disk tier; undefined when there is none. */
      readonly disk: { readonly path: string } | undefined;
      /** Known sources that trackers report. */
      readonly sources: readonly string[];
    }
  | { readonly kind: 'log'; readonly message: LogToMember }
  | { readonly kind: 'disk'; readonly message: DiskToWorker }
  | { readonly kind: 'ask'; readonly id: number; readonly call: keyof WorkerCalls; readonly given: unknown }
  /** Accept no more, finish what runs, and end. */
  | { readonly kind: 'close'; readonly graceMs: number };

export type FromWorker =
  /** Ready to hear. */
  | { readonly kind: 'hello' }
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string }
  | { readonly kind: 'log'; readonly message: MemberToLog }
  | { readonly kind: 'disk'; readonly message: WorkerToDisk }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'no-answer'; readonly id: number; readonly reason: string };
