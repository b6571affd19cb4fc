// Input and output of a feed process. Types only.

import type { FeedStatus } from '../../ports.ts';
import type { TargetStatus, TrackedDatabase, TrackerCounts, TrackingTarget } from '../contract.ts';

/** A process that follows a database for applications of several processes. */
export interface FeedProcessOptions {
  /** Name of 1 to 64 of a-z, 0-9, `-` and `_`. Each source has one feed process. */
  readonly source: string;
  readonly database: TrackedDatabase;
  /** Gates. Data caches are told by the applications that have them. */
  readonly targets: readonly TrackingTarget[];
  /** Host on which it listens. Default 127.0.0.1; any host but loopback needs a token. */
  readonly host?: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Applications have to send it. */
  readonly token?: string;
  /** How long a target, or an application, goes on without hearing from here. Default 2,000. */
  readonly leaseMs?: number;
  /** A feed that is further behind has the leases run out. Default 2,000. */
  readonly maxLagMs?: number;
  /** Statements with their parameters that are kept; the oldest are forgotten, and with that invalidated. Default 1,000,000. */
  readonly maxInstances?: number;
  /** Statement texts whose analysis is kept. Default 2,000. */
  readonly maxTemplates?: number;
  /** Called with errors that nobody waits for. Default: nobody. */
  readonly onFault?: (error: unknown) => void;
}

export interface FeedProcess {
  /** `http://127.0.0.1:8090` */
  readonly url: string;
  status(): FeedProcessStatus;
  /**
   * Resolves once no target serves anything from before the latest commit of now. Rejects with E_FEED where it is
   * stopped.
   */
  settled(): Promise<void>;
  /** Targets stop serving by themselves once their lease has run out; applications have nothing stored any more. */
  stop(): Promise<void>;
}

export interface FeedProcessStatus {
  readonly source: string;
  readonly state: 'stopped' | 'live' | 'lagging';
  readonly feed: FeedStatus | undefined;
  readonly position: string | undefined;
  /** Statements that are watched. */
  readonly instances: number;
  /** Applications that listen now. */
  readonly clients: number;
  /** Reads that applications asked to have watched; `refused` counts those that were refused. */
  readonly registrations: number;
  readonly refused: number;
  readonly targets: readonly TargetStatus[];
  readonly counts: TrackerCounts;
}
