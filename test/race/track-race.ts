// Runs one cell: a fill and a change of the row that it reads, step by step in one order. Whoever asks once the change is
// acknowledged must see it, and nobody may be shown by a cache what was never committed.
//
// Messages that the fill itself gives rise to. They lie there until the end, so that nothing hangs on
// when they arrive.

import type { ChangeKind, Course, Raced } from './track-changes.ts';
import { type FillKind, fillOf } from './track-fills.ts';
import { namesIn, type Order, ordersOf, Stops } from './track-steps.ts';
import type { HeldTarget } from './track-target.ts';
import type { Answered, TrackWorld } from './track-world.ts';

/** What a cell needs of its world. */
export interface RacedWorld {
  readonly isTracked: boolean;
  readonly targets: readonly HeldTarget[];
  /** What nobody waited for. */
  readonly faults: unknown[];
  freshRow(): Promise<number>;
  /** Stored, and stale by the time it returns. */
  prime(kind: string, id: number): Promise<void>;
  ask(kind: string, id: number, stops?: Stops): Answered;
  writeAgain(id: number): Promise<void>;
  tick(): void;
  /** All that is ready has gone on. */
  settle(): Promise<void>;
}

export interface TrackCell<W = TrackWorld> {
  readonly fill: FillKind;
  readonly change: Raced<W>;
  readonly order: Order;
}

export interface TrackVerdict {
  /** Who asked after an acknowledgement and was given what was before, or was given what was never committed. */
  readonly outdated: readonly string[];
  /** No answer, a key that does not become a hit again, a fault. */
  readonly broken: readonly string[];
}

interface Asked {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly answered: Answered;
}

export function* trackCells<W>(fill: FillKind, change: Raced<W>): Generator<TrackCell<W>> {
  for (const order of ordersOf(fill.steps.length, change.steps.length)) yield { fill, change, order };
}

export function trackCellName<W>({ fill, change, order }: TrackCell<W>): string {
  const names = namesIn(
    order,
    fill.steps.map((step) => step.toUpperCase()),
    change.steps,
  );
  return `${fill.name} × ${change.name}: ${names.join(', ')}`;
}

/** A fill on the connection that a transaction is open on reads what is in it; the others have connections of their own. */
export function isRaced(fill: FillKind, change: ChangeKind): boolean {
  if (change.by === 'shared connection') return fill.isShared === true;
  if (change.by === 'Drizzle') return ['a row, by Drizzle', 'a value'].includes(fill.name);
  // How the word of a change comes matters to the targets alone.
  if (change.way !== 'once') return ['a row', 'validated', 'a value'].includes(fill.name);
  return change.tables.length === 1 || fill.tables.length > 1;
}

export async function runTrackCell<W extends RacedWorld>(world: W, cell: TrackCell<W>): Promise<TrackVerdict> {
  const race = new TrackRace(world, cell);
  try {
    await race.run();
  } catch (error) {
    race.broken.push(`threw ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const target of world.targets) target.isHeld = false;
  return race;
}

const BROKEN_OFF = /expected to tell what a body has read late/;

class TrackRace<W extends RacedWorld> implements TrackVerdict {
  readonly outdated: string[] = [];
  readonly broken: string[] = [];
  readonly #world: W;
  readonly #cell: TrackCell<W>;
  readonly #stops = new Stops();
  readonly #asked: Asked[] = [];
  #id = 0;
  #change!: Course;
  #heard = 0;
  #filled: Answered | undefined;

  constructor(world: W, cell: TrackCell<W>) {
    this.#world = world;
    this.#cell = cell;
  }

  async run(): Promise<void> {
    const { fill, change, order } = this.#cell;
    const world = this.#world;
    this.#id = await world.freshRow();
    if (fill.isValidated === true) await world.prime(fill.name, this.#id);
    this.#change = change.begin(world, this.#id);
    for (const target of world.targets) target.isHeld = this.#change.isHeld;
    for (const [at, name] of namesIn(order, fill.steps, change.steps).entries()) {
      world.tick();
      if (order[at] === true) this.#advance(name);
      else await this.#change.step(name);
      await this.#world.settle();
      this.#listen();
    }
    await this.#end();
  }

  #advance(name: string): void {
    if (name !== 'asked') return this.#stops.go();
    this.#filled = this.#world.ask(this.#cell.fill.name, this.#id, this.#stops);
  }

  /** For each acknowledgement somebody asks. */
  #listen(): void {
    const { acknowledged } = this.#change;
    for (const by of acknowledged.slice(this.#heard)) this.#ask(`after ${by}`);
    this.#heard = acknowledged.length;
  }

  #ask(name: string): Asked {
    const committed = this.#change.version;
    const answered = this.#world.ask(this.#cell.fill.name, this.#id);
    const least = this.#change.acknowledged.length > 0 ? committed : 1;
    const asked = { name, least, most: committed, answered };
    this.#asked.push(asked);
    return asked;
  }

  async #end(): Promise<void> {
    const world = this.#world;
    this.#stops.open();
    await this.#world.settle();
    this.#listen();
    this.#ask('at the end');
    await this.#world.settle();
    this.#ask('at the end, again');
    await this.#world.settle();
    await this.#release();
    this.#ask('when all is told');
    await this.#world.settle();
    const last = this.#ask('when all is told, again');
    await this.#world.settle();
    this.#judge();
    if (world.isTracked) await this.#writeAgain();
    const { fill } = this.#cell;
    if (fill.isNeverKept !== true && !last.answered.isHit()) this.broken.push('it does not become a hit again');
    const faults = world.faults.splice(0).map(String);
    const isBrokenOff = this.#change.breaksOff === true && faults.some((fault) => BROKEN_OFF.test(fault));
    if (this.#filled?.versions() === undefined && this.#change.mayFail !== true && !isBrokenOff)
      this.broken.push('the fill has no answer');
    this.broken.push(...this.#change.problems());
    for (const fault of faults) {
      if (/the answer was lost|no way to the target/.test(fault) || (isBrokenOff && BROKEN_OFF.test(fault))) continue;
      this.broken.push(fault);
    }
  }

  /** What is stored by now is as well watched as ever. */
  async #writeAgain(): Promise<void> {
    const { fill } = this.#cell;
    if (this.#change.again === undefined) await this.#world.writeAgain(this.#id);
    else await this.#change.again();
    const { answered } = this.#ask('after another write');
    await this.#world.settle();
    const versions = answered.versions();
    if (versions?.length !== fill.tables.length || versions.some((version) => version !== 3)) {
      this.outdated.push(`after another write: version ${versions?.join(' and ')}`);
    }
  }

  async #release(): Promise<void> {
    for (const target of this.#world.targets) {
      target.isHeld = false;
      await target.apply();
      target.reply();
    }
    await this.#world.settle();
  }

  #judge(): void {
    const rows = fillOf(this.#cell.fill.name).tables;
    for (const { name, least, most, answered } of this.#asked) {
      const versions = answered.versions();
      if (versions === undefined || versions.length !== rows.length) {
        this.broken.push(`${name}: no answer`);
        continue;
      }
      for (const [at, version] of versions.entries()) {
        // A table that is not written stays at version 1.
        const isWritten = this.#cell.change.tables?.includes(rows[at] as 'items') !== false;
        const isRight = isWritten ? version >= least && version <= most : version === 1;
        if (!isRight) this.outdated.push(`${name}: version ${versions.join(' and ')}`);
      }
    }
  }
}
