// The command `dashboard`: the dashboard on this machine, over the admin API of a gate elsewhere, such as a Worker's.

import { adminCounts } from '../../../admin/call-room.ts';
import { type RunningAdmin, startAdmin } from '../admin-server.ts';
import { callAdmin, passOn } from './admin-client.ts';
import { COMMON_OPTIONS, type CommonOptions, get } from './admin-commands.ts';
import { type Call, type CommandRow, endOnSignal, failed } from './commands.ts';
import { portNumber } from './values.ts';

interface DashboardOptions extends CommonOptions {
  readonly port: number;
  readonly shard?: string;
}

export const DASHBOARD: CommandRow = {
  name: 'dashboard',
  help: 'show the dashboard of a gate elsewhere, such as one on Workers, on this machine',
  options: [
    ...COMMON_OPTIONS.slice(0, 2),
    ['--port <number>', 'port to listen on, of 127.0.0.1 (0: any free one)', { read: portNumber, fallback: 8082 }],
    ['--shard <name>', 'the host or tenant whose log it is about, of a Worker with coherence.shard'],
  ],
  ends: 'Ctrl-C ends it, with 0. Ends with 1 when the gate cannot be reached, or refuses the token.',
  run: dashboard,
};

/** No more than a gate of its own takes; this one is reached from this machine alone. */
const LIMITS = { perSecond: 100, burst: 200 };

async function dashboard({ io, options }: Call<DashboardOptions>): Promise<void> {
  const { url, close } = await startDashboard(options);
  io.print(`dashboard of ${options.admin} at ${url}`);
  endOnSignal(close, (error) => failed(io, error));
}

export async function startDashboard(options: DashboardOptions): Promise<RunningAdmin> {
  const { shard, port } = options;
  const query = [['shard', shard]] as const;
  // Now, and not when a browser comes, a wrong address or token is told.
  await callAdmin(options, get('/v1/stats', query));
  return startAdmin({
    ...{ port, maxConnections: 64, calls: LIMITS, wrongTokens: LIMITS, counts: adminCounts() },
    api: (request) => passOn(options, request, query),
  });
}
