// `tidegate/node`: the gate as a library, for a program that serves by itself, and the disk tier of a data cache.

export type { StatsDocument, StatsPoint } from '../admin/stats-contract.ts';
export type { EntrySummary, Explanation, Gate, GateStats, InvalidationResult, ListPage } from '../engine/contract.ts';
export { loadConfig, type ResolvedConfig, resolveConfig } from './config/config.ts';
export { type DiskTierOptions, openDiskTier } from './disk-tier.ts';
export type { RunningGate } from './running-gate.ts';
export { startGate } from './serve.ts';
