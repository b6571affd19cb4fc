// Connections to the followed file besides the feed's: one reads the catalogue, one runs look-ups.
//
// Another file may take the place of this one. The feed tells that as a gap, after which the catalogue is read again:
// then these connections are opened anew.

import type { TableShape } from '../../dependency/change.ts';
import type { Lookup } from '../../dependency/template.ts';
import { TidegateError } from '../../errors.ts';
import type { SqliteRow, SqliteRunner } from '../../feed/sqlite/runner.ts';
import type { Clock, Eventually } from '../../ports.ts';
import type { Catalogue, CatalogueData } from '../../sql/ast.ts';
import { catalogueOf } from '../../sql/catalogue.ts';
import { readSqliteCatalogue, sqliteCatalogueVersion } from '../../sql/sqlite/catalogue.ts';
import { PLACE, placeOf } from '../wrap/sqlite-place.ts';
import type { LookedUp } from './open-database.ts';
import { SqliteLookups } from './sqlite-lookups.ts';

export interface FollowedParts {
  readonly source: string;
  readonly path: string;
  readonly clock: Clock;
  readonly connect: () => Eventually<SqliteRunner>;
}

const TABLES = `SELECT name FROM sqlite_schema WHERE type = 'table'`;

interface Opened {
  readonly runner: SqliteRunner;
  readonly lookups: SqliteLookups | undefined;
  /** The file's identity, as the runner tells it. */
  readonly identity: string | undefined;
  readonly known: Known;
}

interface Known {
  readonly catalogue: Catalogue;
  readonly version: string;
}

export class SqliteFollowed {
  readonly #parts: FollowedParts;
  #opened: Opened;
  #isClosed = false;

  /** Rejects with E_FEED where it is no file. */
  static async open(parts: FollowedParts): Promise<SqliteFollowed> {
    return new SqliteFollowed(parts, await opened(parts));
  }

  private constructor(parts: FollowedParts, first: Opened) {
    this.#parts = parts;
    this.#opened = first;
  }

  get runner(): SqliteRunner {
    return this.#opened.runner;
  }

  get catalogue(): Catalogue {
    return this.#opened.known.catalogue;
  }

  lookUp(lookups: readonly Lookup[], parameters: readonly unknown[]): LookedUp {
    return this.#opened.lookups?.run(lookups, parameters) ?? lookups.map(() => undefined);
  }

  /** Returns undefined when the catalogue has not changed. */
  async refresh(): Promise<Catalogue | undefined> {
    const before = this.#opened;
    const { runner, identity, known } = before;
    before.lookups?.forget();
    if ((await runner.identity?.()) === identity) {
      this.#opened = { ...before, known: await readKnown(runner, this.#parts.source, known) };
    } else {
      this.#opened = await opened(this.#parts);
      await closed(before);
      if (this.#isClosed) await closed(this.#opened);
    }
    return this.#opened.known.version === known.version ? undefined : this.catalogue;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await closed(this.#opened);
  }
}

async function opened({ source, path, clock, connect }: FollowedParts): Promise<Opened> {
  const runner = await connect();
  try {
    const identity = await runner.identity?.();
    const known = await readKnown(runner, source);
    return { runner, identity, known, lookups: await openLookups(path, clock) };
  } catch (error) {
    await runner.close?.();
    throw error;
  }
}

async function closed({ runner, lookups }: Opened): Promise<void> {
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
  const { catalogue } = await readKnown(runner, '');
  const shapes: TableShape[] = [];
  for (const { name } of await runner.all(TABLES)) {
    const relation = catalogue.relation('main', String(name));
    if (relation?.kind === 'table') shapes.push(relation.table);
  }
  return shapes;
}

/** Reads one version: again where the schema changed meanwhile. Returns `before` when its version is unchanged. */
async function readKnown(runner: SqliteRunner, source: string, before?: Known): Promise<Known> {
  const run = async (sql: string, parameters: readonly unknown[]): Promise<readonly SqliteRow[]> =>
    runner.all(sql, parameters as (string | number)[]);
  const server = await serverOf(runner);
  const versionNow = async () => `${server}\n${await sqliteCatalogueVersion(run)}`;
  for (;;) {
    const version = await versionNow();
    if (version === before?.version) return before;
    const { data } = await readSqliteCatalogue(run, source);
    if ((await versionNow()) === version) {
      return { catalogue: catalogueOf({ ...(data as CatalogueData), server }), version };
    }
  }
}

/** Identifies the file, so that connections to another one can be told apart. */
async function serverOf(runner: SqliteRunner): Promise<string> {
  const [row] = await runner.all(PLACE);
  const place = placeOf(row?.file);
  if (place !== undefined) return place;
  throw new TidegateError('E_FEED', `expected a connection to a file of this machine, got one to "${row?.file ?? ''}"`);
}
