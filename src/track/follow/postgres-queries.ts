// Questions to a database of PostgreSQL besides the feed's: of its catalogue, and the look-ups of statements, on connections
// of their own while the answer is under way already.
//
// Until the answers of look-ups have come, a read stays registered as wide as it is without them. So nothing waits for them,
// and a look-up that fails or has to wait for too many others only costs needless invalidations.

import { lookupParameters } from '../../dependency/bind.ts';
import type { Lookup } from '../../dependency/template.ts';
import type { ConnectPostgres, PostgresSession } from '../../feed/postgres/session.ts';
import type { Clock } from '../../ports.ts';
import type { LookedUp, TryClaim } from './open-database.ts';

/** A look-up costs the server time: one that took longer is not run again. */
const SLOW_MS = 50;
const MAX_WAITING = 200;
/** The most texts remembered as slow. */
const MAX_GIVEN_UP = 10_000;

export class PostgresLookups {
  readonly #queries: Queries;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #givenUp = new Set<string>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isClosed = false;

  constructor(connect: ConnectPostgres, clock: Pick<Clock, 'monotonic'>) {
    this.#queries = new Queries(connect);
    this.#clock = clock;
  }

  /** Never rejects. Returns undefined when it cannot run them now. */
  run(lookups: readonly Lookup[], parameters: readonly unknown[]): Promise<LookedUp> | undefined {
    const isKnown = lookups.every(({ text }) => this.#givenUp.has(text));
    if (this.#isClosed || isKnown || this.#waiting >= MAX_WAITING) return undefined;
    this.#waiting++;
    const done = this.#last.then(async () => {
      const all: (readonly unknown[] | undefined)[] = [];
      for (const lookup of lookups) all.push(await this.#one(lookup, parameters));
      this.#waiting--;
      return all;
    });
    this.#last = done;
    return done;
  }

  forget(): void {
    this.#givenUp.clear();
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.#queries.close();
  }

  async #one(lookup: Lookup, parameters: readonly unknown[]): Promise<readonly unknown[] | undefined> {
    const { text } = lookup;
    const given = lookupParameters(lookup, parameters);
    if (this.#isClosed || this.#givenUp.has(text) || !given.every(isPlain)) return undefined;
    try {
      const session = await this.#queries.session();
      const begunAt = this.#clock.monotonic();
      const rows = await session.query(text, given);
      if (this.#clock.monotonic() - begunAt > SLOW_MS && this.#givenUp.size < MAX_GIVEN_UP) this.#givenUp.add(text);
      return rows.map((row) => Object.values(row)[0]);
    } catch {
      // Rights that the application's connection has and this one has not, for one.
      return undefined;
    }
  }
}

/** Written alike by each driver. */
function isPlain(value: unknown): boolean {
  return value === null || typeof value === 'bigint' || typeof value === 'string' || Number.isSafeInteger(value);
}

/** One connection for questions, made again when it has ended. */
export class Queries {
  readonly #connect: ConnectPostgres;
  #session: Promise<PostgresSession> | undefined;

  constructor(connect: ConnectPostgres) {
    this.#connect = connect;
  }

  session(): Promise<PostgresSession> {
    if (this.#session === undefined) {
      const opened = this.#connect('queries');
      this.#session = opened;
      const forget = () => {
        if (this.#session === opened) this.#session = undefined;
      };
      opened.then((session) => session.ended.then(forget), forget);
    }
    return this.#session;
  }

  readonly run = async (
    sql: string,
    parameters: readonly unknown[],
  ): Promise<readonly Readonly<Record<string, unknown>>[]> => (await this.session()).query(sql, parameters);

  async close(): Promise<void> {
    const opened = this.#session;
    this.#session = undefined;
    await (await opened?.catch(() => undefined))?.close();
  }
}

/** A lock of the server on `name`, which ends with the connection that holds it. */
export function postgresClaim(connect: ConnectPostgres, name: string): TryClaim {
  return async () => {
    const session = await connect('queries');
    const [row] = await session.query('SELECT pg_try_advisory_lock(hashtextextended($1, 0)) AS got', [name]);
    if (row?.got === true) return () => session.close();
    await session.close();
    return undefined;
  };
}
