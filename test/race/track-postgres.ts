// The changes that are raced over a real server of PostgreSQL.

import type { Course, Raced } from './track-changes.ts';
import { FILL_KINDS, type FillKind } from './track-fills.ts';
import type { PostgresWorld } from './track-postgres-world.ts';
import { Stops } from './track-steps.ts';

interface Terms {
  readonly name: string;
  readonly by: 'outside' | 'Drizzle';
  readonly steps: readonly string[];
  readonly isOfNotes?: true;
  readonly rollsBack?: true;
}

const ENDS = ['committed', 'told', 'settled'];
const ALL: readonly Terms[] = [
  { name: 'PostgreSQL, outside', by: 'outside', steps: ENDS },
  { name: 'PostgreSQL, outside, two tables', by: 'outside', steps: ['written', ...ENDS], isOfNotes: true },
  { name: 'PostgreSQL, Drizzle', by: 'Drizzle', steps: ['written', ...ENDS] },
  {
    name: 'PostgreSQL, Drizzle, rolled back',
    by: 'Drizzle',
    steps: ['written', 'rolled back', 'settled'],
    rollsBack: true,
  },
];

/** Each with the fills that it is raced against. */
export const POSTGRES_RACES: readonly (readonly [change: Raced<PostgresWorld>, fill: FillKind])[] = ALL.flatMap(
  (terms) => {
    const change: Raced<PostgresWorld> = {
      name: terms.name,
      steps: terms.steps,
      tables: terms.isOfNotes === true ? ['items', 'notes'] : ['items'],
      begin: (world, id) => new PostgresCourse(world, id, terms),
    };
    const names = terms.isOfNotes === true ? ['a value of two statements'] : ['a row', 'a value'];
    return FILL_KINDS.filter(({ name }) => names.includes(name)).map((fill) => [change, fill] as const);
  },
);

class PostgresCourse implements Course {
  readonly isHeld = false;
  readonly acknowledged: string[] = [];
  version = 1;
  readonly #world: PostgresWorld;
  readonly #id: number;
  readonly #terms: Terms;
  readonly #stops = new Stops();
  #answer: Promise<unknown> | undefined;
  #settled: Promise<void> | undefined;

  constructor(world: PostgresWorld, id: number, terms: Terms) {
    this.#world = world;
    this.#id = id;
    this.#terms = terms;
    world.telling.hold();
  }

  async step(name: string): Promise<void> {
    if (name === 'written') await this.#write();
    else if (name === 'committed' || name === 'rolled back') await this.#end(name === 'committed');
    else if (name === 'told') this.#world.telling.release();
    else {
      this.#world.telling.release();
      await this.#settled;
      await this.#answer;
    }
  }

  problems(): string[] {
    return this.acknowledged.includes('settled()') ? [] : ['it is never settled'];
  }

  async #write(): Promise<void> {
    const { outside, faults } = this.#world;
    const { by, rollsBack } = this.#terms;
    if (by === 'outside') await outside.query(`BEGIN; ${this.#updates}`);
    else {
      const answer = this.#world.write(this.#id, this.#stops, rollsBack === true);
      this.#answer = answer.then(
        (response) => {
          if (!response.headers.has('Tidegate-Settled')) this.acknowledged.push('the answer to the write');
        },
        (error: unknown) => faults.push(error),
      );
      await this.#isAtStop();
    }
  }

  async #end(isCommit: boolean): Promise<void> {
    const { outside, tracker, faults } = this.#world;
    const { by, steps } = this.#terms;
    if (by === 'Drizzle') {
      this.#stops.go();
      await this.#isEnded(isCommit);
    } else await outside.query(steps.includes('written') ? 'COMMIT' : this.#updates);
    if (isCommit) this.version = 2;
    this.#settled = tracker.settled().then(
      () => void this.acknowledged.push('settled()'),
      (error: unknown) => void faults.push(error),
    );
  }

  get #updates(): string {
    const tables = this.#terms.isOfNotes === true ? ['items', 'notes'] : ['items'];
    return tables.map((table) => `UPDATE ${table} SET version = 2 WHERE id = ${this.#id}`).join('; ');
  }

  /** The row is locked. */
  async #isAtStop(): Promise<void> {
    await this.#until(async () => (await this.#locked()) === 1);
  }

  async #isEnded(isCommit: boolean): Promise<void> {
    await this.#until(async () => {
      const { rows } = await this.#world.outside.query(`SELECT version FROM items WHERE id = ${this.#id}`);
      return (await this.#locked()) === 0 && (rows[0] as { version: number }).version === (isCommit ? 2 : 1);
    });
  }

  async #locked(): Promise<number> {
    const sql = `SELECT id FROM items WHERE id = ${this.#id} FOR UPDATE SKIP LOCKED`;
    return 1 - ((await this.#world.outside.query(sql)).rowCount ?? 0);
  }

  async #until(isTrue: () => Promise<boolean>): Promise<void> {
    for (let round = 0; round < 2_000; round++) if (await isTrue()) return;
    throw new Error('expected the transaction to come to its step');
  }
}
