// One simulated node: the processes that answer clients, and what they share. They are put together as the real ones are:
// alone, or a primary that keeps the log and owns the disk, and members that answer; see src/node/tiers.ts and
// src/node/workers/.
//
// What was invalidated before is recovered and the journal is open before
// anything is answered.

import type { Gate } from '../../src/engine/contract.ts';
import { createGate, type GateOptions } from '../../src/engine/gate.ts';
import { largeBodies } from '../../src/engine/http/large-bodies.ts';
import { createLocalLog } from '../../src/engine/invalidator.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import { SharedLog } from '../../src/log/shared-log.ts';
import type { Origin } from '../../src/ports.ts';
import { DiskStore, type DiskStoreOptions } from '../../src/store/disk/disk-store.ts';
import { openJournal } from '../../src/store/disk/journal/journal.ts';
import { recover } from '../../src/store/disk/journal/recovery.ts';
import { ReplicaFeed } from '../../src/store/disk/replica/replica-feed.ts';
import { createMemoryStore, type MemoryStore } from '../../src/store/memory.ts';
import { SimulatedProcess } from '../kit/simulated-process.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';
import type { Dice } from './dice.ts';
import type { SimulatedDisk } from './disk.ts';
import { Members } from './members.ts';
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

type Opened = Pick<GateOptions, 'stores' | 'bodies' | 'history' | 'unknownWrites'> & { readonly store?: DiskStore };

export class SimulatedNode {
  readonly process: SimulatedProcess;
  readonly #parts: NodeParts;
  #members: Members | undefined;
  #feed: ReplicaFeed | undefined;
  #store: DiskStore | undefined;
  /** The gate of a process that is alone, or of the primary, which answers operators. */
  #own: Serving | undefined;

  constructor(name: string, parts: NodeParts) {
    this.process = new SimulatedProcess(name, parts.time);
    this.#parts = parts;
  }

  /** Those who answer clients. */
  get serving(): Serving[] {
    const { members } = this.#parts.settings;
    if (members === 1) return this.#own === undefined ? [] : [this.#own];
    return this.#members?.serving ?? [];
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
    for (let count = 0; count < settings.members; count++)
      process.tasks.later(dice.below(50), () => this.#members?.join());
  }

  /** The process and all members are gone at once. */
  end(): void {
    this.process.end();
    this.#members?.end();
    this.#parts.ended(this.#own, this.process);
    this.#own = undefined;
  }

  /** One member dies, and another takes its place after a while. */
  killMember(): void {
    this.#members?.killOne();
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
    return { stores, bodies: largeBodies(store.bodies), history, unknownWrites: openIntents, store };
  }

  #openStore(folder: DiskStoreOptions['folder'], manifest: DiskStoreOptions['manifest']): DiskStore {
    const { settings, dice, trace, tally } = this.#parts;
    return new DiskStore({
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
    const shared = new SharedLog({
      log,
      image: () => invalidations.image(),
      clock: this.#parts.time,
      tasks: this.process.tasks,
      fault: (error) => this.#parts.trace(`log: ${error}`),
      unknownOutcomeMs: this.#parts.settings.unknownOutcomeMs,
    });
    this.#members = new Members({
      ...this.#parts,
      ...{ keeper: this.process, shared, feed: this.#feed },
      gateOptions: (process, memory) => this.#gateOptions(process, memory),
    });
    return { invalidations, log: shared };
  }
}
