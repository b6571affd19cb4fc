// What else may happen while a response is made: a target that nothing gets through to, a feed that stands still, a tracker
// that is stopped and begins again, a process that is killed. Each with a commit in its midst.
//
// While no word gets through, the promise is the lease's: once it has run out,
// nothing that was read from the source is served. After that it is that of `settled()`.

import type { Course, Raced } from './track-changes.ts';
import { type TableName, updateTo } from './track-shop.ts';
import { settle } from './track-steps.ts';
import type { TrackWorld } from './track-world.ts';

export const LEASE_MS = 200;
/** Of a message that failed, at most; and a little more. */
const RETRY_MS = 2_500;
const TABLES: readonly TableName[] = ['items', 'notes'];

interface Outage {
  readonly name: string;
  readonly steps: readonly string[];
  /** Data caches are in the process itself. */
  readonly isOfGate?: true;
  readonly mayFail?: true;
  /** Nobody is there for a while to be told of what a body reads late. */
  readonly breaksOff?: true;
}

const OUTAGES: readonly Outage[] = [
  { name: 'a target cut off', steps: ['cut off', 'committed', 'told', 'lease over', 'back'], isOfGate: true },
  { name: 'a feed that stands still', steps: ['committed', 'lease over', 'told', 'settled'] },
  { name: 'a tracker stopped and begun again', steps: ['stopped', 'committed', 'begun', 'settled'], breaksOff: true },
  {
    name: 'a tracker begun again, and a commit after',
    steps: ['stopped', 'begun', 'committed', 'told', 'settled'],
    breaksOff: true,
  },
  {
    name: 'a process killed, and another begun',
    steps: ['killed', 'committed', 'begun', 'settled'],
    isOfGate: true,
    mayFail: true,
  },
];

export type OutageKind = Raced & Outage;

export const OUTAGE_KINDS: readonly OutageKind[] = OUTAGES.map((outage) => ({
  ...outage,
  tables: TABLES,
  begin: (world, id) => new OutageCourse(world, id, outage),
}));

class OutageCourse implements Course {
  readonly isHeld = false;
  readonly acknowledged: string[] = [];
  readonly mayFail: boolean;
  readonly breaksOff: boolean;
  version = 1;
  readonly #world: TrackWorld;
  readonly #id: number;

  constructor(world: TrackWorld, id: number, { mayFail, breaksOff }: Outage) {
    this.#world = world;
    this.#id = id;
    this.mayFail = mayFail === true;
    this.breaksOff = breaksOff === true;
  }

  async step(name: string): Promise<void> {
    await this.#steps[name]?.();
  }

  problems(): string[] {
    return this.acknowledged.includes('settled()') ? [] : ['it is never settled'];
  }

  readonly #steps: Readonly<Record<string, () => Promise<void> | void>> = {
    'cut off': () => this.#cut(true),
    committed: () => this.#commit(),
    told: () => this.#world.feed.look()(),
    // As long as the feed may be behind, and then the lease itself.
    'lease over': async () => {
      await this.#world.pass(2 * LEASE_MS + 50);
      this.acknowledged.push('the lease ran out');
    },
    back: async () => {
      this.#cut(false);
      await this.#settled();
    },
    settled: () => this.#settled(),
    stopped: () => this.#world.tracker.stop(),
    killed: async () => {
      const { application, tracker } = this.#world;
      this.#cut(true);
      application.crash();
      await tracker.stop();
      this.#world.makeTracker();
    },
    begun: () => this.#world.start(),
  };

  #cut(isCut: boolean): void {
    for (const target of this.#world.targets) target.isCut = isCut;
  }

  #commit(): void {
    const { shop, feed, shapes } = this.#world;
    shop.outside.exec('BEGIN IMMEDIATE');
    for (const table of TABLES) shop.outside.exec(`UPDATE ${table} SET version = 2 WHERE id = ${this.#id}`);
    shop.outside.exec('COMMIT');
    this.version = 2;
    feed.commit(TABLES.map((name) => updateTo(2, shapes[name], this.#id)));
  }

  async #settled(): Promise<void> {
    const { tracker, faults } = this.#world;
    let isSettled = false;
    tracker.settled().then(
      () => {
        isSettled = true;
        this.acknowledged.push('settled()');
      },
      (error: unknown) => faults.push(error),
    );
    for (let round = 0; round < RETRY_MS / 50 && !isSettled; round++) {
      await this.#world.feed.look()();
      await this.#world.pass(50);
    }
    await settle();
  }
}

/** The feed has looked, and every target has been heard of twice. */
export async function steady(world: TrackWorld): Promise<void> {
  for (let round = 0; round < 6; round++) {
    await world.feed.look()();
    await world.pass(LEASE_MS / 5);
  }
}
