// All that is in force in a process that goes by a leased log: what its caches begin from, and are told.

import { Invalidations } from '../../ledger/invalidations.ts';
import type { InvalidationsImage, LogChange, LogEvent, OpenIntent, Position } from '../../ledger/log.ts';
import type { InvalidationLog } from '../../ports.ts';
import { dense, emptied } from './image.ts';

type Apply = (position: Position, event: LogEvent) => void;
type Open = Extract<LogChange, { kind: 'open' }>;

export class LogCopy {
  readonly #followers = new Set<Apply>();
  #invalidations: Invalidations;
  readonly #intents = new Map<string, OpenIntent>();
  /** Intents of this process, to be opened again where the log has lost them. */
  readonly #own = new Map<string, Open>();

  /** `epoch`: one that no log has, until it begins. */
  constructor(epoch: string) {
    this.#invalidations = new Invalidations({ from: dense(emptied(epoch, 0)) });
  }

  get applied(): Position {
    return this.#invalidations.applied;
  }

  /** It goes on to change. */
  image(): InvalidationsImage {
    return this.#invalidations.image();
  }

  history(append: InvalidationLog['append']): { readonly invalidations: Invalidations; readonly log: InvalidationLog } {
    const invalidations = this.#invalidations.copy();
    const follow = (apply: Apply) => {
      this.#followers.add(apply);
      const { epoch, applied } = this.#invalidations;
      if (epoch !== invalidations.epoch || applied !== invalidations.applied) apply(applied, this.#beginning());
      for (const open of this.#intents.values()) apply(applied, { kind: 'open', ...open });
    };
    return { invalidations, log: { follow, append } };
  }

  /** Takes it over; all intents are closed. */
  begin(invalidations: Invalidations): void {
    this.#invalidations = invalidations;
    this.#intents.clear();
    for (const apply of this.#followers) apply(this.applied, this.#beginning());
  }

  force(position: Position, event: LogChange): void {
    if (event.kind === 'invalidate') this.#invalidations.apply(event.selector, position);
    else if (event.kind === 'open') this.#intents.set(event.intent, event);
    else this.#intents.delete(event.intent);
    for (const apply of this.#followers) apply(position, event);
  }

  /** The process is about to append it. */
  noteOwn(change: LogChange): void {
    if (change.kind === 'open') this.#own.set(change.intent, change);
    else if (change.kind === 'close') this.#own.delete(change.intent);
  }

  own(): readonly Open[] {
    return [...this.#own.values()];
  }

  /** Followers take the buckets over, so each has its own. */
  #beginning(): LogEvent {
    return { kind: 'begin', image: this.#invalidations.copy().image() };
  }
}
