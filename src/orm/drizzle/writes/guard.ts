// Keeps a read from being stored or served while its tables are written: intents, and the order of invalidations.
//
// Where the cache could not be told, and where a database whose connection was lost may still commit, the names are fenced:
// nothing under them is looked up or stored until the cache has been told (again).

import { MAX_TAG_LENGTH, MAX_TAGS, reachedTags } from '../../../cache/keys/tags.ts';
import type { Cancel, Clock, Tasks } from '../../../ports.ts';
import { inCache, withMark } from '../catalogue/row-names.ts';
import type { SoundOptions } from '../options.ts';
import { type Intent, Intents } from './intents.ts';
import { isOutcomeUnknown } from './write-errors.ts';

/** Every entry of the database is stored under this name too. */
export const EVERYTHING = '*';

export interface GuardOptions extends Pick<SoundOptions, 'cache' | 'database'> {
  /** Names of tables under which programs may have stored what a write under these names changes. */
  readonly outside: (names: readonly string[]) => readonly string[];
  readonly onFault: (error: unknown) => void;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly tasks: Pick<Tasks, 'later'>;
  /** Called before everything is invalidated; its result, once that is in force. */
  readonly clearing: () => () => void;
  /** Of the tables as they are: names of rows with another do not hold any more. */
  readonly mark: () => string;
  /** How long a write whose outcome is unknown may still be committed. */
  readonly doubtMs: number;
}

const MIN_RETRY_MS = 1_000;

export class Guard {
  readonly #options: GuardOptions;
  readonly #intents: Intents;
  /** By name. One that is put up later is another object. */
  readonly #fenced = new Map<string, { readonly untilMs: number }>();
  #timer: Cancel | undefined = undefined;
  #healing = false;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#intents = new Intents(options.mark);
  }

  /** Names as the cache has them for Drizzle's reads. */
  inCache(names: readonly string[]): string[] {
    return names.map((name) => `${this.#options.database}:${inCache(name)}`);
  }

  open(names: readonly string[]): Intent {
    return this.#intents.open(names);
  }

  /** False: under no name at all is a write under way. */
  get isAnyBusy(): boolean {
    return this.#fenced.size > 0 || this.#intents.isAnyOpen;
  }

  /** True: under one of the names a write is under way, or could not be told to the cache. */
  isBusy(names: readonly string[]): boolean {
    this.#renew();
    if (this.#fenced.size > 0 && (this.#fenced.has(EVERYTHING) || names.some((name) => this.#fenced.has(name)))) {
      void this.#heal();
      return true;
    }
    return this.#intents.isOpen(names);
  }

  /** Of intents so far; for `overtaken`. */
  get count(): number {
    return this.#intents.count;
  }

  /** True: a write under one of the names began after the count was taken, or is under way. */
  overtaken(names: readonly string[], count: number): boolean {
    return this.isBusy(names) || this.#intents.isOpenedSince(names, count);
  }

  /** Resolves once the cache has been told, or has failed to hear and the names are fenced. Never rejects. */
  async invalidate(names: readonly string[]): Promise<void> {
    try {
      await this.#tell(names);
    } catch (error) {
      this.#fence(names, 0);
      this.#options.onFault(error);
    }
  }

  /**
   * The same; the intents end once it is in force. In most caches it is so before this returns, and its promise waits for
   * nothing or for a disk: then what is read next, in the same turn, may be stored.
   */
  async invalidateAndEnd(names: readonly string[], intents: readonly Intent[]): Promise<void> {
    try {
      const whole = this.#position() + this.#reached(names).flatMap(reachedTags).length;
      const told = this.invalidate(names);
      if (!(this.#position() >= whole)) await told;
      for (const intent of intents) intent.end();
      await told;
    } finally {
      for (const intent of intents) intent.end();
    }
  }

  /** How many invalidations are in force in the cache; NaN: it does not say. */
  #position(): number {
    try {
      return this.#options.cache.stamp().position;
    } catch {
      // Then the cache is waited for.
      return Number.NaN;
    }
  }

  /** A plain name is that of a table in any database; Drizzle's reads of another have none. */
  #reached(names: readonly string[]): readonly string[] {
    const current = withMark(names, this.#options.mark());
    const outside = this.#options.outside(current);
    const all = new Set([...this.inCache(current), ...this.inCache(outside), ...outside]);
    // Under longer ones nothing is stored.
    return [...all].filter((name) => name.length > 0 && name.length <= MAX_TAG_LENGTH);
  }

  async #tell(names: readonly string[]): Promise<void> {
    const all = this.#reached(names);
    const cleared = names.includes(EVERYTHING) ? this.#options.clearing() : undefined;
    const told: Promise<void>[] = [];
    for (let at = 0; at < all.length; at += MAX_TAGS) {
      told.push(this.#options.cache.invalidate({ tables: all.slice(at, at + MAX_TAGS) }));
    }
    await Promise.all(told);
    cleared?.();
  }

  /** After a write that failed with the error: whoever cut the connection may not have cut the write. */
  doubt(names: readonly string[], error: unknown): void {
    if (isOutcomeUnknown(error)) this.#fence(names, this.#options.clock.monotonic() + this.#options.doubtMs);
  }

  /** A write of unknown end has been sent: the names are told at once, and again when it is taken for done. */
  async mayBeWriting(names: readonly string[]): Promise<void> {
    this.#fence(names, this.#options.clock.monotonic() + this.#options.doubtMs);
    await this.invalidate(names);
    // Without a doubt it is over already.
    void this.#heal();
  }

  /** What is under way may write rows of tables that are others by now, be it through another object. */
  #renew(): void {
    if (!this.#intents.renew()) return;
    for (const [name, fence] of this.#fenced) {
      for (const current of withMark([name], this.#options.mark())) {
        if ((this.#fenced.get(current)?.untilMs ?? -1) < fence.untilMs) this.#fenced.set(current, fence);
      }
    }
  }

  #fence(names: readonly string[], untilMs: number): void {
    for (const name of withMark(names, this.#options.mark()))
      this.#fenced.set(name, { untilMs: Math.max(this.#fenced.get(name)?.untilMs ?? 0, untilMs) });
    this.#wake();
  }

  /** At the end of a doubt the cache is told by itself: others store what they read meanwhile, and ask nothing here. */
  #wake(): void {
    const now = this.#options.clock.monotonic();
    const ends = [...this.#fenced.values()].map(({ untilMs }) => untilMs).filter((untilMs) => untilMs > now);
    if (ends.length > 0) this.#healIn(Math.max(1, Math.ceil(Math.min(...ends) - now)));
  }

  #healIn(delayMs: number): void {
    this.#timer ??= this.#options.tasks.later(delayMs, () => {
      this.#timer = undefined;
      void this.#heal();
      this.#wake();
    });
  }

  /** Never rejects. */
  async #heal(): Promise<void> {
    const now = this.#options.clock.monotonic();
    const fences = [...this.#fenced].filter(([, { untilMs }]) => untilMs <= now);
    if (this.#healing || fences.length === 0) return;
    this.#healing = true;
    try {
      await this.#tell(fences.map(([name]) => name));
      for (const [name, fence] of fences) if (this.#fenced.get(name) === fence) this.#fenced.delete(name);
    } catch (error) {
      this.#healing = false;
      this.#options.onFault(error);
      this.#healIn(Math.max(MIN_RETRY_MS, this.#options.doubtMs));
      return;
    }
    this.#healing = false;
    // Of those whose doubt has ended meanwhile.
    void this.#heal();
  }
}
