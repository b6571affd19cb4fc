// A random history of the data cache on simulated time, and what an observer who knows of every change may object to.
//
// What is allowed is said in terms of reads, not of entries. Every read of the source has a number;
// a change that is acknowledged lays down, for the keys it affects, the lowest number that may still be given. So the
// observer needs to know nothing of how the cache does it.

import { createLocalLog } from '../../src/engine/invalidator.ts';
import { createValueCache } from '../../src/engine/values/value-cache.ts';
import type { FillTerms, ValueCache, ValueFillContext } from '../../src/engine/values/value-contract.ts';
import type { StoredValue } from '../../src/entry/stored-value.ts';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import type { Store } from '../../src/ports.ts';
import { createValueMemory } from '../../src/store/value-memory.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { settle } from './data-source.ts';
import { SlowValues } from './data-tier.ts';

export const KEYS = ['shop:0', 'shop:1'] as const;
export const TTL_MS = 1_000;
const GRACE_MS = 5_000;
/** Longer than a source that failed is left alone. */
const BACKOFF_MS = 200;

export type Ending = 'value' | 'failure' | 'skip' | 'same';

/** One step of a history. `key` is a number of KEYS; `turns`: promise turns until the next one, `all` for as many as it takes. */
export type Step = { readonly turns: number | 'all' } & (
  | { readonly kind: 'get' | 'getMany' | 'set' | 'delete' | 'evict'; readonly key: number }
  | { readonly kind: 'getOrSet'; readonly key: number; readonly terms: Partial<FillTerms> }
  | { readonly kind: 'end'; readonly which: number; readonly ending: Ending }
  | { readonly kind: 'invalidate'; readonly by: Scope; readonly key: number; readonly soft: boolean }
  | { readonly kind: 'advance'; readonly ms: number }
);

export type Scope = 'key' | 'tag' | 'found tag' | 'shared tag' | 'prefix' | 'pattern' | 'all';

interface OpenFill {
  readonly key: number;
  readonly context: ValueFillContext;
  readonly read: number;
  readonly end: PromiseWithResolvers<unknown>;
}

/** What someone who asks must at least be given. */
interface Floor {
  /** After a change that makes outdated. */
  hard: number;
  /** After one that only expires. */
  soft: number;
}

interface Value {
  readonly read: number;
  /** Of this value; a read may have been given more than once. */
  readonly id: number;
}

const TERMS: FillTerms = {
  ttlMs: TTL_MS,
  slidingMs: Number.POSITIVE_INFINITY,
  jitter: 0,
  graceMs: 0,
  tags: [],
  memoryOnly: false,
  nullTtlMs: TTL_MS,
  softMs: Number.POSITIVE_INFINITY,
  hardMs: Number.POSITIVE_INFINITY,
  earlyRefresh: undefined,
  graceBackoffMs: BACKOFF_MS,
  refresh: false,
  signal: undefined,
};

export class DataModel {
  readonly objections: string[] = [];
  readonly #time = new SimulatedTime(0);
  readonly #memory: Store<StoredValue>;
  readonly #cache: ValueCache;
  readonly #hasSlow: boolean;
  readonly #open: OpenFill[] = [];
  readonly #floors: Floor[] = KEYS.map(() => ({ hard: 0, soft: 0 }));
  /** By a value's id: when it was last stored. */
  readonly #bornMs = new Map<number, number>();
  /** Keys of which a fill has failed: an expired value may be given. */
  readonly #troubled = new Set<number>();
  #lastRead = 0;
  #lastId = 0;
  #waiting = 0;

  constructor(hasSlow: boolean) {
    this.#hasSlow = hasSlow;
    this.#memory = createValueMemory({ maxBytes: 1_000_000, maxEntries: 100 });
    this.#cache = createValueCache({
      stores: [this.#memory, ...(hasSlow ? [new SlowValues(() => {})] : [])],
      names: ['memory', 'slow'],
      hasMemory: true,
      ...{ clock: this.#time, tasks: this.#time, random: () => 0.5, epoch: 'e1' },
      // Smaller than by default: most of a history's time would go into making it.
      history: { invalidations: new Invalidations({ epoch: 'e1', buckets: 2 ** 12 }), log: createLocalLog(0) },
      fault: () => {},
    });
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      // What was stored is stored by now: else its age would not be known.
      if (step.kind === 'advance') await settle();
      this.#take(step);
      if (step.turns === 'all') await settle();
      else for (let turn = 0; turn < step.turns; turn++) await undefined;
    }
    await this.#end();
  }

  #take(step: Step): void {
    switch (step.kind) {
      case 'get':
        return this.#ask('get', step.key, () => this.#cache.get(KEYS[step.key] as string));
      case 'getMany':
        for (const [key, name] of KEYS.entries())
          this.#ask('get', key, async () => (await this.#cache.getMany([name]))[0]);
        return;
      case 'getOrSet':
        return this.#getOrSet(step.key, step.terms);
      case 'end':
        return this.#endFill(step.which, step.ending);
      case 'set':
        return this.#set(step.key);
      case 'delete':
        this.#lastRead++;
        return this.#change([step.key], 'hard', this.#cache.remove([KEYS[step.key] as string]));
      case 'invalidate':
        return this.#invalidate(step);
      case 'evict':
        this.#memory.delete([KEYS[step.key] as string]);
        return;
      case 'advance':
        this.#time.advance(step.ms);
    }
  }

  /** Asks, and judges the answer by what had been acknowledged when it was asked. */
  #ask(how: 'get' | 'getOrSet', key: number, ask: () => unknown, maySoft = false): void {
    const { hard, soft } = this.#floors[key] as Floor;
    const askedMs = this.#time.now();
    const judge = (value: unknown) => {
      this.#waiting--;
      if (value === undefined) {
        if (how === 'getOrSet') this.objections.push(`getOrSet of ${key} gave undefined`);
        return;
      }
      const { read, id } = value as Value;
      const mayExpired = how === 'getOrSet' && (maySoft || this.#troubled.has(key));
      if (read < hard) this.objections.push(`${how} of ${key} gave read ${read}, outdated since ${hard}`);
      else if (read < soft && !mayExpired)
        this.objections.push(`${how} of ${key} gave read ${read}, expired since ${soft}`);
      const bornMs = this.#bornMs.get(id);
      const limitMs = how === 'get' ? TTL_MS : TTL_MS + GRACE_MS;
      if (bornMs !== undefined && askedMs >= bornMs + limitMs)
        this.objections.push(`${how} of ${key} gave read ${read}, of ${askedMs - bornMs} ms ago`);
    };
    const fail = (error: unknown) => {
      this.#waiting--;
      if (!this.#troubled.has(key)) this.objections.push(`${how} of ${key} failed: ${String(error)}`);
    };
    this.#waiting++;
    const answer = ask();
    if (answer instanceof Promise) answer.then(judge, fail);
    else judge(answer);
  }

  #getOrSet(key: number, terms: Partial<FillTerms>): void {
    const name = KEYS[key] as string;
    const fill = (context: ValueFillContext) => {
      const end = Promise.withResolvers<unknown>();
      this.#open.push({ key, context, read: this.#lastRead, end });
      return end.promise;
    };
    const tags = [`tag ${key}`, 'shared'];
    const maySoft = (terms.softMs ?? Number.POSITIVE_INFINITY) !== Number.POSITIVE_INFINITY;
    this.#ask('getOrSet', key, () => this.#cache.getOrSet(name, fill, { ...TERMS, tags, ...terms }), maySoft);
  }

  #endFill(which: number, ending: Ending): void {
    const [open] = this.#open.splice(which % Math.max(1, this.#open.length), 1);
    if (open === undefined) return;
    const { key, context, read, end } = open;
    context.change({ tags: [`tag ${key}`, 'shared', `found ${key}`] });
    if (ending === 'failure') {
      this.#troubled.add(key);
      end.reject(new Error('down'));
      return;
    }
    const { previous } = context;
    // It is the same at the source only if nothing has changed since.
    const kept = ending === 'same' && previous !== undefined && this.#isSame(previous.value as Value, read, key);
    if (kept) {
      this.#bornMs.set((previous.value as Value).id, this.#time.now());
      end.resolve(context.notModified());
      return;
    }
    const value: Value = { read, id: ++this.#lastId };
    this.#bornMs.set(value.id, this.#time.now());
    end.resolve(ending === 'skip' ? context.skip(value) : value);
  }

  #isSame(previous: Value, read: number, key: number): boolean {
    return previous.read === read && read >= (this.#floors[key] as Floor).soft;
  }

  #set(key: number): void {
    const read = ++this.#lastRead;
    const tags = [`tag ${key}`, 'shared', `found ${key}`];
    const options = { ...TERMS, graceMs: GRACE_MS, tags, stamp: undefined, validator: undefined };
    const name = KEYS[key] as string;
    const stored = this.#cache.set(name, { read, id: ++this.#lastId }, options);
    this.#bornMs.set(this.#lastId, this.#time.now());
    // With a slower tier, nothing tells an older value there from a newer one: see data-race.test.ts.
    if (this.#hasSlow) return;
    const floor = this.#floors[key] as Floor;
    floor.hard = floor.soft = read;
    if (stored !== true || (this.#cache.get(name) as Value | undefined)?.read !== read)
      this.objections.push(`set of ${key} was not stored`);
  }

  #invalidate({ by, key, soft }: Extract<Step, { kind: 'invalidate' }>): void {
    const name = KEYS[key] as string;
    const selectors = {
      key: { kind: 'url', uri: name },
      tag: { kind: 'tag', tag: `tag ${key}` },
      'found tag': { kind: 'tag', tag: `found ${key}` },
      'shared tag': { kind: 'tag', tag: 'shared' },
      prefix: { kind: 'prefix', prefix: 'shop:' },
      pattern: { kind: 'pattern', pattern: `*:${key}` },
      all: { kind: 'all' },
    } as const;
    const isWide = by === 'shared tag' || by === 'prefix' || by === 'all';
    // Before the call, so that a read which comes after the change is not taken for one before it.
    this.#lastRead++;
    const done = this.#cache.invalidate([selectors[by]], soft);
    this.#change(isWide ? KEYS.map((_, at) => at) : [key], soft ? 'soft' : 'hard', done);
  }

  /** From the acknowledgement on, the keys' floor is what the source had at the call. */
  #change(keys: readonly number[], how: keyof Floor, done: Promise<unknown>): void {
    const read = this.#lastRead;
    done.then(() => {
      for (const key of keys) {
        const floor = this.#floors[key] as Floor;
        floor.soft = Math.max(floor.soft, read);
        if (how === 'hard') floor.hard = Math.max(floor.hard, read);
      }
    });
  }

  /** All that is under way ends; then each key is filled, and is a hit. */
  async #end(): Promise<void> {
    for (let rounds = 0; rounds < 8; rounds++) {
      await settle();
      while (this.#open.length > 0) this.#endFill(0, 'value');
      this.#time.advance(BACKOFF_MS);
    }
    if (this.#waiting > 0) this.objections.push(`${this.#waiting} callers were not answered`);
    for (const [key] of KEYS.entries()) {
      this.#lastRead++;
      this.#getOrSet(key, { refresh: true });
      this.#endFill(0, 'value');
      await settle();
      const got = (await this.#cache.get(KEYS[key] as string)) as Value | undefined;
      if (got?.read !== this.#lastRead) this.objections.push(`key ${key} does not become a hit again: ${got?.read}`);
    }
  }
}
