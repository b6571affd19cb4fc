// The contract of the port, over members that renew again and again in simulated time. The fact that all members have heard of
// a change when its append is over holds of members that renew before they serve: so each of them renews before it is asked.

import { test } from 'vitest';
import type { LogChange, Position } from '../../src/ledger/log.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import { LeasedLog } from '../../src/log/lease/member.ts';
import type { InvalidationLog } from '../../src/ports.ts';
import { invalidationLogContract } from '../../src/testing/invalidation-log-contract.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { SqliteStorage } from './sqlite-storage.ts';

class World {
  readonly time = new SimulatedTime();
  readonly keeper = new Keeper({
    storage: new SqliteStorage(),
    clock: this.time,
    tasks: this.time,
    setAlarm: async () => {},
    newEpoch: () => 'e',
    buckets: 64,
    imageAfter: 5,
  });
  #runs = true;

  /** Moves time on as long as the world lasts. */
  async run(): Promise<void> {
    while (this.#runs) {
      for (let turn = 0; turn < 10; turn++) await Promise.resolve();
      this.time.step();
      // Lets the test's own promises go on, too.
      await new Promise((done) => setImmediate(done));
    }
  }

  stop(): void {
    this.#runs = false;
  }
}

/** A member whose append is over once all members have renewed. */
class RenewingMember implements InvalidationLog {
  readonly log: LeasedLog;
  readonly #all: () => readonly RenewingMember[];

  constructor(log: LeasedLog, all: () => readonly RenewingMember[]) {
    this.log = log;
    this.#all = all;
  }

  follow(apply: (position: Position, change: LogChange) => void): void {
    this.log.follow(apply);
  }

  async append(change: LogChange): Promise<Position> {
    const position = await this.log.append(change);
    for (const { log } of this.#all()) if (!log.isLeased() || change.kind !== 'invalidate') await log.renew();
    return position;
  }
}

const worlds = new Map<InvalidationLog, World>();

invalidationLogContract({
  test,
  makeLog: async () => {
    const world = new World();
    const { time, keeper } = world;
    void world.run();
    const members = Array.from({ length: 3 }, (_, at): RenewingMember => {
      const log = new LeasedLog({ keeper, clock: time, tasks: time, member: `m${at}`, mode: 'lease', leaseMs: 1_000 });
      return new RenewingMember(log, () => members);
    });
    for (const { log } of members) await log.renew();
    const again = (log: LeasedLog) => {
      if (log.ended === undefined)
        void log.renew().then(
          () => time.later(500, () => again(log)),
          () => {},
        );
    };
    for (const { log } of members) again(log);
    worlds.set(members[0] as InvalidationLog, world);
    return members;
  },
  endLog: (members) => {
    for (const { log } of members as readonly RenewingMember[]) log.close();
    worlds.get(members[0] as InvalidationLog)?.stop();
  },
});
