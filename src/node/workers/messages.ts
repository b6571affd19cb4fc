// The messages between the primary and a worker, over the system's channel between parent and child. Plain data,
// copied by structured cloning.

import type { Explanation, GateStats, ListPage, ListQuery } from '../../engine/contract.ts';
import type { SourceReply, SourceReport } from '../../engine/source-leases.ts';
import type { ErrorCode } from '../../errors.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { LogToMember, Membership, MemberToLog } from '../../log/member-log.ts';
import type { Fields } from '../../semantics/fields.ts';
import type { DiskToWorker, WorkerToDisk } from '../../store/disk/replica/replica-messages.ts';
import type { ResolvedConfig } from '../config/config.ts';
import type { MetricsSnapshot } from '../operator/metrics.ts';

/** The primary's questions, by kind; each with its answer in `Answers`. */
export type Question =
  | { readonly kind: 'figures' }
  /** Stored responses in memory that match the selector; `remove`: also removes them. */
  | { readonly kind: 'matched'; readonly selector: Selector; readonly remove: boolean }
  | { readonly kind: 'clear' }
  | { readonly kind: 'list'; readonly query: ListQuery }
  | { readonly kind: 'explain'; readonly method: string; readonly uri: string; readonly fields: Fields }
  | { readonly kind: 'reload'; readonly config: ResolvedConfig }
  /** From a tracker. `outdated`: tags that are outdated already; requested entries with these tags are filled again. */
  | { readonly kind: 'report'; readonly report: SourceReport; readonly outdated: readonly string[] };

export interface Answers {
  readonly figures: Figures;
  /** Hashes of their keys. */
  readonly matched: Float64Array;
  /** Number of removed entries. */
  readonly clear: number;
  readonly list: ListPage;
  /** Undefined when no route has the URI. */
  readonly explain: Explanation | undefined;
  readonly reload: true;
  readonly report: SourceReply;
}

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
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  /** Accept no more, finish what runs, and end. */
  | { readonly kind: 'close'; readonly graceMs: number };

export type FromWorker =
  /** Ready to hear. */
  | { readonly kind: 'hello' }
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string }
  | { readonly kind: 'log'; readonly message: MemberToLog }
  | { readonly kind: 'disk'; readonly message: WorkerToDisk }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answers[Question['kind']] }
  | { readonly kind: 'no-answer'; readonly id: number; readonly reason: string };
