// Runs one cell of the data cache's matrix: a fill reads version 1; the source goes to version 2, and the cache is told;
// the fill lands. Whoever asks after the acknowledgement must not get version 1, and it must not be stored after it.
//
// In grace, a stale value may be given where a fill fails. After a soft invalidation that is what
// the program asked for; after any other it is outdated.

import { DATA_INSTANTS, type DataCell, type DataInstant } from './data-cells.ts';
import type { DataKind } from './data-kinds.ts';
import { type Asked, type SourceRead, settle } from './data-source.ts';
import { type DataTiers, DataWorld } from './data-world.ts';

export interface DataVerdict {
  /** Who asked after the acknowledgement and was given version 1. */
  readonly outdated: readonly string[];
  /** What was stored after it though it was read before. */
  readonly stored: readonly string[];
  /** No answer, an error where none was due, a key that does not become a hit again. */
  readonly broken: readonly string[];
  /** False: the fill did not take the course the cell is about. */
  readonly exercised: boolean;
}

/** Longer than a source that failed is left alone. */
const AFTER_REST_MS = 6_000;

export async function runDataCell(cell: DataCell): Promise<DataVerdict> {
  const race = new DataRace(cell);
  try {
    await race.run();
    await race.aftermath();
  } catch (error) {
    race.broken.push(`threw ${error instanceof Error ? error.message : String(error)}`);
  }
  const { outdated, stored, broken, exercised } = race;
  return { outdated, stored, broken, exercised };
}

/** True when, with no invalidation, the fill's result is used again: else the cells of this kind would prove nothing. */
export async function isKeptWithoutInvalidation(kind: DataKind, tiers: DataTiers): Promise<boolean> {
  const world = new DataWorld(tiers, 'local');
  await kind.prime?.(world);
  kind.ask(world);
  world.time.advance(kind.waitMs ?? 0);
  await world.drain();
  const again = world.get('again');
  await settle();
  return again.got === (kind.keeps ? 1 : 'none');
}

class DataRace {
  readonly outdated: string[] = [];
  readonly stored: string[] = [];
  readonly broken: string[] = [];
  readonly #cell: DataCell;
  readonly #world: DataWorld;
  readonly #late: Asked[] = [];
  #early: Asked[] = [];
  #read: SourceRead | undefined;
  #told = false;

  constructor(cell: DataCell) {
    this.#cell = cell;
    this.#world = new DataWorld(cell.tiers, cell.log);
  }

  get exercised(): boolean {
    const { kind, sent, way } = this.#cell;
    if (!this.#world.acknowledged) return false;
    if (kind.promotes === true || (way.sets !== undefined && sent === 'before the request')) return true;
    const changedFirst = sent === 'before the request' || sent === 'before the read';
    return this.#read?.ended === true && this.#read.version === (changedFirst ? 2 : 1);
  }

  /** The fill, instant by instant, and the invalidation in its midst. */
  async run(): Promise<void> {
    const { kind, sent, acknowledged, turns } = this.#cell;
    await kind.prime?.(this.#world);
    await settle();
    for (const instant of DATA_INSTANTS) {
      if (instant === sent) {
        for (let turn = 0; turn < turns; turn++) await undefined;
        this.#tell();
      }
      if (instant === acknowledged) await this.#acknowledge();
      await this.#goOn(instant);
    }
    await this.#world.drain();
  }

  /** From this instant to the next. */
  async #goOn(instant: DataInstant): Promise<void> {
    const { kind } = this.#cell;
    const { slow } = this.#world;
    switch (instant) {
      case 'before the request':
        return await this.#begin();
      case 'before the read':
        if (kind.promotes === true) slow?.step();
        else this.#read?.read();
        return await settle();
      case 'after the read':
        if (kind.promotes !== true) slow?.hold('put', 1);
        // Nobody has heard of it yet, so there is no settling.
        if (kind.promotes === true) slow?.step();
        else this.#read?.end();
        return;
      case 'as it ends':
        return await settle();
      case 'during the put':
        while (slow?.step() === true) await settle();
        return;
      case 'after the end':
        return;
    }
  }

  async #begin(): Promise<void> {
    const { kind } = this.#cell;
    this.#early = kind.ask(this.#world);
    await settle();
    this.#world.time.advance(kind.waitMs ?? 0);
    await settle();
    this.#read = this.#world.source.reads[0];
  }

  #tell(): void {
    const { way, sent, acknowledged, log } = this.#cell;
    this.#world.source.version = 2;
    if (log === 'local' && sent !== acknowledged) this.#world.slow?.hold('delete');
    way.tell(this.#world).then(() => {
      this.#told = true;
    });
  }

  /** Not a moment passes between the acknowledgement and the question that comes after it. */
  async #acknowledge(): Promise<void> {
    const { log } = this.#cell;
    if (log !== 'local' && this.#told) this.broken.push('the invalidation was acknowledged before the log had it');
    for (let rounds = 0; !this.#told; rounds++) {
      if (rounds === 10_000) throw new Error('expected the invalidation to be acknowledged, got nothing');
      // A tier that is held must not keep others waiting for ever; whoever waits on it here is its own cell.
      if (rounds > (log === 'local' ? 100 : 1_000)) this.#world.slow?.step();
      if (log !== 'local' && rounds % 30 === 0) await this.#world.log?.settle();
      await undefined;
    }
    this.#world.acknowledged = true;
    await this.#askLate();
  }

  async #askLate(): Promise<void> {
    const { late, first, kind } = this.#cell;
    const world = this.#world;
    const before = world.source.reads.length;
    if (late === 'getOrSet') this.#late.push(world.getOrSet('a late getOrSet', kind.ending, {}));
    else this.#late.push(world[late](`a late ${late}`));
    if (first !== 'late') return;
    await settle();
    for (const read of world.source.reads.slice(before)) {
      read.read();
      read.end();
    }
    await settle();
  }

  /** What those got who were there, and those who come now. */
  async aftermath(): Promise<void> {
    const { kind, way } = this.#cell;
    const world = this.#world;
    for (const asked of this.#early) this.#judgeAnswer(asked);
    for (const asked of this.#late) this.#judge(asked);
    if (world.putSince.includes(1)) this.stored.push('version 1 was put into a tier');
    if (way.soft === true && kind.grace === true) world.time.advance(AFTER_REST_MS);
    await this.#judgeNow(() => world.get('the next get'));
    world.evict();
    await this.#judgeNow(() => world.get('the next get, once memory has made room'));
    const filled = await this.#judgeNow(() => world.getOrSet('the next getOrSet', 'value', {}));
    if (filled.got !== 2) this.broken.push(`the next getOrSet got ${filled.got}`);
    const again = await this.#judgeNow(() => world.get('the last get'));
    if (again.got !== 2) this.broken.push(`the key does not become a hit again: ${again.got}`);
  }

  async #judgeNow(ask: () => Asked): Promise<Asked> {
    const asked = ask();
    await this.#world.drain();
    this.#judge(asked);
    return asked;
  }

  #judge(asked: Asked): void {
    const { kind, way } = this.#cell;
    const mayBeStale = way.soft === true && kind.grace === true && asked.name.includes('late getOrSet');
    if (asked.got === 1 && !mayBeStale) this.outdated.push(`${asked.name} got version 1`);
    this.#judgeAnswer(asked);
  }

  #judgeAnswer({ name, got }: Asked): void {
    if (got === undefined) this.broken.push(`${name} got no answer`);
    if (got instanceof Error && this.#cell.kind.ending !== 'failure') this.broken.push(`${name} got ${got.message}`);
  }
}
