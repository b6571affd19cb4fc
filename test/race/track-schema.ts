// A change of the schema while a response is made: a view that is made anew over another table, a column that is added.
//
// What a statement means is known from the catalogue, which is read again some time after the change
// is told. What is read in between is of the new schema, and analysed by the old one.

import type { Change } from '../../src/dependency/change.ts';
import type { Course, Raced } from './track-changes.ts';
import { updateTo } from './track-shop.ts';
import { Stops, settle } from './track-steps.ts';
import type { TrackWorld } from './track-world.ts';

/** Holds the catalogue back while it is closed. */
export class CatalogueGate {
  #stops: Stops | undefined;

  readonly pass = (): Promise<void> => this.#stops?.stop() ?? Promise.resolve();

  close(): void {
    this.#stops = new Stops();
  }

  open(): void {
    this.#stops?.open();
    this.#stops = undefined;
  }
}

interface Alteration {
  readonly name: string;
  /** In one transaction with the data that goes to version 2. */
  readonly change: (id: number) => string;
  readonly back: string;
  /** What else is told of it than that tables were altered. */
  readonly changes: (world: TrackWorld, id: number) => readonly Change[];
  readonly again: (world: TrackWorld, id: number) => void;
}

const ALTERATIONS: readonly Alteration[] = [
  {
    name: 'a view made anew',
    change: (id) => `DROP VIEW shown; CREATE VIEW shown AS SELECT id, version FROM notes;
      UPDATE notes SET version = 2 WHERE id = ${id}`,
    back: 'DROP VIEW shown; CREATE VIEW shown AS SELECT id, version FROM items',
    changes: ({ shapes }, id) => [updateTo(2, shapes.notes, id)],
    again: ({ shop, feed, shapes }, id) => {
      shop.outside.exec(`UPDATE notes SET version = 3 WHERE id = ${id}`);
      feed.commit([updateTo(3, shapes.notes, id, 2)]);
    },
  },
  {
    name: 'a column added',
    change: () => 'ALTER TABLE wide ADD COLUMN later INTEGER NOT NULL DEFAULT 2',
    back: 'ALTER TABLE wide DROP COLUMN later',
    changes: () => [],
    again: ({ shop, feed, shapes }, id) => {
      shop.outside.exec(`UPDATE wide SET later = 3 WHERE id = ${id}`);
      feed.commit([{ kind: 'update', table: shapes.wide, old: [id, 1, 2], new: [id, 1, 3] }]);
    },
  },
];

export const isOfSchema = (fill: string, alteration: string): boolean =>
  (fill === 'a view') === (alteration === 'a view made anew');

export function schemaKinds(gate: CatalogueGate): readonly Raced[] {
  return ALTERATIONS.map((alteration) => ({
    name: alteration.name,
    steps: ['committed', 'told', 'catalogue read', 'settled'],
    tables: undefined,
    begin: (world, id) => new SchemaCourse({ world, id, alteration, gate }),
  }));
}

interface SchemaParts {
  readonly world: TrackWorld;
  readonly id: number;
  readonly alteration: Alteration;
  readonly gate: CatalogueGate;
}

class SchemaCourse implements Course {
  readonly isHeld = false;
  readonly acknowledged: string[] = [];
  version = 1;
  readonly #parts: SchemaParts;

  constructor(parts: SchemaParts) {
    this.#parts = parts;
    parts.gate.close();
  }

  async step(name: string): Promise<void> {
    const { world, id, alteration, gate } = this.#parts;
    if (name === 'committed') {
      world.shop.outside.exec(`BEGIN IMMEDIATE; ${alteration.change(id)}; COMMIT`);
      this.version = 2;
      tellAltered(world, alteration.changes(world, id));
      world.tracker.settled().then(
        () => this.acknowledged.push('settled()'),
        (error: unknown) => world.faults.push(error),
      );
    } else if (name === 'told') await world.feed.look()();
    else if (name === 'catalogue read') gate.open();
    await settle();
    await world.pass(1);
  }

  problems(): string[] {
    return this.acknowledged.includes('settled()') ? [] : ['it is never settled'];
  }

  async again(): Promise<void> {
    const { world, id, alteration } = this.#parts;
    alteration.again(world, id);
    await world.feed.look()();
    await settle();
  }

  /** For the next cell. */
  static async undo(world: TrackWorld, change: string): Promise<void> {
    const alteration = ALTERATIONS.find(({ name }) => name === change);
    world.shop.outside.exec(alteration?.back ?? '');
    tellAltered(world, []);
    await world.feed.look()();
    await world.pass(5);
  }
}

export const { undo } = SchemaCourse;

/** As the feed of SQLite tells of it: whatever may have another meaning now, table by table. */
function tellAltered(world: TrackWorld, changes: readonly Change[]): void {
  world.shapes = world.shapesNow();
  const truncates = Object.values(world.shapes).map((table) => ({ kind: 'truncate' as const, table }));
  world.feed.commit([...truncates, ...changes]);
}
