// A shared log and its members in simulated time: members join, hang and die, messages take as long as the seed says but
// keep their order on each link, and every member and the keeper append. What must hold is checked as it happens.
//
// A member that hangs is alive and may go on at any instant, so it counts until the
// instant of its death, and the keeper hears of that later still.

import { Invalidations } from '../../src/ledger/invalidations.ts';
import type { LogChange, LogEvent, Position } from '../../src/ledger/log.ts';
import type * as MemberSide from '../../src/log/member-log.ts';
import type { LogToMember, Membership, MemberToLog } from '../../src/log/member-log.ts';
import type * as KeeperSide from '../../src/log/shared-log.ts';
import type { InvalidationLog } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { turns } from '../kit/slow-log.ts';
import { Dice } from '../sim/dice.ts';
import { Wire } from './wire.ts';

export interface Sides {
  readonly SharedLog: typeof KeeperSide.SharedLog;
  readonly MemberLog: typeof MemberSide.MemberLog;
}

export const UNKNOWN_MS = 30_000;

interface Told {
  readonly position: Position;
  readonly change: LogEvent;
}

type Down = { readonly kind: 'welcome'; readonly membership: Membership } | LogToMember;

export class SimulatedMember {
  readonly #world: LogWorld;
  readonly #down: Wire<Down>;
  readonly #up: Wire<MemberToLog>;
  #keeperEnd: KeeperSide.LogMember | undefined;
  #log: MemberSide.MemberLog | undefined;
  #invalidations: Invalidations | undefined;
  readonly #held: Down[] = [];
  readonly #ownOpen = new Set<string>();
  hung = false;
  readonly openUris = new Map<string, string>();
  readonly told: Told[] = [];
  joinedAfter = 0;
  alive = true;
  serving = false;

  constructor(world: LogWorld) {
    const { time, dice } = world;
    this.#world = world;
    const delay = () => (dice.chance(0.1) ? dice.below(400) : dice.below(5));
    this.#down = new Wire(time, delay, (message) => this.#hear(message));
    this.#up = new Wire(time, delay, (message) => this.#keeperEnd?.received(message));
    this.#keeperEnd = world.log.join({
      send: (message) => this.#down.send(message),
      revoke: () => time.later(dice.below(1_000), () => this.die()),
    });
    this.joinedAfter = world.told.length;
    this.#down.send({ kind: 'welcome', membership: this.#keeperEnd.membership });
  }

  knows(uri: string, position: Position): boolean {
    return (this.#invalidations?.lastAffecting({ uri, origin: '', tags: [] }) ?? 0) >= position;
  }

  append(change: LogChange): Promise<Position> {
    if (change.kind === 'open') this.#ownOpen.add(change.intent);
    else if (change.kind === 'close') this.#ownOpen.delete(change.intent);
    return this.#log?.append(change) ?? Promise.reject(new Error('expected a member that has joined'));
  }

  hang(forMs: number): void {
    this.hung = true;
    this.#world.time.later(forMs, () => {
      this.hung = false;
      for (const message of this.#held.splice(0)) this.#hear(message);
    });
  }

  /** What it has sent still arrives; then its end is seen. */
  die(): void {
    if (!this.alive) return;
    this.alive = false;
    const { time, dice } = this.#world;
    const seenAt = Math.max(this.#up.emptyAt, time.now() + dice.below(300));
    time.later(seenAt - time.now(), () => {
      this.#world.checkMourned([...this.#ownOpen], () => this.#keeperEnd?.left());
    });
  }

  #hear(message: Down): void {
    if (!this.alive) return;
    if (this.hung) {
      this.#held.push(message);
      return;
    }
    if (message.kind !== 'welcome') {
      this.#log?.received(message);
      return;
    }
    const { membership } = message;
    const invalidations = new Invalidations({ from: membership.image });
    this.#invalidations = invalidations;
    const log = new this.#world.sides.MemberLog({
      membership,
      send: (up) => {
        if (this.alive) this.#up.send(up);
      },
      broken: (error) => this.#world.fail(error.message),
    });
    this.#log = log;
    this.#world.time.later(this.#world.dice.below(200), () => {
      if (!this.alive) return;
      let ofImage = membership.intents.length;
      log.follow((position, change) => {
        this.#apply(invalidations, change, position);
        if (ofImage > 0) ofImage--;
        else this.#compare({ position, change });
      });
      this.serving = true;
      this.#world.checkKnowsAll(this);
    });
  }

  #apply(invalidations: Invalidations, change: LogEvent, position: Position): void {
    if (change.kind === 'invalidate') invalidations.apply(change.selector, position);
    else if (change.kind === 'open') this.openUris.set(change.intent, change.uri);
    else if (change.kind === 'close') this.openUris.delete(change.intent);
  }

  #compare(told: Told): void {
    this.told.push(told);
    const meant = this.#world.told[this.joinedAfter + this.told.length - 1];
    if (JSON.stringify(told) !== JSON.stringify(meant)) {
      this.#world.fail(`expected the change ${JSON.stringify(meant)}, got ${JSON.stringify(told)}`);
    }
  }
}

export class LogWorld {
  readonly time = new SimulatedTime(0);
  readonly dice: Dice;
  readonly sides: Sides;
  readonly log: KeeperSide.SharedLog;
  readonly told: Told[] = [];
  readonly acknowledged: { readonly uri: string; readonly position: Position }[] = [];
  readonly keepersOpen = new Map<string, string>();
  readonly problems: string[] = [];
  members: SimulatedMember[] = [];
  readonly #pending = new Map<object, SimulatedMember | undefined>();
  readonly #durable = new Set<Position>();
  readonly #invalidations = new Invalidations({ epoch: 'e', buckets: 2 ** 12 });

  constructor(seed: number, sides: Sides) {
    this.dice = new Dice(seed);
    this.sides = sides;
    this.log = new sides.SharedLog({
      log: this.#journal(),
      image: () => this.#invalidations.image(),
      clock: this.time,
      tasks: this.time,
      fault: () => {},
      unknownOutcomeMs: UNKNOWN_MS,
    });
    this.log.follow((position, change) => {
      this.told.push({ position, change });
      if (change.kind === 'invalidate') this.#invalidations.apply(change.selector, position);
      else if (change.kind === 'open') this.keepersOpen.set(change.intent, change.uri);
      else if (change.kind === 'close') this.keepersOpen.delete(change.intent);
    });
  }

  fail(problem: string): void {
    this.problems.push(problem);
  }

  /** From a member, or from the keeper itself. */
  append(change: LogChange, member: SimulatedMember | undefined): void {
    const token = {};
    this.#pending.set(token, member);
    const appended = Promise.resolve(member === undefined ? this.log.append(change) : member.append(change));
    appended.then(
      (position) => {
        this.#pending.delete(token);
        if (change.kind === 'invalidate' && change.selector.kind === 'url') {
          this.#acknowledge(change.selector.uri, position);
        }
      },
      () => {
        this.#pending.delete(token);
      },
    );
  }

  /** Appends that are not answered, of the keeper and of members that could hear the answer. */
  pendingOf(): readonly (SimulatedMember | undefined)[] {
    return [...this.#pending.values()].filter((member) => member === undefined || (member.alive && !member.hung));
  }

  checkKnowsAll(member: SimulatedMember): void {
    for (const { uri, position } of this.acknowledged) {
      if (!member.knows(uri, position)) this.fail(`expected one that joined to know of ${uri} at ${position}`);
    }
    for (const [intent, uri] of this.keepersOpen) {
      const wasOpenAtJoin = this.told.findIndex(({ change }) => change.kind === 'open' && change.intent === intent);
      if (wasOpenAtJoin < member.joinedAfter && !member.openUris.has(intent)) {
        this.fail(`expected one that joined to know of the write on ${uri}`);
      }
    }
  }

  /**
   * At the end of a member the URI of each write it had under way is invalidated at once, and stays unstorable until the
   * time of an unknown outcome is over, when it is invalidated once more.
   */
  checkMourned(intents: readonly string[], leave: () => void): void {
    const uris = intents.flatMap((intent) => [[intent, this.keepersOpen.get(intent)] as const]);
    const before = this.told.length;
    leave();
    for (const [intent, uri] of uris) {
      if (uri === undefined) continue;
      if (this.#invalidatedSince(before, uri) !== 1)
        this.fail(`expected ${uri} to be invalidated at the end of its writer`);
      this.time.later(UNKNOWN_MS - 1, () => {
        if (!this.keepersOpen.has(intent)) this.fail(`expected ${uri} to stay unstorable`);
      });
      this.time.later(UNKNOWN_MS + 1, () => {
        if (this.#invalidatedSince(before, uri) !== 2) this.fail(`expected ${uri} to be invalidated once more`);
      });
    }
  }

  #invalidatedSince(from: number, uri: string): number {
    return this.told.slice(from).filter(({ change }) => {
      return change.kind === 'invalidate' && change.selector.kind === 'url' && change.selector.uri === uri;
    }).length;
  }

  async run(forMs: number): Promise<void> {
    const end = this.time.now() + forMs;
    let ended = false;
    this.time.later(forMs, () => {
      ended = true;
    });
    while (!ended && this.problems.length === 0) {
      this.time.step();
      await turns();
    }
    if (this.problems.length === 0 && this.time.now() !== end) this.fail('expected time to stand at the end');
  }

  #acknowledge(uri: string, position: Position): void {
    this.acknowledged.push({ uri, position });
    if (!this.#durable.has(position)) this.fail(`expected ${position} to be durable when it is acknowledged`);
    for (const member of this.members) {
      if (member.alive && member.serving && !member.knows(uri, position)) {
        this.fail(`expected ${uri} to be in force everywhere when it is acknowledged`);
      }
    }
  }

  /** Applies at once, and is durable later; now and then that fails. */
  #journal(): InvalidationLog {
    let head = 0;
    let apply: Parameters<InvalidationLog['follow']>[0] = () => {};
    return {
      follow: (follower) => {
        apply = follower;
      },
      append: (change) => {
        if (change.kind !== 'invalidate') {
          apply(head, change);
          return head;
        }
        const position = ++head;
        apply(position, change);
        const { promise, resolve, reject } = Promise.withResolvers<Position>();
        this.time.later(this.dice.below(40), () => {
          if (this.dice.chance(0.03)) return reject(new Error('the disk is gone'));
          this.#durable.add(position);
          resolve(position);
        });
        return promise;
      },
    };
  }
}
