// The metrics of the parts of one process that serves clients.

import type { Gate } from '../../engine/contract.ts';
import type { PredictionFigures } from '../../prediction/prediction.ts';
import type { Origins } from '../origin/origin.ts';
import type { Overload } from '../overload.ts';
import type { NodeTiers } from '../tiers.ts';
import type { ExchangeLog } from './exchange-log.ts';
import { createMetrics, type Metrics } from './metrics.ts';

interface MeasuredParts {
  /** Asked at each scrape. */
  readonly gate: () => Pick<Gate, 'stats' | 'counts' | 'sources'>;
  readonly predicted: () => PredictionFigures | undefined;
  readonly tiers: Pick<NodeTiers, 'uploads' | 'answers' | 'tunnels' | 'writes' | 'cluster'>;
  readonly origins: Pick<Origins, 'queues'>;
  readonly overload: Overload;
  readonly exchanges: Pick<ExchangeLog, 'tenants'>;
}

export function ownMetrics({ gate, predicted, tiers, origins, overload, exchanges }: MeasuredParts): Metrics {
  const { uploads, answers, tunnels, writes, cluster } = tiers;
  return createMetrics({
    ...{ stats: () => gate().stats(), counts: () => gate().counts(), sources: () => gate().sources() },
    ...{ overload, cluster: cluster?.figures, queues: () => origins.queues(), refusedWrites: writes.counts },
    ...{ uploads: uploads.counts, cut: answers.counts, tunnels: tunnels.counts },
    ...{ tenants: () => exchanges.tenants.figures(), prediction: predicted },
  });
}
