// What operators are served: the admin API on a listener of its own, with the history of the statistics.

import type { Logger } from 'pino';
import type { AdminDeps } from '../../admin/contract.ts';
import { platformClock, platformTasks } from '../../cache/platform.ts';
import { StatsHistory } from '../../engine/statistics/history.ts';
import type { Tenants } from '../tenants/tenants.ts';
import { adminApi } from '../tenants/with-tenants.ts';
import { type AdminListener, type RunningAdmin, startAdmin } from './admin-server.ts';

/** The parts of a gate that operators are offered. */
export type Offered = Omit<AdminDeps, 'history'>;

/** Throws E_ADMIN_TOKEN, or E_PORT when the address cannot be listened on. */
export async function serveOperators(
  listener: Omit<AdminListener, 'api'>,
  offered: Offered,
  { log, tenants }: { readonly log: Logger; readonly tenants?: Tenants | undefined },
): Promise<RunningAdmin> {
  const counts = () => offered.gate.counts();
  const fault = (err: unknown) => log.error({ err }, 'ten seconds of statistics could not be read');
  const history = new StatsHistory({ clock: platformClock, tasks: platformTasks, counts, fault });
  const server = await startAdmin({
    ...listener,
    api: adminApi({ ...offered, history }, tenants),
    tokens: tenants?.tokens,
  });
  history.start();
  return {
    url: server.url,
    close: () => {
      history.stop();
      return server.close();
    },
  };
}
