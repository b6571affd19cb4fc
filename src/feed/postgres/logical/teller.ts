// Assembles the stream's messages into change sets and tells them to the listener, one after the other.
//
// A commit reaches the log, and so the stream, before other sessions see it. A read that begins after its change was told
// must see it. So no change is told before a snapshot shows that its transaction has ended.

import type { Change, FeedPosition } from '../../../dependency/change.ts';
import { messageOf } from '../../../errors.ts';
import type { Eventually, Tasks } from '../../../ports.ts';
import type { FeedRun } from '../../lifecycle.ts';
import { pause } from '../options.ts';
import { type LogPlace, positionOf, type Snapshot, snapshotNow, wholeTransaction } from '../position.ts';
import type { PostgresRelations, PostgresTable } from '../relations.ts';
import type { PostgresSession } from '../session.ts';
import type { Watched } from '../watch.ts';
import { SCHEMA_MESSAGE } from './schema-trigger.ts';
import type { PostgresStream, StreamItem } from './stream.ts';

export type TellerItem =
  | StreamItem
  /** Earlier changes may be missing. */
  | { readonly kind: 'gap'; readonly reason: string; readonly watched: Watched }
  /** The catalogue may have changed. */
  | { readonly kind: 'compare' }
  | { readonly kind: 'schema'; readonly tables: readonly PostgresTable[]; readonly watched: Watched }
  /** At `atMs` the log ended at `lsn`; everything committed by then is before it. */
  | { readonly kind: 'probe'; readonly lsn: bigint; readonly atMs: number };

/** The catalogue differs from the one last seen. */
export type SchemaNews = Extract<TellerItem, { kind: 'gap' | 'schema' }>;

export interface TellerHost {
  readonly run: FeedRun;
  readonly options: {
    readonly relations: PostgresRelations;
    /** Beyond this number, a transaction's changes are told as truncates of its tables. */
    readonly maxChanges: number;
    readonly tasks: Tasks;
  };
  /** It has ended, so nothing more is told. */
  readonly isOver: boolean;
  /** Undefined before it has begun. */
  readonly stream: PostgresStream | undefined;
  /** A connection of its own: heartbeat queries are slow and would delay this one. */
  readonly snapshots: PostgresSession | undefined;
  /** Compares the catalogue with the one last seen. Returns undefined when they are equal. */
  compareSchema(): Promise<SchemaNews | undefined>;
  end(reason: string): void;
  /** The listener knows of this schema. */
  seen(watched: Watched): void;
}

interface Transaction {
  readonly low: number;
  readonly changes: Change[];
  /** Set when the transaction has too many changes. */
  tables: Map<string, Change> | undefined;
  /** Whether it also changes the schema. */
  hasSchema: boolean;
}

type Due =
  | { readonly kind: 'set'; readonly low: number; readonly end: bigint; readonly changes: readonly Change[] }
  | { readonly kind: 'reached'; readonly lsn: bigint }
  | { readonly kind: 'schema'; readonly changes: readonly Change[]; readonly watched: Watched }
  | Extract<TellerItem, { kind: 'gap' | 'probe' }>;

const MAX_WAITING = 2_000;
const VISIBLE_STEP_MS = 1;
const VISIBLE_STEP_MAX_MS = 50;

export class PostgresTeller {
  readonly #host: TellerHost;
  #waiting: TellerItem[] = [];
  #isBusy = false;
  #isTelling = false;
  #transaction: Transaction | undefined;
  #place: LogPlace;
  #probe: Extract<TellerItem, { kind: 'probe' }> | undefined;
  /** Taken before the last comparison of the catalogue, which shows what had ended by then. For this backlog only. */
  #compared: Snapshot | undefined;

  constructor(host: TellerHost, place: LogPlace) {
    this.#host = host;
    this.#place = place;
  }

  get position(): FeedPosition {
    return positionOf(this.#place);
  }

  /** Whether a probe waits for log that the stream has not reached. */
  get isBehind(): boolean {
    return this.#probe !== undefined;
  }

  add(item: TellerItem): void {
    this.#waiting.push(item);
    this.#hold();
    if (!this.#isBusy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    try {
      while (this.#waiting.length > 0 && !this.#host.isOver) {
        const items = this.#waiting;
        this.#waiting = [];
        this.#hold();
        const due: Due[] = [];
        for (const item of items) await this.#take(item, due);
        await this.#tellAll(due);
      }
    } catch (error) {
      this.#host.end(messageOf(error));
    } finally {
      this.#isBusy = false;
      // Numbers of transactions wrap: an old snapshot would say of later ones that they have ended.
      this.#compared = undefined;
    }
  }

  async #take(item: TellerItem, due: Due[]): Promise<void> {
    switch (item.kind) {
      case 'begin':
        this.#transaction = { low: item.transaction, changes: [], tables: undefined, hasSchema: false };
        return;
      case 'commit': {
        const done = this.#transaction;
        this.#transaction = undefined;
        if (done === undefined) return;
        if (done.hasSchema) await this.#takeSchema(done.low, due);
        due.push({ kind: 'set', low: done.low, end: item.end, changes: [...(done.tables?.values() ?? done.changes)] });
        return;
      }
      case 'message':
        if (item.isTransactional && item.prefix === SCHEMA_MESSAGE && this.#transaction !== undefined) {
          this.#transaction.hasSchema = true;
        }
        return;
      case 'relation':
        return this.#changed(await this.#host.options.relations.learn(item));
      case 'truncate':
        return this.#changed(this.#host.options.relations.truncated(item.relations));
      case 'insert':
      case 'update':
      case 'delete':
        return this.#changed([this.#host.options.relations.change(item)]);
      case 'keepalive':
        // Within a transaction, a keepalive says nothing of that transaction.
        if (this.#transaction === undefined) due.push({ kind: 'reached', lsn: item.end });
        return;
      case 'schema': {
        const changes: Change[] = [];
        for (const table of item.tables) changes.push(...(await this.#host.options.relations.relearn(table)));
        due.push({ kind: 'schema', changes, watched: item.watched });
        return;
      }
      case 'compare':
        return this.#compare(due);
      case 'gap':
        await this.#host.options.relations.renew();
        due.push(item);
        return;
      case 'probe':
        due.push(item);
        return;
      case 'other':
        return;
    }
  }

  /** Runs before the rows of the transaction are told, so before any listener that waits for it can read. */
  async #takeSchema(low: number, due: Due[]): Promise<void> {
    if (this.#compared !== undefined && hasEnded(this.#compared, low)) return;
    // The comparison needs the catalogue as this transaction left it.
    const snapshot = await this.#seen([low]);
    if (this.#host.isOver) return;
    await this.#compare(due);
    this.#compared = snapshot;
  }

  async #compare(due: Due[]): Promise<void> {
    const news = await this.#host.compareSchema();
    if (news !== undefined) await this.#take(news, due);
  }

  #changed(changes: readonly Change[]): void {
    const transaction = this.#transaction;
    if (transaction === undefined) return;
    for (const change of changes) {
      if (transaction.tables === undefined) {
        transaction.changes.push(change);
        if (transaction.changes.length <= this.#host.options.maxChanges) continue;
        transaction.tables = new Map(transaction.changes.map(wholeTable));
        transaction.changes.length = 0;
      } else transaction.tables.set(...wholeTable(change));
    }
  }

  async #tellAll(due: readonly Due[]): Promise<void> {
    const sets = due.flatMap((one) => (one.kind === 'set' ? [one.low] : []));
    const snapshot = sets.length === 0 ? undefined : await this.#seen(sets);
    for (const one of due) {
      if (this.#host.isOver) return;
      await this.#tell(one, snapshot);
      this.#measure();
    }
  }

  /** Waits for a snapshot in which all of these transactions have ended. */
  async #seen(lows: readonly number[]): Promise<Snapshot> {
    const session = this.#host.snapshots as PostgresSession;
    for (let stepMs = VISIBLE_STEP_MS; ; stepMs = Math.min(stepMs * 2, VISIBLE_STEP_MAX_MS)) {
      const snapshot = await snapshotNow((sql) => session.query(sql));
      if (lows.every((low) => hasEnded(snapshot, low)) || this.#host.isOver) return snapshot;
      await pause(this.#host.options.tasks, stepMs);
    }
  }

  async #tell(due: Due, snapshot: Snapshot | undefined): Promise<void> {
    const { listener } = this.#host.run;
    switch (due.kind) {
      case 'set': {
        if (due.end <= this.#place.lsn || snapshot === undefined) return;
        const place = { ...this.#place, lsn: due.end, order: 0 };
        if (due.changes.length === 0) return this.#reached(place);
        const transaction = wholeTransaction(due.low, snapshot.below);
        return this.#told(place, (position) => listener.changed({ position, transaction, changes: due.changes }));
      }
      case 'schema':
        await this.#told(this.#after(due.watched), (position) => listener.changed({ position, changes: due.changes }));
        return this.#host.seen(due.watched);
      case 'gap':
        await this.#told(this.#after(due.watched), (position) => listener.gap(due.reason, position));
        return this.#host.seen(due.watched);
      case 'reached':
        return this.#reached(due.lsn > this.#place.lsn ? { ...this.#place, lsn: due.lsn, order: 0 } : this.#place);
      case 'probe':
        this.#probe ??= due;
        return;
    }
  }

  #after({ print }: Watched): LogPlace {
    return { ...this.#place, order: this.#place.order + 1, schema: print };
  }

  /** The position moves on only once the listener is done, so a failed change is told again. */
  async #told(place: LogPlace, tell: (position: FeedPosition) => Eventually<void>): Promise<void> {
    const done = tell(positionOf(place));
    if (done !== undefined) {
      this.#isTelling = true;
      this.#hold();
      try {
        await done;
      } finally {
        this.#isTelling = false;
        this.#hold();
      }
    }
    this.#place = place;
  }

  #reached(place: LogPlace): void {
    this.#place = place;
    this.#host.run.listener.reached(this.position);
  }

  #hold(): void {
    if (!this.#host.isOver) this.#host.stream?.hold(this.#isTelling || this.#waiting.length > MAX_WAITING);
  }

  #measure(): void {
    if (this.#probe === undefined || this.#place.lsn < this.#probe.lsn) return;
    this.#host.run.upTo(this.#probe.atMs);
    this.#probe = undefined;
  }
}

function hasEnded({ below, running }: Snapshot, low: number): boolean {
  const transaction = wholeTransaction(low, below);
  return transaction < below && !running.has(transaction);
}

function wholeTable({ table }: Change): readonly [name: string, Change] {
  return [table.name, { kind: 'truncate', table }];
}
