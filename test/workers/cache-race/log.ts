// The log of a shard, for the race: each change gets its position at once, reaches each isolate after a while and in order, and
// is acknowledged when all have applied it.

import { Invalidations } from '../../../src/ledger/invalidations.ts';
import type { LogChange, Position } from '../../../src/ledger/log.ts';
import type { InvalidationLog } from '../../../src/ports.ts';
import type { SimulatedTime } from '../../kit/simulated-time.ts';
import type { Dice } from '../../sim/dice.ts';

interface Told {
  readonly position: Position;
  readonly change: LogChange;
}

/** An isolate's membership. */
export class RaceMember implements InvalidationLog {
  readonly invalidations = new Invalidations({ epoch: 'e', buckets: 512 });
  heard = 0;
  #follower: ((position: Position, change: LogChange) => void) | undefined;
  readonly #log: RaceLog;

  constructor(log: RaceLog) {
    this.#log = log;
  }

  follow(apply: (position: Position, change: LogChange) => void): void {
    this.#follower = apply;
  }

  append(change: LogChange): Promise<Position> {
    return this.#log.append(change);
  }

  /** Applies all up to the place. */
  hear(changes: readonly Told[], upTo: number): void {
    for (; this.heard < upTo; this.heard++) {
      const { position, change } = changes[this.heard] as Told;
      this.#follower?.(position, change);
    }
  }
}

export class RaceLog {
  readonly #time: SimulatedTime;
  readonly #dice: Dice;
  readonly #members: RaceMember[] = [];
  readonly #changes: Told[] = [];
  #position = 0;
  #waiting: { readonly upTo: number; readonly over: () => void }[] = [];

  constructor(time: SimulatedTime, dice: Dice) {
    this.#time = time;
    this.#dice = dice;
  }

  join(): RaceMember {
    const member = new RaceMember(this);
    member.hear(this.#changes, this.#changes.length);
    this.#members.push(member);
    return member;
  }

  append(change: LogChange): Promise<Position> {
    if (change.kind === 'invalidate') this.#position++;
    const position = this.#position;
    const upTo = this.#changes.push({ position, change });
    for (const member of this.#members) {
      const ms = this.#dice.chance(0.1) ? this.#dice.below(2_000) : this.#dice.below(80);
      this.#time.later(ms, () => this.#hears(member, upTo));
    }
    return new Promise((resolve) => void this.#waiting.push({ upTo, over: () => resolve(position) }));
  }

  #hears(member: RaceMember, upTo: number): void {
    member.hear(this.#changes, upTo);
    const everywhere = Math.min(...this.#members.map(({ heard }) => heard));
    const over = this.#waiting.filter((waiting) => waiting.upTo <= everywhere);
    this.#waiting = this.#waiting.filter((waiting) => waiting.upTo > everywhere);
    for (const waiting of over) waiting.over();
  }
}
