// A gate of several processes, seen from the first one: it owns the disk, the log of invalidations and the admin API,
// populates, and has workers serve the clients.

import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { AdminDeps } from '../../admin/contract.ts';
import { platformClock, platformTasks } from '../../cache/platform.ts';
import { localHistory } from '../../engine/invalidator.ts';
import type { TidegateError } from '../../errors.ts';
import type { SharedLease } from '../../log/lease/log-share.ts';
import { SharedLog } from '../../log/shared-log.ts';
import { ReplicaFeed } from '../../store/disk/replica/replica-feed.ts';
import type { ResolvedConfig } from '../config/config.ts';
import { createMetrics } from '../operator/metrics.ts';
import type { CloseOptions, RunningGate } from '../running-gate.ts';
import { startPart } from '../serve.ts';
import type { Tenants } from '../tenants/tenants.ts';
import { summedFigures, withTenants } from '../tenants/with-tenants.ts';
import { openTiers } from '../tiers.ts';
import { poolAdmin } from './pool-admin.ts';
import { Totals } from './totals.ts';
import { WorkerPool } from './worker-pool.ts';

/**
 * Resolves when all workers listen. Rejects as `startGate` does, and with E_WORKER. `gaveUp` resolves when workers die faster than
 * they can be replaced: then the gate cannot continue.
 */
export async function startWorkers(
  config: ResolvedConfig,
  size: number,
  log: Logger,
): Promise<RunningGate & Pick<WorkerPool, 'gaveUp'>> {
  const opened = await openShared(config, log);
  const { promise: gaveUp, resolve } = Promise.withResolvers<TidegateError>();
  const start = async (whole: ResolvedConfig, tenants: Tenants) => {
    const part = await startPool({ ...opened, size, log, tenants }, whole);
    part.gaveUp.then(resolve);
    return part;
  };
  return { ...(await withTenants(config, { log, tiers: opened.tiers }, start)), gaveUp };
}

type PoolParts = Awaited<ReturnType<typeof openShared>> & {
  readonly log: Logger;
  readonly tenants: Tenants;
  readonly size: number;
};

async function startPool({ feed, shared, tiers, size, log, tenants }: PoolParts, config: ResolvedConfig) {
  const totals = new Totals();
  let sources: AdminDeps['sources']['sources'] = () => [];
  let lease: SharedLease | undefined;
  const pool = new WorkerPool({
    lease: () => lease,
    ...{ config, size, shared, feed, log },
    sources: () => sources().map(({ source }) => source),
    retired: (figures) => totals.retire(figures),
  });
  const share = (next: SharedLease) => {
    lease = next;
    pool.leased(next);
  };
  tiers.cluster?.serveBy({ settled: () => shared.settled(), leased: share });
  const metrics = createMetrics({
    ...{ stats: () => totals.stats, counts: () => totals.counts, prediction: () => totals.prediction },
    ...{ sources: () => sources(), cluster: tiers.cluster?.figures },
  });
  const part = await startPart(config, {
    log,
    tiers,
    tenants,
    role: {
      kind: 'primary',
      front: pool,
      metrics,
      admin: (deps) => {
        sources = () => deps.sources.sources();
        return poolAdmin(deps, { pool, totals, metrics, hasDisk: config.disk !== undefined });
      },
    },
  });
  return {
    ...{ url: part.url, adminUrl: part.adminUrl, gate: part.gate, gaveUp: pool.gaveUp },
    publish: (what: Parameters<RunningGate['publish']>[0]) => part.publish(what),
    close: (options?: CloseOptions) => part.close(options),
    exchanges: part.exchanges,
    allFigures: async () => summedFigures((await pool.figures()).map((one) => one.tenants)),
    reload: async (news: ResolvedConfig) => {
      part.prepare(news);
      // The workers first: invalidations here then cover all their fills under the old rules.
      await pool.reload(news);
      await part.reload(news);
    },
  };
}

/** The parts that workers share: the disk, and the log of invalidations. */
async function openShared(config: ResolvedConfig, log: Logger) {
  const fault = (error: unknown) => log.error({ err: error }, 'something shared by the workers failed');
  const feed = config.disk === undefined ? undefined : new ReplicaFeed(platformTasks, fault);
  const opened = await openTiers({ ...config, memory: { ...config.memory, maxBytes: 0 } }, log, feed);
  const { invalidations, log: journal } = opened.gateOptions.history ?? localHistory({ epoch: randomUUID() });
  const image = () => invalidations.image();
  const shared = new SharedLog({ log: journal, image, clock: platformClock, tasks: platformTasks, fault });
  const history = { invalidations, log: shared };
  return { feed, shared, tiers: { ...opened, gateOptions: { ...opened.gateOptions, history } } };
}
