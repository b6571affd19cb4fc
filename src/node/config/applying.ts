// Consequences of a configuration for a running gate: derived bounds, and differences from the one before.

import { BlockList, isIPv6 } from 'node:net';
import { LARGEST_PART } from '../../store/memory.ts';
import type { ResolvedConfig } from './config.ts';

/** Does not gather bodies that are too large for every tier. `tiers`: the room of each. */
export function boundBodies(config: ResolvedConfig, tiers: readonly number[]): ResolvedConfig {
  const most = Math.floor(Math.max(...tiers) * LARGEST_PART);
  return {
    ...config,
    routes: config.routes.map((route) => ({ ...route, maxBodyBytes: Math.min(route.maxBodyBytes, most) })),
  };
}

/** Addresses and networks as a list to look up. */
export function networks(trusted: readonly string[]): BlockList {
  const list = new BlockList();
  for (const network of trusted) {
    const [address, prefix] = network.split('/') as [string, string | undefined];
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return list;
}

/** All settings that decide what is stored of an origin's answers and under which key, as a text to compare. */
export function rulesOf(config: ResolvedConfig, origin: string): string {
  return JSON.stringify([
    config.origins[origin],
    config.routes.filter((route) => route.origin === origin),
    config.targetedFields,
    config.trustedProxies,
  ]);
}

/** Origins whose own settings, or whose routes' rules, have changed. */
export function changedOrigins(before: ResolvedConfig, after: ResolvedConfig): string[] {
  return Object.keys(before.origins).filter((name) => rulesOf(before, name) !== rulesOf(after, name));
}

/** Keys that only a new start can change. */
export function needsRestart(before: ResolvedConfig, after: ResolvedConfig): string[] {
  const keys = ['listen', 'admin', 'memory', 'disk', 'limits', 'log', 'cacheName', 'workers'] as const;
  return keys.filter((key) => JSON.stringify(settled(before)[key]) !== JSON.stringify(settled(after)[key]));
}

/** Without the certificates, which a reload does change. */
function settled(config: ResolvedConfig): ResolvedConfig {
  const { tls } = config.listen;
  return tls === undefined ? config : { ...config, listen: { ...config.listen, tls: { ...tls, certificates: [] } } };
}
