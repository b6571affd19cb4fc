// One random database of PostgreSQL with its queries: after each write, as the feed told it, every query is asked again,
// and what the index said is judged.

import { setTimeout as sleep } from 'node:timers/promises';
import { bindInstance, lookupParameters, neededOutputs, resultRowsOf } from '../../src/dependency/bind.ts';
import { moves } from '../../src/dependency/condition/cells.ts';
import { DependencyIndex } from '../../src/dependency/index/dependency-index.ts';
import type { Template } from '../../src/dependency/template.ts';
import { analyse } from '../../src/sql/analyse.ts';
import type { Catalogue, Parser } from '../../src/sql/ast.ts';
import { Dice } from '../sim/dice.ts';
import { AHEAD_MS, writesAhead } from './moving-times.ts';
import { randomTypes } from './parsers.ts';
import { PostgresDatabase, type Texts } from './postgres-database.ts';
import { randomPostgresQuery } from './postgres-queries.ts';
import { PURE_FUNCTIONS } from './postgres-routines.ts';
import { type PostgresSchema, postgresDdl, randomPostgresSchema } from './postgres-schema.ts';
import { type PostgresTransaction, randomPostgresTransaction, randomPostgresWrite } from './postgres-writes.ts';
import type { Query } from './queries.ts';
import type { Tally } from './tally.ts';

const QUERIES = 24;
const ROWS = 25;
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York'];

interface Registered {
  readonly query: Query;
  readonly template: Template;
  readonly tables: ReadonlySet<string>;
  /** Undefined: it is asked no more, since the server refuses. */
  rows: Texts | undefined;
}

export interface PostgresWorldOptions {
  readonly seed: number;
  readonly tally: Tally;
  readonly parser: Parser;
  readonly url: string;
  /** Only queries of this feature. */
  readonly feature?: string | undefined;
}

export class PostgresWorld {
  readonly #options: PostgresWorldOptions;
  readonly #dice: Dice;
  readonly #schema: PostgresSchema;
  readonly #database: PostgresDatabase;
  readonly #index = new DependencyIndex({ maxInstances: 10_000 });
  readonly #registered: Registered[] = [];
  #catalogue: Catalogue | undefined;

  private constructor(
    options: PostgresWorldOptions,
    [dice, schema]: readonly [Dice, PostgresSchema],
    database: PostgresDatabase,
  ) {
    this.#options = options;
    this.#dice = dice;
    this.#schema = schema;
    this.#database = database;
  }

  static async open(options: PostgresWorldOptions): Promise<PostgresWorld> {
    const dice = new Dice(options.seed);
    const schema = randomPostgresSchema(dice);
    const feed = dice.chance(0.15) ? 'triggers' : 'logical';
    const timeZone = dice.pick(ZONES);
    // The driver sends a Date as local time.
    process.env.TZ = dice.pick(ZONES);
    const database = await PostgresDatabase.open({
      ...{ url: options.url, feed, timeZone, types: randomTypes(dice) },
      ddl: postgresDdl(dice, schema),
    });
    const world = new PostgresWorld(options, [dice, schema], database);
    await world.#begin();
    return world;
  }

  async #begin(): Promise<void> {
    for (const table of this.#schema.tables) {
      for (let at = 0; at < ROWS; at++) {
        const write = randomPostgresWrite(this.#dice, table, this.#schema);
        if (write.text.startsWith('INSERT')) await this.#database.write({ writes: [write], isRolledBack: false });
      }
    }
    await this.#database.follow();
    this.#catalogue = await this.#database.catalogue();
    for (let at = 0; at < QUERIES; at++) await this.#register();
  }

  async #register(): Promise<void> {
    const { tally, feature } = this.#options;
    const query = randomPostgresQuery(this.#dice, this.#schema, feature);
    if (query === undefined) return;
    if ((await this.#database.ask(query)) === undefined) return;
    const template = this.#analysed(query.text);
    tally.analysed(query, template);
    if (template.kind !== 'tracked' || moves(template.times, query.parameters)) return;
    const [rows] = await this.#database.askAll([query]);
    const one = { query, template, tables: tablesIn(query, this.#schema), rows };
    await this.#answered(this.#registered.push(one) - 1, one);
  }

  #analysed(text: string): Template {
    const catalogue = this.#catalogue as Catalogue;
    const { parser } = this.#options;
    return analyse(text, { dialect: 'postgres', parser, catalogue, pureFunctions: PURE_FUNCTIONS });
  }

  /** Asks as an application does, and tells the index of it. */
  async #answered(id: number, { query, template }: Registered): Promise<void> {
    if (template.kind !== 'tracked') return;
    const rowMode = this.#dice.chance(0.5) ? 'array' : undefined;
    const rows = await this.#database.ask(query, { rowMode, outputs: neededOutputs(template) });
    const result = rows && resultRowsOf(template, rows);
    const lookups: (readonly unknown[] | undefined)[] = [];
    for (const lookup of template.lookups ?? []) {
      const asked = { text: lookup.text, parameters: lookupParameters(lookup, query.parameters) };
      const found = await this.#database.ask(asked, { rowMode: 'array', outputs: new Set([0]) });
      lookups.push(found?.map((row) => (row as readonly unknown[])[0]));
    }
    this.#index.add(id, bindInstance(template, query.parameters, result && { ...result, lookups }));
  }

  /** One transaction, or some, and their judgement; how many rows they changed. */
  async step(): Promise<number> {
    const transactions = Array.from({ length: this.#dice.chance(0.15) ? 2 : 1 }, () =>
      randomPostgresTransaction(this.#dice, this.#schema),
    );
    const isAhead = this.#dice.chance(this.#options.feature?.includes('time') ? 0.3 : 0.03);
    if (isAhead) transactions.push({ writes: writesAhead(this.#dice, this.#schema.tables), isRolledBack: false });
    for (const transaction of transactions) await this.#write(transaction);
    const changes = await this.#database.told();
    if (changes.length === 0) return 0;
    const affected = new Set(this.#index.match(changes).ids);
    const written = new Set(changes.map(({ table }) => tableOf(table.name)));
    await this.#judgeAll({ affected, written, transactions });
    if (isAhead) await this.#judgeLater(transactions);
    return changes.length;
  }

  async #write(transaction: PostgresTransaction): Promise<void> {
    for (const { text } of transaction.writes) {
      const { kind } = this.#analysed(text);
      if (kind !== 'write') throw new TypeError(`expected a write, got ${kind}: ${text}`);
    }
    await this.#database.write(transaction);
  }

  /** Nothing but the time changes. */
  async #judgeLater(transactions: readonly PostgresTransaction[]): Promise<void> {
    await sleep(2 * AHEAD_MS);
    const all = new Set(this.#schema.tables.map(({ name }) => name));
    await this.#judgeAll({ affected: new Set(), written: all, transactions });
  }

  async #judgeAll({ affected, written, transactions }: Step): Promise<void> {
    const asked: [number, Registered][] = [];
    for (const [id, one] of this.#registered.entries()) {
      if (one.rows === undefined) continue;
      const isTouched = [...one.tables].some((name) => written.has(name));
      if (isTouched || affected.has(id)) asked.push([id, one]);
      else this.#options.tally.judged(one.query, { isAffected: false, hasChanged: false });
    }
    const answers = await this.#database.askAll(asked.map(([, { query }]) => query));
    for (const [at, [id, one]] of asked.entries()) {
      await this.#judge(id, one, { after: answers[at], isAffected: affected.has(id), transactions });
    }
  }

  async #judge(id: number, one: Registered, { after, isAffected, transactions }: Judged): Promise<void> {
    const { tally, seed } = this.#options;
    const { query, rows } = one;
    if (after === undefined) {
      // An error need not be of a row that the answer depends on.
      one.rows = undefined;
      this.#index.remove(id);
      return;
    }
    const hasChanged = !areSame(query, rows, after);
    tally.judged(query, { isAffected, hasChanged });
    if (hasChanged && !isAffected) {
      const writes = transactions.flatMap((transaction) => transaction.writes);
      tally.missed({ seed, query, writes, before: shown(query, rows), after: shown(query, after) });
    }
    if (!isAffected && !hasChanged) return;
    one.rows = after;
    this.#index.remove(id);
    await this.#answered(id, one);
  }

  /** Writes and queries that the server did not take. */
  get refused(): ReadonlyMap<string, number> {
    return this.#database.refused;
  }

  async close(): Promise<void> {
    await this.#database.close();
  }
}

interface Step {
  readonly affected: ReadonlySet<number>;
  /** Tables, by their names in the schema. */
  readonly written: ReadonlySet<string>;
  readonly transactions: readonly PostgresTransaction[];
}

interface Judged {
  readonly after: Texts | undefined;
  readonly isAffected: boolean;
  readonly transactions: readonly PostgresTransaction[];
}

/** Of a partition that of which it is one. */
function tableOf(name: string): string {
  return name.replace(/_p\d$/, '');
}

/** By name, wherever it stands: what is not named cannot be read. */
function tablesIn({ text, reads = [] }: Query, { tables, views }: PostgresSchema): ReadonlySet<string> {
  const whole = `${text} ${views.map(({ name, ddl }) => (text.includes(name) ? ddl : '')).join(' ')}`;
  return new Set([...reads, ...tables.flatMap(({ name }) => (whole.includes(name) ? [name] : []))]);
}

function areSame(query: Query, before: Texts | undefined, after: Texts): boolean {
  if (before === undefined) return false;
  if (before.length !== after.length) return false;
  const isSame = before.every((row, at) => row.every((value, place) => value === after[at]?.[place]));
  return isSame || (!query.isOrdered && shown(query, before) === shown(query, after));
}

/** The answer as text, in which two are equal when the answers are. */
function shown({ isOrdered }: Query, rows: Texts | undefined): string {
  if (rows === undefined) return 'refused';
  const lines = rows.map((row) => row.map((value) => value ?? '\u0000').join('\u0001'));
  return (isOrdered ? lines : lines.sort()).join('\n');
}
