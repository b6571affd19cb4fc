// `GET /v1/cluster`: where this gate stands in its cluster, and who else is in it.

/** What this gate knows by itself. */
export interface ClusterFigures {
  /** Of the log. */
  readonly name: string;
  /** Of this gate among the members. */
  readonly node: string;
  /** Whether it may serve from its cache now. */
  readonly isLeased: boolean;
  /** What is left of the lease; 0 without one. */
  readonly leaseLeftMs: number;
  readonly leaseMs: number;
  /** Of the log, and how far its changes are in force here; absent before the gate has joined. */
  readonly epoch?: string;
  readonly number?: number;
  /** How often all that was stored became outdated at once, by another epoch or as too much was missed. */
  readonly flushes: number;
  /** From an invalidation of this process to its acknowledgement, of the last thousand; absent without one. */
  readonly acknowledgedMs?: { readonly p50: number; readonly p99: number };
}

export interface ClusterMember {
  /** Of data caches too. */
  readonly node: string;
  /** Changes of the log that it has not confirmed yet. */
  readonly behind: number;
  /** Since its last call, by the engine's clock. */
  readonly heardMs: number;
}

export interface ClusterState extends ClusterFigures {
  /** Absent where the engine does not answer. */
  readonly engine?: {
    readonly version: string;
    /** Whether it keeps the log over a restart. */
    readonly isDurable: boolean;
    /** Changes of the log. */
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
