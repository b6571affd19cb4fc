// The lease and the log of the cluster, for /metrics.

import type { ClusterFigures } from '../../admin/cluster-api.ts';
import { type Copy, counter, gauge } from './metric-copies.ts';

export const OF_CLUSTER: readonly Copy<ClusterFigures>[] = [
  gauge(
    'cluster_leased',
    '1: the gate may serve from its cache, as it hears of the others.',
    ({ isLeased }: ClusterFigures) => (isLeased ? 1 : 0),
  ),
  gauge(
    'cluster_lease_left_seconds',
    'What is left of the lease.',
    ({ leaseLeftMs }: ClusterFigures) => leaseLeftMs / 1000,
  ),
  gauge('cluster_number', 'Changes of the log that are in force here.', ({ number }: ClusterFigures) => number ?? 0),
  counter(
    'cluster_flushes',
    'Times that all that was stored became outdated, by another epoch or as too much was missed.',
    ({ flushes }: ClusterFigures) => flushes,
  ),
  gauge(
    'cluster_acknowledgement_seconds{quantile}',
    'From an invalidation of this gate to its acknowledgement, of the last thousand.',
    ({ acknowledgedMs: ms }: ClusterFigures) =>
      ms === undefined ? {} : { '0.5': ms.p50 / 1000, '0.99': ms.p99 / 1000 },
  ),
];
