// The Durable Object that keeps the invalidation log of one shard: the keeper of `log/lease/` on what the platform gives. The
// platform's base class is handed in, so that this file runs without the platform, too.

import { newEpoch, platformClock, platformTasks } from '../cache/platform.ts';
import { Keeper, type KeeperParts } from '../log/lease/keeper.ts';
import type { KeeperStorage } from '../log/lease/kept-log.ts';
import type { AppendRequest, LogKeeper, LogReply, RenewRequest } from '../log/lease/messages.ts';
import type { Uses } from './popularity.ts';
import { ScheduleNotes } from './schedule-notes.ts';
import type { ScheduleKeeper } from './schedules.ts';

/** What is used of a Durable Object's state. Its storage is SQLite. */
export interface CoordinatorState {
  readonly storage: KeeperStorage & { setAlarm(atMs: number): Promise<void> };
}

export type CoordinatorOptions = Omit<KeeperParts, 'storage' | 'clock' | 'tasks' | 'setAlarm' | 'newEpoch'>;

/** `DurableObject` of `cloudflare:workers`. */
export type ObjectBase = new (state: CoordinatorState, env: unknown) => object;

/** What a member calls by RPC, and the platform by its alarm. */
export interface Coordinates extends LogKeeper, ScheduleKeeper {
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
    readonly #notes: ScheduleNotes;

    constructor(state: CoordinatorState, env: unknown) {
      super(state, env);
      this.#keeper = keeperOf(state, options);
      this.#notes = new ScheduleNotes(state.storage);
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

    place(name: string): Promise<string | undefined> {
      return this.#notes.place(name);
    }

    setPlace(name: string, text: string): Promise<void> {
      return this.#notes.setPlace(name, text);
    }

    addUses(uses: Uses): Promise<void> {
      return this.#notes.addUses(uses);
    }

    mostUsed(count: number): Promise<readonly string[]> {
      return this.#notes.mostUsed(count);
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
