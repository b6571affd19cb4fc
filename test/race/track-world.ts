// A shop whose reads are tracked, with a gate and a data cache before it, all on simulated time.
//
// One world serves many cells, each on rows and URLs of its own, since what is made anew for each is
// slow. Where a strategy other than tracking is raced, there is no tracker: its application names the tags by itself.

import { createCacheOn } from '../../src/cache/create-cache.ts';
import type { TableShape } from '../../src/dependency/change.ts';
import { createGate } from '../../src/engine/gate.ts';
import { trackedSources } from '../../src/engine/tracked-sources.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { TrackedDatabase } from '../../src/track/follow/open-database.ts';
import { cacheTarget, createTracker, gateTarget, type Tracker } from '../../src/track/index.ts';
import { Client, routeTo } from '../kit/clients.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { TrackApplication } from './track-application.ts';
import { fillOf } from './track-fills.ts';
import { insertOf, ScriptedFeed, Shop, scriptedDatabase, type TableName, updateTo } from './track-shop.ts';
import { type Stops, settle } from './track-steps.ts';
import { HeldTarget, isOfWorld } from './track-target.ts';

/** What is done about a write. */
export type Strategy = 'tracked' | 'TTL 60 s' | 'tag, before the commit' | 'tag, after the commit';

export interface WorldOptions {
  readonly strategy?: Strategy;
  readonly leaseMs?: number;
  readonly maxLagMs?: number;
  readonly refreshing?: () => Promise<void>;
  /** Instead of a feed that is told when to look. */
  readonly database?: (shop: Shop) => TrackedDatabase;
}

/** What was asked for, and what came. */
export interface Answered {
  /** Of each table that the answer is of; undefined: it is not there yet. */
  readonly versions: () => readonly number[] | undefined;
  readonly isHit: () => boolean;
}

/** Long enough for no lease to end, and no message to come by itself, within a cell. */
const LONG_MS = 60_000;

export class TrackWorld {
  readonly time = new SimulatedTime();
  readonly shop: Shop;
  readonly strategy: Strategy;
  readonly gate;
  readonly cache;
  readonly application: TrackApplication;
  readonly faults: unknown[] = [];
  shapes: Readonly<Record<TableName, TableShape>>;
  readonly #options: WorldOptions;
  readonly #route;
  tracker!: Tracker;
  feed!: ScriptedFeed;
  targets: readonly HeldTarget[] = [];
  #lastId = 0;
  #seed = 1;

  constructor(options: WorldOptions = {}) {
    this.#options = options;
    this.strategy = options.strategy ?? 'tracked';
    this.shop = new Shop();
    const memory = createMemoryStore({ maxBytes: 16 * 1024 * 1024 });
    this.gate = createGate({
      clock: this.time,
      tasks: this.time,
      random: () => 0.5,
      buckets: 2 ** 12,
      sources: trackedSources(),
      stores: [memory],
      memoryStats: () => memory.stats(),
      fault: (error) => this.faults.push(error),
    });
    const platform = { clock: this.time, tasks: this.time, random: () => 0.5 };
    this.cache = createCacheOn({ onFault: (error) => this.faults.push(error) }, { ...platform, epoch: 'e1' });
    this.application = new TrackApplication(this);
    this.#route = routeTo(this.application);
    this.shapes = this.shapesNow();
    this.makeTracker();
  }

  get isTracked(): boolean {
    return this.strategy === 'tracked';
  }

  /** One that begins anew, as a process does. */
  makeTracker(): void {
    const { leaseMs = LONG_MS, maxLagMs = LONG_MS, refreshing, database } = this.#options;
    this.feed = new ScriptedFeed(this.time);
    const { shop, feed } = this;
    const fetch: typeof globalThis.fetch = async (_, init) =>
      Response.json(await this.gate.reportSource(JSON.parse(String(init?.body))));
    const gate = gateTarget({ admin: 'http://gate.example', fetch });
    this.targets = [new HeldTarget(cacheTarget(this.cache)), new HeldTarget(gate)];
    const parts = {
      source: 'shop',
      database: database?.(shop) ?? scriptedDatabase({ shop, feed, ...(refreshing !== undefined && { refreshing }) }),
      targets: this.targets,
      lease: leaseMs,
      maxLag: maxLagMs,
      maxTags: 4,
      onFault: (error: unknown) => {
        if (!isOfWorld(error)) this.faults.push(error);
      },
    };
    this.tracker = createTracker(parts, { clock: this.time, tasks: this.time, random: this.#random });
  }

  async start(): Promise<void> {
    if (!this.isTracked) return;
    const started = this.tracker.start();
    for (let beat = 0; beat < 3; beat++) await this.pass(10);
    await started;
  }

  /** Time goes by, and whatever is due is done when it is. */
  async pass(ms: number): Promise<void> {
    const end = this.time.now() + ms;
    let isOver = false;
    const cancel = this.time.later(ms, () => {
      isOver = true;
    });
    await settle();
    while (!isOver && this.time.step()) await settle();
    cancel();
    if (this.time.now() < end) this.time.advance(end - this.time.now());
    await settle();
  }

  /** A row in each table that nobody has asked for, which the feed has told of. */
  async freshRow(): Promise<number> {
    const id = ++this.#lastId;
    this.shop.put(id);
    if (!this.isTracked) return id;
    this.feed.commit(Object.values(this.shapes).map((shape) => insertOf(shape, id)));
    await this.feed.look()();
    await settle();
    return id;
  }

  /** The row goes to version 3, and all are told. */
  async writeAgain(id: number): Promise<void> {
    const tables: readonly TableName[] = ['items', 'notes'];
    const changes = tables.map((name) => updateTo(3, this.shapes[name], id, this.shop.versionOf(name, id)));
    for (const name of tables) this.shop.outside.exec(`UPDATE ${name} SET version = 3 WHERE id = ${id}`);
    this.feed.commit(changes);
    await this.feed.look()();
    await settle();
  }

  shapesNow(): Readonly<Record<TableName, TableShape>> {
    return { items: this.#shapeOf('items'), notes: this.#shapeOf('notes'), wide: this.#shapeOf('wide') };
  }

  tick(): void {
    this.time.advance(1);
  }

  readonly settle = settle;

  async prime(kind: string, id: number): Promise<void> {
    this.ask(kind, id);
    await settle();
    await this.pass(1_500);
  }

  ask(kind: string, id: number, stops?: Stops): Answered {
    return fillOf(kind).of === 'data cache' ? this.#askCache(kind, id, stops) : this.#askGate(kind, id, stops);
  }

  close(): void {
    this.shop.close();
  }

  #askGate(kind: string, id: number, stops: Stops | undefined): Answered {
    const path = `/${encodeURIComponent(kind)}/${id}`;
    if (stops !== undefined) this.application.step(path, stops);
    const client = Client.ask(this.gate, this.#route, { path });
    return {
      versions: () => (client.state === 'done' && client.status === 200 ? JSON.parse(client.text) : undefined),
      isHit: () => /;\s*hit/.test(client.cacheStatus),
    };
  }

  #askCache(kind: string, id: number, stops: Stops | undefined): Answered {
    let versions: readonly number[] | undefined;
    let isHit = true;
    const fill = (): Promise<readonly number[]> => {
      isHit = false;
      return this.application.read(kind, id, stops);
    };
    const cached = this.isTracked
      ? this.tracker.cached(this.cache, `${kind}:${id}`, { fill, ttl: '1h' })
      : this.cache.getOrSet(`${kind}:${id}`, fill, { ttl: '60s', tags: [`row-${id}`] });
    Promise.resolve(cached).then(
      (value) => {
        versions = value;
      },
      (error: unknown) => this.faults.push(error),
    );
    return { versions: () => versions, isHit: () => isHit && versions !== undefined };
  }

  #shapeOf(name: TableName): TableShape {
    const relation = this.shop.catalogue().relation('main', name);
    if (relation?.kind !== 'table') throw new Error(`expected a table ${name}, got none`);
    return relation.table;
  }

  readonly #random = (): number => {
    this.#seed = (this.#seed * 48_271) % 2_147_483_647;
    return this.#seed / 2_147_483_647;
  };
}
