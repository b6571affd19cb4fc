// All peers.

import { bentocache } from './bentocache.ts';
import { cacheManager } from './cache-manager.ts';
import { cacheable } from './cacheable.ts';
import { cachified } from './cachified.ts';
import { drizzle } from './drizzle.ts';
import { Absent, type Peer, type PeerRow } from './peer.ts';
import { undici } from './undici.ts';

export const PEERS: readonly Peer[] = [bentocache, cacheable, cachified, cacheManager, drizzle, undici];

export interface PeerResult {
  readonly rows: readonly PeerRow[];
  /** Names of those that are not installed. */
  readonly absent: readonly string[];
  /** What kept a peer from being raced; not a finding about it. */
  readonly faults: readonly string[];
}

export async function racePeers(): Promise<PeerResult> {
  const rows: PeerRow[] = [];
  const absent: string[] = [];
  const faults: string[] = [];
  for (const peer of PEERS) {
    try {
      rows.push(...(await peer.race()));
    } catch (error) {
      if (error instanceof Absent) absent.push(peer.name);
      else faults.push(`${peer.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { rows, absent, faults };
}
