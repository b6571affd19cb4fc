// `GET /v1/cluster`: where this gate stands in its cluster, and who else is in it.

/** What the gate knows without asking the engine. */
export interface ClusterFigures {
  /** Name of the log, `cluster.name` of the configuration. */
  readonly name: string;
  /** Name of this gate, `cluster.node` of the configuration. */
  readonly node: string;
  /** Whether it may serve from its cache now. */
  readonly isLeased: boolean;
  /** Time until the lease ends; 0 without a lease. */
  readonly leaseLeftMs: number;
  readonly leaseMs: number;
  /** Epoch of the log; absent before the gate has joined. */
  readonly epoch?: string;
  /** Number of the last change that is in force here; absent before the gate has joined. */
  readonly number?: number;
  /** How often all that was stored became outdated at once, by another epoch or as too much was missed. */
  readonly flushes: number;
  /** From an invalidation of this process to its acknowledgement, of the last thousand; absent without one. */
  readonly acknowledgedMs?: { readonly p50: number; readonly p99: number };
}

export interface ClusterMember {
  /** Name of a gate, or of a process with a data cache. */
  readonly node: string;
  /** Changes of the log that it has not confirmed yet. */
  readonly behind: number;
  /** Time since its last call, by the engine's clock. */
  readonly heardMs: number;
}

export interface ClusterState extends ClusterFigures {
  /** Absent where the engine does not answer. */
  readonly engine?: {
    readonly version: string;
    /** Whether it keeps the log over a restart. */
    readonly isDurable: boolean;
    /** Number of the last change in the log. */
    readonly number: number;
    /** Writes under way, of all members. */
    readonly intents: number;
  };
  readonly members: readonly ClusterMember[];
  /** Why the engine does not answer. */
  readonly problem?: string;
}

export interface ClusterApi {
  readonly figures: () => ClusterFigures;
  readonly state: () => Promise<ClusterState>;
}

/** `inCluster` false: no other gate hears of what this one invalidates. */
export async function clusterState(cluster: ClusterApi | undefined) {
  return cluster === undefined ? { inCluster: false } : { inCluster: true, ...(await cluster.state()) };
}
