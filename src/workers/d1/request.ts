// One request's statements on D1: which tags its response gets by them, and what is invalidated before a write is answered.

import { bindInstance } from '../../dependency/bind.ts';
import { mayMove } from '../../dependency/condition/cells.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import { createD1Feed, type D1Written } from '../../feed/sqlite/d1.ts';
import { FOREIGN_NAME } from '../../feed/sqlite/triggers.ts';
import { isOutcomeUnknown } from '../../orm/drizzle/writes/write-errors.ts';
import { anyChangeTag } from '../../track/tags.ts';
import type { D1PreparedStatement, D1Queries, TaggedRequest } from './binding.ts';
import { changeTags, readTags } from './names.ts';
import { type D1Tables, d1Shapes } from './tables.ts';

/** A statement as it is sent. */
export interface Stated {
  readonly sql: string;
  /** In SQLite's order; undefined: not known. */
  readonly params: readonly unknown[];
  readonly bare: D1PreparedStatement;
}

export interface Counts {
  reads: number;
  coarsened: number;
  readonly refused: Record<string, number>;
  writes: number;
  opaqueWrites: number;
}

interface RequestParts {
  readonly source: string;
  readonly onFault: (error: unknown) => void;
  readonly tables: D1Tables;
  readonly counts: Counts;
  /** The binding itself: its statements go to the primary. */
  readonly database: D1Queries;
  readonly request: TaggedRequest;
  readonly requests: WeakMap<TaggedRequest, D1Request>;
}

type Changes = Pick<D1Written, 'set' | 'fault' | 'hasNewTables'>;

/** What the names of the change log's tables begin with. */
const LOG_NAMES = ' _tidegate_';
/** More reasons are counted as one. */
const MAX_REASONS = 100;

export class D1Request {
  readonly #parts: RequestParts;
  /** Asked once: the response is judged by them as of its first statement. */
  #tables: ReturnType<D1Tables['current']> | undefined;

  constructor(parts: RequestParts) {
    this.#parts = parts;
    parts.requests.set(parts.request, this);
  }

  /** The statements of the request whose work is being done: an application may have kept a binding of this one. */
  get running(): D1Request {
    const { request, requests } = this.#parts;
    const running = request.running === undefined ? request : (request.running() ?? request);
    return requests.get(running) ?? new D1Request({ ...this.#parts, request: running });
  }

  async refuse(reason: string): Promise<void> {
    const { request, counts } = this.#parts;
    const { refused } = counts;
    const counted = reason in refused || Object.keys(refused).length < MAX_REASONS ? reason : 'other';
    refused[counted] = (refused[counted] ?? 0) + 1;
    await request.refuse(reason);
  }

  /** True: it may change what others read, or cannot be read itself. */
  writes({ sql }: Pick<Stated, 'sql'>): boolean {
    const { isWrite, isOpaque, settings } = this.#parts.tables.factsOf(sql);
    return isWrite || isOpaque || settings.size > 0;
  }

  async read<T>(statements: readonly Pick<Stated, 'sql' | 'params'>[], run: () => Promise<T>): Promise<T> {
    const { tables, database } = this.#parts;
    this.#tables ??= tables.current(database);
    const [value, known] = await Promise.allSettled([run(), this.#tables]);
    if (value.status === 'rejected') {
      // What a handler makes of an error depends on the database too.
      await this.refuse('error: a statement failed');
      throw value.reason;
    }
    if (known.status === 'fulfilled') for (const statement of statements) await this.#note(statement, known.value);
    else await this.#untold(known.reason);
    return value.value;
  }

  /** Nothing is known of the tables. */
  async #untold(error: unknown): Promise<void> {
    this.#parts.onFault(error);
    await this.refuse('not-live: the tables could not be read, or have no change log');
  }

  async #note(
    { sql, params }: Pick<Stated, 'sql' | 'params'>,
    { templates, problems }: Awaited<ReturnType<D1Tables['current']>>,
  ): Promise<void> {
    const { source, request, counts } = this.#parts;
    const template = templates.get(sql);
    if (template.kind !== 'tracked')
      return this.refuse(template.kind === 'uncacheable' ? `uncacheable: ${template.reason}` : 'after-write');
    if (template.times?.some((at) => mayMove(params[at])) === true)
      return this.refuse('uncacheable: a time that moves');
    const { reads } = bindInstance(template, params, undefined);
    for (const { read } of reads) {
      const { name } = read.table;
      const problem = FOREIGN_NAME.test(name) ? `${name} is a table of the system` : problems.get(name);
      if (problem !== undefined) return this.refuse(`uncovered-table: ${problem}`);
    }
    const { tags, coarsened } = readTags(source, reads);
    counts.reads++;
    counts.coarsened += coarsened;
    await request.tags(...tags);
  }

  /** What `run` writes is unknown: all that was read of the database is invalidated after it, however it ends. */
  async opaque<T>(run: () => Promise<T>): Promise<T> {
    const { counts, tables } = this.#parts;
    counts.writes++;
    await this.refuse('after-write: it may have written anything');
    let value: T;
    try {
      value = await run();
    } catch (error) {
      tables.forget();
      await (isOutcomeUnknown(error) ? this.#doubt() : this.#all());
      throw error;
    }
    tables.forget();
    await this.#all();
    return value;
  }

  /** Sends them as one batch through `database`. Undefined: nothing was sent, because no feed tells its changes. */
  async write(statements: readonly Stated[], database: D1Queries): Promise<D1Written['results'] | undefined> {
    const written = await this.#told(() => this.#feed(database).write(statements.map(({ bare }) => bare)));
    return written?.results;
  }

  /** The same for what cannot be in a batch. */
  async around<T>(run: () => Promise<T>, database: D1Queries): Promise<{ readonly value: T } | undefined> {
    return this.#told(() => this.#feed(database).around(run));
  }

  /** False: a statement of them cannot be told by the change log. */
  isTold(statements: readonly Pick<Stated, 'sql'>[]): boolean {
    return statements.every(({ sql }) => {
      const { isOpaque, settings, control } = this.#parts.tables.factsOf(sql);
      return !isOpaque && settings.size === 0 && control === undefined;
    });
  }

  #feed(database: D1Queries) {
    const { tables, database: primary } = this.#parts;
    return createD1Feed(database, () => d1Shapes(primary), tables.feed);
  }

  async #told<W extends Changes>(send: () => Promise<W>): Promise<W | undefined> {
    const { counts, onFault } = this.#parts;
    // What it gives back depends on rows that nobody names.
    await this.refuse('after-write');
    let written: W;
    try {
      written = await send();
    } catch (error) {
      // The batch failed by the change log, so nothing of it was done.
      const isOfLog = messageOf(error).includes(LOG_NAMES);
      if (isOfLog || (error instanceof TidegateError && error.code === 'E_FEED')) {
        onFault(error);
        return undefined;
      }
      if (isOutcomeUnknown(error)) await this.#doubt();
      throw error;
    }
    counts.writes++;
    await this.#changed(written);
    return written;
  }

  async #changed({ set, fault, hasNewTables }: Changes): Promise<void> {
    const { source, request, tables, onFault } = this.#parts;
    if (fault !== undefined) onFault(fault);
    if (hasNewTables === true) tables.forget();
    if (fault !== undefined || hasNewTables === true) return this.#all();
    const tags = changeTags(source, set?.changes ?? []);
    if (tags.length > 0) await request.invalidate({ tags });
  }

  async #all(): Promise<void> {
    const { source, request, counts } = this.#parts;
    counts.opaqueWrites++;
    await request.invalidate({ tags: [anyChangeTag(source)] });
  }

  /** The write may still be committed. */
  async #doubt(): Promise<void> {
    const { source, request, counts } = this.#parts;
    counts.opaqueWrites++;
    const selection = { tags: [anyChangeTag(source)] };
    await (request.doubt === undefined ? request.invalidate(selection) : request.doubt(selection));
  }
}
