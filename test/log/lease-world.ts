// A leased log in simulated time: isolates that are asked and that write, a keeper that restarts and keeps its storage, calls
// that take long or are lost on their way there or back, and a clock in each machine that goes a little wrong and moves at
// I/O alone. What must hold is checked as it happens, with the one true time that nobody in the world can read.

import { withoutSignature } from '../../src/ledger/hashes.ts';
import type { LogChange, Position } from '../../src/ledger/log.ts';
import { Keeper } from '../../src/log/lease/keeper.ts';
import { LeasedLog, type LeaseMode } from '../../src/log/lease/member.ts';
import type { LogKeeper } from '../../src/log/lease/messages.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { Dice } from '../sim/dice.ts';
import { Machine } from './machine.ts';
import { SqliteStorage } from './sqlite-storage.ts';

const WRITE_MS = 5_000;
const UNKNOWN_OUTCOME_MS = 3_000;
const WORLD_MS = 30_000;

export class Isolate {
  readonly log: LeasedLog;
  readonly heard: [Position, LogChange][] = [];
  /** Tags of appends that failed here: they are known here before anything is served. */
  readonly failed: string[] = [];
  readonly machine: Machine;
  readonly leaseMs: number;
  isAlive = true;
  /** Number of the change from which it began. */
  begunAt = -1;
  epoch = '';
  openAtBeginning = 0;
  readonly #world: LeaseWorld;

  constructor(world: LeaseWorld, name: string) {
    const { time, dice } = world;
    this.#world = world;
    this.machine = new Machine(time, dice);
    this.leaseMs = dice.pick([400, 1_000, 1_500]);
    this.log = new LeasedLog({
      keeper: world.network(this),
      clock: this.machine,
      tasks: this.machine,
      member: name,
      mode: world.mode,
      leaseMs: this.leaseMs,
      timeoutMs: 800,
      appendTimeoutMs: 3_000,
    });
  }

  async renew(): Promise<void> {
    await this.log.renew();
    if (this.begunAt >= 0) return;
    const { invalidations } = this.log.history();
    this.epoch = invalidations.epoch;
    this.begunAt = Number(withoutSignature(this.log.position()));
    this.log.follow((position, change) => {
      this.heard.push([position, change]);
      if (change.kind === 'invalidate') invalidations.apply(change.selector, position);
    });
    this.openAtBeginning = this.heard.length;
  }

  knows(tag: string): boolean {
    return this.log.history().invalidations.lastAffecting({ uri: '', origin: '', tags: [tag] }) > 0;
  }

  /** A request that arrives now, and is looked up at once or after a stall. */
  async asked(): Promise<void> {
    const { time, dice, tally } = this.#world;
    const arrivedMs = time.monotonic();
    this.machine.input();
    if (dice.chance(0.2)) await this.#world.pause(dice.below(2_500));
    if (!this.isAlive || this.log.ended !== undefined) return;
    if (this.log.isLeased()) {
      tally.leased++;
      this.#world.served(this, arrivedMs);
      if (this.log.renewalDue()) this.renew().catch(() => tally.failures++);
      return;
    }
    try {
      await this.renew();
    } catch {
      tally.failures++;
      return;
    }
    if (!this.isAlive) return;
    tally.renewed++;
    this.#world.served(this, arrivedMs);
  }

  /** A write: its intent, the time at the origin, its invalidation. */
  async writes(tag: string): Promise<void> {
    const { dice, tally, time } = this.#world;
    if (this.begunAt < 0) return;
    const uri = `u${tag}`;
    try {
      this.log.append({ kind: 'open', intent: tag, uri }).catch(() => {});
      await this.log.opened();
    } catch {
      tally.failures++;
      return;
    }
    this.#world.opened.set(tag, uri);
    await this.#world.pause(dice.below(400));
    if (!this.isAlive) return;
    try {
      const invalidated = this.log.append({ kind: 'invalidate', selector: { kind: 'tag', tag } });
      this.log.append({ kind: 'close', intent: tag }).catch(() => {});
      await invalidated;
      this.#world.acknowledged.push({ tag, atMs: time.monotonic() });
      this.#world.askSoon();
    } catch {
      tally.failures++;
      this.failed.push(tag);
    }
  }
}

export class LeaseWorld {
  readonly time = new SimulatedTime();
  readonly dice: Dice;
  readonly mode: LeaseMode;
  readonly acknowledged: { readonly tag: string; readonly atMs: number }[] = [];
  /** Intents that were opened for certain, with their URIs. */
  readonly opened = new Map<string, string>();
  readonly problems: string[] = [];
  readonly tally = { leased: 0, renewed: 0, failures: 0, restarts: 0, ended: 0 };
  readonly #storage = new SqliteStorage();
  readonly #isolates: Isolate[] = [];
  readonly #past: Isolate[] = [];
  readonly #changes = new Map<string, string>();
  #keeper!: Keeper;
  #machine!: Machine;
  #alarm: (() => void) | undefined;
  readonly #travelMs: number;
  #names = 0;
  #isCalm = false;

  constructor(seed: number, mode: LeaseMode) {
    this.dice = new Dice(seed);
    this.mode = mode;
    this.#travelMs = this.dice.pick([2, 30]);
    this.#restart();
    for (let count = this.dice.between(2, 4); count > 0; count--)
      this.#isolates.push(new Isolate(this, `m${this.#names++}`));
  }

  async run(): Promise<void> {
    const { time, dice } = this;
    const endMs = time.monotonic() + WORLD_MS;
    while (time.monotonic() < endMs) {
      this.#happens();
      await this.pause(dice.chance(0.1) ? dice.below(1_500) : dice.below(60), true);
    }
    this.#isCalm = true;
    this.#storage.failsAfter = undefined;
    await this.pause(WRITE_MS + UNKNOWN_OUTCOME_MS + 10_000, true);
    await this.#checkEnd();
  }

  /** `moves`: of the world itself, which lets time go on; else of somebody in it. */
  async pause(ms: number, moves = false): Promise<void> {
    let isOver = false;
    const over = new Promise<void>((resolve) => {
      this.time.later(ms, () => {
        isOver = true;
        resolve();
      });
    });
    if (!moves) return over;
    while (!isOver) {
      this.time.step();
      for (let turn = 0; turn < 25; turn++) await Promise.resolve();
    }
  }

  #happens(): void {
    const { dice } = this;
    const at = dice.pick(this.#isolates);
    const what = dice.next();
    if (what < 0.2) void at.writes(`t${this.#names++}`);
    else if (what < 0.215) this.#restart();
    else if (what < 0.235 || at.log.ended !== undefined) this.#replace(at);
    else if (what < 0.25) this.#storage.failsAfter = this.#storage.failsAfter === undefined ? dice.below(3) : undefined;
    else void at.asked();
  }

  /** The first instants after an acknowledgement are those in which a lease may have been counted wrongly. */
  askSoon(): void {
    for (const isolate of this.#isolates) this.time.later(this.dice.below(6), () => void isolate.asked());
  }

  /** Whoever is served must know all that was acknowledged before the request. Bounded: but for the length of a lease. */
  served(by: Isolate, arrivedMs: number): void {
    const lagMs = this.mode === 'bounded' ? by.leaseMs * 1.01 + 1 : 0;
    const until = arrivedMs - lagMs;
    for (const { tag, atMs } of this.acknowledged) {
      if (atMs < until && !by.knows(tag))
        this.problems.push(`outdated: ${tag}, acknowledged at ${atMs}, asked at ${arrivedMs}`);
    }
    for (const tag of by.failed) if (!by.knows(tag)) this.problems.push(`outdated after a failed append: ${tag}`);
  }

  /** What one isolate sees of whatever instance of the keeper there is. */
  network(from: Isolate): LogKeeper {
    const call = async <T>(asks: (keeper: Keeper) => Promise<T>): Promise<T> => {
      await this.#travel();
      const keeper = this.#keeper;
      this.#machine.input();
      const result = await asks(keeper).then(
        (value) => ({ value: structuredClone(value) }),
        (error: unknown) => ({ error: new Error(String(error)) }),
      );
      if (keeper !== this.#keeper) await new Promise(() => {});
      await this.#travel();
      if (!from.isAlive) await new Promise(() => {});
      from.machine.input();
      if ('error' in result) throw result.error;
      return result.value;
    };
    return {
      renew: (request) => call((keeper) => keeper.renew(structuredClone(request))),
      append: (request) => call((keeper) => keeper.append(structuredClone(request))),
    };
  }

  async #travel(): Promise<void> {
    const { dice } = this;
    if (!this.#isCalm && dice.chance(0.03)) await new Promise(() => {});
    await this.pause(!this.#isCalm && dice.chance(0.1) ? dice.below(2_000) : dice.below(this.#travelMs));
  }

  #restart(): void {
    this.tally.restarts++;
    const machine = new Machine(this.time, this.dice);
    this.#machine = machine;
    this.#storage.failsAfter = undefined;
    this.#keeper = new Keeper({
      storage: this.#storage,
      clock: machine,
      tasks: machine,
      setAlarm: async (atMs) => this.#setAlarm(atMs),
      newEpoch: () => `epoch-${this.#names++}`,
      writeMs: WRITE_MS,
      unknownOutcomeMs: UNKNOWN_OUTCOME_MS,
      buckets: 2 ** 16,
      imageAfter: 20,
      tail: this.dice.pick([0, 30, 1_000]),
    });
  }

  #setAlarm(atMs: number): void {
    this.#alarm?.();
    this.#alarm = this.time.later(Math.max(0, atMs - this.time.monotonic()), () => {
      this.#alarm = undefined;
      this.#machine.input();
      // The platform calls an alarm again that has failed.
      this.#keeper.alarm().catch(() => this.#setAlarm(this.time.monotonic() + 500));
    });
  }

  #replace(isolate: Isolate): void {
    if (isolate.log.ended !== undefined) this.tally.ended++;
    isolate.isAlive = false;
    this.#past.push(isolate);
    this.#isolates.splice(this.#isolates.indexOf(isolate), 1);
    this.#isolates.push(new Isolate(this, `m${this.#names++}`));
  }

  async #checkEnd(): Promise<void> {
    const last = new Isolate(this, 'last');
    let isDone = false;
    void Promise.all([last, ...this.#isolates].map((one) => one.renew().catch(() => {}))).then(() => {
      isDone = true;
    });
    while (!isDone) await this.pause(100, true);
    for (const { tag } of this.acknowledged) if (!last.knows(tag)) this.problems.push(`lost: ${tag}`);
    if (last.heard.length > 0) this.problems.push(`still open: ${JSON.stringify(last.heard[0])}`);
    for (const [tag, uri] of this.opened) {
      const isInvalidated = last.log.history().invalidations.lastAffecting({ uri, origin: '', tags: [tag] }) > 0;
      if (!isInvalidated) this.problems.push(`a write that nobody ended: ${tag}`);
    }
    for (const isolate of [...this.#past, ...this.#isolates]) this.#checkOrder(isolate);
  }

  /** All hear the same changes under the same numbers, each once. */
  #checkOrder({ log, heard, begunAt, openAtBeginning, epoch }: Isolate): void {
    if (begunAt < 0) return;
    for (const [at, change] of heard.slice(openAtBeginning).entries()) {
      const place = `${epoch}.${begunAt + 1 + at}`;
      const said = JSON.stringify(change);
      if ((this.#changes.get(place) ?? said) !== said) this.problems.push(`two changes at ${place}`);
      this.#changes.set(place, said);
    }
    const number = begunAt + heard.length - openAtBeginning;
    if (log.ended === undefined && withoutSignature(log.position()) !== String(number))
      this.problems.push(`${number} told, at ${log.position()}`);
  }
}
