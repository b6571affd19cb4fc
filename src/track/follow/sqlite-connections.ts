// Connections to the followed file besides the feed's: one reads the catalogue, one runs look-ups.

import { lookupParameters } from '../../dependency/bind.ts';
import type { TableShape } from '../../dependency/change.ts';
import type { Lookup, LookupOperand } from '../../dependency/template.ts';
import { TidegateError } from '../../errors.ts';
import type { SqliteRow, SqliteRunner } from '../../feed/sqlite/runner.ts';
import type { Clock, Eventually } from '../../ports.ts';
import type { Catalogue, CatalogueData } from '../../sql/ast.ts';
import { catalogueOf } from '../../sql/catalogue.ts';
import { readSqliteCatalogue, sqliteCatalogueVersion } from '../../sql/sqlite/catalogue.ts';
import { PLACE, placeOf } from '../wrap/sqlite-place.ts';
import type { LookedUp } from './open-database.ts';

interface VersionedCatalogue {
  readonly catalogue: Catalogue;
  readonly version: string;
}

export interface SqliteConnections extends VersionedCatalogue {
  readonly runner: SqliteRunner;
  readonly lookups: SqliteLookups | undefined;
  /** The file's identity, as the runner tells it. */
  readonly identity: string | undefined;
}

export interface ConnectionParts {
  readonly source: string;
  readonly path: string;
  readonly clock: Clock;
  readonly connect: () => Eventually<SqliteRunner>;
}

/** Rejects with E_FEED where it is no file. */
export async function openConnections({ source, path, clock, connect }: ConnectionParts): Promise<SqliteConnections> {
  const runner = await connect();
  try {
    const identity = await runner.identity?.();
    const known = await readVersionedCatalogue(runner, source);
    return { runner, identity, ...known, lookups: await openLookups(path, clock) };
  } catch (error) {
    await runner.close?.();
    throw error;
  }
}

export async function closeConnections({ runner, lookups }: SqliteConnections): Promise<void> {
  lookups?.close();
  await runner.close?.();
}

/** Uses node:sqlite whatever the application uses; it only reads. Returns undefined when it cannot read the file. */
async function openLookups(path: string, clock: Clock): Promise<SqliteLookups | undefined> {
  const { DatabaseSync } = await import('node:sqlite');
  try {
    return new SqliteLookups(new DatabaseSync(path, { readOnly: true, timeout: 0 }), clock);
  } catch {
    // Less is known without it, and nothing is missed.
    return undefined;
  }
}

/** The tables as they are now. */
export async function tablesOf(runner: SqliteRunner): Promise<readonly TableShape[]> {
  const { catalogue } = await readVersionedCatalogue(runner, '');
  return (await runner.all(`SELECT name FROM sqlite_schema WHERE type = 'table'`)).flatMap(({ name }) => {
    const relation = catalogue.relation('main', String(name));
    return relation?.kind === 'table' ? [relation.table] : [];
  });
}

/** Reads one version: again where the schema changed meanwhile. Returns `before` when its version is unchanged. */
export async function readVersionedCatalogue(
  runner: SqliteRunner,
  source: string,
  before?: VersionedCatalogue,
): Promise<VersionedCatalogue> {
  const run = async (sql: string, parameters: readonly unknown[]): Promise<readonly SqliteRow[]> =>
    runner.all(sql, parameters as (string | number)[]);
  const [row] = await runner.all(PLACE);
  // Identifies the file, so that connections to another one can be told apart.
  const server = placeOf(row?.file);
  if (server === undefined) {
    throw new TidegateError(
      'E_FEED',
      `expected a connection to a file of this machine, got one to "${row?.file ?? ''}"`,
    );
  }
  const versionNow = async () => `${server}\n${await sqliteCatalogueVersion(run)}`;
  for (;;) {
    const version = await versionNow();
    if (version === before?.version) return before;
    const { data } = await readSqliteCatalogue(run, source);
    if ((await versionNow()) !== version) continue;
    return { catalogue: catalogueOf({ ...(data as CatalogueData), server }), version };
  }
}

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
      if (this.#clock.monotonic() - begunAt > SLOW_MS && this.#givenUp.size < MAX_GIVEN_UP) this.#givenUp.add(text);
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
}

/** Values with which to run a look-up; undefined when it might ask for something else than the statement did. */
export function bindableOf(lookup: Lookup, parameters: readonly unknown[]): Bindable[] | undefined {
  const given = lookupParameters(lookup, parameters);
  return given.every((value, at) => isBindable(value, lookup.operands[at])) ? (given as Bindable[]) : undefined;
}

/** Means the same, whichever driver binds it. */
function isBindable(value: unknown, operand: LookupOperand | undefined): boolean {
  if (value === null || typeof value === 'bigint' || typeof value === 'string') return true;
  return value instanceof Uint8Array || (operand?.isText === false && Number.isSafeInteger(value));
}
