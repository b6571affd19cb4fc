// The background work of a gate in the simulation: jobs of every cause, and what fills again after invalidations.

import type { Gate, PopulateResult, Route } from '../../src/engine/contract.ts';
import { itemOfKey, type PopulateItem } from '../../src/engine/populate/item.ts';
import { Populator } from '../../src/engine/populate/populator.ts';
import { Rehydrator } from '../../src/engine/populate/rehydrate.ts';
import type { MemoryStore } from '../../src/store/memory.ts';
import { requestOf } from '../kit/clients.ts';
import type { SimulatedProcess } from '../kit/simulated-process.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';
import type { Database } from './database.ts';
import type { Dice } from './dice.ts';
import type { Resource } from './resources.ts';
import type { Tally } from './tally.ts';

export const CAUSES = ['startup', 'publish', 'schedule', 'rehydration', 'missing', 'operator'] as const;

export interface PopulatingParts {
  readonly process: SimulatedProcess;
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly database: Database;
  readonly tally: Tally;
  readonly memory: MemoryStore;
  readonly rehydrates: boolean;
  readonly routeOf: (resource: Resource) => Route;
  readonly trace: (line: string) => void;
}

const LANGUAGES = ['de', 'en', 'fr'] as const;

export class Populating {
  readonly #parts: PopulatingParts;
  readonly #populator: Populator;
  gate: Gate | undefined;

  constructor(parts: PopulatingParts) {
    const { process, time, dice } = parts;
    this.#parts = parts;
    this.#populator = new Populator({
      clock: time,
      tasks: process.tasks,
      random: () => dice.next(),
      requestOf: (item) => this.#requestOf(item),
      fill: async (request) => this.#counted(await (this.gate as Gate).populate(request)),
      limits: () => ({ concurrency: 2, ratePerSecond: 0 }),
      fault: (error) => {
        throw error;
      },
    });
  }

  readonly rehydrator = new Rehydrator({
    usesOf: (key) => this.#parts.memory.usesOf(key),
    maxEntries: () => (this.#parts.rehydrates ? 4 : 0),
    fill: (entries) => {
      const items = entries.flatMap(({ key, uses }) => {
        const item = itemOfKey(key);
        return item === undefined ? [] : [{ ...item, hits: uses }];
      });
      this.#parts.tally.count('rehydrated entries', items.length);
      this.#begin('rehydration', items);
    },
  });

  /** A job of some resources; at times it is cancelled. */
  job(): void {
    const { dice, database, process } = this.#parts;
    const items = dice.some(database.resources, 0.7).map(({ uri, varies }): PopulateItem => {
      const fields = varies && dice.chance(0.8) ? { fields: ['accept-language', dice.pick(LANGUAGES)] } : {};
      return { uri, hits: dice.between(1, 20), ...fields };
    });
    const id = this.#begin(dice.pick(CAUSES), items);
    if (dice.chance(0.1)) process.tasks.later(dice.below(200), () => this.#populator.cancel(id));
  }

  #begin(cause: (typeof CAUSES)[number], items: readonly PopulateItem[]): string {
    const { tally, trace, process } = this.#parts;
    trace(`${process.name}: fills ${items.length} for ${cause}`);
    tally.count(`populate ${cause}`);
    const id = this.#populator.jobs.create({ cause });
    this.#populator.add(id, items);
    this.#populator.jobs.seal(id);
    return id;
  }

  #requestOf({ uri, fields = [] }: PopulateItem) {
    const resource = this.#parts.database.resources.find((one) => one.uri === uri);
    if (resource === undefined) return undefined;
    return requestOf(this.#parts.routeOf(resource), { path: resource.path, fields });
  }

  #counted(result: PopulateResult): PopulateResult {
    this.#parts.tally.count(`populated ${result.kind}`);
    return result;
  }
}
