// A keeper in simulated time, and members whose calls a test may change on their way.

import type { LogChange, Position } from '../../src/ledger/log.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import { LeasedLog, type LeasedLogParts } from '../../src/log/lease/member.ts';
import type { AppendRequest, LogKeeper, LogReply, RenewRequest } from '../../src/log/lease/messages.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { turns } from '../kit/slow-log.ts';
import { SqliteStorage } from './sqlite-storage.ts';

export const tag = (name: string): LogChange => ({ kind: 'invalidate', selector: { kind: 'tag', tag: name } });

type MemberOptions = Partial<Pick<LeasedLogParts, 'mode' | 'leaseMs' | 'owed'>>;

export class World {
  readonly time = new SimulatedTime();
  storage = new SqliteStorage();
  #epochs = 0;
  keeper = this.instance();
  /** What stands between members and keeper. */
  /** For when the alarm was set, each time. */
  readonly alarms: number[] = [];
  on: { setAlarm?: () => void; renew?: (reply: LogReply) => LogReply | Promise<LogReply>; append?: () => void } = {};

  instance(tail = 1_000): Keeper {
    const newEpoch = () => `e${++this.#epochs}`;
    const { time, storage } = this;
    return new Keeper({
      storage,
      clock: time,
      tasks: time,
      setAlarm: async (atMs) => {
        this.on.setAlarm?.();
        this.alarms.push(atMs);
      },
      newEpoch,
      buckets: 2 ** 16,
      imageAfter: 1,
      tail,
    });
  }

  async member(
    name: string,
    { mode = 'lease', leaseMs = 1_000, owed }: MemberOptions = {},
  ): Promise<{ log: LeasedLog; heard: [Position, LogChange][] }> {
    const heard: [Position, LogChange][] = [];
    const keeper: LogKeeper = {
      renew: async (request: RenewRequest) => {
        const reply = await this.keeper.renew(request);
        return this.on.renew === undefined ? reply : this.on.renew(reply);
      },
      append: async (request: AppendRequest) => {
        this.on.append?.();
        return this.keeper.append(request);
      },
    };
    const { time } = this;
    const tasks = { later: time.later.bind(time), soon: (work: () => void) => queueMicrotask(work) };
    const log = new LeasedLog({ keeper, clock: time, tasks, member: name, mode, leaseMs, owed });
    await log.renew();
    log.follow((position, change) => void heard.push([position, change]));
    return { log, heard };
  }
}

/** When the promise is over, in simulated time. */
export async function tookMs(world: World, promise: Promise<unknown>): Promise<number> {
  const begun = world.time.monotonic();
  let endedAt: number | undefined;
  const end = () => {
    endedAt = world.time.monotonic();
  };
  promise.then(end, end);
  for (;;) {
    await turns();
    if (endedAt !== undefined) return endedAt - begun;
    world.time.advance(1);
  }
}
