// The members of a simulated node: processes that answer clients, each at the end of a link to the one that keeps the log
// and owns the disk. One that dies is replaced.
//
// A member is dead at once; the keeper sees it when all that it had sent has
// arrived, and only then another takes its place.

import { createGate, type GateOptions } from '../../src/engine/gate.ts';
import { largeBodies } from '../../src/engine/http/large-bodies.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import type { LogToMember, Membership, MemberToLog } from '../../src/log/member-log.ts';
import { MemberLog } from '../../src/log/member-log.ts';
import type { SharedLog } from '../../src/log/shared-log.ts';
import type { Store } from '../../src/ports.ts';
import type { ReplicaFeed } from '../../src/store/disk/replica/replica-feed.ts';
import type { DiskToWorker, WorkerToDisk } from '../../src/store/disk/replica/replica-link.ts';
import { ReplicaStore } from '../../src/store/disk/replica/replica-store.ts';
import { createMemoryStore, type MemoryStore } from '../../src/store/memory.ts';
import { SimulatedProcess } from '../kit/simulated-process.ts';
import { Wire } from '../kit/wire.ts';
import type { SimulatedDisk } from './disk.ts';
import type { NodeParts, Serving } from './node.ts';

type Down =
  | { readonly kind: 'welcome'; readonly membership: Membership }
  | { readonly kind: 'log'; readonly message: LogToMember }
  | { readonly kind: 'disk'; readonly message: DiskToWorker };
type Up =
  | { readonly kind: 'log'; readonly message: MemberToLog }
  | { readonly kind: 'disk'; readonly message: WorkerToDisk };

interface Member {
  readonly process: SimulatedProcess;
  serving: Serving | undefined;
  readonly die: () => void;
}

interface MembersParts extends NodeParts {
  readonly keeper: SimulatedProcess;
  readonly shared: SharedLog;
  readonly feed: ReplicaFeed | undefined;
  readonly gateOptions: (process: SimulatedProcess, memory: MemoryStore) => Omit<GateOptions, 'stores'>;
}

export class Members {
  readonly #parts: MembersParts;
  readonly #members = new Set<Member>();
  #names = 0;

  constructor(parts: MembersParts) {
    this.#parts = parts;
  }

  get serving(): Serving[] {
    return [...this.#members].flatMap(({ serving }) => serving ?? []);
  }

  /** One member dies, and another takes its place after a while. */
  killOne(): void {
    const members = [...this.#members];
    if (members.length > 0) this.#parts.dice.pick(members).die();
  }

  /** All of them, at once and for good. */
  end(): void {
    for (const { process, serving } of this.#members) {
      process.end();
      this.#parts.ended(serving, process);
    }
    this.#members.clear();
  }

  /** A new member: the keeper's end at once, its own when the welcome arrives. */
  join(): void {
    const { time, dice, settings, trace, tally } = this.#parts;
    const process = new SimulatedProcess(`${this.#parts.keeper.name}.${++this.#names}`, time);
    let slowUntil = 0;
    const delayMs = () => {
      if (time.now() < slowUntil) return dice.below(4_000);
      return dice.chance(0.1) ? dice.below(settings.linkMs * 20 + 1) : dice.below(settings.linkMs + 1);
    };
    let heard: (message: Down) => void = () => {};
    const down = new Wire<Down>(time, delayMs, (message) => process.alive && heard(message));
    const up = new Wire<Up>(time, delayMs, (message) => {
      if (!this.#parts.keeper.alive) return;
      if (message.kind === 'log') keeperEnd.received(message.message);
      else replica?.received(message.message);
    });
    const send = (message: Up) => void (process.alive && up.send(message));
    const die = () =>
      this.#died(member, up.emptyInMs, () => {
        keeperEnd.left();
        replica?.left();
      });
    const member: Member = { process, serving: undefined, die };
    const keeperEnd = this.#parts.shared.join({
      send: (message) => down.send({ kind: 'log', message }),
      revoke: () => {
        tally.count('members revoked');
        trace(`${process.name}: is revoked`);
        this.#parts.keeper.tasks.later(dice.below(1_000), die);
      },
    });
    heard = this.#welcoming(member, {
      send,
      slow: () => {
        slowUntil = time.now() + 6_000;
      },
    });
    down.send({ kind: 'welcome', membership: keeperEnd.membership });
    const replica = this.#parts.feed?.join((message) => down.send({ kind: 'disk', message }));
    this.#members.add(member);
  }

  #died(member: Member, emptyInMs: number, left: () => void): void {
    const { process } = member;
    if (!process.alive) return;
    const { dice, trace, tally, mourned, ended } = this.#parts;
    trace(`${process.name}: dies`);
    tally.count('members died');
    process.end();
    this.#members.delete(member);
    ended(member.serving, process);
    this.#parts.keeper.tasks.later(emptyInMs + dice.below(300), () => {
      left();
      mourned(process, this.#parts.keeper);
      this.#parts.keeper.tasks.later(dice.below(500), () => this.join());
    });
  }

  #welcoming(member: Member, ends: { send: (message: Up) => void; slow: () => void }): (message: Down) => void {
    let log: MemberLog | undefined;
    let replica: ReplicaStore | undefined;
    return (message) => {
      if (message.kind === 'log') return log?.received(message.message);
      if (message.kind === 'disk') return replica?.received(message.message);
      const { membership } = message;
      log = new MemberLog({
        membership,
        send: (up) => ends.send({ kind: 'log', message: up }),
        broken: () => member.die(),
      });
      if (this.#parts.feed !== undefined) replica = this.#newReplica(member.process, ends.send);
      this.#serve(member, { log, membership, replica, slow: ends.slow });
    };
  }

  #newReplica(process: SimulatedProcess, send: (message: Up) => void): ReplicaStore {
    return new ReplicaStore({
      folder: (this.#parts.disk as SimulatedDisk).beside(process),
      tasks: process.tasks,
      seed: this.#parts.dice.below(2 ** 32),
      send: (message) => send({ kind: 'disk', message }),
      fault: (error) => this.#parts.trace(`${process.name}: replica: ${error}`),
    });
  }

  #serve(
    member: Member,
    {
      log,
      membership,
      replica,
      slow,
    }: { log: MemberLog; membership: Membership; replica: ReplicaStore | undefined; slow: () => void },
  ): void {
    const { settings, originFor, began } = this.#parts;
    const { process } = member;
    const memory = createMemoryStore({ maxBytes: settings.memoryBytes });
    const stores: Store[] =
      replica === undefined ? [memory] : settings.tiers === 'disk' ? [replica] : [memory, replica];
    const gate = createGate({
      ...this.#parts.gateOptions(process, memory),
      stores,
      history: { invalidations: new Invalidations({ from: membership.image }), log },
      intentsInForce: () => log.opened(),
      ...(replica !== undefined && { bodies: largeBodies(replica.bodies) }),
    });
    const origin = process.connected(originFor(process));
    member.serving = { process, gate, memory, origin, slow };
    began(member.serving);
  }
}
