// Changes behind the gate: someone commits to the database, then tells the gate. Acknowledged is what an invalidation
// covers, as the database was when it was asked for, once its promise has resolved.

import type { Selector } from '../../src/ledger/selector.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';
import type { Database } from './database.ts';
import type { Dice } from './dice.ts';
import type { Serving } from './node.ts';
import { covers, type Resource, SITE, tagOfRecord } from './resources.ts';
import type { Tally } from './tally.ts';

export interface ChangeParts {
  /** Tells as soon as someone answers operators. */
  readonly operator: (tell: (to: Serving) => void) => void;
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly database: Database;
  readonly tally: Tally;
  readonly delayMs: number;
  /** Probability that a change is followed by another of the same records. */
  readonly repeats: number;
  /** Probability that nobody tells the gate of a change. */
  readonly silence: number;
  /** Something may befall the node at this very moment. */
  readonly critical: () => void;
  readonly trace: (line: string) => void;
}

export class Changes {
  readonly #parts: ChangeParts;

  constructor(parts: ChangeParts) {
    this.#parts = parts;
  }

  /** Commits to some records and, after a while, tells the gate; at times nobody does. */
  change(): void {
    const { dice, database, time, repeats } = this.#parts;
    const all = [...Array(database.recordCount).keys()];
    const records = dice.chance(0.8) ? [dice.pick(all)] : dice.some(all, 0.5);
    this.#commit(records);
    if (dice.chance(repeats)) time.later(dice.below(700), () => this.#commit(records));
  }

  #commit(records: readonly number[]): void {
    const { dice, database, time, tally, silence, trace } = this.#parts;
    const number = database.commit(records, { at: time.now(), deletes: dice.chance(0.1) });
    trace(`database: version ${number} of records ${records}`);
    tally.count('changes behind the gate');
    if (!dice.chance(silence)) this.announce(records);
  }

  announce(records: readonly number[]): void {
    const { dice, time, delayMs } = this.#parts;
    time.later(dice.chance(0.5) ? 0 : dice.below(delayMs + 1), () => {
      for (const selector of this.#selectorsFor(records)) this.tell(selector);
    });
  }

  /** An invalidation or a purge that nothing called for. */
  tellAnything(): void {
    const { dice, database } = this.#parts;
    for (const selector of this.#selectorsFor([dice.below(database.recordCount)])) this.tell(selector);
  }

  tell(selector: Selector): void {
    this.#parts.operator((to) => this.#tellNow(selector, to));
  }

  #tellNow(selector: Selector, { gate, process }: Serving): void {
    const { dice, database, tally, trace } = this.#parts;
    const purges = dice.chance(0.3);
    const covered = database.resources
      .filter((resource) => covers(selector, resource))
      .map((resource) => [resource, database.current(resource).number] as const);
    tally.count(`${purges ? 'purge' : 'invalidate'} ${selector.kind}`);
    trace(`${process.name}: ${purges ? 'purge' : 'invalidate'} ${JSON.stringify(selector)}`);
    const told = purges ? gate.purge(selector) : gate.invalidate(selector);
    this.#parts.critical();
    told.then(
      () => {
        // The answer of a process that is gone reaches nobody.
        if (!process.alive) return;
        trace(`${process.name}: acknowledges ${JSON.stringify(selector)}`);
        for (const [resource, number] of covered) database.acknowledge(resource, number);
        this.#parts.critical();
      },
      (error: unknown) => {
        if (!process.alive) return;
        trace(`${process.name}: failed, ${error}`);
        tally.count('failed invalidations');
      },
    );
  }

  #selectorsFor(records: readonly number[]): Selector[] {
    const { dice, database } = this.#parts;
    const affected = database.affected(records);
    switch (dice.weighted({ tags: 8, urls: 5, 'one-url': 2, prefix: 2, pattern: 2, origin: 1, all: 1 })) {
      case 'tags':
        return records.flatMap((record) => [
          { kind: 'tag' as const, tag: tagOfRecord('cache-tag', record) },
          { kind: 'tag' as const, tag: tagOfRecord('cache-groups', record) },
        ]);
      case 'urls':
        return affected.map(({ uri }) => ({ kind: 'url', uri }));
      case 'one-url':
        return affected.slice(0, 1).map(({ uri }) => ({ kind: 'url', uri }));
      case 'prefix':
        return [{ kind: 'prefix', prefix: dice.pick([`${SITE}/`, `${SITE}/a`, `${SITE}/b/`]) }];
      case 'pattern':
        return [{ kind: 'pattern', pattern: this.#pattern(affected) }];
      case 'origin':
        return [{ kind: 'origin', origin: dice.pick(['api', 'web']) }];
      case 'all':
        return [{ kind: 'all' }];
    }
  }

  #pattern(affected: readonly Resource[]): string {
    const { dice } = this.#parts;
    const one = affected[0]?.index ?? 0;
    return dice.pick([`${SITE}/?/*`, `*/${one}*`, `*a/*`, `${SITE}/b/*`, '*']);
  }
}
