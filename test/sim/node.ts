// One simulated node: the processes that answer clients, and what they share. They are put together as the real ones are:
// alone, or a primary that keeps the log and owns the disk, and members that answer; see src/node/tiers.ts and
// src/node/workers/.
//
// The one complication: beginning takes time. What was invalidated before is recovered and the journal is open before
// anything is answered.

import { Invalidations } from '../../src/dependency/invalidations.ts';
import type { Gate } from '../../src/engine/contract.ts';
import { createGate, type GateOptions } from '../../src/engine/gate.ts';
import { createLocalLog } from '../../src/engine/local-log.ts';
import { afterIntents } from '../../src/feed/after-intents.ts';
import { MemberLog } from '../../src/feed/member-log.ts';
import type { LogToMember, Membership, MemberToLog } from '../../src/feed/messages.ts';
import { SharedLog } from '../../src/feed/shared-log.ts';
import type { Origin, Store } from '../../src/ports.ts';
import { type DiskStore, openDiskStore } from '../../src/store/disk/disk-store.ts';
import { openJournal } from '../../src/store/disk/journal.ts';
import { recover } from '../../src/store/disk/recovery.ts';
import { ReplicaFeed } from '../../src/store/disk/replica-feed.ts';
import type { DiskToWorker, WorkerToDisk } from '../../src/store/disk/replica-messages.ts';
import { ReplicaStore } from '../../src/store/disk/replica-store.ts';
import { createMemoryStore, type MemoryStore } from '../../src/store/memory.ts';
import { SimulatedProcess } from '../kit/simulated-process.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';
import { Wire } from '../kit/wire.ts';
import type { Dice } from './dice.ts';
import type { SimulatedDisk } from './disk.ts';
import type { Settings } from './settings.ts';
import { SlowStore } from './slow-store.ts';
import type { Tally } from './tally.ts';

/** A process with a gate. */
export interface Serving {
  readonly process: SimulatedProcess;
  readonly gate: Gate;
  readonly memory: MemoryStore;
  /** The origin as this process reaches it. */
  readonly origin: Origin;
  /** Makes messages to a member take long for a while. */
  readonly slow?: () => void;
}

export interface NodeParts {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly settings: Settings;
  readonly disk: SimulatedDisk | undefined;
  readonly tally: Tally;
  /** What all gates are given. */
  readonly common: (process: SimulatedProcess, memory: MemoryStore) => Partial<GateOptions>;
  readonly originFor: (process: SimulatedProcess) => Origin;
  readonly newEpoch: () => string;
  readonly trace: (line: string) => void;
  /** A process answers from now on. */
  readonly began: (serving: Serving) => void;
  /** A member is dead and the others know. `heir`: who answers for what it had under way. */
  readonly mourned: (dead: SimulatedProcess, heir: SimulatedProcess) => void;
  /** A process ends before its time. */
  readonly ended: (serving: Serving | undefined, process: SimulatedProcess) => void;
}

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

type Opened = Pick<GateOptions, 'stores' | 'bodies' | 'history' | 'unknownWrites'> & { readonly store?: DiskStore };

export class SimulatedNode {
  readonly process: SimulatedProcess;
  readonly #parts: NodeParts;
  readonly #members = new Set<Member>();
  #shared: SharedLog | undefined;
  #feed: ReplicaFeed | undefined;
  #store: DiskStore | undefined;
  /** The gate of a process that is alone, or of the primary, which answers operators. */
  #own: Serving | undefined;
  #names = 0;

  constructor(name: string, parts: NodeParts) {
    this.process = new SimulatedProcess(name, parts.time);
    this.#parts = parts;
  }

  /** Those who answer clients. */
  get serving(): Serving[] {
    const { members } = this.#parts.settings;
    if (members === 1) return this.#own === undefined ? [] : [this.#own];
    return [...this.#members].flatMap(({ serving }) => serving ?? []);
  }

  /** Those who answer operators. */
  get operating(): Serving[] {
    const serving = this.serving;
    if (this.#own === undefined || serving.length === 0) return [];
    return this.#parts.settings.members === 1 ? serving : [this.#own, ...serving];
  }

  get diskStats(): ReturnType<DiskStore['stats']> | undefined {
    return this.#store?.stats();
  }

  /** Rejects when the disk cannot be opened. */
  async begin(): Promise<void> {
    const { settings, originFor, began, dice } = this.#parts;
    const { process } = this;
    if (settings.members > 1 && this.#parts.disk !== undefined) this.#feed = this.#newFeed();
    const memory = createMemoryStore({ maxBytes: settings.members > 1 ? 0 : settings.memoryBytes });
    const opened = this.#parts.disk === undefined ? this.#withoutDisk(memory) : await this.#onDisk(memory);
    // What fails because it is killed lets it go on, as if it were not.
    if (!process.alive) return;
    this.#store = opened.store;
    const history = settings.members > 1 ? this.#sharedHistory(opened) : opened.history;
    const gate = createGate({
      ...this.#gateOptions(process, memory),
      ...opened,
      ...(history !== undefined && { history }),
    });
    this.#own = { process, gate, memory, origin: process.connected(originFor(process)) };
    if (settings.members === 1) return began(this.#own);
    for (let count = 0; count < settings.members; count++) process.tasks.later(dice.below(50), () => this.#join());
  }

  /** The process and all members are gone at once. */
  end(): void {
    this.process.end();
    for (const member of this.#members) {
      member.process.end();
      this.#parts.ended(member.serving, member.process);
    }
    this.#members.clear();
    this.#parts.ended(this.#own, this.process);
    this.#own = undefined;
  }

  /** One member dies, and another takes its place after a while. */
  killMember(): void {
    const members = [...this.#members];
    if (members.length > 0) this.#parts.dice.pick(members).die();
  }

  #gateOptions(process: SimulatedProcess, memory: MemoryStore) {
    const { dice, settings, common } = this.#parts;
    return {
      tasks: process.tasks,
      random: () => dice.next(),
      memoryStats: () => memory.stats(),
      unknownOutcomeMs: settings.unknownOutcomeMs,
      buckets: settings.buckets,
      ...common(process, memory),
    } as Omit<GateOptions, 'stores'>;
  }

  #withoutDisk(memory: MemoryStore): Opened {
    const { settings, time, dice, newEpoch } = this.#parts;
    const slow = () => new SlowStore(time, dice, 5);
    if (settings.members > 1) {
      const invalidations = new Invalidations({ epoch: newEpoch(), buckets: settings.buckets });
      return { stores: [memory], history: { invalidations, log: createLocalLog(invalidations.applied) } };
    }
    const { tiers } = settings;
    return { stores: tiers === 'memory' ? [memory] : tiers === 'slow' ? [slow()] : [memory, slow()] };
  }

  async #onDisk(memory: MemoryStore): Promise<Opened> {
    const { settings, newEpoch, tally, trace } = this.#parts;
    const { process } = this;
    const { folder, manifest } = (this.#parts.disk as SimulatedDisk).open(process);
    const recovery = recover({ folder, manifest, newEpoch, buckets: settings.buckets });
    const { invalidations, continuation, openIntents } = recovery;
    trace(`${process.name}: recovers ${recovery.kind} ${recovery.reason ?? ''}`);
    tally.count(`recovery ${recovery.kind}`);
    tally.count('recovered intents', openIntents.length);
    const journal = await openJournal(
      {
        folder,
        manifest,
        tasks: process.tasks,
        image: () => invalidations.image(),
        onEvent: ({ kind }) => {
          trace(`${process.name}: journal ${kind}`);
          tally.count(`journal ${kind}`);
        },
        limits: { records: settings.disk.journalRecords },
      },
      continuation,
    );
    const store = this.#openStore(folder, manifest);
    this.#feed?.serve(store);
    const stores = settings.tiers === 'disk' || settings.members > 1 ? [store] : [memory, store];
    const history = { invalidations, log: journal };
    return { stores, bodies: store.bodies, history, unknownWrites: openIntents, store };
  }

  #openStore(
    folder: Parameters<typeof openDiskStore>[0]['folder'],
    manifest: Parameters<typeof openDiskStore>[0]['manifest'],
  ): DiskStore {
    const { settings, dice, trace, tally } = this.#parts;
    return openDiskStore({
      folder,
      manifest,
      maxBytes: settings.disk.maxBytes,
      segmentBytes: settings.disk.segmentBytes,
      tasks: this.process.tasks,
      random: () => dice.next(),
      replicas: this.#feed,
      fault: (error) => {
        tally.count('disk faults');
        trace(`disk: ${error instanceof Error ? error.message : error}`);
      },
    });
  }

  #newFeed(): ReplicaFeed {
    return new ReplicaFeed(this.process.tasks, (error) => this.#parts.trace(`feed: ${error}`));
  }

  #sharedHistory({ history }: Opened): NonNullable<GateOptions['history']> {
    const { invalidations, log } = history as NonNullable<GateOptions['history']>;
    this.#shared = new SharedLog({
      log,
      image: () => invalidations.image(),
      clock: this.#parts.time,
      tasks: this.process.tasks,
      fault: (error) => this.#parts.trace(`log: ${error}`),
      unknownOutcomeMs: this.#parts.settings.unknownOutcomeMs,
    });
    return { invalidations, log: this.#shared };
  }

  /** A new member: the keeper's end at once, its own when the welcome arrives. */
  #join(): void {
    const { time, dice, settings, trace, tally } = this.#parts;
    const process = new SimulatedProcess(`${this.process.name}.${++this.#names}`, time);
    let slowUntil = 0;
    const delayMs = () => {
      if (time.now() < slowUntil) return dice.below(4_000);
      return dice.chance(0.1) ? dice.below(settings.linkMs * 20 + 1) : dice.below(settings.linkMs + 1);
    };
    let heard: (message: Down) => void = () => {};
    const down = new Wire<Down>(time, delayMs, (message) => process.alive && heard(message));
    const up = new Wire<Up>(time, delayMs, (message) => {
      if (!this.process.alive) return;
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
    const keeperEnd = (this.#shared as SharedLog).join({
      send: (message) => down.send({ kind: 'log', message }),
      revoke: () => {
        tally.count('members revoked');
        trace(`${process.name}: is revoked`);
        this.process.tasks.later(dice.below(1_000), die);
      },
    });
    heard = this.#welcoming(member, {
      send,
      slow: () => {
        slowUntil = time.now() + 6_000;
      },
    });
    down.send({ kind: 'welcome', membership: keeperEnd.membership });
    const replica = this.#feed?.join((message) => down.send({ kind: 'disk', message }));
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
    this.process.tasks.later(emptyInMs + dice.below(300), () => {
      left();
      mourned(process, this.process);
      this.process.tasks.later(dice.below(500), () => this.#join());
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
      if (this.#feed !== undefined) replica = this.#newReplica(member.process, ends.send);
      this.#serve(member, { log, membership, replica, slow: ends.slow });
    };
  }

  #newReplica(process: SimulatedProcess, send: (message: Up) => void): ReplicaStore {
    return new ReplicaStore({
      folder: (this.#parts.disk as SimulatedDisk).beside(process),
      tasks: process.tasks,
      seed: this.#parts.dice.below(2 ** 32),
      send: (message) => send({ kind: 'disk', message }),
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
      ...this.#gateOptions(process, memory),
      stores,
      history: { invalidations: new Invalidations({ from: membership.image }), log },
      ...(replica !== undefined && { bodies: replica.bodies }),
    });
    const origin = afterIntents(process.connected(originFor(process)), () => log.opened());
    member.serving = { process, gate, memory, origin, slow };
    began(member.serving);
  }
}
