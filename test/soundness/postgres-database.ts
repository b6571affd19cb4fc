// The database of a world: its writes and queries through `pg`, as an application has them, and the feed that tells of it.
//
// When has the feed told all? Each step ends with a commit of a table of its own, which nobody reads;
// what was told before that one is the step.

import pg from 'pg';
import type { Change } from '../../src/dependency/change.ts';
import { createPostgresFeed } from '../../src/feed/postgres/logical/feed.ts';
import { installPostgresFeed, removePostgresFeed } from '../../src/feed/postgres/logical/install.ts';
import type { PostgresFeed } from '../../src/feed/postgres/options.ts';
import { nodePostgres } from '../../src/feed/postgres/session.ts';
import { createPostgresTriggerFeed } from '../../src/feed/postgres/trigger/feed.ts';
import { installPostgresTriggers, removePostgresTriggers } from '../../src/feed/postgres/trigger/install.ts';
import type { Catalogue } from '../../src/sql/ast.ts';
import { readPostgresCatalogue } from '../../src/sql/postgres/catalogue.ts';
import { ServerTexts } from '../../src/track/wrap/wrap-postgres.ts';
import { connected, shapesOf, systemClock, systemTasks, withSession } from '../feed/postgres-kit.ts';
import type { PostgresTransaction, PostgresWrite } from './postgres-writes.ts';
import type { Query } from './queries.ts';

const NAMES = { slot: 'soundness', publication: 'soundness' };
const MARKER = 'marker';
const HEARTBEAT_MS = 250;
/** That long the feed may be silent. */
const PATIENCE_MS = 30_000;

export type Texts = readonly (readonly (string | null)[])[];

export interface PostgresDatabaseOptions {
  readonly url: string;
  readonly feed: 'logical' | 'triggers';
  readonly ddl: readonly string[];
  readonly timeZone: string;
  /** Of the application. */
  readonly types: { getTypeParser(id: number, format: string): (text: string) => unknown };
}

export class PostgresDatabase {
  readonly #url: string;
  readonly #client: pg.Client;
  readonly #shapes: pg.Client;
  readonly #options: PostgresDatabaseOptions;
  readonly #prepared = new Map<string, string>();
  #feed: PostgresFeed | undefined;
  #changes: Change[] = [];
  #marked = 0;
  #gaps = 0;
  #arrived: (() => void) | undefined;
  /** Of writes that the server did not take, by their error's code. */
  readonly refused = new Map<string, number>();

  private constructor(options: PostgresDatabaseOptions, [client, shapes]: readonly [pg.Client, pg.Client]) {
    this.#url = options.url;
    this.#options = options;
    this.#client = client;
    this.#shapes = shapes;
  }

  static async open(options: PostgresDatabaseOptions): Promise<PostgresDatabase> {
    const database = new PostgresDatabase(options, [await connected(options.url), await connected(options.url)]);
    await database.#make();
    return database;
  }

  async #make(): Promise<void> {
    const zone = this.#options.timeZone;
    await this.#client.query(`SET plan_cache_mode = force_generic_plan; SET TimeZone = '${zone}'; SET jit = off;
      SET client_min_messages = warning; DROP SCHEMA public CASCADE; CREATE SCHEMA public`);
    for (const statement of this.#options.ddl) await this.#client.query(statement);
    await this.#client.query(`CREATE TABLE ${MARKER} (n integer PRIMARY KEY)`);
    await this.#client.query(`INSERT INTO ${MARKER} VALUES (0)`);
  }

  /** From now on changes are told. */
  async follow(): Promise<void> {
    const parts = {
      connect: nodePostgres(this.#url),
      shapeOf: shapesOf(this.#shapes),
      clock: systemClock,
      tasks: systemTasks,
      heartbeatMs: HEARTBEAT_MS,
    };
    await withSession(this.#url, (session) =>
      this.#options.feed === 'logical'
        ? installPostgresFeed(session, { ...NAMES, tables: 'all', identity: 'key' })
        : installPostgresTriggers(session, { tables: 'all', notifies: true }),
    );
    this.#feed =
      this.#options.feed === 'logical' ? createPostgresFeed({ ...parts, ...NAMES }) : createPostgresTriggerFeed(parts);
    await this.#feed.start(undefined, {
      changed: ({ position, changes }) => {
        for (const change of changes) this.#told(change);
        this.#feed?.acknowledge(position);
      },
      gap: () => {
        this.#gaps++;
      },
      reached: (position) => this.#feed?.acknowledge(position),
    });
    await this.told();
  }

  #told(change: Change): void {
    if (change.table.name !== MARKER) {
      this.#changes.push(change);
      return;
    }
    if (change.kind === 'update') this.#marked = Number(change.new[0]);
    this.#arrived?.();
  }

  async catalogue(): Promise<Catalogue> {
    return readPostgresCatalogue(async (text, values) => (await this.#client.query(text, [...values])).rows);
  }

  /** All changes since the last time. */
  async told(): Promise<readonly Change[]> {
    const { rows } = await this.#client.query(`UPDATE ${MARKER} SET n = n + 1 RETURNING n`);
    const wanted = Number(rows[0].n);
    while (this.#marked < wanted) await this.#next();
    if (this.#gaps !== 1) throw new Error(`expected a feed without gaps, got ${this.#gaps - 1}`);
    const changes = this.#changes;
    this.#changes = [];
    return changes;
  }

  async #next(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#arrived = resolve;
    const tell = () => reject(new Error(`expected the feed to tell, got ${JSON.stringify(this.#feed?.status())}`));
    const timer = setTimeout(tell, PATIENCE_MS);
    await promise;
    clearTimeout(timer);
  }

  async write({ writes, isRolledBack }: PostgresTransaction): Promise<void> {
    const [only] = writes;
    if (writes.length === 1 && only !== undefined && !only.isUndone && !isRolledBack) {
      await this.#one(only);
      return;
    }
    await this.#client.query('BEGIN');
    for (const write of writes) {
      await this.#client.query('SAVEPOINT s');
      const isDone = await this.#one(write);
      if (!isDone || write.isUndone) await this.#client.query('ROLLBACK TO SAVEPOINT s');
    }
    await this.#client.query(isRolledBack ? 'ROLLBACK' : 'COMMIT');
  }

  /** False: the server refused it, by a constraint for one. */
  async #one({ text, parameters }: PostgresWrite): Promise<boolean> {
    try {
      await this.#client.query(text, [...parameters]);
      return true;
    } catch (error) {
      const told = `${(error as { code?: string }).code} ${(error as Error).message.replaceAll(/"[^"]*"/g, '…')}`;
      this.refused.set(told, (this.refused.get(told) ?? 0) + 1);
      return false;
    }
  }

  /** As an application asks that has parsers of its own; what a tracker knows of it. Undefined: the server refuses. */
  async ask(
    { text, parameters }: Pick<Query, 'text' | 'parameters'>,
    {
      rowMode,
      outputs = new Set(),
    }: { readonly rowMode?: 'array' | undefined; readonly outputs?: ReadonlySet<number> } = {},
  ): Promise<readonly unknown[] | undefined> {
    const name = this.#prepared.get(text) ?? `q${this.#prepared.size}`;
    this.#prepared.set(text, name);
    try {
      const config = { name, text, values: [...parameters], ...(rowMode === undefined ? {} : { rowMode }) };
      const texts = new ServerTexts(outputs);
      const [asked] = texts.asked(this.#client, [{ ...config, types: this.#options.types }]);
      return texts.rowsOf(await this.#client.query(asked as pg.QueryConfig));
    } catch (error) {
      const told = `${(error as { code?: string }).code} ${(error as Error).message.replaceAll(/"[^"]*"/g, '…')}`;
      this.refused.set(`query: ${told}`, (this.refused.get(`query: ${told}`) ?? 0) + 1);
      return undefined;
    }
  }

  /** The answers of queries that were asked before, as the server writes them, in one round trip. */
  async askAll(queries: readonly Query[]): Promise<(Texts | undefined)[]> {
    if (queries.length === 0) return [];
    try {
      return await this.#executed(queries);
    } catch {
      // One of them fails, on what the rows are now.
      const answers: (Texts | undefined)[] = [];
      for (const query of queries) {
        const one = await this.#executed([query]).catch(() => undefined);
        answers.push(one?.[0]);
      }
      return answers;
    }
  }

  async #executed(queries: readonly Query[]): Promise<Texts[]> {
    const text = queries
      .map((query) => {
        const values = query.parameters.map(literal).join(', ');
        return `EXECUTE ${this.#prepared.get(query.text)}${values === '' ? '' : `(${values})`}`;
      })
      .join(';');
    const types = { getTypeParser: () => (value: unknown) => value };
    const config = { text, rowMode: 'array', types } as unknown as pg.QueryArrayConfig;
    const results = (await this.#client.query(config)) as unknown as { rows: Texts } | { rows: Texts }[];
    return (Array.isArray(results) ? results : [results]).map(({ rows }) => rows);
  }

  async close(): Promise<void> {
    await this.#feed?.stop();
    await withSession(this.#url, async (session) => {
      if (this.#options.feed === 'logical') await removePostgresFeed(session, NAMES);
      else await removePostgresTriggers(session);
    });
    await this.#client.end();
    await this.#shapes.end();
  }
}

const { prepareValue } = (pg as unknown as { readonly utils: { prepareValue(value: unknown): unknown } }).utils;

/** What the driver sends for the value, as a literal. */
function literal(value: unknown): string {
  const sent = prepareValue(value);
  if (sent === null || sent === undefined) return 'NULL';
  const text = sent instanceof Uint8Array ? `\\x${Buffer.from(sent).toString('hex')}` : String(sent);
  return pg.escapeLiteral(text);
}
