// All peers, and their installation.

import { spawnSync } from 'node:child_process';
import { bentocache } from './bentocache.ts';
import { cacheManager } from './cache-manager.ts';
import { cacheable } from './cacheable.ts';
import { cachified } from './cachified.ts';
import { Absent, type Peer, PEERS_FOLDER, type PeerRow } from './peer.ts';
import { undici } from './undici.ts';

export const PEERS: readonly Peer[] = [bentocache, cacheable, cachified, cacheManager, undici];

export interface PeerResult {
  readonly rows: readonly PeerRow[];
  /** Names of those that are not installed. */
  readonly absent: readonly string[];
}

export async function racePeers(): Promise<PeerResult> {
  const rows: PeerRow[] = [];
  const absent: string[] = [];
  for (const peer of PEERS) {
    try {
      rows.push(...(await peer.race()));
    } catch (error) {
      if (!(error instanceof Absent)) throw error;
      absent.push(peer.name);
    }
  }
  return { rows, absent };
}

export function installPeers(): void {
  const { status } = spawnSync('npm', ['install', '--no-audit', '--no-fund'], { cwd: PEERS_FOLDER, stdio: 'inherit' });
  if (status !== 0) throw new Error(`expected npm install in ${PEERS_FOLDER} to succeed, got status ${status}`);
}
