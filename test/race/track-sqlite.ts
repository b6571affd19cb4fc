// The same race with the feed of SQLite itself, which looks at its change log statement by statement: the commit comes before
// its first, between any two of them, and after its last.
//
// The feed looks by itself too. Here it does so every few days, and when it is woken; `settled()` wakes
// it, so a look lies at its first statement until its step comes.

import { DatabaseSync } from 'node:sqlite';
import { nodeSqliteRunner, type SqliteRunner } from '../../src/feed/sqlite/runner.ts';
import { sqliteDatabase } from '../../src/track/index.ts';
import type { Course, Raced } from './track-changes.ts';
import type { Shop } from './track-shop.ts';
import { Stops, settle } from './track-steps.ts';
import type { TrackWorld } from './track-world.ts';

const NEVER_MS = 1_000_000_000;
/** Of one look that finds something; further steps find it at its end. */
const STATEMENTS = 6;

/** Connections of the feed, whose statements wait while it is closed. */
export class LookGate {
  #stops: Stops | undefined;
  #opened = 0;

  close(): void {
    this.#stops = new Stops();
  }

  open(): void {
    this.#stops?.open();
    this.#stops = undefined;
  }

  /** One statement more. */
  go(): void {
    this.#stops?.go();
  }

  database(shop: Shop) {
    const connect = (): SqliteRunner => {
      const runner = nodeSqliteRunner(new DatabaseSync(shop.path, { timeout: 0 }));
      // The first one is for the catalogue.
      return this.#opened++ === 0 ? runner : this.#gated(runner);
    };
    return sqliteDatabase({ path: shop.path, install: true, connect, poll: NEVER_MS });
  }

  #gated(runner: SqliteRunner): SqliteRunner {
    return {
      ...runner,
      all: async (...given) => {
        await this.#stops?.stop();
        return runner.all(...given);
      },
      batch: async (statements) => {
        await this.#stops?.stop();
        return runner.batch(statements);
      },
    };
  }
}

/** For each number of statements that an earlier look has run when the commit comes; undefined: there is no such look. */
export function sqliteKinds(gate: LookGate): readonly Raced[] {
  return [undefined, ...Array.from({ length: STATEMENTS + 1 }, (_, at) => at)].map((statements) => ({
    name: statements === undefined ? 'SQLite' : `SQLite, ${statements} statements into a look`,
    steps: ['committed', 'told', 'settled'],
    tables: undefined,
    begin: (world, id) => new SqliteCourse({ world, id, gate, statements }),
  }));
}

interface SqliteParts {
  readonly world: TrackWorld;
  readonly id: number;
  readonly gate: LookGate;
  readonly statements: number | undefined;
}

class SqliteCourse implements Course {
  readonly isHeld = false;
  readonly acknowledged: string[] = [];
  version = 1;
  readonly #parts: SqliteParts;

  constructor(parts: SqliteParts) {
    this.#parts = parts;
  }

  async step(name: string): Promise<void> {
    const { gate, world } = this.#parts;
    if (name === 'committed') await this.#commit();
    else if (name === 'told') {
      gate.open();
      await world.pass(3);
    } else await world.pass(20);
  }

  problems(): string[] {
    return this.acknowledged.includes('settled()') ? [] : ['it is never settled'];
  }

  async again(): Promise<void> {
    const { world, id } = this.#parts;
    write(world, id, 3);
    await seen(world);
  }

  async #commit(): Promise<void> {
    const { gate, world, id, statements } = this.#parts;
    gate.close();
    if (statements !== undefined) {
      // Something else was written, so that there is something to look at.
      world.shop.outside.exec(`UPDATE unlisted SET id = id`);
      void world.tracker.settled();
      await world.pass(2);
      for (let at = 0; at < statements; at++) {
        gate.go();
        await settle();
      }
    }
    write(world, id, 2);
    this.version = 2;
    world.time.advance(1);
    world.tracker.settled().then(
      () => this.acknowledged.push('settled()'),
      (error: unknown) => world.faults.push(error),
    );
    await settle();
  }
}

function write({ shop }: TrackWorld, id: number, version: number): void {
  const updates = ['items', 'notes'].map((table) => `UPDATE ${table} SET version = ${version} WHERE id = ${id};`);
  shop.outside.exec(`BEGIN IMMEDIATE; ${updates.join(' ')} COMMIT`);
}

/** All that was committed is known to the targets. */
export async function seen(world: TrackWorld): Promise<void> {
  let isSettled = false;
  world.tracker.settled().then(
    () => {
      isSettled = true;
    },
    (error: unknown) => world.faults.push(error),
  );
  for (let round = 0; round < 20 && !isSettled; round++) await world.pass(5);
  if (!isSettled) throw new Error('expected the tracker to settle');
}
