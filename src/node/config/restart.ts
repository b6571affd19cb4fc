// What a reload changes, and what only a new start does.

import type { ResolvedConfig } from './config.ts';

/** Keys that only a new start can change; the certificates of `listen` change with a reload. */
const FIXED = [
  'listen',
  'admin',
  'positions',
  'memory',
  'disk',
  'cluster',
  'limits',
  'log',
  'cacheName',
  'workers',
  'prober',
] as const;

/** The keys of `after` that wait for a new start. */
export function needsRestart(before: ResolvedConfig, after: ResolvedConfig): string[] {
  const inForce = reloaded(before, after);
  return FIXED.filter((key) => JSON.stringify(inForce[key]) !== JSON.stringify(after[key]));
}

/** What is in force after a reload of `after`: fixed keys stay as they were. */
export function reloaded(before: ResolvedConfig, after: ResolvedConfig): ResolvedConfig {
  const fixed = Object.fromEntries(FIXED.map((key) => [key, before[key]])) as Pick<
    ResolvedConfig,
    (typeof FIXED)[number]
  >;
  const { tls } = before.listen;
  const certificates = after.listen.tls?.certificates ?? tls?.certificates;
  return {
    ...after,
    ...fixed,
    listen: tls && certificates ? { ...before.listen, tls: { ...tls, certificates } } : before.listen,
  };
}
