// The Durable Object that keeps the invalidation log of one shard: the keeper of `log/lease/` on what the platform gives. The
// platform's base class is handed in, so that this file runs without the platform, too.

import { newEpoch, platformClock, platformTasks } from '../cache/platform.ts';
import { Keeper, type KeeperParts } from '../log/lease/keeper.ts';
import type { KeeperStorage } from '../log/lease/kept-log.ts';
import type { AppendRequest, LogKeeper, LogReply, RenewRequest } from '../log/lease/messages.ts';

/** What is used of a Durable Object's state. Its storage is SQLite. */
export interface CoordinatorState {
  readonly storage: KeeperStorage & { setAlarm(atMs: number): Promise<void> };
}

export type CoordinatorOptions = Omit<KeeperParts, 'storage' | 'clock' | 'tasks' | 'setAlarm' | 'newEpoch'>;

/** `DurableObject` of `cloudflare:workers`. */
export type ObjectBase = new (state: CoordinatorState, env: unknown) => object;

/** What a member calls by RPC, and the platform by its alarm. */
export interface Coordinates extends LogKeeper {
  alarm(): Promise<void>;
}

export function coordinatorClass(
  Base: ObjectBase,
  options: CoordinatorOptions = {},
): new (
  state: CoordinatorState,
  env: unknown,
) => Coordinates {
  return class Coordinator extends Base implements Coordinates {
    readonly #keeper: Keeper;

    constructor(state: CoordinatorState, env: unknown) {
      super(state, env);
      this.#keeper = keeperOf(state, options);
    }

    renew(request: RenewRequest): Promise<LogReply> {
      return this.#keeper.renew(request);
    }

    append(request: AppendRequest): Promise<LogReply> {
      return this.#keeper.append(request);
    }

    alarm(): Promise<void> {
      return this.#keeper.alarm();
    }
  };
}

function keeperOf({ storage }: CoordinatorState, options: CoordinatorOptions): Keeper {
  return new Keeper({
    ...options,
    storage,
    clock: platformClock,
    tasks: platformTasks,
    setAlarm: (atMs) => storage.setAlarm(atMs),
    newEpoch,
  });
}
