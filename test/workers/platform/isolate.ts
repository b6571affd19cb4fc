// An isolate of the simulated platform: one instance of a Worker's bundle with globals of its own, and the invocations that
// run in it. It may vanish at any event, and so may each of its invocations.
//
// Code sees time as it was at the last event of its own invocation, in whole milliseconds; the clock of each
// isolate has a beginning of its own. So a lease that is judged by a clock that stands still is found.

import { createHash, webcrypto } from 'node:crypto';
import vm from 'node:vm';
import type { World } from './world.ts';

/** What a Worker's bundle exports. */
export type WorkerModule = Readonly<Record<string, unknown>>;

/** A bundle, compiled once. Each call makes an instance of it, with these globals in the place of Node's. */
export type Program = (globals: Readonly<Record<string, unknown>>, modules: (name: string) => unknown) => WorkerModule;

/** `code`: a bundle in the format of CommonJS. */
export function compile(code: string): Program {
  const names = [...GLOBALS];
  const text = `(function (exports, module, require, ${names.join(', ')}) { ${code}\n})`;
  const start = new vm.Script(text, { filename: 'worker.js' }).runInThisContext() as (...given: unknown[]) => void;
  return (globals, modules) => {
    const module = { exports: {} };
    start(module.exports, module, modules, ...names.map((name) => globals[name]));
    return module.exports;
  };
}

const GLOBALS = [
  ...[
    'Date',
    'performance',
    'setTimeout',
    'clearTimeout',
    'setInterval',
    'clearInterval',
    'Math',
    'crypto',
    'scheduler',
  ],
  ...['fetch', 'caches', 'Request', 'navigator', 'process', 'Buffer', 'setImmediate', 'globalThis', 'console', 'RACE'],
] as const;

/** A promise: the event, and all later ones of the invocation, come when it has resolved. */
export type Fate = 'goes on' | 'invocation' | 'isolate' | Promise<unknown>;

export interface IsolateParts {
  readonly world: World;
  readonly name: string;
  readonly program: Program;
  /** Globals of the place, such as `caches` and `fetch`. */
  readonly globals?: Readonly<Record<string, unknown>>;
  /** What `cloudflare:workers` exports. */
  readonly workers?: Readonly<Record<string, unknown>>;
  /** Asked at every event of an invocation: whether it, or its whole isolate, ends before the event, or whether it waits. */
  readonly cut?: (invocation: Invocation) => Fate;
  /** Whose last event the clock shows. A Durable Object is one context; requests are one each. Default: the invocation's. */
  readonly clock?: 'invocation' | 'isolate';
  /** Told of what code logs and of rejections that nobody handles. */
  readonly logged?: (line: string) => void;
}

export class Isolate {
  readonly world: World;
  readonly name: string;
  readonly module: WorkerModule;
  readonly parts: IsolateParts;
  readonly invocations = new Set<Invocation>();
  alive = true;
  /** Of its last event. */
  seenMs = 0;
  #events = 0;
  readonly #epochMs: number;
  readonly #originMs: number;

  constructor(parts: IsolateParts) {
    this.parts = parts;
    this.world = parts.world;
    this.name = parts.name;
    // Wall clocks differ by seconds; the beginnings of monotonic clocks by anything.
    this.#epochMs = Date.UTC(2026, 0, 1) + this.world.dice.between(-2_000, 2_000) + this.world.dice.next();
    this.#originMs = -this.world.now + this.world.dice.next();
    this.module = parts.program(this.#globals(), (name) => {
      if (name === 'cloudflare:workers') return parts.workers ?? {};
      throw new Error(`expected a module of Workers, got ${name}`);
    });
  }

  invoke(what: string): Invocation {
    const invocation = new Invocation(this, `${this.name} ${what} #${++this.#events}`);
    this.invocations.add(invocation);
    return invocation;
  }

  end(why: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.world.trace(`${this.name}: ends, ${why}`);
    for (const invocation of this.invocations) invocation.end();
  }

  /** What `Date.now()` says here. */
  wallNow(): number {
    return Math.floor(this.#epochMs + this.#seen());
  }

  #seen(): number {
    const running = this.world.running.getStore();
    // What goes on of an invocation that is over goes on at the events of others.
    const isOwn = running?.isolate === this && running.alive && this.parts.clock !== 'isolate';
    return isOwn ? running.seenMs : this.seenMs;
  }

  #globals(): Record<string, unknown> {
    const math = Object.create(Math, { random: { value: () => this.world.dice.next() } }) as object;
    const logged = (...what: unknown[]) => this.parts.logged?.(`${this.name}: ${what.map(String).join(' ')}`);
    const globals: Record<string, unknown> = {
      Date: dateWith(() => this.wallNow()),
      performance: { now: () => Math.floor(this.#originMs + 1_000 + this.#seen()), timeOrigin: 0 },
      ...this.#timers(),
      Math: math,
      crypto: cryptoOf(this.world),
      Request: RequestWithCf,
      navigator: { userAgent: 'Cloudflare-Workers' },
      Cloudflare: { compatibilityFlags: { handle_cross_request_promise_resolution: true } },
      console: { log: logged, warn: logged, error: logged, debug: logged, info: logged },
      fetch: () => Promise.reject(new Error('expected no fetch to the outside')),
      ...this.parts.globals,
    };
    // `process`, `Buffer` and `setImmediate` are not there.
    const hidden = { process: undefined, Buffer: undefined, setImmediate: undefined };
    globals.globalThis = new Proxy(globalThis, {
      get: (target, name) => {
        if (typeof name === 'string' && (name in globals || name in hidden)) return globals[name];
        return Reflect.get(target, name, target);
      },
    });
    return globals;
  }

  #timers(): Record<string, unknown> {
    const { world } = this;
    const cancels = new Map<number, () => void>();
    let last = 0;
    const later = (work: (...args: unknown[]) => void, delayMs = 0, ...args: unknown[]): number => {
      const invocation = world.current('setTimeout');
      const id = ++last;
      cancels.set(
        id,
        world.at(delayMs, () => invocation.resume(() => work(...args))),
      );
      return id;
    };
    const clear = (id: number) => cancels.get(id)?.();
    const wait = (delayMs: number) => new Promise<void>((resolve) => later(() => resolve(), delayMs));
    return { setTimeout: later, clearTimeout: clear, clearInterval: clear, scheduler: { wait } };
  }
}

/** Longest life of an invocation whose answer has been given. */
const AFTERWARDS_MS = 30_000;

/** One run of code on behalf of one event: a request, an RPC, an alarm. */
export class Invocation {
  readonly isolate: Isolate;
  readonly name: string;
  /** Events so far, the first included. */
  events = 0;
  seenMs: number;
  alive = true;
  readonly #kept = new Set<Promise<unknown>>();
  #answered = false;
  readonly #whenOver: (() => void)[] = [];
  /** Events that have to wait. */
  #held: (() => void)[] | undefined;

  constructor(isolate: Isolate, name: string) {
    this.isolate = isolate;
    this.name = name;
    this.seenMs = isolate.world.now;
  }

  /** Runs a step of it, now; does nothing when it is not alive. */
  resume(step: () => void): void {
    if (!this.alive || !this.isolate.alive) return;
    if (this.#held !== undefined) return void this.#held.push(step);
    const fate = this.isolate.parts.cut?.(this) ?? 'goes on';
    if (fate === 'invocation') return this.end('is cut');
    if (fate === 'isolate') return this.isolate.end(`at ${this.name}`);
    if (fate !== 'goes on') return this.#hold(step, fate);
    this.events++;
    this.seenMs = this.isolate.world.now;
    this.isolate.seenMs = this.seenMs;
    this.isolate.world.running.run(this, step);
  }

  #hold(step: () => void, until: Promise<unknown>): void {
    const held = [step];
    this.#held = held;
    this.isolate.world.trace(`${this.name}: is held`);
    void until.then(() => {
      this.#held = undefined;
      for (const one of held) this.resume(one);
    });
  }

  waitUntil(work: Promise<unknown>): void {
    const kept = Promise.resolve(work).catch((error) =>
      this.isolate.parts.logged?.(`${this.name}: waitUntil: ${error}`),
    );
    this.#kept.add(kept);
    void kept.then(() => {
      this.#kept.delete(kept);
      this.#endIfIdle();
    });
  }

  /** The client has all of its answer: what nobody keeps ends here, and what is kept after half a minute. */
  answered(): void {
    this.#answered = true;
    this.isolate.world.at(AFTERWARDS_MS, () => this.end());
    this.#endIfIdle();
  }

  /** Calls it once the invocation is over, however that came. */
  whenOver(work: () => void): void {
    if (this.alive) this.#whenOver.push(work);
    else work();
  }

  end(why?: string): void {
    if (!this.alive) return;
    this.alive = false;
    if (why !== undefined) this.isolate.world.trace(`${this.name}: ${why}`);
    this.isolate.invocations.delete(this);
    for (const work of this.#whenOver) work();
  }

  #endIfIdle(): void {
    if (this.#answered && this.#kept.size === 0) this.end();
  }
}

function dateWith(now: () => number): DateConstructor {
  return class extends Date {
    constructor(...given: unknown[]) {
      if (given.length === 0) super(now());
      else super(...(given as [number]));
    }
    static override now = now;
  } as DateConstructor;
}

/** Node's Request drops `cf`. */
export class RequestWithCf extends Request {
  readonly cf: unknown;
  constructor(input: Request | string | URL, init?: RequestInit & { readonly cf?: unknown }) {
    super(input, init);
    this.cf = init?.cf ?? (input as { readonly cf?: unknown }).cf;
  }
}

function cryptoOf(world: World): unknown {
  const bytes = <T extends ArrayBufferView>(array: T): T => {
    const view = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    for (let at = 0; at < view.length; at++) view[at] = world.dice.below(256);
    return array;
  };
  const subtle = new Proxy(webcrypto.subtle, {
    get: (target, name) => {
      // At once, so that the order of events does not hang on a thread.
      if (name === 'digest') return async (algorithm: unknown, data: ArrayBuffer) => digest(algorithm, data);
      const method = Reflect.get(target, name, target) as (...given: unknown[]) => Promise<unknown>;
      return (...given: unknown[]) => world.outside(method.apply(target, given));
    },
  });
  return {
    subtle,
    getRandomValues: bytes,
    randomUUID: () => webcrypto.randomUUID().replace(/[0-9a-f]/g, () => world.dice.below(16).toString(16)),
  };
}

function digest(algorithm: unknown, data: ArrayBuffer | ArrayBufferView): ArrayBuffer {
  const name = typeof algorithm === 'string' ? algorithm : (algorithm as { readonly name: string }).name;
  const bytes = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
  const made = createHash(name.toLowerCase().replace('-', ''))
    .update(bytes as Uint8Array)
    .digest();
  return new Uint8Array(made).buffer;
}
