// The same race for cache libraries: a fill reads version 1, the source changes to version 2, the invalidation is
// acknowledged, the fill lands. Every read of the source ends by hand, so that nothing depends on timing.

import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** The peers have a package of their own, so that no user of Tidegate installs them. */
export const PEERS_FOLDER = fileURLToPath(new URL('../../../bench/peers/', import.meta.url));

export interface PeerRow {
  readonly system: string;
  readonly fill: string;
  readonly way: string;
  /** The next request after the fill had landed got version 1. */
  readonly oldStored: boolean;
  /** A request that came after the acknowledgement, while the fill was under way, got version 1. */
  readonly lateGotOld: boolean;
}

export interface Peer {
  readonly name: string;
  /** Runs all its scenarios; throws `Absent` when it is not installed. */
  readonly race: () => Promise<readonly PeerRow[]>;
}

export class Absent extends Error {}

/** What a peer package exports; its types are not at hand when it is not installed. */
export function loadPeer<Exports>(specifier: string): Exports {
  try {
    return createRequire(`${PEERS_FOLDER}package.json`)(specifier) as Exports;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND') throw new Absent(`${specifier} is not installed`, { cause: error });
    throw error;
  }
}

/** One cache under race. `load` reads the source. */
export interface PeerCache {
  readonly read: (load: () => Promise<string>) => Promise<unknown>;
  readonly invalidate: () => Promise<unknown>;
  readonly close?: () => Promise<unknown>;
}

export interface PeerScenario {
  /** `refresh`: of a value that is stored and stale, or soon to be, while it is still served. */
  readonly fill: 'miss' | 'refresh';
  readonly way: string;
  readonly open: () => PeerCache;
}

/** How far time goes on between storing a value and its refresh. */
export const REFRESH_AFTER_MS = 6_000;

/** Between any two steps: libraries that compare times to the millisecond are neither saved nor harmed by our haste. */
const STEP_MS = 50;

type When = 'during the fill' | 'during the fill, with a late reader' | 'after the fill';

export async function raceScenarios(system: string, scenarios: readonly PeerScenario[]): Promise<PeerRow[]> {
  const rows: PeerRow[] = [];
  for (const scenario of scenarios) {
    const { fill, way } = scenario;
    const control = await raceOnce(scenario, 'after the fill');
    if (control.next !== '2')
      throw new Error(`expected 2 of ${system}, ${fill}, ${way} without a race, got ${control.next}`);
    const alone = await raceOnce(scenario, 'during the fill');
    const joined = await raceOnce(scenario, 'during the fill, with a late reader');
    rows.push({ system, fill, way, oldStored: alone.next === '1', lateGotOld: joined.late === '1' });
  }
  return rows;
}

async function raceOnce(scenario: PeerScenario, when: When): Promise<{ late: unknown; next: unknown }> {
  const clock = shiftClock();
  const cache = scenario.open();
  const source = new Source();
  try {
    if (scenario.fill === 'refresh') {
      await source.answer(cache.read(source.load));
      clock.advance(REFRESH_AFTER_MS);
    }
    const before = source.reads;
    const early = cache.read(source.load);
    await until(() => source.reads > before);
    if (when === 'after the fill') await source.answer(early);
    clock.advance(STEP_MS);
    source.version = 2;
    await cache.invalidate();
    clock.advance(STEP_MS);
    const late = when === 'during the fill, with a late reader' ? cache.read(source.load) : undefined;
    await turns();
    await source.answer(Promise.all([early, late]));
    return { late: await late, next: await source.answer(cache.read(source.load)) };
  } finally {
    await cache.close?.();
    clock.restore();
  }
}

/** A source of versions whose reads end by hand. */
class Source {
  version = 1;
  reads = 0;
  #open: (() => void)[] = [];

  readonly load = (): Promise<string> => {
    const read = String(this.version);
    this.reads++;
    return new Promise((resolve) => this.#open.push(() => resolve(read)));
  };

  /** Ends the reads, those under way and those to come, in order, until the answer is there. */
  async answer<Answer>(answer: Promise<Answer>): Promise<Answer> {
    let there = false;
    const mark = () => {
      there = true;
    };
    answer.then(mark, mark);
    await until(() => {
      this.#open.shift()?.();
      return there;
    });
    await turns();
    for (const end of this.#open.splice(0)) end();
    await turns();
    return answer;
  }
}

/** Lets all that is ready run. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 100_000; turn++) {
    if (condition()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error(`expected ${condition} to become true, got 100,000 turns without`);
}

export interface ShiftedClock {
  advance(ms: number): void;
  restore(): void;
}

/** Makes `Date.now` go on by leaps, for libraries that take their time from there. */
export function shiftClock(): ShiftedClock {
  const original = Date.now;
  let shift = 0;
  Date.now = () => original() + shift;
  return {
    advance: (ms) => {
      shift += ms;
    },
    restore: () => {
      Date.now = original;
    },
  };
}
