// Runs the look-ups of statements of SQLite, on a connection of their own.
//
// They run after the statement, and may see more than it saw. This misses nothing: a change that makes a look-up answer
// otherwise changes a row that the statement's own reads match, and all changes since the mark that was taken before
// the statement are matched against the registered reads.

import { lookupParameters } from '../../dependency/bind.ts';
import type { Lookup, LookupOperand } from '../../dependency/template.ts';
import type { Clock } from '../../ports.ts';
import type { LookedUp } from './open-database.ts';

type Bindable = string | number | bigint | null | Uint8Array;

/** `DatabaseSync` of node:sqlite, as far as it is used. */
export interface LookupConnection {
  prepare(sql: string): LookupStatement;
  close(): void;
}

interface LookupStatement {
  setReturnArrays(enabled: boolean): void;
  setReadBigInts(enabled: boolean): void;
  all(...parameters: Bindable[]): unknown[];
}

/** A look-up blocks the thread: one that took longer is not run again. */
const SLOW_MS = 10;
const MAX_STATEMENTS = 200;
/** The most texts remembered as slow or failing. */
const MAX_GIVEN_UP = 10_000;

export class SqliteLookups {
  readonly #connection: LookupConnection;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #statements = new Map<string, LookupStatement>();
  readonly #givenUp = new Set<string>();

  constructor(connection: LookupConnection, clock: Pick<Clock, 'monotonic'>) {
    this.#connection = connection;
    this.#clock = clock;
  }

  run(lookups: readonly Lookup[], parameters: readonly unknown[]): LookedUp {
    return lookups.map((lookup) => this.#one(lookup, parameters));
  }

  /** The schema has changed. */
  forget(): void {
    this.#statements.clear();
    this.#givenUp.clear();
  }

  close(): void {
    this.forget();
    this.#connection.close();
  }

  #one(lookup: Lookup, parameters: readonly unknown[]): readonly unknown[] | undefined {
    const { text } = lookup;
    const given = this.#givenUp.has(text) ? undefined : bindableOf(lookup, parameters);
    if (given === undefined) return undefined;
    const begunAt = this.#clock.monotonic();
    try {
      const rows = this.#statement(text).all(...given) as readonly (readonly unknown[])[];
      if (this.#clock.monotonic() - begunAt > SLOW_MS) this.#giveUp(text);
      return rows.map(([value]) => value);
    } catch {
      // A writer that has the file for itself, for one: without it less is known, and the next one may find it free.
      return undefined;
    }
  }

  #statement(text: string): LookupStatement {
    const known = this.#statements.get(text);
    if (known !== undefined) return known;
    const statement = this.#connection.prepare(text);
    statement.setReturnArrays(true);
    statement.setReadBigInts(true);
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear();
    this.#statements.set(text, statement);
    return statement;
  }

  #giveUp(text: string): void {
    if (this.#givenUp.size < MAX_GIVEN_UP) this.#givenUp.add(text);
  }
}

/** Values with which to run a look-up; undefined when it might ask for something else than the statement did. */
export function bindableOf(lookup: Lookup, parameters: readonly unknown[]): Bindable[] | undefined {
  const given = lookupParameters(lookup, parameters);
  return given.every((value, at) => isBindable(value, lookup.operands[at])) ? (given as Bindable[]) : undefined;
}

/** Means the same, whichever driver binds it. */
function isBindable(value: unknown, operand: LookupOperand | undefined): value is Bindable {
  if (value === null || typeof value === 'bigint' || typeof value === 'string') return true;
  return value instanceof Uint8Array || (operand?.isText === false && Number.isSafeInteger(value));
}
