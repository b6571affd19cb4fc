// One pair of connections of a feed by logical replication, from beginning to end: one for queries, one for the stream.
//
// It ends once, for the first reason that comes, and tells nothing afterwards.

import type { FeedPosition } from '../../../dependency/change.ts';
import { messageOf, TidegateError } from '../../../errors.ts';
import type { Cancel } from '../../../ports.ts';
import type { FeedRun } from '../../lifecycle.ts';
import { type PostgresFeedBase, pause } from '../options.ts';
import { lsnOf, placeOf } from '../position.ts';
import type { PostgresRelations } from '../relations.ts';
import type { PostgresSession } from '../session.ts';
import { holding } from '../tables.ts';
import { changedTables, OTHERS_CHANGED, printQuery, type Watched, watchedOf, watchQuery } from '../watch.ts';
import { SCHEMA_LATE, TELLS_SCHEMA } from './schema-trigger.ts';
import { type OpenedSlot, openSlot } from './slot.ts';
import { literal, PostgresStream } from './stream.ts';
import { PostgresTeller, type SchemaNews, type TellerHost } from './teller.ts';

export interface PostgresFeedOptions extends PostgresFeedBase {
  /** Made by `installPostgresFeed`. One feed at a time reads from a slot. */
  readonly slot: string;
  readonly publication: string;
  /** How long the slot may be in use by another when a feed starts. Default 10,000. */
  readonly takeOverMs?: number;
  /** Called once when the slot is in use and the feed waits for it. Default: nobody. */
  readonly onFault?: ((error: unknown) => void) | undefined;
}

interface AttemptOptions extends PostgresFeedOptions {
  readonly heartbeatMs: number;
  readonly maxChanges: number;
  readonly takeOverMs: number;
  readonly relations: PostgresRelations;
  readonly from: FeedPosition | undefined;
  /** The catalogue that the listener last heard of from this process. */
  readonly told: Watched | undefined;
}

const IN_USE = '55006';
const TAKE_OVER_STEP_MS = 50;
/** A server that does not answer a heartbeat for this long counts as gone. */
const SILENCE_MS = 30_000;

const ABOUT_SERVER = `SELECT EXISTS (SELECT FROM pg_publication WHERE pubname = $1) AS published,
  current_setting('server_version_num')::int >= 140000 AS "withMessages"`;

/**
 * Tables whose changes the publication gives completely: all changes, all rows, all columns. Partitions have their own
 * names, as the analysis of statements knows them.
 */
function membersOf(publication: string): string {
  const name = literal(publication);
  const listed = `pg_publication_rel r WHERE r.prpubid = p.oid
        AND (r.prrelid = g.relid OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(g.relid)))`;
  return `SELECT g.relid AS id,
      concat_ws(' ', p.xmin, (SELECT string_agg(r.oid || ':' || r.xmin, ' ' ORDER BY r.oid) FROM ${listed})) AS watch
    FROM pg_get_publication_tables(${name}) g JOIN pg_publication p ON p.pubname = ${name}
    WHERE p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate AND NOT EXISTS (SELECT FROM ${listed}
        AND (to_jsonb(r) ->> 'prqual' IS NOT NULL OR to_jsonb(r) ->> 'prattrs' IS NOT NULL))`;
}

export class PostgresAttempt implements TellerHost {
  readonly run: FeedRun;
  readonly options: AttemptOptions;
  #sessions: PostgresSession[] = [];
  #teller: PostgresTeller | undefined;
  stream: PostgresStream | undefined;
  #source = '';
  #queries: PostgresSession | undefined;
  snapshots: PostgresSession | undefined;
  /** The catalogue as it was last compared. */
  watched: Watched | undefined;
  /** The catalogue that the listener last heard of. */
  told: Watched | undefined;
  problems: readonly string[] = [];
  warnings: readonly string[] = [];
  isOver = false;
  /** Why it ended by itself. */
  ending: string | undefined;
  #isGapOpen = false;
  #cancelSilence: Cancel | undefined;

  constructor(run: FeedRun, options: AttemptOptions) {
    this.run = run;
    this.options = options;
    this.told = options.told;
  }

  /** Undefined while the listener has not been told of a gap: it then has no position. */
  get position(): FeedPosition | undefined {
    return this.#isGapOpen ? undefined : this.#teller?.position;
  }

  acknowledge(position: FeedPosition): void {
    const place = placeOf(position);
    // A position of another system acknowledges nothing in this one.
    if (place?.source === this.#source) this.stream?.acknowledge(place.lsn);
  }

  /** Rejects when the attempt could not begin; the attempt has then ended. */
  async begin(): Promise<void> {
    try {
      const queries = await this.#connect('queries');
      const replication = await this.#connect('replication');
      this.#queries = queries;
      const { slot, publication, from } = this.options;
      // A server accepts a publication that does not exist, streams, and tells of no table.
      const [server] = await queries.query(ABOUT_SERVER, [publication]);
      if (server?.published !== true)
        throw new TidegateError('E_FEED', `expected a publication ${publication}, got none`);
      const opened = await openSlot({ queries, replication }, this.options, from);
      this.#source = opened.source;
      await this.#prepare(queries, opened);
      this.stream = new PostgresStream({
        session: replication,
        slot,
        publication,
        withMessages: server.withMessages === true,
        maxRows: this.options.maxChanges,
        clock: this.options.clock,
        heard: (item) => this.#teller?.add(item),
        failed: (error) => this.end(messageOf(error)),
      });
      await this.#startStream(opened.lsn);
      if (this.run.acknowledged !== undefined) this.acknowledge(this.run.acknowledged);
      if (this.isOver) throw new TidegateError('E_FEED', 'expected a stream, got one that ended at once');
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** Ends it without a word. */
  async close(): Promise<void> {
    this.isOver = true;
    this.#cancelSilence?.();
    await Promise.all(this.#sessions.map((session) => session.close()));
  }

  seen(watched: Watched): void {
    this.#isGapOpen = false;
    this.told = watched;
  }

  end(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    this.ending = reason;
    // A server that has gone silent must not keep the next attempt waiting.
    this.run.lost(reason);
    void this.close();
  }

  async #connect(purpose: 'queries' | 'replication'): Promise<PostgresSession> {
    const session = await this.options.connect(purpose);
    this.#sessions.push(session);
    void session.ended.then((reason) => this.end(reason));
    if (this.isOver) throw new Error('the feed was stopped');
    return session;
  }

  async #prepare(queries: PostgresSession, opened: OpenedSlot): Promise<void> {
    this.snapshots = await this.#connect('queries');
    const [row] = await queries.query(watchQuery(membersOf(this.options.publication)));
    const watched = watchedOf(row);
    const schema = opened.place?.schema ?? watched.print;
    const place = opened.place ?? { source: opened.source, lsn: opened.lsn, order: 0, schema };
    this.#isGapOpen = opened.gap !== undefined;
    this.#teller = new PostgresTeller(this, place);
    if (opened.gap !== undefined) this.#teller.add({ kind: 'gap', reason: opened.gap, watched });
    else if (schema !== watched.print) this.#teller.add(this.#newsOf(watched));
    else this.told = watched;
    this.watched = watched;
  }

  /**
   * Compares with the catalogue that this process saw last. After a stop there is none, so the changed tables are unknown.
   */
  #newsOf(watched: Watched): SchemaNews {
    const before = this.watched ?? this.told;
    const tables = before === undefined ? undefined : changedTables(before, watched);
    if (tables !== undefined) return { kind: 'schema', tables, watched };
    const reason = before ? OTHERS_CHANGED : 'expected the schema as it was when the feed stopped, got another';
    return { kind: 'gap', reason, watched };
  }

  /** The server's end of a lost connection may hold the slot for a moment, so this tries again. */
  async #startStream(lsn: bigint): Promise<void> {
    const { clock, tasks, takeOverMs, slot, onFault } = this.options;
    const until = clock.monotonic() + takeOverMs;
    for (let isTold = false; ; isTold = true) {
      try {
        await this.stream?.start(lsn);
        return;
      } catch (error) {
        if ((error as { readonly code?: unknown }).code !== IN_USE || clock.monotonic() >= until) throw error;
        const what = `expected slot ${slot} to be free, got: ${messageOf(error)}; waiting for it, ${takeOverMs} ms at most`;
        if (!isTold) onFault?.(new TidegateError('E_FEED', what, { cause: error }));
      }
      await pause(tasks, TAKE_OVER_STEP_MS);
    }
  }

  /** Asks the server how long the log is and whether the catalogue is as it was. */
  async beat(): Promise<void> {
    const { clock, tasks, heartbeatMs, publication, slot } = this.options;
    const queries = this.#queries as PostgresSession;
    this.#cancelSilence?.();
    this.#cancelSilence = tasks.later(Math.max(SILENCE_MS, heartbeatMs), () => this.end('the server is silent'));
    const atMs = clock.monotonic();
    const [row] = await queries.query(
      `SELECT pg_current_wal_insert_lsn()::text AS length, w.print, s.wal_status, s.safe_wal_size::text AS safe,
          EXISTS (SELECT FROM pg_publication WHERE pubname = $2) AS published, ${TELLS_SCHEMA} AS "tellsSchema"
        FROM (${printQuery(membersOf(publication))}) w
        LEFT JOIN pg_replication_slots s ON s.slot_name = $1`,
      [slot, publication],
    );
    if (this.isOver) return;
    const got = `one that is lost after ${row?.safe ?? 'an unknown number of'} more bytes`;
    this.problems = holding([
      [row?.published !== true, `expected a publication ${publication}, got none`],
      [row?.wal_status === 'unreserved', `expected slot ${slot} within max_slot_wal_keep_size, got ${got}`],
    ]);
    this.warnings = row?.tellsSchema === true ? [] : [SCHEMA_LATE];
    if (row?.print !== this.watched?.print) this.#teller?.add({ kind: 'compare' });
    // The stream is behind by more than a heartbeat. It may wait for log that nobody flushes; this message flushes it.
    if (this.#teller?.isBehind === true) await queries.query(`SELECT pg_logical_emit_message(false, 'tidegate', '')`);
    if (this.isOver) return;
    this.#teller?.add({ kind: 'probe', lsn: lsnOf(String(row?.length)), atMs });
    this.stream?.report(true);
  }

  /** Only the teller asks, so that its finding is told before whatever follows in the stream. */
  async compareSchema(): Promise<SchemaNews | undefined> {
    const [row] = await (this.#queries as PostgresSession).query(watchQuery(membersOf(this.options.publication)));
    const watched = watchedOf(row);
    if (watched.print === this.watched?.print) return undefined;
    const news = this.#newsOf(watched);
    this.watched = watched;
    return news;
  }
}
