// What a configuration means for a gate that runs: bounds that follow from it, and what differs from the one before.

import { BlockList, isIPv6 } from 'node:net';
import { LARGEST_PART } from '../../store/memory.ts';
import type { ResolvedConfig } from './config.ts';

/** What is too large for the store is not gathered for it in vain. */
export function boundBodies(config: ResolvedConfig, maxBytes: number): ResolvedConfig {
  const most = Math.floor(maxBytes * LARGEST_PART);
  return {
    ...config,
    routes: config.routes.map((route) => ({ ...route, maxBodyBytes: Math.min(route.maxBodyBytes, most) })),
  };
}

/** Addresses and networks as a list that can be asked. */
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

/** Origins whose own settings, or whose routes' rules, are not what they were. */
export function changedOrigins(before: ResolvedConfig, after: ResolvedConfig): string[] {
  const shape = (config: ResolvedConfig, name: string) =>
    JSON.stringify([
      config.origins[name],
      config.routes.filter((route) => route.origin === name),
      config.targetedFields,
      config.trustedProxies,
    ]);
  return Object.keys(before.origins).filter((name) => shape(before, name) !== shape(after, name));
}

/** Keys that only a new start can change. */
export function needsRestart(before: ResolvedConfig, after: ResolvedConfig): string[] {
  const keys = ['listen', 'admin', 'memory', 'disk', 'limits', 'log', 'cacheName'] as const;
  return keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]));
}
