// How many tunnels a process holds, how long each may be silent, and what they carry.

import type { ResolvedConfig } from '../../config/config.ts';

export interface TunnelCounts {
  open: number;
  /** Bytes in each direction. */
  readonly bytes: Record<'to_client' | 'to_origin', number>;
  /** Requests for one beyond the limit; tunnels that were silent for too long. */
  readonly stopped: Record<'full' | 'idle', number>;
}

export interface TunnelRoom {
  readonly max: number;
  /** 0: no limit. */
  readonly idleMs: number;
  readonly counts: TunnelCounts;
}

export function tunnelRoom({
  maxTunnels,
  tunnelIdleMs,
}: Pick<ResolvedConfig['limits'], 'maxTunnels' | 'tunnelIdleMs'>): TunnelRoom {
  const counts = { open: 0, bytes: { to_client: 0, to_origin: 0 }, stopped: { full: 0, idle: 0 } };
  return { max: maxTunnels, idleMs: tunnelIdleMs, counts };
}
