// What both feeds of PostgreSQL take and offer.

import type { ChangeFeed, Clock, Tasks } from '../../ports.ts';
import type { ShapeOf } from './relations.ts';
import type { ConnectPostgres } from './session.ts';

export interface PostgresFeedBase {
  readonly connect: ConnectPostgres;
  readonly shapeOf: ShapeOf;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Time between looks, should nothing else cause one. Default 500. */
  readonly heartbeatMs?: number;
  /** More changes at once are told as truncates of their tables. Default 5,000, which take some 50 ms to match. */
  readonly maxChanges?: number;
  /** Installs the feed on tables that were made later. Default: the status names them, and the feed leaves them out. */
  readonly extend?: () => Promise<void>;
}

export interface PostgresFeed extends ChangeFeed {
  /** Whether changes of the table are told. Nobody may keep anything that reads another table. */
  watches(schema: string, table: string): boolean;
}

export const MAX_CHANGES = 5_000;
export const RETRY = { firstMs: 100, mostMs: 5_000 };
