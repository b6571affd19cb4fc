// A D1 binding, its sessions and its statements, wrapped for one request. Results and errors are those of the binding.

import { returnedNames } from '../../sql/sqlite/rows-written.ts';
import type { D1Database, D1PreparedStatement, D1Queries, D1Result, D1Session } from './binding.ts';
import type { D1Request, Stated } from './request.ts';

interface Parts {
  /** Of the request for which the binding was wrapped. */
  readonly own: D1Request;
  /** Through which the statements go. */
  readonly queries: D1Queries;
  /** Called before a read is sent; what it gives, with each of the read's results, where these tell who has served it. */
  readonly sent: (request: D1Request) => (result?: D1Result) => Promise<void> | undefined;
}

type RawOptions = { readonly columnNames?: boolean };

class TrackedQueries implements D1Queries {
  readonly parts: Parts;

  constructor(parts: Parts) {
    this.parts = parts;
  }

  prepare(sql: string): D1PreparedStatement {
    return new TrackedStatement(this.parts, { sql, params: [], bare: this.parts.queries.prepare(sql) });
  }

  async batch(statements: D1PreparedStatement[]): Promise<D1Result[]> {
    const { own: wrapped, queries, sent } = this.parts;
    const request = wrapped.running;
    const given = Array.isArray(statements) ? statements : [];
    const own = given.flatMap((statement) => TrackedStatement.of(statement) ?? []);
    const bare = given.map((statement) => TrackedStatement.of(statement)?.bare ?? statement);
    const run = () => queries.batch(Array.isArray(statements) ? bare : statements);
    // A statement that was prepared past the wrapper may be anything.
    if (own.length < given.length) return request.opaque(run);
    if (!own.some((statement) => request.writes(statement))) {
      return request.read(own, async () => {
        const served = sent(request);
        const results = await run();
        for (const result of results) await served(result);
        return results;
      });
    }
    const written = request.isTold(own) ? await request.write(own, queries) : undefined;
    return written === undefined ? request.opaque(run) : ([...written] as D1Result[]);
  }
}

export class TrackedBinding extends TrackedQueries implements D1Database {
  readonly #database: D1Database;

  constructor(request: D1Request, database: D1Database) {
    super({ own: request, queries: database, sent: () => () => undefined });
    this.#database = database;
  }

  async exec(sql: string): Promise<unknown> {
    const request = this.parts.own.running;
    const run = () => this.#database.exec(sql);
    if (request.writes({ sql })) return request.opaque(run);
    await request.refuse('unknown-call: exec');
    return run();
  }

  withSession(constraintOrBookmark?: string): D1Session {
    const session = this.#database.withSession?.(constraintOrBookmark);
    if (session === undefined) throw new TypeError('withSession is not a function');
    return new TrackedSession(this.parts.own.running, session, constraintOrBookmark);
  }

  /** `run` sends what nobody knows. */
  opaque<T>(run: () => Promise<T>): Promise<T> {
    return this.parts.own.running.opaque(run);
  }

  async dump(): Promise<ArrayBuffer> {
    await this.parts.own.running.refuse('unknown-call: dump');
    return (await this.#database.dump?.()) as ArrayBuffer;
  }
}

/**
 * A replica may not have what was invalidated before the request. A session reads what is new enough for its own request from the
 * first answer of the primary on; a bookmark says only what its own client has seen.
 */
class TrackedSession extends TrackedQueries implements D1Session {
  readonly #session: D1Session;

  constructor(own: D1Request, session: D1Session, constraint: string | undefined) {
    let isCurrent = constraint?.trim() === 'first-primary';
    const sent = (request: D1Request) => {
      // An answer that comes while this statement is on its way says nothing of where it is read.
      const wasCurrent = isCurrent && request === own;
      return (result?: D1Result) => {
        const isPrimary = result?.meta?.served_by_primary === true;
        isCurrent ||= isPrimary;
        return wasCurrent || isPrimary ? undefined : request.refuse('replica');
      };
    };
    super({ own, queries: session, sent });
    this.#session = session;
  }

  getBookmark(): string | null {
    return this.#session.getBookmark();
  }
}

class TrackedStatement implements D1PreparedStatement {
  readonly #parts: Parts;
  readonly #stated: Stated;

  constructor(parts: Parts, stated: Stated) {
    this.#parts = parts;
    this.#stated = stated;
  }

  /** Undefined: it is none. */
  static of(statement: unknown): Stated | undefined {
    return typeof statement === 'object' && statement !== null && #stated in statement ? statement.#stated : undefined;
  }

  bind(...values: unknown[]): D1PreparedStatement {
    // Which refuses what it cannot send.
    const bare = this.#stated.bare.bind(...values);
    return new TrackedStatement(this.#parts, { sql: this.#stated.sql, params: values.map(sentValue), bare });
  }

  all(): Promise<D1Result> {
    return this.#result(() => this.#stated.bare.all());
  }

  run(): Promise<D1Result> {
    return this.#result(() => this.#stated.bare.run());
  }

  async first(column?: string): Promise<unknown> {
    const run = () => (column === undefined ? this.#stated.bare.first() : this.#stated.bare.first(column));
    if (!this.#parts.own.writes(this.#stated)) return this.#read(run);
    const written = await this.#written(run);
    if (written.kind === 'value') return written.value;
    const row = (written.result.results?.[0] ?? null) as Readonly<Record<string, unknown>> | null;
    if (row === null || column === undefined) return row;
    if (row[column] !== undefined) return row[column];
    throw new Error(`D1_COLUMN_NOTFOUND: Column not found (${column})`, { cause: new Error('Column not found') });
  }

  async raw(options?: RawOptions): Promise<unknown[]> {
    const { own, queries } = this.#parts;
    const request = own.running;
    const { sql, bare } = this.#stated;
    const run = () => (options === undefined ? bare.raw() : bare.raw(options));
    if (!request.writes(this.#stated)) return this.#read(run);
    // A batch gives rows as objects: these have no two columns of one name, and no names without rows.
    const isPlain = options?.columnNames !== true && isReadable(sql);
    if (!isPlain && request.isTold([this.#stated])) {
      const written = await request.around(run, queries);
      return written === undefined ? request.opaque(run) : written.value;
    }
    const written = await this.#written(run);
    return written.kind === 'value'
      ? written.value
      : (written.result.results ?? []).map((row) => Object.values(row as object));
  }

  async #result(run: () => Promise<D1Result>): Promise<D1Result> {
    const { own, sent } = this.#parts;
    const request = own.running;
    if (request.writes(this.#stated)) {
      const written = await this.#written(run);
      return written.kind === 'value' ? written.value : written.result;
    }
    return request.read([this.#stated], async () => {
      const served = sent(request);
      const result = await run();
      await served(result);
      return result;
    });
  }

  async #read<T>(run: () => Promise<T>): Promise<T> {
    const { own, sent } = this.#parts;
    const request = own.running;
    await sent(request)();
    return request.read([this.#stated], run);
  }

  /** `run`: where the change log cannot tell what it writes. */
  async #written<T>(
    run: () => Promise<T>,
  ): Promise<{ readonly kind: 'result'; readonly result: D1Result } | { readonly kind: 'value'; readonly value: T }> {
    const { own, queries } = this.#parts;
    const request = own.running;
    const results = request.isTold([this.#stated]) ? await request.write([this.#stated], queries) : undefined;
    if (results === undefined) return { kind: 'value', value: await request.opaque(run) };
    return { kind: 'result', result: results[0] as D1Result };
  }
}

function isReadable(sql: string): boolean {
  try {
    return returnedNames(sql) !== undefined;
  } catch {
    return false;
  }
}

/** The value as D1 binds it; undefined: not known. */
function sentValue(value: unknown): unknown {
  if (typeof value === 'boolean') return value ? 1 : 0;
  // It goes as JSON.
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0));
  if (value instanceof Uint8Array || Array.isArray(value)) return Uint8Array.from(value as ArrayLike<number>);
  return typeof value === 'object' && value !== null ? undefined : value;
}
