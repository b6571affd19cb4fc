// How many tunnels a process holds, of all clients and of each, how long each may be silent, and what they carry.

import { clientGroup } from '../../../entry/clients.ts';
import type { ResolvedConfig } from '../../config/config.ts';
import { countIn } from '../../count-in.ts';

export interface TunnelCounts {
  open: number;
  /** Bytes in each direction. */
  readonly bytes: Record<'to_client' | 'to_origin', number>;
  /** Requests for one beyond the limit of all (full) or of the client; tunnels that were silent for too long. */
  readonly stopped: Record<'full' | 'client' | 'idle', number>;
}

type TunnelLimits = Pick<ResolvedConfig['limits'], 'maxTunnels' | 'maxTunnelsPerClient' | 'tunnelIdleMs'>;

export class TunnelRoom {
  readonly counts: TunnelCounts = {
    open: 0,
    bytes: { to_client: 0, to_origin: 0 },
    stopped: { full: 0, client: 0, idle: 0 },
  };
  /** 0: no limit. */
  readonly idleMs: number;
  readonly #limits: TunnelLimits;
  readonly #ofClients = new Map<unknown, number>();

  constructor(limits: TunnelLimits) {
    this.#limits = limits;
    this.idleMs = limits.tunnelIdleMs;
  }

  /** Gives a place, and the function that gives it back, or tells what there is no room for. `client`: undefined where nobody knows it. */
  enter(client: string | undefined): (() => void) | string {
    const { maxTunnels, maxTunnelsPerClient } = this.#limits;
    const group = client === undefined ? undefined : clientGroup(client);
    if (this.counts.open >= maxTunnels) return this.#refuse('full', `more than ${maxTunnels}`);
    const ofClient = this.#ofClients.get(group) ?? 0;
    if (ofClient >= maxTunnelsPerClient)
      return this.#refuse('client', `more than ${maxTunnelsPerClient} of one client`);
    this.#count(group, 1);
    let isOver = false;
    return () => {
      if (!isOver) this.#count(group, -1);
      isOver = true;
    };
  }

  #refuse(reason: 'full' | 'client', got: string): string {
    this.counts.stopped[reason]++;
    return got;
  }

  #count(group: string | undefined, by: 1 | -1): void {
    this.counts.open += by;
    countIn(this.#ofClients, group, by);
  }
}
