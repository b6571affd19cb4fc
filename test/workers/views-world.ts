// Views in a Durable Object, in simulated time: the object and its alarm, the keeper of the log, isolates that read, and storage that
// outlives the object's instances.

import { AsyncLocalStorage } from 'node:async_hooks';
import type { Kept } from '../../src/cache/views/slot.ts';
import { plansOf } from '../../src/cache/views/view.ts';
import type { View } from '../../src/index.ts';
import type { Stamp } from '../../src/ledger/ledger.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import { LeasedLog } from '../../src/log/lease/member.ts';
import type { LogKeeper } from '../../src/log/lease/messages.ts';
import type { Clock } from '../../src/ports.ts';
import { KvValues } from '../../src/workers/views/kv-values.ts';
import { Membership } from '../../src/workers/views/membership.ts';
import { ViewsObject, type ViewsObjectParts } from '../../src/workers/views/object.ts';
import { ViewCopies, type ViewsReader, type ViewsStub, viewsReader } from '../../src/workers/views/reader.ts';
import { settle } from '../cache/bench.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { SqliteStorage } from '../log/sqlite-storage.ts';
import { FakeKv } from './platform/kv.ts';

export interface WorldOptions extends Partial<Omit<ViewsObjectParts, 'kv'>> {
  /** Values are pushed to `kv` and read from there. */
  readonly hasKv?: boolean;
  /** What isolates make of a value that they found in KV. Default: nothing. */
  readonly taken?: (kept: Kept<Stamp>, membership: Membership) => Kept<Stamp>;
  readonly mode?: 'lease' | 'strict' | 'bounded';
  /** How long a call takes to arrive, and as long to be answered. Default: no time. */
  readonly latencyMs?: () => number;
}

export class ViewsWorld {
  readonly time = new SimulatedTime();
  readonly kv = new FakeKv({ time: this.time });
  /** The time of a request on Workers: it stands still between I/O. */
  readonly #requests = new AsyncLocalStorage<{ nowMs: number }>();
  readonly faults: string[] = [];
  readonly storage = new SqliteStorage();
  readonly #options: WorldOptions;
  readonly #plans: ViewsObjectParts['views'];
  readonly #keeper: Keeper;
  readonly #writer: LeasedLog;
  #object: ViewsObject | undefined;
  #alarmAtMs: number | undefined;
  #firedAtMs: number | undefined;
  #isAlarmRun = false;
  #members = 0;
  /** Calls to the log, and to the object. */
  calls = { log: 0, object: 0 };
  isLogDown = false;
  isAlarmDown = false;
  /** So long before its own ms an alarm comes. */
  earlyMs = 0;

  constructor(views: readonly View[], options: WorldOptions = {}) {
    this.#options = options;
    this.#plans = plansOf(views);
    this.#keeper = new Keeper({
      ...{ storage: new SqliteStorage(), clock: this.time, tasks: this.time, buckets: 1024 },
      ...{ setAlarm: async () => undefined, newEpoch: () => 'e1' },
    });
    this.#writer = this.#member(this.time);
  }

  /** An isolate with a memory of its own. Its place is where it reads KV. */
  isolate(place = 'ams'): ViewsReader {
    const stub: ViewsStub = {
      get: (view, params) => this.#call((object) => object.get(view, params)),
      signal: (name) => this.#call((object) => object.signal(name)),
      count: (counter, by) => this.#call(async (object) => object.count(counter, by)),
      stats: () => this.#call(async (object) => object.stats()),
    };
    const { hasKv, taken = (kept) => kept } = this.#options;
    const now = () => this.#requests.getStore()?.nowMs ?? this.time.now();
    const clock = { now, monotonic: now };
    const membership = new Membership({ ...this.#membership(clock), changed: () => undefined });
    const kv = this.#kvValues(place);
    const read = async (key: string) => {
      const kept = await kv.read(key);
      this.#moved();
      return kept && taken(kept, membership);
    };
    const copies = new ViewCopies({
      ...{ views: this.#plans, clock, membership },
      kv: hasKv === true ? { read } : undefined,
    });
    return viewsReader(() => stub, copies);
  }

  /** Runs it as a request that arrives now. */
  request<T>(work: () => Promise<T>): Promise<T> {
    return this.#requests.run({ nowMs: this.time.now() }, work);
  }

  /** Resolves once it is acknowledged. */
  async invalidate(tag: string): Promise<void> {
    await this.#writer.renew();
    this.#writer.history();
    await this.#writer.append({ kind: 'invalidate', selector: { kind: 'tag', tag } });
  }

  /** As if in a call of an isolate, without its wait. */
  count(counter: string): void {
    this.#opened().count(counter, 1);
  }

  /** The instance ends, and what it has in memory with it. */
  evict(): void {
    this.#object = undefined;
    this.#isAlarmRun = false;
  }

  async pass(ms: number): Promise<void> {
    await settle();
    const endMs = this.time.now() + ms;
    while (this.time.now() < endMs) {
      const nextMs = Math.max((this.#alarmAtMs ?? endMs) - this.earlyMs, this.time.now() + 1);
      this.time.advance(Math.min(50, endMs - this.time.now(), nextMs - this.time.now()));
      await settle();
      if (this.#alarmAtMs !== undefined && this.#alarmAtMs - this.earlyMs <= this.time.now())
        this.#fire(this.#alarmAtMs);
      await settle();
    }
  }

  /** As the platform: one at a time, and again after a failure. */
  #fire(atMs: number): void {
    if (this.#isAlarmRun) return;
    this.#isAlarmRun = true;
    this.#firedAtMs = atMs;
    this.#alarmAtMs = undefined;
    const object = this.#opened();
    const ended = (isDone: boolean) => {
      if (object !== this.#object) return;
      this.#isAlarmRun = false;
      if (!isDone) this.#alarmAtMs ??= this.time.now() + 2_000;
    };
    object.alarm({ scheduledTime: atMs }).then(
      () => ended(true),
      () => ended(false),
    );
  }

  wait(ms: number): Promise<void> {
    return new Promise((done) => this.time.later(ms, done));
  }

  async #call<T>(call: (object: ViewsObject) => Promise<T>): Promise<T> {
    this.calls.object++;
    await this.#travel();
    const object = this.#opened();
    const result = structuredClone(await call(object));
    // Whoever has called an instance that ended gets no answer.
    if (object !== this.#object) throw new Error('the object was evicted');
    await this.#travel();
    return result;
  }

  async #travel(): Promise<void> {
    const ms = this.#options.latencyMs?.() ?? 0;
    if (ms > 0) await this.wait(ms);
    this.#moved();
  }

  /** I/O moves the time of its request. */
  #moved(): void {
    const request = this.#requests.getStore();
    if (request !== undefined) request.nowMs = this.time.now();
  }

  #kvValues(place: string): KvValues {
    return new KvValues({
      ...{ namespace: this.kv.at(place), owner: 'id', tasks: this.time },
      fault: (error) => void this.faults.push((error as Error).message),
    });
  }

  #membership(clock: Clock) {
    return {
      join: () => this.#member(clock),
      defer: () => undefined,
      fault: (error: unknown) => void this.faults.push((error as Error).message),
    };
  }

  #member(clock: Clock): LeasedLog {
    const { mode = 'lease' } = this.#options;
    const counted = async <T>(call: () => Promise<T>): Promise<T> => {
      this.calls.log++;
      if (this.isLogDown) throw new Error('no connection');
      await this.#travel();
      const result = await call();
      await this.#travel();
      return result;
    };
    const keeper: LogKeeper = {
      renew: (request) => counted(() => this.#keeper.renew(request)),
      append: (request) => counted(() => this.#keeper.append(request)),
    };
    const member = `m${++this.#members}`;
    return new LeasedLog({ keeper, clock, tasks: this.time, member, mode, leaseMs: 1_000 });
  }

  #opened(): ViewsObject {
    const { mode: _mode, latencyMs: _latencyMs, taken: _taken, hasKv = false, ...given } = this.#options;
    this.#object ??= new ViewsObject({
      ...{ views: this.#plans, storage: this.storage, clock: this.time, tasks: this.time, random: () => 0 },
      ...{ env: 'the bindings', concurrency: 4, flush: undefined, flushEveryMs: 5_000, followMs: 10_000 },
      log: this.#membership(this.time),
      kv: hasKv ? this.#kvValues('object') : undefined,
      // As the platform: in whole ms, and not for the very ms of the alarm that is being run.
      setAlarm: async (atMs) => {
        if (this.isAlarmDown) throw new Error('storage is busy');
        if (Math.floor(atMs) !== this.#firedAtMs) this.#alarmAtMs = Math.floor(atMs);
      },
      newId: () => `id${this.time.now()}`,
      fault: (error) => void this.faults.push((error as Error).message),
      ...given,
    });
    return this.#object;
  }
}
