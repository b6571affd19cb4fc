// The time and the network of a simulated Workers platform. All of it happens in one process, in the order of one queue of
// events; the delays and the faults come from one seed, so a seed is all that is needed to see a run again.
//
// A step of code runs to its end at one instant, and code goes on only when the platform hands it a result. So an
// invocation is cut by handing it nothing more: the chain of promises stays where it is, as on Workers.

import { AsyncLocalStorage } from 'node:async_hooks';
import { Dice } from '../../sim/dice.ts';
import type { Invocation } from './isolate.ts';

/** How a call over the network ends. `before`: it has not reached the far end; `after`: it has, and the answer is lost. */
export type Fate = 'done' | 'fails before' | 'fails after' | 'is lost before' | 'is lost after';

export interface Passage {
  readonly thereMs: number;
  readonly backMs: number;
  readonly fate: Fate;
}

interface Event {
  readonly at: number;
  readonly order: number;
  work: (() => void) | undefined;
}

export interface WorldOptions {
  readonly seed: number;
  /** How a call to this service passes; by default all pass, within some milliseconds. */
  readonly passage?: (service: string, caller: Invocation | undefined) => Partial<Passage>;
  readonly trace?: (line: string) => void;
}

/** A lost call is given up by the platform after so long. */
const LOST_MS = 10_000;

export class World {
  readonly dice: Dice;
  /** Invocation whose code is running. */
  readonly running = new AsyncLocalStorage<Invocation | undefined>();
  readonly calls = new Map<string, number>();
  readonly trace: (line: string) => void;
  /** Work that real threads do for the simulated code, such as cryptography; time stands still until it is done. */
  #outside = 0;
  #now = 0;
  #order = 0;
  #queue: Event[] = [];
  passage: (service: string, caller: Invocation | undefined) => Partial<Passage>;

  constructor({ seed, passage = () => ({}), trace = () => {} }: WorldOptions) {
    this.dice = new Dice(seed);
    this.passage = passage;
    this.trace = (line) => trace(`${this.#now.toFixed(1).padStart(9)} ${line}`);
  }

  /** Milliseconds since the world began, with fractions. No code on the platform sees it as it is. */
  get now(): number {
    return this.#now;
  }

  at(delayMs: number, work: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, delayMs), order: this.#order++, work };
    insert(this.#queue, event);
    return () => {
      event.work = undefined;
    };
  }

  /** Resolves at that time for code that stands outside of the platform, such as clients. */
  pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.at(delayMs, resolve));
  }

  /** Lives on until `done` has settled or nothing is left to happen; rejects when it is not settled then. */
  async run<T>(done: Promise<T>): Promise<T> {
    let settled = false;
    const over = () => {
      settled = true;
    };
    done.then(over, over);
    await this.#settle();
    while (!settled) {
      const event = this.#queue.shift();
      if (event === undefined) throw new Error('expected the world to go on, got nothing left to happen');
      if (event.work === undefined) continue;
      this.#now = Math.max(this.#now, event.at);
      this.running.run(undefined, event.work);
      await this.#settle();
    }
    return done;
  }

  /**
   * A call of the running invocation to a service. `effect` happens at the far end, and what it gives comes back as an event
   * of the invocation, unless that is no longer alive.
   */
  call<T>(service: string, effect: () => T | Promise<T>): Promise<T> {
    const caller = this.current(service);
    const result = this.#far(service, caller, effect);
    return new Promise((resolve, reject) => {
      result.then(
        (value) => caller.resume(() => resolve(value)),
        (error) => caller.resume(() => reject(error)),
      );
    });
  }

  /** The same for whoever stands outside of the platform: what comes back is handed to nobody in particular. */
  far<T>(service: string, effect: () => T | Promise<T>): Promise<T> {
    return this.#far(service, undefined, effect);
  }

  async #far<T>(service: string, caller: Invocation | undefined, effect: () => T | Promise<T>): Promise<T> {
    this.calls.set(service, (this.calls.get(service) ?? 0) + 1);
    const { thereMs, backMs, fate } = this.#passageOf(service, caller);
    return this.running.run(undefined, async () => {
      await this.pause(thereMs);
      if (fate !== 'done') this.trace(`a call to ${service} ${fate}`);
      if (fate === 'fails before' || fate === 'is lost before') {
        await this.pause(fate === 'fails before' ? backMs : LOST_MS);
        throw new Error(`Network connection lost: ${service}`);
      }
      const [ended] = await Promise.allSettled([Promise.resolve().then(effect)]);
      await this.pause(fate === 'is lost after' ? LOST_MS : backMs);
      if (fate !== 'done') throw new Error(`Network connection lost: ${service}`);
      if (ended.status === 'rejected') throw ended.reason;
      return ended.value;
    });
  }

  /** Throws as Workers do where code asks for I/O that belongs to no request. */
  current(what: string): Invocation {
    const invocation = this.running.getStore();
    if (invocation === undefined)
      throw new Error(`Disallowed operation called within global scope: ${what} outside of a request`);
    return invocation;
  }

  /** Work of real threads: the world waits for it. */
  outside<T>(work: Promise<T>): Promise<T> {
    this.#outside++;
    const done = () => void this.#outside--;
    work.then(done, done);
    return work;
  }

  #passageOf(service: string, caller: Invocation | undefined): Passage {
    const ms = () => (this.dice.chance(0.05) ? this.dice.below(300) : this.dice.below(60)) / 10;
    return { thereMs: ms(), backMs: ms(), fate: 'done', ...this.passage(service, caller) };
  }

  /** Lets all promises be heard that have settled. */
  async #settle(): Promise<void> {
    do await new Promise((resolve) => setImmediate(resolve));
    while (this.#outside > 0);
  }
}

/** Keeps the order of time; events of one instant stay in the order in which they were planned. */
function insert(queue: Event[], event: Event): void {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((queue[middle] as Event).at <= event.at) low = middle + 1;
    else high = middle;
  }
  queue.splice(low, 0, event);
}
