// The set-ups of the drill, and what it tells the processes it starts.

import type { Dialect } from './queries.ts';

export interface SetUp {
  readonly name: string;
  readonly dialect: Dialect;
  /** The database is followed by a process of its own; else by the application. */
  readonly hasFeedProcess: boolean;
}

export const SET_UPS: readonly SetUp[] = [
  { name: 'sqlite', dialect: 'sqlite', hasFeedProcess: false },
  { name: 'postgres', dialect: 'postgres', hasFeedProcess: false },
  { name: 'sqlite-feed-process', dialect: 'sqlite', hasFeedProcess: true },
  { name: 'postgres-feed-process', dialect: 'postgres', hasFeedProcess: true },
];

export interface ProcessSettings {
  readonly dialect: Dialect;
  readonly port: number;
  readonly source: string;
  /** Of the gate's admin API. */
  readonly admin: string;
  /** Of the feed process. */
  readonly feed: string | undefined;
  readonly leaseMs: number;
  readonly maxLagMs: number;
  readonly settleMs: number;
  readonly database: Readonly<Record<string, string>>;
}

export const SETTINGS_VARIABLE = 'TIDEGATE_DRILL_SETTINGS';
/** What the tracker says of itself. */
export const STATUS = '/-/status';

export function readSettings(): ProcessSettings {
  return JSON.parse(process.env[SETTINGS_VARIABLE] ?? '{}') as ProcessSettings;
}
